//! A model of the world: a gateway with its links, its service manager and its machine. It knows the true state, writes what
//! Hermes would write about it, and says which lights are right at each moment. What Gatelight shows is compared with that.
//!
//! [`hermes`] simulates processes and machine, [`platforms`] the adapters of each [`platform`]; [`oracle`] says which lights are right, [`play`]
//! compares those of a long watch, [`cold`] those of a first look at files. The oracle knows no rule of `src/health`, only the
//! true state, what could be read when, and the deadlines of `docs/how-it-decides.md`.
//!
//! A million steps: `GATELIGHT_MODEL_STEPS=1000000 GATELIGHT_SEED=1 cargo test --test it world::a_long_watch`

#![allow(clippy::struct_excessive_bools, clippy::similar_names)] // a model has many facts; `link` and `line`

mod cold;
mod dice;
mod hermes;
mod journal;
mod oracle;
mod platform;
mod platforms;
mod play;
mod script;

use proptest::prelude::*;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use self::script::{Operation, Plan, any_operations, any_plan};
use crate::support::number;

/// Steps of a usual test: some seconds.
const STEPS: u64 = 2_500;

/// Runs random lives of `GATELIGHT_MODEL_STEPS` steps in all. Each has a seed of its own, beginning with `GATELIGHT_SEED`: the
/// one that fails is repeated alone.
fn run(judge: fn(&Plan, u64, &[Operation]) -> Result<(), String>) {
    let steps = number("GATELIGHT_MODEL_STEPS", STEPS);
    let seed = number("GATELIGHT_SEED", 1);
    let lives = (any_plan(), any::<u64>(), any_operations());
    let mut taken = 0;
    for seed in seed.. {
        if taken >= steps {
            break;
        }
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let config = ProptestConfig {
            max_shrink_iters: 4_000,
            max_shrink_time: 20_000,
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(config, random);
        let life = lives.new_tree(&mut runner).unwrap();
        taken += life.current().2.len() as u64;
        let judged = runner.run_one(life, |(plan, seed, operations)| {
            judge(&plan, seed, &operations).map_err(TestCaseError::fail)
        });
        if let Err(wrong) = judged {
            panic!("again with: GATELIGHT_SEED={seed} GATELIGHT_MODEL_STEPS=1\n{wrong}");
        }
    }
}

/// A long watch shows the right lights at every moment.
#[test]
fn a_long_watch_is_right() {
    run(play::long_watch);
}

/// A first look at the files is not green where a long watch must not be.
#[test]
fn a_first_look_is_never_greener() {
    run(play::first_look);
}

/// How the logs were rotated, each at other times, changes no light of a first look.
#[test]
fn rotation_changes_no_light() {
    run(play::first_look_at_rotated);
}
