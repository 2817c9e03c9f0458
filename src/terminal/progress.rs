//! Progress of long work, on standard error and only if that is a terminal.

use std::path::PathBuf;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Fewer bytes than this get no bar: they are read too quickly.
const LARGE: u64 = 32 << 20;
/// Redraw interval of a bar that shows time.
const TICK: Duration = Duration::from_millis(500);

/// A bar that is removed when it is dropped.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Of reading these files; none if they are small.
    pub(crate) fn of_files(files: &[PathBuf]) -> Self {
        let total = files.iter().filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum();
        if total < LARGE {
            return Self(ProgressBar::hidden());
        }
        Self::with_style(total, "{bar:30} {percent:>3}%  {bytes}/{total_bytes}  {eta}")
    }

    /// Of work that takes a known time, which begins now.
    pub(crate) fn of_time(length: Duration) -> Self {
        let bar =
            Self::with_style(length.as_secs(), &format!("{{spinner}} {{elapsed}}/{} s", length.as_secs()));
        bar.0.enable_steady_tick(TICK);
        bar
    }

    /// Reports that this many more bytes were read.
    pub(crate) fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    fn with_style(length: u64, template: &str) -> Self {
        let bar = ProgressBar::new(length);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self(bar)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
