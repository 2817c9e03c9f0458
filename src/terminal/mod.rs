//! Output on a terminal: colours and symbols, lines and columns, progress, questions, and text of unknown origin.

use std::io::{self, BufRead as _, IsTerminal as _, LineWriter, StdoutLock, Write};
use std::os::fd::AsFd;

use crate::text::display::disrupts_line;
use crate::text::{Lang, error};

pub(crate) mod layout;
pub(crate) mod progress;
pub(crate) mod style;

/// Narrower terminals are treated as this wide (in columns).
const NARROWEST: usize = 20;

/// Where and how a command prints.
pub struct Terminal<'a> {
    /// Standard output, or a buffer in tests.
    pub out: &'a mut dyn Write,
    /// Language of the texts.
    pub lang: Lang,
    /// Colours may be used: on a terminal, unless `NO_COLOR` is set.
    pub color: bool,
    /// Symbols may be used: on a terminal. Files and pipes get words.
    pub symbols: bool,
    /// Lines are wrapped at this many columns; `None`: not at all, as in files and pipes.
    pub width: Option<usize>,
}

impl<'a> Terminal<'a> {
    /// Settings for standard output, from the environment and the file descriptor. `NO_COLOR` (<https://no-color.org>)
    /// turns colours off; `CLICOLOR_FORCE` (<https://bixense.com/clicolors>) treats a pipe as a terminal; `COLUMNS`
    /// sets the width.
    pub(crate) fn stdout(out: &'a mut dyn Write, lang: Lang) -> Self {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let forced =
            std::env::var_os("CLICOLOR_FORCE").is_some_and(|value| !value.is_empty() && value != "0");
        let on_terminal = io::stdout().is_terminal();
        let symbols = on_terminal || forced;
        let width = columns(io::stdout(), on_terminal);
        Self { out, lang, color: symbols && !is_set("NO_COLOR"), symbols, width }
    }

    /// Prints a text, wrapped: the first line begins with `first`, the others with `rest`.
    pub(crate) fn wrapped(&mut self, text: &str, first: &str, rest: &str) -> io::Result<()> {
        for line in layout::wrap(text, self.width, first, rest) {
            writeln!(self.out, "{line}")?;
        }
        Ok(())
    }

    /// Prints every line of a text, wrapped.
    pub(crate) fn wrapped_lines(&mut self, text: &str) -> io::Result<()> {
        layout::wrap_lines(text, self.width).iter().try_for_each(|line| writeln!(self.out, "{line}"))
    }
}

/// Standard output, flushed after each line. Its errors name it.
pub(crate) struct Output(LineWriter<StdoutLock<'static>>);

impl Output {
    pub(crate) fn lock() -> Self {
        Self(LineWriter::new(io::stdout().lock()))
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(error::of_output)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(error::of_output)
    }
}

/// Prints a text on standard error, wrapped if that is a terminal. Errors are ignored: nobody may be reading it.
pub(crate) fn warn(text: &str) {
    let mut stderr = io::stderr().lock();
    let width = columns(&stderr, stderr.is_terminal());
    for line in layout::wrap_lines(text, width) {
        let _ = writeln!(stderr, "{line}");
    }
}

/// The width of lines: `COLUMNS`, else that of the terminal; `None` for anything else.
fn columns(out: impl AsFd, is_terminal: bool) -> Option<usize> {
    let width = columns_variable().or_else(|| is_terminal.then(|| window_width(out)).flatten());
    width.map(|columns| columns.max(NARROWEST))
}

fn columns_variable() -> Option<usize> {
    std::env::var("COLUMNS").ok()?.trim().parse().ok().filter(|columns| *columns > 0)
}

fn window_width(out: impl AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(out).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

/// Asks a yes-or-no question on standard error. `None` if standard input or standard error is no terminal.
pub(crate) fn confirm(question: &str) -> Option<bool> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return None;
    }
    eprint!("{question}");
    let _ = io::stderr().flush();
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    Some(read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes" | "是"))
}

/// Escapes what could change the terminal or the direction of writing (`\u{…}`). Tabs stay.
pub(crate) fn printable(text: &str) -> String {
    let hidden = |c: char| disrupts_line(c) && c != '\t';
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if hidden(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}
