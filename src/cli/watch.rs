//! `gatelight watch`: prints each change on a line.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{OK, names};
use crate::app::engine::{Engine, first_look};
use crate::evidence::clock;
use crate::health::evidence::PlatformName;
use crate::health::{Light, LinkVerdict, Reason};
use crate::recording::Printed;
use crate::redact::one_line;
use crate::runtime::{Interrupts, interruptible};
use crate::terminal::{Terminal, style, warn};
use crate::text::error;
use crate::text::{self, fill, status as words};
use crate::watcher::Handle;
use crate::watcher::snapshot::{ProfileChange, ProfileView, Snapshot};

/// Longest name of a profile or a platform that is printed, in characters.
const MAX_SHOWN_NAME: usize = 40;

/// Arguments of `watch`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only these profiles.
    #[arg(value_name = "PROFILE", add = names::candidates())]
    pub profiles: Vec<String>,
    /// Print one JSON object for each change.
    #[arg(long)]
    pub json: bool,
}

/// Watches until Ctrl-C or until standard output is closed.
pub(super) fn run(args: &Args, engine: &Engine, terminal: &mut Terminal<'_>) -> error::Result<u8> {
    let (runtime, stop) = interruptible()?;
    runtime.block_on(async {
        let handle = engine.watch(args.profiles.clone())?;
        print(handle, stop, args, engine, terminal).await
    })
}

/// Prints what this watcher reports until it ends, one of these signals comes, or standard output is closed.
pub(super) async fn print(
    mut handle: Handle,
    stop: Interrupts,
    args: &Args,
    engine: &Engine,
    terminal: &mut Terminal<'_>,
) -> error::Result<u8> {
    let mut stop = std::pin::pin!(stop.wait());
    let mut updates = handle.subscribe();
    let snapshot = tokio::select! {
        snapshot = first_look(&mut handle) => snapshot,
        () = &mut stop => return Ok(OK),
    };
    // the changes that led to this state are in the first lines
    let snapshot = updates.try_next().map_or(snapshot, |update| update.snapshot);
    names::bad_files(&snapshot.bad_files, engine.lang);
    if let Some((code, text)) = names::missing(&args.profiles, &snapshot, engine) {
        warn(&text);
        return Ok(code);
    }
    let printer = Printer::new(snapshot.at, args.json);
    printer.first_lines(&snapshot, terminal)?;
    let mut reported = Reported::new(&snapshot);
    let mut left = std::pin::pin!(reader_left());
    loop {
        let update = tokio::select! {
            update = updates.next() => update,
            () = &mut left => return Ok(OK),
            () = &mut stop => return Ok(OK),
        };
        let Some(update) = update else { return Ok(OK) };
        let news = reported.news(update.changes_to_state());
        for change in &news {
            printer.change(change, terminal)?;
        }
        for (view, link) in reported.changed_links(&update.snapshot) {
            printer.link(view, link, update.snapshot.at, terminal)?;
        }
    }
}

/// Waits until the reader of standard output has closed it, if it is a pipe or a terminal. A thread blocks in poll(2), so
/// that no timer is needed; it ends with the process.
pub(super) async fn reader_left() {
    use rustix::event::{PollFd, PollFlags, poll};
    let (sender, left) = tokio::sync::oneshot::channel();
    let waits = std::thread::Builder::new().name("reader".to_owned()).spawn(move || {
        let out = std::io::stdout();
        loop {
            // errors and hang-ups are reported without being requested
            let mut descriptors = [PollFd::new(&out, PollFlags::empty())];
            match poll(&mut descriptors, None) {
                Ok(_) if descriptors[0].revents().intersects(PollFlags::ERR | PollFlags::HUP) => break,
                Err(rustix::io::Errno::INTR) => {}
                _ => return,
            }
        }
        let _ = sender.send(());
    });
    if waits.is_err() || left.await.is_err() {
        // unknown: the next write will fail
        std::future::pending::<()>().await;
    }
}

/// The state of each profile and link that was printed last. Of a new profile only the present state is printed.
#[derive(Debug, Default)]
pub(super) struct Reported {
    profiles: HashMap<String, (Light, Reason)>,
    links: HashMap<(String, PlatformName), Light>,
}

impl Reported {
    fn new(snapshot: &Snapshot) -> Self {
        let state =
            |view: &ProfileView| (view.profile.name.clone(), (view.verdict.light(), view.verdict.reason));
        let lights = |view: &ProfileView| {
            let name = view.profile.name.clone();
            let light = move |link: &LinkVerdict| ((name.clone(), link.platform.clone()), link.light);
            view.verdict.links.iter().map(light).collect::<Vec<_>>()
        };
        Self {
            profiles: snapshot.profiles.iter().map(state).collect(),
            links: snapshot.profiles.iter().flat_map(lights).collect(),
        }
    }

    /// Whether this light or reason differs from the last one of the profile, which it replaces.
    pub(super) fn is_new(&mut self, change: &ProfileChange) -> bool {
        let state = (change.change.to.light(), change.change.to.reason);
        self.profiles.insert(change.profile.name.clone(), state) != Some(state)
    }

    fn news(&mut self, changes: Vec<ProfileChange>) -> Vec<ProfileChange> {
        let mut news = Vec::new();
        let mut changes = changes.into_iter().peekable();
        while let Some(change) = changes.next() {
            let of_same = |next: &ProfileChange| next.history && next.profile == change.profile;
            if change.history && changes.peek().is_some_and(of_same) {
                continue;
            }
            if !self.is_new(&change) && change.history {
                continue;
            }
            if let Some(platform) = &change.change.to.platform {
                let link = (change.profile.name.clone(), platform.clone());
                self.links.insert(link, change.change.to.light());
            }
            news.push(change);
        }
        news
    }

    /// The links that were last printed with another light, of profiles with several links.
    fn changed_links<'a>(&mut self, now: &'a Snapshot) -> Vec<(&'a ProfileView, &'a LinkVerdict)> {
        let several = now.profiles.iter().filter(|view| view.verdict.links.len() > 1);
        let links = several.flat_map(|view| view.verdict.links.iter().map(move |link| (view, link)));
        let is_new = |(view, link): &(&ProfileView, &LinkVerdict)| {
            let key = (view.profile.name.clone(), link.platform.clone());
            self.links.insert(key, link.light) != Some(link.light)
        };
        links.filter(is_new).collect()
    }
}

/// Prints changes, each on a line.
pub struct Printer {
    /// When `t` of the JSON is 0.
    start: Timestamp,
    json: bool,
    zone: TimeZone,
}

impl Printer {
    /// Prints one JSON object for each change, if `json`, with the seconds since `start`; else lines for people.
    pub fn new(start: Timestamp, json: bool) -> Self {
        Self { start, json, zone: clock::time_zone() }
    }

    fn first_lines(&self, snapshot: &Snapshot, terminal: &mut Terminal<'_>) -> error::Result<()> {
        for view in &snapshot.profiles {
            let mut change = view.as_change(true);
            change.change.at = snapshot.at;
            self.change(&change, terminal)?;
        }
        Ok(())
    }

    /// Prints the change of a link that leaves the light of its profile as it is.
    fn link(
        &self,
        view: &ProfileView,
        link: &LinkVerdict,
        at: Timestamp,
        terminal: &mut Terminal<'_>,
    ) -> error::Result<()> {
        let name = &view.profile.name;
        if self.json {
            let printed = Printed::of_link(name, &view.verdict, link, at, self.start);
            writeln!(terminal.out, "{}", serde_json::to_string(&printed)?)?;
        } else {
            let lang = terminal.lang;
            let platform = one_line(&text::reason::platform(lang, &link.platform), MAX_SHOWN_NAME);
            let whose = format!("{} · {platform}", one_line(name, MAX_SHOWN_NAME));
            let title = text::reason::title(lang, link.reason, Some(&link.platform));
            self.begin_line(at, &whose, link.light, &title, terminal)?;
            writeln!(terminal.out)?;
        }
        terminal.out.flush()?;
        Ok(())
    }

    /// Prints one change on a line, and its evidence on a second one if the light is red.
    pub fn change(&self, change: &ProfileChange, terminal: &mut Terminal<'_>) -> error::Result<()> {
        let ProfileChange { profile, change, .. } = change;
        if self.json {
            writeln!(terminal.out, "{}", serde_json::to_string(&Printed::new(change, self.start))?)?;
            terminal.out.flush()?;
            return Ok(());
        }
        let (lang, light) = (terminal.lang, change.to.light());
        let name = one_line(&profile.name, MAX_SHOWN_NAME);
        self.begin_line(change.at, &name, light, &text::reason::title_of(&change.to, lang), terminal)?;
        if let Some(held) = change.to.held_green.filter(|_| change.from.light() == Light::Green) {
            let held = text::duration(lang, held);
            write!(terminal.out, "  {}", fill(lang.pick(words::HELD_GREEN), &[("held", &held)]))?;
        }
        writeln!(terminal.out)?;
        let proof = change.to.evidence.as_ref().filter(|proof| light == Light::Red && !proof.line.is_empty());
        if let Some(proof) = proof {
            let line = style::dim(&text::proof::labelled(lang, proof), terminal.color);
            writeln!(terminal.out, "          {line}")?;
        }
        terminal.out.flush()?;
        Ok(())
    }

    /// Prints time, light, name and title, without the line's end.
    fn begin_line(
        &self,
        at: Timestamp,
        name: &str,
        light: Light,
        title: &str,
        terminal: &mut Terminal<'_>,
    ) -> std::io::Result<()> {
        let at = at.to_zoned(self.zone.clone()).strftime("%H:%M:%S");
        let (shown, title) = (style::light(light, terminal), style::in_light(title, light, terminal.color));
        write!(terminal.out, "{at}  {shown} {name:<12} {title}")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::health::Verdict;
    use crate::profile::Profile;

    fn view(links: [(&str, Reason); 2]) -> ProfileView {
        let at = Timestamp::UNIX_EPOCH;
        let links = links.map(|(platform, reason)| LinkVerdict::new(platform.into(), reason, at));
        let worst = links.iter().max_by_key(|link| link.light).cloned();
        let mut verdict = Verdict::unknown(at);
        if let Some(LinkVerdict { platform, reason, .. }) = worst {
            (verdict.reason, verdict.platform) = (reason, Some(platform));
        }
        verdict.links = links.into();
        let profile = Profile { name: "work".into(), home: "/h".into(), job: None, logs: Vec::new() };
        ProfileView { profile: Arc::new(profile), verdict: verdict.into() }
    }

    fn snapshot(view: ProfileView) -> Snapshot {
        Snapshot { at: Timestamp::UNIX_EPOCH, profiles: vec![view], bad_files: Vec::new(), complete: true }
    }

    /// The link was lost and is back within one update, whose last change names another link.
    #[test]
    fn a_link_that_is_back_within_one_update_is_printed() {
        let up = view([("slack", Reason::Connected), ("discord", Reason::Connected)]);
        let down = view([("slack", Reason::Reconnecting), ("discord", Reason::Connected)]);
        let mut back = up.as_change(false);
        back.change.to.platform = Some("discord".into());
        let mut reported = Reported::new(&snapshot(up.clone()));
        assert_eq!(reported.news(vec![down.as_change(false), back]).len(), 2);
        let now = snapshot(up);
        let lights = |links: Vec<(&ProfileView, &LinkVerdict)>| {
            links.iter().map(|(_, link)| (link.platform.to_string(), link.light)).collect::<Vec<_>>()
        };
        assert_eq!(lights(reported.changed_links(&now)), [("slack".to_owned(), Light::Green)]);
        assert_eq!(lights(reported.changed_links(&now)), []);
    }
}
