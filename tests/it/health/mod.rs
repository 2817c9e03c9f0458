//! Verdicts: recordings, reports from the field, properties.

mod batches;
mod field_reports;
mod field_reports_later;
mod first_look;
mod interleavings;
mod link_rules;
mod made_up_platform;
mod only_what_changed;
mod recording_variants;
mod recordings;
mod rules;
mod verdict_properties;
#[cfg(target_os = "linux")]
mod virtual_day;
mod world;
