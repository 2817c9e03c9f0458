//! Removes names of people and machines from text that leaves the machine: what `diagnose` prints and `record` writes.
//!
//! Secrets are removed everywhere ([`redact`]); names only where other people read the text. Identifiers of chats,
//! people and messages become numbers, the same for the same identifier: a reader sees that one person wrote twice, but
//! not who, and a recording gives the same verdicts as before.

mod homes;
mod people;

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::clean_lines::{Lines, clean_words};
use super::patterns;
use crate::order::Order as _;
use crate::redact;
use homes::home_paths;
use people::is_phone;

/// Most identifiers that get their own number; all later ones share the last number.
const MAX_IDENTIFIERS: usize = 20_000;

/// Feishu's identifiers begin with these: of people (within an app, across apps), chats, messages.
const KINDS: [&str; 4] = ["ou_", "on_", "oc_", "om_"];

/// Names of this machine and its users, which must not be disclosed.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Home folders, absolute.
    pub homes: Vec<PathBuf>,
    /// Login names and full names.
    pub users: Vec<String>,
    /// Names of this machine.
    pub hosts: Vec<String>,
}

/// Removes names from texts, with the same replacement for the same name.
#[derive(Debug, Default)]
pub struct Anonymiser {
    /// Home folders in every encoding, longest first.
    homes: Vec<String>,
    /// Names in every encoding with their replacements, longest first: machines are often named after their users.
    names: Vec<(String, &'static str)>,
    /// Identifiers seen so far, in order.
    numbers: Mutex<BTreeMap<String, usize>>,
}

impl Anonymiser {
    /// An anonymiser for these names.
    pub fn new(facts: Facts) -> Self {
        let homes = facts.homes.iter().map(|home| home.to_string_lossy().trim_end_matches('/').to_owned());
        let mut homes: Vec<String> = homes.filter(|home| home.len() > 1).collect();
        homes.order_by_key(|home| Reverse(home.len()));
        let hosts = facts.hosts.into_iter().map(|name| (name, "<host>"));
        let mut names: Vec<_> = hosts.chain(facts.users.into_iter().map(|name| (name, "<user>"))).collect();
        names.retain(|(name, _)| name.trim().chars().count() >= 2 && !is_common(name.trim()));
        names.order_by_key(|(name, _)| Reverse(name.len()));
        let encoded = |(name, instead): &(String, &'static str)| {
            encodings(name.trim()).into_iter().map(|name| (name, *instead)).collect::<Vec<_>>()
        };
        Self {
            homes: homes.iter().flat_map(|home| encodings(home)).collect(),
            names: names.iter().flat_map(encoded).collect(),
            numbers: Mutex::default(),
        }
    }

    /// One line without secrets, names, text written by people and control characters, of at most `max` characters.
    pub fn line(&self, line: &str, max: usize) -> String {
        // cut last: a cut name is not found
        redact::one_line(&self.text(&clean_words(line, max.max(4_000))), max)
    }

    /// The same for the next line of a log; `lines` holds the state that earlier lines left.
    pub fn next_line(&self, lines: &mut Lines, log: &str, line: &str, max: usize) -> String {
        redact::one_line(&self.text(&lines.clean(log, line, max.max(4_000))), max)
    }

    /// Removes names of users, machines and homes, mail addresses and Feishu's identifiers from a text.
    pub fn text(&self, text: &str) -> String {
        // first: a mail address holds a name as well
        let mut out = self.identifiers(&encoded_mails(&self.people(text)));
        for home in &self.homes {
            out = replace(out, home, "~", |before, after| {
                let joined =
                    before.is_some_and(|c| c.is_alphanumeric() || c == '~') && !home.starts_with('%');
                !joined && !after.is_some_and(is_name)
            });
        }
        out = home_paths(&out);
        for (name, instead) in &self.names {
            // scripts without spaces between words have no word boundaries either
            let everywhere = !name.is_ascii();
            out = replace(out, name, instead, |before, after| everywhere || stands_alone(before, after));
        }
        out
    }

    /// Replaces the values of fields that name people. Feishu's identifiers among them are left to
    /// [`Self::identifiers`], which keeps their kind.
    fn people<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut out = String::new();
        let mut copied = 0;
        for at in memchr::memchr2_iter(b'=', b':', text.as_bytes()) {
            let Some(value) = people::value_at(text, at).filter(|value| value.start >= copied) else {
                continue;
            };
            let said = &text[value.clone()];
            let known = said.is_empty()
                || matches!(said, "None" | "null" | "unknown")
                || said.starts_with('<')
                || said.split([':', ',']).any(|word| identifier(word).is_some());
            if !known {
                let _infallible = write!(out, "{}<{}>", &text[copied..value.start], self.number(said));
                copied = value.end;
            }
        }
        if copied == 0 {
            return Cow::Borrowed(text);
        }
        out.push_str(&text[copied..]);
        Cow::Owned(out)
    }

    /// Replaces mail addresses, telephone numbers, and Feishu's identifiers.
    fn identifiers(&self, text: &str) -> String {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '+' | '@');
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        let mut before = "";
        while !rest.is_empty() {
            let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            let word = &rest[..end];
            let body = word.trim_end_matches('.');
            let mail = body.split_once('@').is_some_and(|(who, host)| !who.is_empty() && host.contains('.'));
            if mail {
                out.push_str("<mail>");
            } else if is_phone(body) {
                out.push_str("<phone>");
            } else if people::is_number_of(before, body) {
                out.push('<');
                out.push_str(&self.number(body).to_string());
                out.push('>');
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
            before = body;
            let other = rest[end..].find(is_part).unwrap_or(rest.len() - end);
            out.push_str(&rest[end..end + other]);
            rest = &rest[end + other..];
        }
        out
    }

    fn number(&self, identifier: &str) -> usize {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let next = numbers.len() + 1;
        if next > MAX_IDENTIFIERS {
            return numbers.get(identifier).copied().unwrap_or(next);
        }
        *numbers.entry(identifier.to_owned()).or_insert(next)
    }
}

/// Where an identifier begins in a word: at its start, or after a prefix (`feishu_oc_5f…`). Names of functions
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

/// Names that are also technical terms: replaced in paths only.
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

/// Whether a name is a technical term or part of a log pattern: without it a recording would give other verdicts.
fn is_common(name: &str) -> bool {
    COMMON.iter().any(|common| common.eq_ignore_ascii_case(name))
        || patterns::wordings().any(|line| replace(line.to_owned(), name, "", stands_alone) != line)
}

/// Whether these neighbours delimit an ASCII word.
fn stands_alone(before: Option<char>, after: Option<char>) -> bool {
    !(before.is_some_and(char::is_alphanumeric) || after.is_some_and(char::is_alphanumeric))
}

const fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// Replaces every occurrence whose neighbours `fits` accepts; ASCII letters match in either case.
fn replace(
    text: String,
    find: &str,
    instead: &str,
    fits: impl Fn(Option<char>, Option<char>) -> bool,
) -> String {
    let mut out = String::new();
    let (mut copied, mut from) = (0, 0);
    while let Some(at) = find_ignoring_case(&text, find, from) {
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
    if copied == 0 {
        return text;
    }
    out.push_str(&text[copied..]);
    out
}

/// The offset of `find` in a text, at or after `from`; ASCII letters match in either case. Allocates nothing: most
/// lines have no name.
fn find_ignoring_case(text: &str, find: &str, from: usize) -> Option<usize> {
    let (text, find) = (text.as_bytes(), find.as_bytes());
    let first = find.first()?;
    let rest = text.get(from..)?;
    memchr::memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), rest)
        .map(|offset| from + offset)
        .find(|at| text.get(*at..*at + find.len()).is_some_and(|found| found.eq_ignore_ascii_case(find)))
}

/// The forms of a path or name: plain, and as escaped in a URL, in JSON, in a shell.
fn encodings(text: &str) -> Vec<String> {
    let mut all = vec![text.to_owned()];
    for (slash, blank) in [
        ("/", "%20"),
        ("/", "+"),
        ("/", "\\ "),
        ("%2F", "%20"),
        ("%252F", "%2520"),
        ("\\/", " "),
        ("\\u002f", " "),
    ] {
        let encoded = text.replace('/', slash).replace(' ', blank);
        if !all.contains(&encoded) {
            all.push(encoded);
        }
    }
    all
}

/// Replaces mail addresses whose `@` is escaped: `bob%40example.com`, `bob\u0040example.com`, `bob&#64;example.com`.
fn encoded_mails(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let is_part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'+');
    let mut out = String::new();
    let mut copied = 0;
    for at in memchr::memchr3_iter(b'%', b'\\', b'&', bytes) {
        let Some(length) = redact::escaped(bytes, at, b"@").filter(|_| at >= copied) else { continue };
        let start = at - bytes[copied..at].iter().rev().take_while(|b| is_part(b)).count();
        let end = at + length + bytes[at + length..].iter().take_while(|b| is_part(b)).count();
        if start < at && bytes[at + length..end].contains(&b'.') {
            out.push_str(&text[copied..start]);
            out.push_str("<mail>");
            copied = end;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
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
            ("?to=bob%40example.com&x", "?to=<mail>&x"),
            (r"bob\u0040example.com and bob%2540example.com", "<mail> and <mail>"),
            ("bob&#64;example.com", "<mail>"),
            ("file=%2FUsers%2Fbob%2Fx", "file=~%2Fx"),
            ("%2Fhome%2Fcarol%2Fx", "%2Fhome%2F<user>%2Fx"),
            (r#""path":"\/Users\/bob\/x""#, r#""path":"~\/x""#),
            (r"C:\Users\Carol Doe\x and C:\\Users\\carol\\x", r"C:\Users\<user>\x and C:\\Users\\<user>\\x"),
            ("/Users/Carol Doe/x and /Users/Carol%20Doe/x", "/Users/<user>/x and /Users/<user>/x"),
            ("/Users/carol And more", "/Users/<user> And more"),
            ("by Bob%20Smith or Bob+Smith", "by <user> or <user>"),
            (r"c:\users\carol\x and \\srv\Users\carol", r"c:\users\<user>\x and \\srv\Users\<user>"),
            (
                "%252FUsers%252Fcarol%252Fx C%3A%5CUsers%5Ccarol%5Cx",
                "%252FUsers%252F<user>%252Fx C%3A%5CUsers%5C<user>%5Cx",
            ),
            (r#""\u002fhome\u002fcarol\u002fx""#, r#""\u002fhome\u002f<user>\u002fx""#),
            (
                "inbound message: platform=telegram user=Carol Doe chat=-100123 msg='[redacted]' x=1",
                "inbound message: platform=telegram user=<1> chat=<2> msg='[redacted]' x=1",
            ),
            (
                "from +491701234567 (sender_name='O. K.', user_id=42)",
                "from <phone> (sender_name='<1>', user_id=<2>)",
            ),
            ("user=Carol Doe chat=None User=bob", "user=<1> chat=None User=<user>"),
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
        for n in 0..MAX_IDENTIFIERS + 10 {
            nameless.text(&format!("oc_{n:08}"));
        }
        assert_eq!(nameless.numbers.lock().unwrap().len(), MAX_IDENTIFIERS);
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
