//! The bodies of the fuzz targets on random bytes, on their corpus, and on the corpus with some bytes changed.

#[path = "../../../fuzz/bodies.rs"]
pub(super) mod bodies;

use std::path::Path;
use std::sync::Arc;

use gatelight::evidence::logbook::LogBook;
use gatelight::evidence::patterns::Patterns;
use gatelight::health::{Signal, platform};
use jiff::Timestamp;
use proptest::prelude::*;

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

#[test]
fn every_target_takes_its_corpus() {
    for (name, body) in bodies::ALL {
        let seeds = corpus(name);
        assert!(!seeds.is_empty(), "{name} has no corpus");
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fuzz/fuzz_targets/{name}.rs"));
        assert!(target.exists(), "{name}");
        for seed in seeds {
            body(&seed);
        }
    }
}

/// The signal of the pattern's wording, logged by its own logger at its own level.
fn events_of(patterns: &Arc<Patterns>, sample: &bodies::Sample) -> usize {
    let logger = if sample.logger.is_empty() { String::new() } else { format!("{}: ", sample.logger) };
    let line = match sample.log.as_str() {
        "bridge.log" => format!("{}\n", sample.message),
        _ => format!("2026-11-22 11:00:00,000 {} {logger}{}\n", sample.level, sample.message),
    };
    let mut book = LogBook::new(Arc::clone(patterns));
    let events = book.read([(sample.log.as_str(), line.as_bytes())], Timestamp::UNIX_EPOCH);
    events.iter().filter(|event| !matches!(event.record.signal, Signal::Info | Signal::Record)).count()
}

/// Proves that the test below can fail: the same words are evidence in their own record.
#[test]
fn every_wording_is_evidence_where_it_belongs() {
    let samples = bodies::samples();
    assert!(samples.len() >= 200, "{}", samples.len());
    let patterns = crate::support::patterns();
    let silent: Vec<_> = samples.iter().filter(|sample| events_of(&patterns, sample) == 0).collect();
    assert!(silent.is_empty(), "{silent:#?}");
}

/// Every pattern of every table is anchored to a logger and to the beginning of the message; one that fits any beginning
/// has its wording at the message's end.
#[test]
fn every_pattern_is_anchored() {
    let gateway = include_str!("../../../resources/patterns.toml");
    for text in platform::built_in_files().chain([gateway]) {
        let table: toml::Table = text.parse().unwrap();
        let of_file = table.contains_key("loggers");
        for line in table["line"].as_array().unwrap().iter().map(|line| line.as_table().unwrap()) {
            // Python's output for a dead thread has no logger
            let printed = line.get("raw").is_some_and(|raw| raw.as_bool() == Some(true));
            assert!(of_file || printed || line.contains_key("loggers"), "{line:?}");
            let starts = line["starts"].as_array().unwrap();
            let open = starts.iter().any(|start| start.as_str().unwrap().is_empty());
            assert!(!starts.is_empty() && (!open || line.contains_key("ends")), "{line:?}");
        }
    }
}

/// Every wording of every platform in every carrier, with every form that forges a record where line breaks stay; the rest
/// in turn. All of it at random below.
#[test]
fn no_wording_in_the_text_of_people_changes_a_light() {
    for (carrier, (_, forms)) in bodies::CARRIERS.iter().enumerate() {
        for text in 0..bodies::samples().len() {
            let all = *forms == bodies::FORMS.len();
            let forms = if all { 5..bodies::FORMS.len() } else { carrier + text..carrier + text + 1 };
            for form in forms {
                let (before, logger) = (text / 9, if text % 4 == 0 { text } else { 0 });
                bodies::Hostile { before, carrier, form, text, level: text / 3, logger, cut: 1 }.check();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_hostile_record_changes_a_light(numbers in proptest::array::uniform7(0..10_000_usize)) {
        let [before, carrier, form, text, level, logger, cut] = numbers;
        bodies::Hostile { before, carrier, form, text, level, logger, cut }.check();
    }
}

proptest! {
    #[test]
    fn no_bytes_end_it(data in proptest::collection::vec(any::<u8>(), 0..600)) {
        for (_, body) in bodies::ALL {
            body(&data);
        }
    }

    #[test]
    fn no_changed_seed_ends_it(
        which in any::<prop::sample::Index>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..12),
    ) {
        for (name, body) in bodies::ALL {
            let seeds = corpus(name);
            let mut data = which.get(&seeds).clone();
            data.truncate(20_000);
            for (at, byte, kind) in &changes {
                if data.is_empty() {
                    break;
                }
                let at = at.index(data.len());
                match kind {
                    0 => data[at] = *byte,
                    1 => data.insert(at, *byte),
                    _ => data.truncate(at),
                }
            }
            body(&data);
        }
    }
}
