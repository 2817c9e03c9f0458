//! The identifier of a notification on macOS. A press returns nothing else, also after a relaunch, so it contains what the
//! press needs: the run that sent it, the number of the notice, and the affected profile.

use std::fmt;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{BODY, Press, Report};

/// The prefix of our identifiers.
const MARK: &str = "gatelight";
/// Maximum length of a profile's name, in bytes; Hermes allows only shorter ones.
const MAX_NAME: usize = 256;

/// `gatelight RUN NUMBER PROFILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identifier {
    /// Identifies the run.
    pub run: u64,
    /// The number of the notice.
    pub number: u64,
    /// The first affected profile.
    pub profile: Option<String>,
}

/// A number that is unique for each run of this user: its start time in milliseconds.
pub(crate) fn this_run() -> u64 {
    static RUN: OnceLock<u64> = OnceLock::new();
    *RUN.get_or_init(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(0)
    })
}

/// The meaning of a press for this run. A foreign identifier counts as dismissed.
pub(crate) fn report(identifier: Option<Identifier>, press: Press, this_run: u64) -> Report {
    let key = match press {
        Press::Body => BODY.to_owned(),
        Press::Button(key) => key,
        Press::Dismissed => return Report::Dismissed,
    };
    match identifier {
        None => Report::Dismissed,
        Some(Identifier { run, number, .. }) if run == this_run => Report::Pressed { id: number, key },
        Some(Identifier { profile, .. }) => Report::PressedEarlier { profile, key },
    }
}

impl Identifier {
    /// Parses the output of [`fmt::Display`]; `None` for anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, ' ');
        let (mark, run, number) = (parts.next()?, parts.next()?, parts.next()?);
        let profile = parts.next().filter(|name| !name.is_empty() && name.len() <= MAX_NAME);
        (mark == MARK).then_some(())?;
        Some(Self {
            run: run.parse().ok()?,
            number: number.parse().ok()?,
            profile: profile.map(str::to_owned),
        })
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MARK} {} {}", self.run, self.number)?;
        match &self.profile {
            Some(name) => write!(f, " {name}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_comes_back_as_it_was() {
        for profile in [None, Some("work"), Some("with a space"), Some("默认"), Some("a/b 7 8")] {
            for (run, number) in [(0, 0), (1_764_000_000_123, 7), (u64::MAX, u64::MAX)] {
                let identifier = Identifier { run, number, profile: profile.map(str::to_owned) };
                assert_eq!(Identifier::parse(&identifier.to_string()), Some(identifier));
            }
        }
    }

    #[test]
    fn a_press_is_of_this_run_or_of_an_earlier_one() {
        let of = |run| Some(Identifier { run, number: 3, profile: Some("work".to_owned()) });
        let pressed = |key: &str| Report::Pressed { id: 3, key: key.to_owned() };
        let earlier =
            |key: &str| Report::PressedEarlier { profile: Some("work".to_owned()), key: key.to_owned() };
        let restart = || Press::Button("restart".to_owned());
        for (what, identifier, press, expected) in [
            ("a button", of(8), restart(), pressed("restart")),
            ("the body", of(8), Press::Body, pressed(BODY)),
            ("a button after a relaunch", of(7), restart(), earlier("restart")),
            ("the body after a relaunch", of(7), Press::Body, earlier(BODY)),
            ("dismissed", of(8), Press::Dismissed, Report::Dismissed),
            ("not ours", None, restart(), Report::Dismissed),
        ] {
            assert_eq!(report(identifier, press, 8), expected, "{what}");
        }
    }

    #[test]
    fn foreign_identifiers_are_refused() {
        let long = format!("gatelight 1 2 {}", "x".repeat(MAX_NAME + 1));
        for text in [
            "",
            "gatelight",
            "gatelight 1",
            "gatelight-7",
            "gatelight x 1 work",
            "gatelight 1 -1",
            "other 1 2 work",
        ] {
            assert_eq!(Identifier::parse(text), None, "{text}");
        }
        assert_eq!(Identifier::parse(&long).and_then(|i| i.profile), None);
    }
}
