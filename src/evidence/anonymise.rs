//! Names of people and machines out of text that leaves the machine: what `diagnose` prints and `record` writes.
//!
//! Secrets go everywhere ([`redact`]); names stay on the screen of the one whose they are, and go where strangers read.
//! Identifiers of chats, people and messages become numbers, the same for the same one: who spoke twice shows, who it was
//! does not, and a recording judges as before.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::{patterns, redact};

/// Identifiers that get a number of their own; later ones share the last.
const MOST_IDENTIFIERS: usize = 20_000;

/// Feishu's identifiers begin with these: of people (within an app, across apps), chats, messages.
const KINDS: [&str; 4] = ["ou_", "on_", "oc_", "om_"];

/// What must not be told: names that belong to this machine and its users.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Home folders, absolute.
    pub homes: Vec<PathBuf>,
    /// Login names and full names.
    pub users: Vec<String>,
    /// Names of this machine.
    pub hosts: Vec<String>,
}

/// Takes names out of texts, one after the other.
#[derive(Debug, Default)]
pub struct Anonymiser {
    facts: Facts,
    numbers: Mutex<BTreeMap<String, usize>>,
}

impl Anonymiser {
    /// Of these names; no identifier has a number yet.
    pub fn new(facts: Facts) -> Self {
        Self { facts, numbers: Mutex::default() }
    }

    /// One line without secrets, names and control characters, of at most `max` characters.
    pub fn line(&self, line: &str, max: usize) -> String {
        // the bound comes last: a cut name is not found
        redact::one_line(&self.text(&redact::clean_line(line, max.max(4_000))), max)
    }

    /// Takes names of users, machines and homes, mail addresses and Feishu's identifiers out of a text.
    pub fn text(&self, text: &str) -> String {
        // first: a mail address holds a name as well
        let mut out = self.identifiers(text);
        let mut homes: Vec<String> = self
            .facts
            .homes
            .iter()
            .map(|h| h.to_string_lossy().trim_end_matches('/').to_owned())
            .filter(|h| h.len() > 1)
            .collect();
        homes.sort_by_key(|h| std::cmp::Reverse(h.len()));
        for home in &homes {
            out = replace(&out, home, "~", |before, after| {
                !before.is_some_and(|c| c.is_alphanumeric() || c == '~') && !after.is_some_and(is_name)
            });
        }
        out = home_paths(&out);
        let mut names: Vec<(&String, &str)> = self.facts.hosts.iter().map(|h| (h, "<host>")).collect();
        names.extend(self.facts.users.iter().map(|u| (u, "<user>")));
        // longest first: a machine is often called after its user
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        for (name, instead) in names {
            let name = name.trim();
            if name.chars().count() < 2 || is_common(name) {
                continue;
            }
            // a script without spaces between words has no borders either
            let everywhere = !name.is_ascii();
            out = replace(&out, name, instead, |before, after| everywhere || stands_alone(before, after));
        }
        out
    }

    /// Mail addresses, and Feishu's identifiers.
    fn identifiers(&self, text: &str) -> String {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '+' | '@');
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            let word = &rest[..end];
            let body = word.trim_end_matches('.');
            let mail = body.split_once('@').is_some_and(|(who, host)| !who.is_empty() && host.contains('.'));
            if mail {
                out.push_str("<mail>");
            } else if let Some(at) = identifier(body) {
                let (before, found) = body.split_at(at);
                out.push_str(before);
                out.push_str(&found[..3]);
                out.push('<');
                out.push_str(&self.number(found).to_string());
                out.push('>');
            } else {
                out.push_str(body);
            }
            out.push_str(&word[body.len()..]);
            let other = rest[end..].find(is_part).unwrap_or(rest.len() - end);
            out.push_str(&rest[end..end + other]);
            rest = &rest[end + other..];
        }
        out
    }

    fn number(&self, identifier: &str) -> usize {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let next = numbers.len() + 1;
        if next > MOST_IDENTIFIERS {
            return numbers.get(identifier).copied().unwrap_or(next);
        }
        *numbers.entry(identifier.to_owned()).or_insert(next)
    }
}

/// Where an identifier begins in a word: at its head, or behind what is joined to it (`feishu_oc_5f…`). Names of functions
/// (`on_message`) begin the same way, but have no digits.
fn identifier(word: &str) -> Option<usize> {
    let is_digit = |b: u8| b.is_ascii_digit();
    if let Some(kind) = word.get(..3).filter(|head| KINDS.contains(head)) {
        let plain = matches!(kind, "ou_" | "oc_");
        return (word.len() >= 8 && (plain || word.bytes().any(is_digit))).then_some(0);
    }
    KINDS.iter().flat_map(|kind| word.match_indices(kind)).map(|(at, _)| at).find(|at| {
        let tail = &word.as_bytes()[at + 3..];
        let joined = matches!(word.as_bytes()[at - 1], b'_' | b'-' | b'.');
        let long = tail.iter().take_while(|b| b.is_ascii_alphanumeric()).count() >= 20;
        joined && long && tail.iter().copied().any(is_digit)
    })
}

/// Names that are words of the trade as well: replaced in paths only.
const COMMON: &[&str] = &[
    "admin",
    "administrator",
    "agent",
    "bin",
    "bot",
    "build",
    "daemon",
    "debug",
    "default",
    "dev",
    "error",
    "feishu",
    "gatelight",
    "gateway",
    "guest",
    "hermes",
    "home",
    "host",
    "info",
    "lark",
    "launchd",
    "library",
    "local",
    "localhost",
    "log",
    "logs",
    "mac",
    "macos",
    "main",
    "nobody",
    "profile",
    "python",
    "root",
    "run",
    "server",
    "service",
    "shared",
    "start",
    "state",
    "systemd",
    "test",
    "tmp",
    "user",
    "users",
    "usr",
    "var",
    "warning",
    "work",
];

/// A word of the trade, or of the lines that are looked for: without it a recording would not be judged as before.
fn is_common(name: &str) -> bool {
    COMMON.iter().any(|common| common.eq_ignore_ascii_case(name))
        || patterns::wordings().any(|line| replace(line, name, "", stands_alone) != line)
}

/// Borders of a word written in ASCII.
fn stands_alone(before: Option<char>, after: Option<char>) -> bool {
    !(before.is_some_and(char::is_alphanumeric) || after.is_some_and(char::is_alphanumeric))
}

const fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// Replaces every find, letters of ASCII in either case, whose neighbours are right.
fn replace(
    text: &str,
    find: &str,
    instead: &str,
    fits: impl Fn(Option<char>, Option<char>) -> bool,
) -> String {
    let (lower, find) = (text.to_ascii_lowercase(), find.to_ascii_lowercase());
    let mut out = String::with_capacity(text.len());
    let (mut copied, mut from) = (0, 0);
    while let Some(offset) = lower.get(from..).and_then(|rest| rest.find(&find)) {
        let at = from + offset;
        let end = at + find.len();
        if fits(text[..at].chars().next_back(), text[end..].chars().next()) {
            out.push_str(&text[copied..at]);
            out.push_str(instead);
            copied = end;
            from = end;
        } else {
            from = at + text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    out.push_str(&text[copied..]);
    out
}

/// `/Users/somebody` and `/home/somebody`, whoever it is.
fn home_paths(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let next = ["/Users/", "/home/"].into_iter().filter_map(|p| rest.find(p).map(|i| (i, p))).min();
        let Some((at, prefix)) = next else { break };
        let name_at = at + prefix.len();
        let name: usize =
            rest[name_at..].chars().take_while(|c| is_name(*c) || !c.is_ascii()).map(char::len_utf8).sum();
        out.push_str(&rest[..name_at]);
        let whose = &rest[name_at..name_at + name];
        out.push_str(if whose.is_empty() || whose == "Shared" { whose } else { "<user>" });
        rest = &rest[name_at + name..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nameless() -> Anonymiser {
        Anonymiser::new(Facts {
            homes: vec!["/Users/bob".into(), "/srv/people/bob".into()],
            users: vec!["bob".into(), "Bob Smith".into(), "张伟".into(), "hermes".into()],
            hosts: vec!["Bobs-MacBook-Pro.local".into(), "Bobs-MacBook-Pro".into()],
        })
    }

    #[test]
    fn names_go_and_the_rest_stays() {
        for (text, expected) in [
            ("/Users/bob/.hermes/logs", "~/.hermes/logs"),
            ("HOME=/srv/people/bob;", "HOME=~;"),
            ("/Users/bobby/x and /Users/alice/x", "/Users/<user>/x and /Users/<user>/x"),
            ("/home/carol: no", "/home/<user>: no"),
            ("/Users/Shared/x", "/Users/Shared/x"),
            ("file:///Users/bob/a", "file://~/a"),
            ("by BOB (bob@example.com).", "by <user> (<mail>)."),
            ("Bob Smith on Bobs-MacBook-Pro.local", "<user> on <host>"),
            ("由张伟启动", "由<user>启动"),
            ("bobbin and kebob stay; bob_x goes", "bobbin and kebob stay; <user>_x goes"),
            ("hermes gateway run in /Users/hermes/x", "hermes gateway run in /Users/<user>/x"),
            (
                "chat_id=oc_lab_chat sender=user:ou_84aad35d084aa403a838cf73ee18467.",
                "chat_id=oc_<1> sender=user:ou_<2>.",
            ),
            ("on_time ou_x def on_message_read", "on_time ou_x def on_message_read"),
            ("agent:main:feishu_oc_84aad35d084aa403a838cf73ee18467c", "agent:main:feishu_oc_<1>"),
            ("reply to om_dc13264520392913993dd051dba21dcf", "reply to om_<1>"),
        ] {
            assert_eq!(nameless().text(text), expected);
        }
    }

    #[test]
    fn the_same_one_has_the_same_number() {
        let nameless = nameless();
        assert_eq!(nameless.text("oc_lab_chat ou_lab_user oc_lab_chat"), "oc_<1> ou_<2> oc_<1>");
        assert_eq!(nameless.text("ou_lab_user"), "ou_<2>");
    }

    #[test]
    fn no_flood_of_identifiers_grows_for_ever() {
        let nameless = nameless();
        for n in 0..MOST_IDENTIFIERS + 10 {
            nameless.text(&format!("oc_{n:08}"));
        }
        assert_eq!(nameless.numbers.lock().unwrap().len(), MOST_IDENTIFIERS);
        assert_eq!(nameless.text("oc_00000000"), "oc_<1>");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn any_text_is_survived(text in "(\\PC|/Users/|bob|张伟|@|oc_|\n){0,40}") {
            let nameless = nameless();
            let once = nameless.text(&text);
            prop_assert_eq!(nameless.text(&once), once);
        }
    }
}
