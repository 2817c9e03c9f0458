//! Renders the metrics in Prometheus' text format 0.0.4 or as OpenMetrics 1.0.
//!
//! Names and labels are stable. Labels contain only names of profiles and platforms, lights and reason codes: at most 12
//! series per profile and one per link.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::health::{Light, Reason, Verdict};
use crate::history::RestartResult;
use crate::redact;
use crate::watcher::snapshot::{ProfileChange, ProfileView, Snapshot};

/// Most profiles with metrics.
const MAX_PROFILES: usize = 100;
/// Most links of a profile with metrics.
const MAX_LINKS: usize = 32;

/// Counters since the start of Gatelight.
#[derive(Debug, Default)]
pub struct Counters(Mutex<BTreeMap<String, Count>>);

#[derive(Debug, Default, Clone)]
struct Count {
    incidents: u64,
    in_incident: bool,
    restarts: [u64; 3],
    starts: u64,
    pid: Option<u32>,
}

impl Counters {
    /// Counts a change. An incident begins when the light turns red and lasts until the gateway works or is stopped.
    pub fn changed(&self, change: &ProfileChange) {
        let (from, to) = (&change.change.from, &change.change.to);
        self.with(&change.profile.name, |count| {
            if to.light() == Light::Red && !count.in_incident {
                count.in_incident = true;
                count.incidents += u64::from(!change.history);
            } else if to.reason.works() || to.reason == Reason::Stopped {
                count.in_incident = false;
            }
            count.pid = count.pid.or(from.pid);
            if let Some(pid) = to.pid
                && count.pid.replace(pid).is_some_and(|before| before != pid)
                && !change.history
            {
                count.starts += 1;
            }
        });
    }

    /// Counts a restart that has ended.
    pub fn restarted(&self, profile: &str, result: RestartResult) {
        self.with(profile, |count| count.restarts[result as usize] += 1);
    }

    fn with(&self, profile: &str, change: impl FnOnce(&mut Count)) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() < MAX_PROFILES || counts.contains_key(profile) {
            change(counts.entry(profile.to_owned()).or_default());
        }
    }

    fn of(&self, profile: &str) -> Count {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(profile).cloned().unwrap_or_default()
    }
}

/// The two formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' own, 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    /// The format that a scraper accepts, by its `Accept` header.
    pub fn accepted(accept: &str) -> Self {
        if accept.to_ascii_lowercase().contains("application/openmetrics-text") {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    /// The `Content-Type` of the response.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Whether the links of a profile with this reason work. `None`: it has no link to watch, or nothing is known.
fn links_up(reason: Reason) -> Option<bool> {
    match reason {
        Reason::Running | Reason::NoEvidence => None,
        _ => Some(reason.works()),
    }
}

/// Whether each link of a profile is up, by platform; without ignored and unknown ones.
fn links(verdict: &Verdict) -> impl Iterator<Item = (&str, bool)> {
    let counted = verdict.links.iter().filter(|link| !link.ignored && link.reason != Reason::NoEvidence);
    counted.take(MAX_LINKS).map(|link| (&*link.platform, link.light == Light::Green))
}

/// Escapes a label's value as both formats require.
fn label(text: &str) -> String {
    redact::one_line(text, 100).replace('\\', "\\\\").replace('"', "\\\"")
}

struct Page {
    out: String,
    format: Format,
}

impl Page {
    /// Writes the head of a metric family. OpenMetrics names counters and infos without their suffix.
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let (name, kind) = match (self.format, kind) {
            (Format::OpenMetrics, "counter") => (name.trim_end_matches("_total"), kind),
            (Format::OpenMetrics, "info") => (name.trim_end_matches("_info"), kind),
            (Format::Prometheus, "info") => (name, "gauge"),
            _ => (name, kind),
        };
        let _ = write!(self.out, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let labels: Vec<String> = labels.iter().map(|(k, v)| format!("{k}=\"{}\"", label(v))).collect();
        let _ = writeln!(self.out, "{name}{{{}}} {value}", labels.join(","));
    }
}

/// The page of all metrics.
pub fn render(snapshot: &Snapshot, counters: &Counters, now: Timestamp, format: Format) -> String {
    let mut page = Page { out: String::with_capacity(4096), format };
    let views = &snapshot.profiles[..snapshot.profiles.len().min(MAX_PROFILES)];
    lights(&mut page, views);
    link_states(&mut page, views);
    evidence_ages(&mut page, views, now);
    counts(&mut page, views, counters);
    page.family("gatelight_profiles", "gauge", "Profiles that are watched.");
    page.sample("gatelight_profiles", &[], snapshot.profiles.len());
    page.family("gatelight_build_info", "info", "Which Gatelight this is.");
    page.sample("gatelight_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    if format == Format::OpenMetrics {
        page.out.push_str("# EOF\n");
    }
    // empty braces are valid but unusual
    page.out.replace("{} ", " ")
}

fn lights(page: &mut Page, views: &[ProfileView]) {
    page.family(
        "gatelight_profile_light",
        "gauge",
        "1 for the light that the profile shows, 0 for the others.",
    );
    for view in views {
        for light in [Light::Green, Light::Amber, Light::Red, Light::Grey] {
            let on = u8::from(view.verdict.light() == light);
            page.sample(
                "gatelight_profile_light",
                &[("profile", &view.profile.name), ("light", light.word())],
                on,
            );
        }
    }
    page.family("gatelight_profile_reason", "gauge", "1 for the reason that the profile's light has.");
    for view in views {
        let labels = [("profile", view.profile.name.as_str()), ("reason", view.verdict.reason.code())];
        page.sample("gatelight_profile_reason", &labels, 1);
    }
}

fn link_states(page: &mut Page, views: &[ProfileView]) {
    page.family(
        "gatelight_profile_link_up",
        "gauge",
        "1 where the profile's links work, 0 where one does not; absent without a link to watch and where nothing is known.",
    );
    for view in views {
        if let Some(up) = links_up(view.verdict.reason) {
            page.sample("gatelight_profile_link_up", &[("profile", &view.profile.name)], u8::from(up));
        }
    }
    page.family(
        "gatelight_link_up",
        "gauge",
        "1 for each link that works, 0 for each that does not; absent for ignored links and where nothing is known.",
    );
    for view in views {
        for (platform, up) in links(&view.verdict) {
            let labels = [("profile", &*view.profile.name), ("platform", platform)];
            page.sample("gatelight_link_up", &labels, u8::from(up));
        }
    }
}

fn evidence_ages(page: &mut Page, views: &[ProfileView], now: Timestamp) {
    page.family("gatelight_evidence_age_seconds", "gauge", "Age of the evidence for the light.");
    for view in views {
        if let Some(proof) = &view.verdict.evidence {
            let age = now.duration_since(proof.at).as_secs_f64().max(0.0);
            page.sample(
                "gatelight_evidence_age_seconds",
                &[("profile", &view.profile.name)],
                format!("{age:.3}"),
            );
        }
    }
}

fn counts(page: &mut Page, views: &[ProfileView], counters: &Counters) {
    let counts: Vec<(&str, Count)> =
        views.iter().map(|v| (v.profile.name.as_str(), counters.of(&v.profile.name))).collect();
    page.family(
        "gatelight_incidents_total",
        "counter",
        "Times that the profile stopped working since Gatelight started.",
    );
    for (name, count) in &counts {
        page.sample("gatelight_incidents_total", &[("profile", name)], count.incidents);
    }
    page.family(
        "gatelight_restart_total",
        "counter",
        "Restarts that were asked of Gatelight, by how they ended.",
    );
    for (name, count) in &counts {
        for result in RestartResult::ALL {
            let labels = [("profile", *name), ("result", result.code())];
            page.sample("gatelight_restart_total", &labels, count.restarts[result as usize]);
        }
    }
    page.family(
        "gatelight_process_starts_total",
        "counter",
        "New gateway processes since Gatelight started, whoever started them.",
    );
    for (name, count) in &counts {
        page.sample("gatelight_process_starts_total", &[("profile", name)], count.starts);
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use super::*;
    use crate::health::{Change, LinkVerdict, Proof, Verdict};
    use crate::profile::Profile;

    fn t(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn profile(name: &str) -> Arc<Profile> {
        Arc::new(Profile { name: name.into(), home: PathBuf::from("/h"), job: None, logs: Vec::new() })
    }

    fn verdict(reason: Reason, pid: Option<u32>) -> Verdict {
        let evidence = Some(Proof::new("agent.log", "x", t(-10)));
        Verdict { reason, evidence, pid, ..Verdict::unknown(t(0)) }
    }

    fn change(from: (Reason, Option<u32>), to: (Reason, Option<u32>), history: bool) -> ProfileChange {
        let change = Change {
            at: t(0),
            profile: "work".into(),
            from: verdict(from.0, from.1).glance(),
            to: verdict(to.0, to.1),
        };
        ProfileChange { profile: profile("work"), change, history }
    }

    #[test]
    fn an_incident_counts_once() {
        use Reason::{AuthRejected, Connected, NetworkUnreachable, NotRunning, Reconnecting, Starting};
        let counters = Counters::default();
        for (from, to, history) in [
            ((NotRunning, None), (AuthRejected, Some(6)), true),
            ((AuthRejected, Some(6)), (Connected, Some(7)), true),
            ((Connected, Some(7)), (Reconnecting, Some(7)), false),
            ((Reconnecting, Some(7)), (Connected, Some(7)), false),
            ((Connected, Some(7)), (Reconnecting, Some(7)), false),
            ((Reconnecting, Some(7)), (NetworkUnreachable, Some(7)), false),
            ((NetworkUnreachable, Some(7)), (NotRunning, None), false),
            ((NotRunning, None), (Starting, Some(8)), false),
            ((Starting, Some(8)), (AuthRejected, Some(8)), false),
            ((AuthRejected, Some(8)), (Connected, Some(8)), false),
            ((Connected, Some(8)), (NotRunning, None), false),
        ] {
            counters.changed(&change(from, to, history));
        }
        counters.restarted("work", RestartResult::Failed);
        let count = counters.of("work");
        assert_eq!((count.incidents, count.starts, count.restarts), (2, 1, [0, 1, 0]));
    }

    #[test]
    fn labels_are_escaped_and_values_are_right() {
        let snapshot = Snapshot {
            at: t(0),
            profiles: [
                ("a\"b\\c\nd", Reason::Connected),
                ("two", Reason::Running),
                ("three", Reason::AuthRejected),
            ]
            .into_iter()
            .map(|(name, reason)| ProfileView {
                profile: profile(name),
                verdict: verdict(reason, None).into(),
            })
            .collect(),
            bad_files: Vec::new(),
            complete: true,
        };
        let page = render(&snapshot, &Counters::default(), t(5), Format::Prometheus);
        for line in [
            r#"gatelight_profile_light{profile="a\"b\\c d",light="green"} 1"#,
            r#"gatelight_profile_light{profile="three",light="green"} 0"#,
            r#"gatelight_profile_light{profile="three",light="red"} 1"#,
            r#"gatelight_profile_link_up{profile="three"} 0"#,
            r#"gatelight_evidence_age_seconds{profile="two"} 15.000"#,
            r#"gatelight_restart_total{profile="two",result="cannot-tell"} 0"#,
            "gatelight_profiles 3",
            "# TYPE gatelight_incidents_total counter",
            "# TYPE gatelight_build_info gauge",
        ] {
            assert!(page.lines().any(|l| l == line), "{line}\n{page}");
        }
        assert!(!page.contains(r#"link_up{profile="two"}"#), "no link to watch");
        assert!(!page.contains("# EOF"));
        let page = render(&snapshot, &Counters::default(), t(5), Format::OpenMetrics);
        assert!(
            page.contains("# TYPE gatelight_incidents counter\n")
                && page.contains("# TYPE gatelight_build info\n")
        );
        assert!(page.ends_with("# EOF\n"));
    }

    #[test]
    fn each_link_that_counts_has_a_sample() {
        let link = |platform: &str, reason: Reason, ignored| LinkVerdict {
            ignored,
            ..LinkVerdict::new(platform.into(), reason, t(0))
        };
        let mut verdict = verdict(Reason::AuthRejected, None);
        verdict.links = vec![
            link("telegram", Reason::AuthRejected, false),
            link("qqbot", Reason::Reconnecting, false),
            link("slack", Reason::LinkEnded, true),
            link("wecom", Reason::NoEvidence, false),
            link("plug\"in\n", Reason::Connected, false),
        ];
        verdict.links.extend((0..100).map(|i| link(&format!("more{i}"), Reason::Connected, false)));
        let profiles = vec![ProfileView { profile: profile("work"), verdict: verdict.into() }];
        let snapshot = Snapshot { at: t(0), profiles, bad_files: Vec::new(), complete: true };
        let page = render(&snapshot, &Counters::default(), t(5), Format::Prometheus);
        let samples: Vec<&str> = page.lines().filter(|line| line.starts_with("gatelight_link_up{")).collect();
        assert_eq!(
            samples[..3],
            [
                r#"gatelight_link_up{profile="work",platform="telegram"} 0"#,
                r#"gatelight_link_up{profile="work",platform="qqbot"} 0"#,
                r#"gatelight_link_up{profile="work",platform="plug\"in "} 1"#,
            ]
        );
        assert_eq!(samples.len(), MAX_LINKS);
    }
}
