//! `tests/fixtures/strangers.txt`: Hermes records that contain text chosen by strangers, with every wording of every pattern
//! in each of these places. The wording must not change what the record means.

use std::sync::Arc;

use gatelight::evidence::logbook::Scanner;
use gatelight::evidence::patterns::Patterns;
use gatelight::health::Signal;
use jiff::Timestamp;

use super::fuzz_targets::bodies::samples;

/// The signals of these messages, one record each.
fn evidence(patterns: &Arc<Patterns>, level: &str, logger: &str, messages: &[String]) -> Vec<String> {
    let mut block = String::new();
    for message in messages {
        block += &format!("2026-11-22 11:00:00,000 {level} {logger}: {message}\n");
    }
    let mut found = Vec::new();
    let mut scanner = Scanner::new(Arc::clone(patterns));
    scanner.read("agent.log", block.as_bytes(), Timestamp::UNIX_EPOCH, &mut |event| {
        if !matches!(event.record.signal, Signal::Info | Signal::Record) {
            found.push(format!("{:?}", event.record.signal));
        }
    });
    found
}

/// Texts that a stranger may choose: the wordings of the patterns, alone and after other text.
fn texts() -> Vec<String> {
    let words = samples().iter().map(|sample| sample.message.clone());
    let mut texts: Vec<String> =
        words.flat_map(|text| [format!("y: {text}"), format!("'{text}'"), text]).collect();
    texts.sort();
    texts.dedup();
    texts
}

#[test]
fn no_word_of_a_stranger_is_evidence() {
    let (texts, patterns) = (texts(), crate::support::patterns());
    let table = include_str!("../../fixtures/strangers.txt");
    let rows = table.lines().filter(|line| !line.starts_with('#'));
    let (mut seen, mut believed) = (0, Vec::new());
    for row in rows {
        let [level, logger, format] = row.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let holes = format.matches("{}").count();
        assert!(holes > 0, "{row}");
        let filled = |hole: usize, text: &str| {
            let mut parts = format.split("{}");
            let mut message = parts.next().unwrap().to_owned();
            for (n, part) in parts.enumerate() {
                message += if n == hole { text } else { "x" };
                message += part;
            }
            message
        };
        // as plugins are called where they lie, and where they are loaded
        let loaded = logger.strip_prefix("plugins.platforms.").and_then(|rest| rest.split_once('.'));
        let loaded = loaded.map(|(platform, rest)| format!("hermes_plugins.{platform}_platform.{rest}"));
        for logger in std::iter::once(logger.to_owned()).chain(loaded) {
            let harmless = evidence(&patterns, level, &logger, &[filled(0, "good morning")]);
            for hole in 0..holes {
                let messages: Vec<String> = texts.iter().map(|text| filled(hole, text)).collect();
                let wanted: Vec<_> = messages.iter().flat_map(|_| harmless.clone()).collect();
                if evidence(&patterns, level, &logger, &messages) != wanted {
                    let first = messages.iter().find(|message| {
                        evidence(&patterns, level, &logger, std::slice::from_ref(message)) != harmless
                    });
                    believed.push(format!("{level} {logger}: {}", first.unwrap_or(&messages[0])));
                }
                seen += 1;
            }
        }
    }
    assert!(seen >= 120, "{seen}");
    assert!(believed.is_empty(), "{} records are believed:\n{}", believed.len(), believed.join("\n"));
}

/// Patterns in the settings have the same anchors.
#[test]
fn a_pattern_of_the_settings_is_no_search_for_a_word() {
    let settings = "[[patterns]]\nsignal = \"lost\"\ntext = \"The tunnel is gone\"\nplatform = \"feishu\"\nlogger = \"tunnel\"\n";
    let config = gatelight::config::Config::parse(settings, "/c.toml".as_ref(), "/u".as_ref()).unwrap();
    let patterns = Arc::new(Patterns::new(&config.patterns).unwrap());
    let found = |line: &str| {
        let mut found = 0;
        let line = format!("2026-11-22 11:00:00,000 {line}\n");
        Scanner::new(Arc::clone(&patterns)).read(
            "agent.log",
            line.as_bytes(),
            Timestamp::UNIX_EPOCH,
            &mut |event| {
                found += usize::from(!matches!(event.record.signal, Signal::Info | Signal::Record));
            },
        );
        found
    };
    assert_eq!(found("ERROR tunnel.client: The tunnel is gone"), 1);
    for line in [
        "ERROR tunnel.client: somebody wrote: The tunnel is gone",
        "ERROR tunnelling: The tunnel is gone",
        "ERROR tools.shell: The tunnel is gone",
        "INFO gateway.run: inbound message: platform=telegram msg='The tunnel is gone'",
    ] {
        assert!(found(line) <= usize::from(line.contains("inbound")), "{line}");
    }
}
