//! String literals of the scripts that `osascript` runs.

use super::mapped::Mapped;

/// The string literals of a JavaScript source, without comments. `None`: one does not close.
pub fn js_strings(source: &str) -> Option<Vec<Mapped>> {
    let mut strings = Vec::new();
    let mut chars = source.char_indices().peekable();
    while let Some((_, c)) = chars.next() {
        match c {
            '/' => match chars.peek() {
                Some((_, '/')) => while chars.next().is_some_and(|(_, c)| c != '\n') {},
                Some((_, '*')) => {
                    chars.next();
                    let mut star = false;
                    loop {
                        let (_, c) = chars.next()?;
                        if star && c == '/' {
                            break;
                        }
                        star = c == '*';
                    }
                }
                _ => {}
            },
            quote @ ('"' | '\'' | '`') => {
                let mut string = Mapped::default();
                loop {
                    let (at, c) = chars.next()?;
                    if c == quote {
                        strings.push(string);
                        break;
                    }
                    let meant = if c == '\\' {
                        match chars.next()?.1 {
                            '\n' => continue,
                            'n' => '\n',
                            't' => '\t',
                            'r' => '\r',
                            'b' => '\u{8}',
                            'f' => '\u{c}',
                            'v' => '\u{b}',
                            'x' => hex(&mut chars, 2)?,
                            'u' => hex(&mut chars, 4)?,
                            c => c,
                        }
                    } else {
                        c
                    };
                    let end = chars.peek().map_or(source.len(), |(next, _)| *next);
                    string.push(meant, at..end);
                }
            }
            _ => {}
        }
    }
    Some(strings)
}

/// A character given by this many hexadecimal digits.
fn hex(chars: &mut std::iter::Peekable<std::str::CharIndices<'_>>, digits: usize) -> Option<char> {
    let mut value = 0;
    for _ in 0..digits {
        value = value * 16 + chars.next()?.1.to_digit(16)?;
    }
    // no command needs half of a surrogate pair
    Some(char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER))
}

/// The string literals of an AppleScript source, without comments. `None`: one does not close.
pub fn applescript_strings(source: &str) -> Option<Vec<Mapped>> {
    let mut strings = Vec::new();
    let mut chars = source.char_indices().peekable();
    while let Some((_, c)) = chars.next() {
        let next = chars.peek().map(|(_, c)| *c);
        match (c, next) {
            ('#', _) | ('-', Some('-')) => while chars.next().is_some_and(|(_, c)| c != '\n') {},
            ('(', Some('*')) => {
                chars.next();
                let mut star = false;
                loop {
                    let (_, c) = chars.next()?;
                    if star && c == ')' {
                        break;
                    }
                    star = c == '*';
                }
            }
            ('"', _) => {
                let mut string = Mapped::default();
                loop {
                    let (at, c) = chars.next()?;
                    let meant = match c {
                        '"' => {
                            strings.push(string);
                            break;
                        }
                        '\\' => match chars.next()?.1 {
                            'n' => '\n',
                            't' => '\t',
                            'r' => '\r',
                            c => c,
                        },
                        c => c,
                    };
                    let end = chars.peek().map_or(source.len(), |(next, _)| *next);
                    string.push(meant, at..end);
                }
            }
            _ => {}
        }
    }
    Some(strings)
}
