//! `gatelight watch`: prints each change on a line.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{OK, names};
use crate::app::engine::{Engine, first_look};
use crate::evidence::clock;
use crate::health::evidence::PlatformName;
use crate::health::{Change, Light, LinkVerdict, Reason, Verdict};
use crate::recording::Printed;
use crate::runtime::{Interrupts, interruptible};
use crate::terminal::{Terminal, style, warn};
use crate::text::error;
use crate::text::{self, fill, status as words};
use crate::watcher::Handle;
use crate::watcher::snapshot::{ProfileChange, ProfileView, Snapshot};

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
    super::status::bad_files(&snapshot, engine.lang);
    if let Some((code, text)) = names::missing(&args.profiles, &snapshot, engine) {
        warn(&text);
        return Ok(code);
    }
    let start = snapshot.at;
    first_lines(&snapshot, start, args.json, terminal)?;
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
            line(change, start, args.json, terminal)?;
        }
        for (view, link) in reported.changed_links(&update.snapshot) {
            link_line(view, link, (update.snapshot.at, start), args.json, terminal)?;
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
            let state = (change.change.to.light(), change.change.to.reason);
            let before = self.profiles.insert(change.profile.name.clone(), state);
            if !(change.history && before == Some(state)) {
                if let Some(platform) = &change.change.to.platform {
                    self.links.insert((change.profile.name.clone(), platform.clone()), state.0);
                }
                news.push(change);
            }
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

fn first_lines(
    snapshot: &Snapshot,
    start: Timestamp,
    json: bool,
    terminal: &mut Terminal<'_>,
) -> error::Result<()> {
    for view in &snapshot.profiles {
        let from = Verdict::unknown(snapshot.at).glance();
        let change = Change {
            at: snapshot.at,
            profile: view.profile.name.as_str().into(),
            from,
            to: Verdict::clone(&view.verdict),
        };
        let change = ProfileChange { profile: view.profile.clone(), change, history: true };
        line(&change, start, json, terminal)?;
    }
    Ok(())
}

/// Prints the change of a link that leaves the light of its profile as it is. `at`: now, and the start.
fn link_line(
    view: &ProfileView,
    link: &LinkVerdict,
    (at, start): (Timestamp, Timestamp),
    json: bool,
    terminal: &mut Terminal<'_>,
) -> error::Result<()> {
    let name = &view.profile.name;
    if json {
        let printed = Printed::of_link(name, &view.verdict, link, at, start);
        writeln!(terminal.out, "{}", serde_json::to_string(&printed)?)?;
    } else {
        let lang = terminal.lang;
        let platform = crate::redact::one_line(&text::reason::platform(lang, &link.platform), 40);
        let whose = format!("{} · {platform}", crate::redact::one_line(name, 40));
        let title = text::reason::title(lang, link.reason, Some(&link.platform));
        let at = at.to_zoned(clock::time_zone()).strftime("%H:%M:%S");
        let shown = style::light(link.light, terminal);
        let title = style::in_light(&title, link.light, terminal.color);
        writeln!(terminal.out, "{at}  {shown} {whose:<12} {title}")?;
    }
    terminal.out.flush()?;
    Ok(())
}

/// Prints one change on a line, and its evidence on a second one if the light is red.
pub fn line(
    change: &ProfileChange,
    start: Timestamp,
    json: bool,
    terminal: &mut Terminal<'_>,
) -> error::Result<()> {
    let ProfileChange { profile, change, .. } = change;
    if json {
        writeln!(terminal.out, "{}", serde_json::to_string(&Printed::new(change, start))?)?;
        terminal.out.flush()?;
        return Ok(());
    }
    let (lang, color) = (terminal.lang, terminal.color);
    let at = change.at.to_zoned(clock::time_zone()).strftime("%H:%M:%S");
    let light = change.to.light();
    let title = style::in_light(&crate::text::reason::title_of(&change.to, lang), light, color);
    let name = crate::redact::one_line(&profile.name, 40);
    let shown = style::light(light, terminal);
    write!(terminal.out, "{at}  {shown} {name:<12} {title}")?;
    if let Some(held) = change.to.held_green.filter(|_| change.from.light() == Light::Green) {
        let held = text::duration(lang, held);
        write!(terminal.out, "  {}", fill(lang.pick(words::HELD_GREEN), &[("held", &held)]))?;
    }
    writeln!(terminal.out)?;
    let proof = change.to.evidence.as_ref().filter(|proof| light == Light::Red && !proof.line.is_empty());
    if let Some(proof) = proof {
        writeln!(terminal.out, "          {}", style::dim(&text::proof::labelled(lang, proof), color))?;
    }
    terminal.out.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
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
