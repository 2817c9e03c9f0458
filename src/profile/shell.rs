//! The words of a shell script, as far as job files need them.

use std::ops::Range;

/// Longest script that is parsed, in bytes.
const MAX_SCRIPT: usize = 256 * 1024;

/// A word of a shell script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellWord {
    /// Unquoted; expansions stay as written.
    pub text: String,
    /// Its bytes in the script, quotes included.
    pub span: Range<usize>,
}

/// A piece of a shell script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShellToken {
    /// A word. Redirections and comments are omitted.
    Word(ShellWord),
    /// The end of a simple command: `;`, `&&`, `|`, a line's end, a bracket.
    Break,
}

/// A word for a command line of a POSIX shell, quoted if it needs to be.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+,@:".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Splits a script as a POSIX shell does, as far as job files need it. `None`: quotes that do not close, a here-document,
/// or too long.
pub fn shell_tokens(script: &str) -> Option<Vec<ShellToken>> {
    let b = script.as_bytes();
    if b.len() > MAX_SCRIPT {
        return None;
    }
    let mut tokens = Vec::new();
    let mut drop_next = false;
    let mut i = 0;
    while i < b.len() {
        match b[i] {
            b' ' | b'\t' | b'\r' => i += 1,
            b'\\' if b.get(i + 1) == Some(&b'\n') => i += 2,
            b'#' => i = memchr::memchr(b'\n', &b[i..]).map_or(b.len(), |n| i + n),
            b'<' | b'>' => {
                if script[i..].starts_with("<<") {
                    return None;
                }
                while i < b.len() && matches!(b[i], b'<' | b'>' | b'&' | b'|') {
                    i += 1;
                }
                drop_next = true;
            }
            b'&' if b.get(i + 1) == Some(&b'>') => i += 1,
            b'\n' | b';' | b'&' | b'|' | b'(' | b')' => {
                tokens.push(ShellToken::Break);
                drop_next = false;
                i += 1;
            }
            _ => {
                let start = i;
                let text = shell_word(script, &mut i)?;
                let raw = &script[start..i];
                let descriptor =
                    matches!(b.get(i), Some(b'<' | b'>')) && raw.bytes().all(|c| c.is_ascii_digit());
                if drop_next || descriptor {
                    drop_next = false;
                } else if raw == "{" || raw == "}" {
                    tokens.push(ShellToken::Break);
                } else {
                    tokens.push(ShellToken::Word(ShellWord { text, span: start..i }));
                }
            }
        }
    }
    Some(tokens)
}

/// Reads one word from `*at` and advances past it.
fn shell_word(script: &str, at: &mut usize) -> Option<String> {
    let b = script.as_bytes();
    let mut text: Vec<u8> = Vec::new();
    let mut i = *at;
    while i < b.len() {
        match b[i] {
            b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>' => break,
            b'\\' => {
                match b.get(i + 1)? {
                    b'\n' => {}
                    c => text.push(*c),
                }
                i += 2;
            }
            b'\'' => {
                let end = i + 1 + memchr::memchr(b'\'', &b[i + 1..])?;
                text.extend_from_slice(&b[i + 1..end]);
                i = end + 1;
            }
            b'"' => {
                i += 1;
                loop {
                    match b.get(i)? {
                        b'"' => break,
                        b'\\' => {
                            match b.get(i + 1)? {
                                b'\n' => {}
                                c @ (b'$' | b'`' | b'"' | b'\\') => text.push(*c),
                                c => text.extend_from_slice(&[b'\\', *c]),
                            }
                            i += 2;
                        }
                        b'$' | b'`' => expansion(b, &mut i, &mut text)?,
                        c => {
                            text.push(*c);
                            i += 1;
                        }
                    }
                }
                i += 1;
            }
            b'$' | b'`' => expansion(b, &mut i, &mut text)?,
            c => {
                text.push(c);
                i += 1;
            }
        }
    }
    *at = i;
    // pieces were cut at ASCII bytes only, but for a backslash before a longer character, whose rest follows
    Some(String::from_utf8_lossy(&text).into_owned())
}

/// Copies an expansion unchanged: `$NAME`, `${…}`, `$(…)`, a command in backquotes.
fn expansion(b: &[u8], at: &mut usize, text: &mut Vec<u8>) -> Option<()> {
    let start = *at;
    let end = match (b[start], b.get(start + 1)) {
        (b'`', _) => start + 1 + memchr::memchr(b'`', &b[start + 1..])? + 1,
        (_, Some(b'{')) => start + memchr::memchr(b'}', &b[start..])? + 1,
        (_, Some(b'(')) => {
            let mut open = 0_usize;
            let length = b[start..].iter().position(|c| {
                open = match c {
                    b'(' => open + 1,
                    b')' => open.saturating_sub(1),
                    _ => open,
                };
                open == 0 && *c == b')'
            })?;
            start + length + 1
        }
        _ => start + 1,
    };
    text.extend_from_slice(&b[start..end]);
    *at = end;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn quoted_words_come_back(line in proptest::collection::vec("[^\0]{0,12}", 1..6)) {
            let script: Vec<String> = line.iter().map(|w| format!("'{}'", w.replace('\'', r"'\''"))).collect();
            let tokens = shell_tokens(&script.join(" ")).unwrap();
            let back: Vec<String> = tokens.into_iter().filter_map(|t| match t {
                ShellToken::Word(w) => Some(w.text),
                ShellToken::Break => None,
            }).collect();
            prop_assert_eq!(back, line);
        }
    }
}
