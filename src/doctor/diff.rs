//! The diff of a job file, without secrets.

use crate::evidence::redact::job_file;

/// A unified diff without file names. It shows the lines around a change too, so both texts are masked first.
pub(super) fn diff(old: &str, new: &str) -> String {
    let (old, new) = (job_file(old), job_file(new));
    similar::TextDiff::from_lines(old.as_str(), new.as_str()).unified_diff().context_radius(3).to_string()
}
