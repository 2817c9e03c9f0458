//! The bodies of the fuzz targets on random bytes, on their corpus, and on the corpus with some bytes changed.

#[path = "../../../fuzz/bodies.rs"]
mod bodies;

use std::path::Path;

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

/// Every wording in every carrier, the rest in turn; all of it at random below.
#[test]
fn no_wording_in_the_text_of_people_changes_a_light() {
    for carrier in 0..bodies::CARRIERS.len() {
        for text in 0..bodies::texts().len() {
            let form = carrier + text;
            let (before, level, logger) = (text / 9, text / 3, text / 5);
            bodies::Hostile { before, carrier, form, text, level, logger, cut: 1 }.check();
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
