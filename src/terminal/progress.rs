//! Progress of long work, on standard error and only if that is a terminal. Not with indicatif: its estimate of the rest
//! needs `pow`, and with it the C library for mathematics, 0.3 MB of memory of each process.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Fewer bytes than this get no bar: they are read too quickly.
const LARGE: u64 = 32 << 20;
/// Redraw interval of a bar that shows time.
const TICK: Duration = Duration::from_millis(500);
/// Least time between two drawings of a bar that shows bytes.
const REDRAW: Duration = Duration::from_millis(100);
/// Width of the bar.
const BAR: u64 = 30;
/// The width of a terminal that does not tell it.
const USUAL_WIDTH: usize = 80;

/// A line that is removed when it is dropped.
pub(crate) enum Progress {
    Hidden,
    Bytes { total: u64, state: Mutex<Read> },
    Time { stop: Option<Sender<()>>, clock: Option<JoinHandle<()>> },
}

pub(crate) struct Read {
    begun: Instant,
    bytes: u64,
    drawn: Option<Instant>,
}

impl Progress {
    /// Of reading these files; none if they are small.
    pub(crate) fn of_files(files: &[PathBuf]) -> Self {
        let total = files.iter().filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum();
        if total < LARGE || !stderr().is_terminal() {
            return Self::Hidden;
        }
        Self::Bytes { total, state: Mutex::new(Read { begun: Instant::now(), bytes: 0, drawn: None }) }
    }

    /// Of work that takes a known time, which begins now.
    pub(crate) fn of_time(length: Duration) -> Self {
        if !stderr().is_terminal() {
            return Self::Hidden;
        }
        let (stop, stopped) = channel();
        let begun = Instant::now();
        let clock = std::thread::Builder::new().name("progress".to_owned()).spawn(move || {
            loop {
                draw(&format!("{}/{} s", begun.elapsed().as_secs(), length.as_secs()));
                if stopped.recv_timeout(TICK) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
            }
        });
        Self::Time { stop: Some(stop), clock: clock.ok() }
    }

    /// Reports that this many more bytes were read.
    pub(crate) fn advance(&self, bytes: u64) {
        let Self::Bytes { total, state } = self else { return };
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.bytes += bytes;
        let now = Instant::now();
        if state.drawn.is_none_or(|at| now.duration_since(at) >= REDRAW) {
            state.drawn = Some(now);
            draw(&bar(state.bytes, *total, now.duration_since(state.begun)));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        match self {
            Self::Hidden => return,
            Self::Bytes { .. } => {}
            Self::Time { stop, clock } => {
                drop(stop.take());
                clock.take().map(JoinHandle::join);
            }
        }
        draw("");
    }
}

/// Replaces the line under the cursor. An error is that of a terminal that is gone.
fn draw(text: &str) {
    let mut out = stderr().lock();
    // all its characters are one column wide; in the last column a line may wrap
    let most = super::columns(&out, true).unwrap_or(USUAL_WIDTH) - 1;
    let text: String = text.chars().take(most).collect();
    let _ = write!(out, "\r{text}\x1b[K").and_then(|()| out.flush());
}

/// `█████░░░  62%  1.21/1.95 GiB  4 s`; `spent`: the time that the read bytes took.
fn bar(read: u64, total: u64, spent: Duration) -> String {
    let read = read.min(total);
    let filled = (read * BAR / total.max(1)) as usize;
    let (shift, unit) = if total < 1 << 30 { (20, "MiB") } else { (30, "GiB") };
    let size = |bytes: u64| bytes as f64 / f64::from(1 << shift);
    let rest = spent.as_secs_f64() * (total - read) as f64 / read.max(1) as f64;
    format!(
        "{}{} {:>3}%  {:.2}/{:.2} {unit}  {rest:.0} s",
        "█".repeat(filled),
        "░".repeat(BAR as usize - filled),
        read * 100 / total.max(1),
        size(read),
        size(total),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_tells_how_much_is_read_and_how_long_the_rest_takes() {
        let [none, half, all] = [0, 1 << 30, 5 << 30].map(|read| bar(read, 2 << 30, Duration::from_secs(3)));
        assert_eq!(half, format!("{}{}  50%  1.00/2.00 GiB  3 s", "█".repeat(15), "░".repeat(15)));
        assert!(none.starts_with('░') && none.contains("   0%"), "{none}");
        assert_eq!(all, format!("{} 100%  2.00/2.00 GiB  0 s", "█".repeat(30)), "a log grew");
    }
}
