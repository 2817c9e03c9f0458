//! Tokens that are recognised by their prefix.

use super::{Step, is_word, mask, word_end};

/// Token prefixes in byte order, and how many characters have to follow. Sources: the vendors' descriptions of their
/// tokens, hermes-agent's `agent/redact.py`, and gitleaks' public rules.
const PREFIXES: &[(&str, usize)] = &[
    ("A3-", 30),
    ("A3T", 17),
    ("ABIA", 16),
    ("ABSK", 60),
    ("ACCA", 16),
    ("AGE-SECRET-KEY-1", 40),
    ("AIza", 30),
    ("AKCp", 30),
    ("AKIA", 16),
    ("AKID", 20),
    ("AKLT", 20),
    ("ALTAK", 16),
    ("API-", 26),
    ("AQVN", 30),
    ("ASIA", 16),
    ("ATATT3", 30),
    ("BSA", 20),
    ("CLOJARS_", 30),
    ("EAA", 22),
    ("EZAK", 50),
    ("EZTK", 50),
    ("FLWPUBK", 20),
    ("FLWSECK", 20),
    ("GOCSPX-", 20),
    ("GR1348941", 10),
    ("HRKU-", 30),
    ("LTAI", 16),
    ("NRAK-", 20),
    ("NRII-", 20),
    ("NRJS-", 15),
    ("PMAK-", 20),
    ("SEC", 60),
    ("SG.", 16),
    ("SK", 32),
    ("ZXlK", 40),
    ("access-development-", 30),
    ("access-production-", 30),
    ("access-sandbox-", 30),
    ("api_org_", 30),
    ("bb_live_", 10),
    ("bedrock-api-key-", 20),
    ("brv_", 16),
    ("cmVmd", 50),
    ("csk-", 20),
    ("dapi", 32),
    ("dckr_pat_", 20),
    ("dnkey-", 40),
    ("doo_v1_", 20),
    ("dop_v1_", 20),
    ("dor_v1_", 20),
    ("dp.pt.", 30),
    ("dt0c01.", 20),
    ("duffel_", 30),
    ("e2b_", 20),
    ("exa_", 16),
    ("eyJ", 40),
    ("fal_", 16),
    ("fc-", 16),
    ("figd_", 20),
    ("fio-u-", 30),
    ("fm1a_", 40),
    ("fm1r_", 40),
    ("fm2_", 40),
    ("fo1_", 30),
    ("fpk_", 30),
    ("fw-", 30),
    ("fw_", 30),
    ("gAAAA", 20),
    ("gh", 18),
    ("github_pat_", 16),
    ("glagent-", 10),
    ("glc_", 30),
    ("glcbt-", 10),
    ("gldt-", 10),
    ("glffct-", 10),
    ("glft-", 10),
    ("glimt-", 10),
    ("gloas-", 10),
    ("glpat-", 16),
    ("glptt-", 10),
    ("glrt-", 10),
    ("glrtr-", 10),
    ("glsa_", 30),
    ("glsoat-", 10),
    ("glwt-", 10),
    ("gsk_", 16),
    ("hf_", 20),
    ("hsk-", 16),
    ("hvb.", 20),
    ("hvs.", 20),
    ("ico-", 32),
    ("jina_", 20),
    ("key-", 32),
    ("lin_api_", 20),
    ("live_", 30),
    ("lsv2_", 20),
    ("mem0_", 16),
    ("npm_", 20),
    ("ntn_", 16),
    ("nvapi-", 20),
    ("ops_eyJ", 30),
    ("p8e-", 32),
    ("pk-lf-", 16),
    ("pk_live_", 16),
    ("pnu_", 30),
    ("pplx-", 16),
    ("pscale_", 30),
    ("pubkey-", 32),
    ("pul-", 30),
    ("pypi-", 20),
    ("r8_", 20),
    ("rdme_", 30),
    ("retaindb_", 16),
    ("rk_live_", 16),
    ("rk_test_", 16),
    ("rubygems_", 30),
    ("s-s4t2af-", 40),
    ("s-s4t2ud-", 40),
    ("sbp_", 30),
    ("secret_", 40),
    ("sentry", 30),
    ("sgp_", 30),
    ("shippo_", 30),
    ("shpat_", 30),
    ("shpca_", 30),
    ("shppa_", 30),
    ("shpss_", 30),
    ("sk-", 16),
    ("sk_", 20),
    ("sm_aat_", 16),
    ("sm_pat_", 16),
    ("sm_sat_", 16),
    ("sntrys_", 20),
    ("sntryu_", 20),
    ("sq0atp-", 20),
    ("sq0csp-", 20),
    ("syt_", 16),
    ("t-", 16),
    ("t1.", 60),
    ("test_", 30),
    ("tfp_", 30),
    ("tgp_v1_", 20),
    ("tk-us-", 30),
    ("tvly-", 16),
    ("u-", 16),
    ("v1.0-", 60),
    ("vercel_", 20),
    ("whsec_", 20),
    ("xai-", 20),
    ("xapp-", 10),
    ("xkeysib-", 30),
    ("xox", 12),
    ("xwfp-", 10),
    ("ya29.", 20),
];

/// The shortest word that can begin a token: `eyJ` and what follows, up to its dot.
const MIN_WORD: usize = 8;
/// Prefixes with a dot whose part before it is shorter than [`MIN_WORD`].
const DOTTED: [&str; 8] = ["SG", "dp", "dt0c01", "hvb", "hvs", "t1", "v1", "ya29"];
/// Prefixes of tokens that are base64, in which `+`, `/` and `=` belong to them.
const BASE64: [&str; 9] = ["ABSK", "ZXlK", "eyJ", "fm1a_", "fm1r_", "fm2_", "glc_", "ops_eyJ", "sntrys_"];

/// A bit for every pair of first bytes of [`PREFIXES`] and of the shapes below.
const PAIRS: [u64; 1024] = {
    let mut pairs = [0; 1024];
    let mut i = 0;
    while i < PREFIXES.len() {
        set(&mut pairs, PREFIXES[i].0.as_bytes());
        i += 1;
    }
    set(&mut pairs, b"cl");
    set(&mut pairs, b"ey");
    pairs
};

const fn set(pairs: &mut [u64; 1024], prefix: &[u8]) {
    let pair = pair(prefix[0], prefix[1]);
    pairs[pair / 64] |= 1 << (pair % 64);
}

const fn pair(first: u8, second: u8) -> usize {
    (first as usize) << 8 | second as usize
}

/// A cheap test of every word of a log.
fn may_begin_a_token(word: &[u8]) -> bool {
    let [first, second, ..] = word else { return false };
    let pair = pair(*first, *second);
    PAIRS[pair / 64] >> (pair % 64) & 1 == 1
}

/// The token that begins at `start`, if there is one; `end` is the end of its first word.
pub(super) fn token(text: &str, start: usize, end: usize) -> Option<Step> {
    let bytes = text.as_bytes();
    let word = text.get(start..end)?;
    if !may_begin_a_token(word.as_bytes()) {
        return None;
    }
    if word.len() < MIN_WORD && !(bytes.get(end) == Some(&b'.') && DOTTED.contains(&word)) {
        return None;
    }
    if let Some(rest) = word.strip_prefix("cli_") {
        return app_id(start, end, rest);
    }
    if word.starts_with("eyJ") && bytes.get(end) == Some(&b'.') {
        let second = word_end(bytes, end + 1);
        if second - end > 5 {
            let third = if bytes.get(second) == Some(&b'.') { word_end(bytes, second + 1) } else { second };
            return Some(mask(start, third));
        }
    }
    let (to, base64) = (dotted_end(bytes, end), base64_end(bytes, end));
    let first = PREFIXES.partition_point(|(prefix, _)| prefix.as_bytes()[..2] < word.as_bytes()[..2]);
    let mut same_pair =
        PREFIXES[first..].iter().take_while(|(prefix, _)| prefix.as_bytes()[..2] == word.as_bytes()[..2]);
    same_pair.find_map(|(prefix, least)| {
        let (whole, to) = match prefix {
            _ if BASE64.contains(prefix) => (&text[start..base64], base64.max(to)),
            _ if prefix.contains('.') => (&text[start..to], to),
            _ => (word, to),
        };
        let rest = whole.strip_prefix(prefix)?;
        (rest.len() >= *least && is_random(prefix, rest)).then(|| mask(start, to))
    })
}

fn base64_end(bytes: &[u8], from: usize) -> usize {
    from + bytes[from..].iter().take_while(|b| is_word(**b) || matches!(b, b'+' | b'/' | b'=')).count()
}

/// The end of a token that may contain dots.
pub(super) fn dotted_end(bytes: &[u8], end: usize) -> usize {
    let mut to = end;
    while bytes.get(to) == Some(&b'.') && bytes.get(to + 1).is_some_and(|b| is_word(*b)) {
        to = word_end(bytes, to + 1);
    }
    to
}

/// Prefixes that are also parts of ordinary words (`t-shirt-…`, `secret_…`): a token has digits, and not only words
/// joined by `_`.
fn is_random(prefix: &str, rest: &str) -> bool {
    let digit = rest.bytes().any(|b| b.is_ascii_digit());
    match prefix {
        // GitHub's: p, o, u, s or r and `_`; Slack's: one letter and `-`
        "gh" => matches!(rest.as_bytes(), [b'p' | b'o' | b'u' | b's' | b'r', b'_', ..]),
        "xox" => matches!(rest.as_bytes(), [b'a'..=b'z', b'-' | b'.', ..]),
        // identifiers of programs: `fal_client_version`, `exa_search_results_2`
        "brv_" | "duffel_" | "e2b_" | "exa_" | "fal_" | "jina_" | "mem0_" | "pscale_" | "secret_"
        | "sentry" | "sk_" | "vercel_" => digit && rest.split('_').any(|part| part.len() >= 12),
        "live_" | "test_" => digit && rest.split('_').any(|part| part.len() >= 30),
        "dapi" | "A3T" | "ico-" => digit && rest.bytes().all(|b| b.is_ascii_alphanumeric()),
        "API-" => digit && rest.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()),
        "SEC" | "SK" | "key-" | "pubkey-" => digit && rest.bytes().all(|b| b.is_ascii_hexdigit()),
        "A3-" | "AKID" | "AKLT" | "ALTAK" | "BSA" | "EAA" | "fc-" | "fw-" | "fw_" => digit,
        _ if prefix.len() <= 2 => digit,
        _ => true,
    }
}

/// The ID of a Feishu app: not a secret, but private. Its first and last two characters stay, to tell apps apart.
fn app_id(start: usize, end: usize, rest: &str) -> Option<Step> {
    (rest.len() >= 8 && rest.bytes().all(|b| b.is_ascii_alphanumeric())).then(|| {
        let with = format!("cli_{}…{}", &rest[..2], &rest[rest.len() - 2..]);
        Step::Replace { start, end, with: with.into() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_in_order_and_found() {
        assert!(PREFIXES.is_sorted_by_key(|(prefix, _)| prefix.as_bytes()));
        for (prefix, least) in PREFIXES {
            assert!(prefix.len() + least >= MIN_WORD, "{prefix}");
            let head = match *prefix {
                "gh" => "ghp_",
                "xox" => "xoxb-",
                prefix => prefix,
            };
            let rest = match *prefix {
                "API-" => "0AB9",
                "SEC" | "SK" | "key-" | "pubkey-" => "0af9",
                _ => "0Aa9",
            };
            let token = format!("{head}{}", rest.repeat(20));
            let end = word_end(token.as_bytes(), 0);
            assert!(super::token(&token, 0, end).is_some(), "{token}");
        }
    }
}
