//! Job files: everything is hidden that is not known to be harmless.
//!
//! Looking for secrets, as the rest of this module does, is not enough here: a job file has environment variables and
//! arguments of any name, and diagnoses with it are posted in public issues. So a value is shown only if it is on a
//! short list or a plain path; text that does not parse is hidden.

mod command;
mod plist;
mod unit;
mod variable;

use super::{MASK, redact};

/// A property list or systemd unit without the values that could be private. Lines are kept, so that a diff of two such
/// texts shows which words changed.
pub fn job_file(text: &str) -> String {
    let body = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    let masked = if body.starts_with('<') { plist::mask(text) } else { unit::mask(text) };
    // a known name does not make its value harmless
    redact(&masked).into_owned()
}

/// Whether this is a word or path of plain characters without a random part.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 256
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._/:@%~+,=-".contains(&b))
        && !text.split(|c: char| !c.is_ascii_alphanumeric()).any(is_random)
}

/// Whether a part of a word looks generated: letters and digits mixed, or very long.
fn is_random(part: &str) -> bool {
    let (digits, letters) = part.bytes().fold((0, 0), |(digits, letters), b| {
        if b.is_ascii_digit() { (digits + 1, letters) } else { (digits, letters + 1) }
    });
    part.len() >= 32 || (part.len() >= 12 && digits > 0 && letters > 0)
}

/// Whether this is a path that may be shown: absolute, below the home, or below a variable.
fn is_plain_path(text: &str) -> bool {
    let path = text.strip_prefix("$HOME").or_else(|| text.strip_prefix("${HOME}")).unwrap_or(text);
    let starts = ["/", "~/", "./", "../"].iter().any(|start| path.starts_with(start));
    starts && is_plain(path)
}

/// The text, or a mask with the white space around it.
fn keep_or_mask(out: &mut String, text: &str, keep: bool) {
    let trimmed = text.trim();
    if keep || trimmed.is_empty() {
        out.push_str(text);
        return;
    }
    let lead = text.len() - text.trim_start().len();
    out.push_str(&text[..lead]);
    out.push_str(MASK);
    out.push_str(&text[lead + trimmed.len()..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "q7Zr9mKx2";

    /// Shapes in which a value of a job file was or could be missed; `{}` is the secret.
    const SHAPES: &[&str] = &[
        "<key>TAVILY_KEY</key><!-- mine --><string>{}</string>",
        "<key>SESSION</key><string><!-- x -->{}</string>",
        "<key>MNEMONIC</key><string><![CDATA[{}]]></string>",
        "<key>X</key><string >{}</string>",
        "<key>X</key><string xml:space=\"preserve\">a {} b</string>",
        "<key>X</key><string a=\"{}\">y</string>",
        "<key>X</key>\n<string>\n  {}\n</string>",
        "<key>X</key><array><string>{}</string></array>",
        "<key>X</key><dict><key>PATH</key><string>{}</string></dict>",
        "<key>PATH</key><string>/usr/bin:{}</string>",
        "<key>HOME</key><data>{}</data>",
        "<key>{}</key><string>/x</string>",
        "<key>X</key><string>{}",
        "<key>X</key>{}",
        "<!-- {} -->",
        "<!-- {}",
        "<![CDATA[{}",
        "<!DOCTYPE plist [<!ENTITY x \"{}\">]>",
        "<?php {} ?>",
    ];

    const ARGUMENTS: &[&str] = &[
        "<string>curl</string><string>-u</string><string>me:{}</string>",
        "<string>curl</string><string>-u</string><string>/{}</string>",
        "<string>--password</string><string>/a/{}</string>",
        "<string>--password=/a/{}</string>",
        "<string>--profile</string><string>work</string><string>{}</string>",
        "<string>X={}</string>",
        "<string>/bin/sh</string><string>-c</string><string>X={} exec hermes gateway run</string>",
        "<string>-c</string><string>curl -H 'X: {}' https://x/{} &amp;&amp; hermes gateway run</string>",
        "<string>-c</string><string>echo \"{}\" | hermes gateway run</string>",
        "<string>-e</string><string>do shell script &quot;exec hermes --key {} gateway run&quot;</string>",
        "<string>-p{}</string>",
        "<string>--{}</string>",
    ];

    const UNITS: &[&str] = &[
        "Environment=X={}",
        "Environment=\"X={}\" PATH=/bin",
        "Environment='X=a {} b'",
        "Environment=X='{}'",
        "Environment=A=1 \\\n  X={} \\\n  \"Y=b {}\"",
        "Environment=\"X=a \\\n{}\"",
        "Environment = PATH=/bin:{}",
        "Environment={}",
        "ExecStart=/usr/bin/env X={} hermes gateway run",
        "ExecStart=/usr/bin/curl -u me:{} x",
        "ExecStart=-/bin/sh -c \"curl -u me:{} \\\n  --x {}\"",
        "SetCredential=x:{}",
        "LoadCredential=x:{}",
        "X-Note={}",
        "# {}",
        "; {}",
        "{}",
        "Description=for {}-{}-4711-{}{}",
    ];

    fn plist(body: &str) -> String {
        format!("<?xml version=\"1.0\"?>\n<plist version=\"1.0\">\n<dict>\n{body}\n</dict>\n</plist>\n")
    }

    #[test]
    fn no_shape_lets_a_value_through() {
        let within = |key: &str, body: &str| plist(&format!("<key>{key}</key><dict>{body}</dict>"));
        let mut texts: Vec<String> =
            SHAPES.iter().map(|shape| within("EnvironmentVariables", shape)).collect();
        texts.extend(SHAPES.iter().map(|shape| within("Unknown", shape)));
        texts.extend(SHAPES.iter().map(|shape| plist(shape)));
        texts.extend(ARGUMENTS.iter().map(|shape| {
            plist(&format!("<key>ProgramArguments</key><array><string>hermes</string>{shape}</array>"))
        }));
        texts.extend(UNITS.iter().map(|shape| format!("[Service]\n{shape}\nType=simple\n")));
        for text in texts {
            let planted = text.replace("{}", SECRET);
            let masked = job_file(&planted);
            // one word of nine characters in a description reveals nothing; joined ones do
            let secret = if text.contains("Description") { "q7Zr9mKx2q7Zr9mKx2" } else { SECRET };
            assert!(!masked.contains(secret), "{planted}\n→ {masked}");
            assert!(masked.contains(MASK), "{planted}\n→ {masked}");
            assert_eq!(job_file(&masked), masked, "once is enough");
        }
    }

    #[test]
    fn redaction_keeps_the_words_of_hermes() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/service-files");
        let mut seen = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "plist" || extension == "service") {
                let text = std::fs::read_to_string(&path).unwrap();
                let masked = job_file(&text);
                // comments are free text
                let lines = text.lines().filter(|line| !line.contains("<!--"));
                let lost: Vec<_> = lines.filter(|line| !masked.contains(*line)).collect();
                assert!(lost.is_empty(), "{path:?}: {lost:#?}\n{masked}");
                seen += 1;
            }
        }
        assert!(seen >= 8, "{seen}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn any_text_is_survived(text in "(\\PC|<|>|</|string|key|dict|array|<!--|-->|\\[CDATA|\\]\\]|&quot;|Environment=|ExecStart=|\\\\\n|\"|'|\n| ){0,60}") {
            let _ = job_file(&text);
            let _ = job_file(&format!("<{text}"));
        }

        #[test]
        fn no_random_word_gets_through(shape in 0..SHAPES.len() + ARGUMENTS.len() + UNITS.len(), word in "[a-z][0-9][A-Za-z0-9]{12,30}") {
            let all: Vec<&str> = SHAPES.iter().chain(ARGUMENTS).chain(UNITS).copied().collect();
            let planted = all[shape].replace("{}", &word);
            for text in [plist(&planted), format!("[Service]\n{planted}\n")] {
                let masked = job_file(&text);
                prop_assert!(!masked.contains(&word), "{} → {}", text, masked);
            }
        }
    }
}
