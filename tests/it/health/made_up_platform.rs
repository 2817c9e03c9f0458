//! A platform that nobody has: one data file and two recordings, no line of Rust.

use std::sync::Arc;

use gatelight::evidence::patterns::Patterns;
use gatelight::health::platform::built_in_files;
use gatelight::health::{Deadlines, Light, Platforms, Reason};
use gatelight::recording::Recording;

const PLATFORM: &str = include_str!("carrier_pigeon/platform.toml");
const STORM: &str = include_str!("carrier_pigeon/storm.jsonl");
const REFUSED: &str = include_str!("carrier_pigeon/refused.jsonl");

/// The light and the reason at these seconds of a recording.
fn shown(recording: &str, files: &[&'static str], seconds: &[i64]) -> Vec<(Light, Reason)> {
    let recording = Recording::read(recording.as_bytes()).unwrap();
    let files: Vec<&str> = built_in_files().chain(files.iter().copied()).collect();
    let patterns = Arc::new(Patterns::with_platforms(&[], files.iter().copied()).unwrap());
    let platforms = Platforms::read(files);
    let mut changes = Vec::new();
    recording.play_with(patterns, &platforms, Deadlines::default(), &mut |change| {
        changes.push((change.at, change.to.reason.light(), change.to.reason));
    });
    let start = recording.header.start;
    let at = |seconds: &i64| {
        let until = start + jiff::SignedDuration::from_secs(*seconds);
        let last = changes.iter().rev().find(|(at, ..)| *at <= until);
        last.map_or((Light::Grey, Reason::NoEvidence), |(_, light, reason)| (*light, *reason))
    };
    seconds.iter().map(at).collect()
}

#[test]
fn one_file_gives_a_platform_its_words_and_times() {
    let seconds = [30, 62, 85, 106, 112, 152, 161];
    assert_eq!(
        shown(STORM, &[PLATFORM], &seconds),
        [
            (Light::Green, Reason::Connected),
            (Light::Amber, Reason::Reconnecting),
            // 20 s after the loss
            (Light::Red, Reason::ReconnectStalled),
            (Light::Amber, Reason::Recovering),
            // 10 s after a claim
            (Light::Green, Reason::Connected),
            (Light::Amber, Reason::Reconnecting),
            // a proof needs no time
            (Light::Green, Reason::Connected),
        ]
    );
    assert_eq!(shown(REFUSED, &[PLATFORM], &[30]), [(Light::Red, Reason::AuthRejected)]);
}

#[test]
fn without_the_file_its_own_words_mean_nothing() {
    let green = (Light::Green, Reason::Connected);
    assert_eq!(shown(STORM, &[], &[30, 85, 152]), [green; 3]);
    assert_ne!(shown(REFUSED, &[], &[30]), [(Light::Red, Reason::AuthRejected)]);
}
