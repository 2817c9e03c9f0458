//! Names whose values are secret, and names under which messages of people are logged.

/// Endings of names whose value is a secret; compared in lower case without `_` and `-`, so that `APP_SECRET`,
/// `app-secret` and `appSecret` are the same.
const ENDINGS: &[&str] = &[
    "accesskey",
    "apikey",
    "appkey",
    "encryptkey",
    "privatekey",
    "secretkey",
    "signingkey",
    "ticket",
    "token",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "authorization",
    "credential",
    "credentials",
    "cookie",
    "signature",
];

/// Names that are secret only as a whole: too common as an ending.
const WHOLE: &[&str] = &["key", "sign", "sig", "pwd", "pass", "jwt", "mnemonic"];

/// What a secret is called in Chinese.
const CHINESE: [&str; 10] =
    ["令牌", "凭据", "凭证", "口令", "密码", "密钥", "授权码", "秘钥", "私钥", "签名"];

/// Last parts of names of environment variables (`TAVILY_KEY`) whose value is a secret. In lower case they are common
/// words.
const VARIABLE_ENDINGS: &[&str] = &[
    "_KEY",
    "_PASS",
    "_PWD",
    "_PW",
    "_AUTH",
    "_SESSION",
    "_MNEMONIC",
    "_SIG",
    "_DSN",
    "_JWT",
    "_CREDS",
    "_PAT",
];

/// Parts of names whose values are secret if they look generated (see [`super::random`]): words for secrets, and the
/// vendors in gitleaks' rules, whose keys often follow the vendor's name alone (`TWITCH=…`). Sorted.
const HINTS: &[&str] = &[
    "access",
    "adafruit",
    "adobe",
    "airtable",
    "algolia",
    "alibaba",
    "api",
    "artifactory",
    "asana",
    "atlassian",
    "auth",
    "beamer",
    "bintray",
    "bitbucket",
    "bittrex",
    "bot",
    "cloudflare",
    "code",
    "cohere",
    "coinbase",
    "confluence",
    "confluent",
    "contentful",
    "contribsys",
    "cred",
    "datadog",
    "dingtalk",
    "discord",
    "droneci",
    "dropbox",
    "etsy",
    "facebook",
    "fastly",
    "finicity",
    "finnhub",
    "flickr",
    "freshbooks",
    "gitlab",
    "gitter",
    "gocardless",
    "heroku",
    "hook",
    "hubspot",
    "intercom",
    "jfrog",
    "jira",
    "key",
    "kraken",
    "kucoin",
    "launchdarkly",
    "license",
    "linear",
    "linked",
    "lob",
    "mailchimp",
    "mailgun",
    "mapbox",
    "mattermost",
    "meraki",
    "messagebird",
    "netlify",
    "newrelic",
    "nytimes",
    "okta",
    "passw",
    "plaid",
    "privateai",
    "rapidapi",
    "secret",
    "sendbird",
    "sentry",
    "slack",
    "snyk",
    "sonar",
    "sourcegraph",
    "squarespace",
    "sumo",
    "telegram",
    "token",
    "travis",
    "twilio",
    "twitch",
    "twitter",
    "typeform",
    "wecom",
    "yandex",
    "zendesk",
];

/// Names under which the gateway logs what people wrote: `Inbound dm message received: … text='…'`.
const WORDS_OF_PEOPLE: &[&str] = &["text", "msg", "replytotext", "quote", "reply", "response", "content"];

/// The same in JSON and in Python's notation, where `msg` is the error message of an API.
const JSON_WORDS_OF_PEOPLE: &[&str] = &["text", "content", "quote", "reply"];

/// Longest name that is looked at, in bytes from its end.
const MAX_NAME: usize = 64;

/// Whether the value under this name is a secret: `app_secret`, `X-Api-Key`, `ticket`.
pub fn names_a_secret(word: &str) -> bool {
    if !may_name_a_secret(word.as_bytes()) {
        return false;
    }
    let tail = &word.as_bytes()[word.len().saturating_sub(MAX_NAME)..];
    if VARIABLE_ENDINGS.iter().any(|ending| tail.ends_with(ending.as_bytes())) {
        return true;
    }
    let plain = Plain::of(word);
    let name = plain.as_bytes();
    WHOLE.iter().any(|whole| name == whole.as_bytes())
        || ENDINGS.iter().any(|ending| name.ends_with(ending.as_bytes()))
}

/// The length of the Chinese name of a secret that the text begins with.
pub(super) fn chinese(text: &str) -> Option<usize> {
    CHINESE.iter().find(|name| text.starts_with(**name)).map(|name| name.len())
}

/// Whether a value under this name is a secret if it looks generated.
pub(super) fn hints_at_a_secret(word: &str) -> bool {
    // hours and minutes of a timestamp are words too
    if !word.bytes().any(|b| b.is_ascii_alphabetic()) {
        return false;
    }
    let plain = Plain::of(word);
    let mut rest = plain.as_bytes();
    while let [first, second, ..] = rest {
        if begins_a_hint(*first, *second) {
            let from = HINTS.partition_point(|hint| hint.as_bytes()[..2] < rest[..2]);
            let mut alike = HINTS[from..].iter().take_while(|hint| hint.as_bytes()[..2] == rest[..2]);
            if alike.any(|hint| rest.starts_with(hint.as_bytes())) {
                return true;
            }
        }
        rest = &rest[1..];
    }
    false
}

/// For each first letter of [`HINTS`], a bit for each second letter.
const HINT_PAIRS: [u32; 26] = {
    let mut pairs = [0; 26];
    let mut i = 0;
    while i < HINTS.len() {
        let hint = HINTS[i].as_bytes();
        pairs[(hint[0] - b'a') as usize] |= 1 << (hint[1] - b'a');
        i += 1;
    }
    pairs
};

fn begins_a_hint(first: u8, second: u8) -> bool {
    let letters = first.is_ascii_lowercase() && second.is_ascii_lowercase();
    letters && HINT_PAIRS[usize::from(first - b'a')] >> (second - b'a') & 1 == 1
}

/// The end of a name in lower case, without `_` and `-`.
struct Plain {
    bytes: [u8; MAX_NAME],
    length: usize,
}

impl Plain {
    fn of(word: &str) -> Self {
        let tail = &word.as_bytes()[word.len().saturating_sub(MAX_NAME)..];
        let mut plain = Self { bytes: [0; MAX_NAME], length: 0 };
        for b in tail.iter().filter(|b| !matches!(b, b'_' | b'-')) {
            plain.bytes[plain.length] = b.to_ascii_lowercase();
            plain.length += 1;
        }
        plain
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// A cheap test before [`names_a_secret`], for every word of a log that has a value: the last three letters of all
/// names above.
fn may_name_a_secret(word: &[u8]) -> bool {
    let mut letters = word.iter().rev().filter(|b| !matches!(b, b'_' | b'-')).map(u8::to_ascii_lowercase);
    let mut next = || letters.next().unwrap_or(0);
    let (last, middle, first) = (next(), next(), next());
    matches!(
        &[first, middle, last],
        b"key"
            | b"ket"
            | b"ken"
            | b"ret"
            | b"ord"
            | b"swd"
            | b"ase"
            | b"ion"
            | b"ial"
            | b"als"
            | b"kie"
            | b"ure"
            | b"ign"
            | b"pwd"
            | b"ass"
            | b"jwt"
            | b"nic"
            | b"uth"
            | b"sig"
            | b"dsn"
            | b"eds"
            | b"pat"
    ) || (middle, last) == (b'p', b'w')
}

/// Whether a quoted message of a person follows: `text='…'`, `"text": "…"`, `content={"text": …`.
pub(super) fn precedes_words_of_people(word: &str, after: &[u8]) -> bool {
    // also Python's b'…'
    let quoted = |rest: &[u8]| matches!(rest, [b'\'' | b'"', ..] | [b'b' | b'r' | b'u', b'\'' | b'"', ..]);
    match after {
        [b'=', rest @ ..] if quoted(rest) => {
            WORDS_OF_PEOPLE.contains(&word.replace('_', "").to_ascii_lowercase().as_str())
        }
        [b'\'' | b'"' | b'\\', ..] => JSON_WORDS_OF_PEOPLE.contains(&word),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cheap_test_passes_every_name() {
        for name in ENDINGS.iter().chain(WHOLE) {
            assert!(names_a_secret(name) && names_a_secret(&name.to_uppercase()), "{name}");
            let (rest, last) = name.split_at(name.len() - 1);
            assert!(names_a_secret(&format!("{rest}_{last}-")), "{name}");
        }
        for ending in VARIABLE_ENDINGS {
            assert!(names_a_secret(&format!("TAVILY{ending}")), "{ending}");
        }
        for common in
            ["monkey", "MONKEY", "keyboard", "session", "auth", "compass", "PATH", "design", "x_key"]
        {
            assert!(!names_a_secret(common), "{common}");
        }
    }

    #[test]
    fn a_hint_is_found_anywhere_in_a_name() {
        assert!(HINTS.is_sorted());
        for hint in HINTS {
            for name in [(*hint).to_owned(), format!("my_{hint}"), format!("X-{}-2", hint.to_uppercase())] {
                assert!(hints_at_a_secret(&name), "{name}");
            }
            assert!(!hints_at_a_secret(&hint[..2]), "{hint}");
        }
        for common in ["", "a", "11", "sender", "fpid", "\u{e9}t\u{e9}", "{}"] {
            assert!(!hints_at_a_secret(common), "{common}");
        }
    }
}
