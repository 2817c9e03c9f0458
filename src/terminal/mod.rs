//! Output on a terminal: where it goes, colours and symbols, questions, and text of unknown origin.

use std::io::{self, BufRead as _, IsTerminal as _, Write};

use crate::text::Lang;
use crate::text::display::disrupts_line;

pub(crate) mod style;

/// Where and how a command prints.
pub struct Terminal<'a> {
    /// Standard output, or what stands for it.
    pub out: &'a mut dyn Write,
    /// Language of the texts.
    pub lang: Lang,
    /// Colours may be used: on a terminal, unless `NO_COLOR` is set.
    pub color: bool,
    /// Symbols may be used: on a terminal. Files and pipes get words.
    pub symbols: bool,
}

impl<'a> Terminal<'a> {
    /// Prints to standard output as far as this process's environment and file descriptors allow: <https://no-color.org>.
    pub(crate) fn stdout(out: &'a mut dyn Write, lang: Lang) -> Self {
        let symbols = io::stdout().is_terminal();
        let color = symbols && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { out, lang, color, symbols }
    }
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
