//! Text that is safe in the page.

use crate::redact;
use crate::text::display::entities;

/// Escapes text for use between tags and inside double quotes. Characters that HTML forbids become U+FFFD.
pub(super) fn escape(text: &str) -> String {
    let plain = |c| match c {
        '\n' | '\t' => ' ',
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    let text: String = text.chars().map(plain).collect();
    entities(&text).replace('"', "&quot;").replace('\'', "&#39;")
}

/// A name or log line: one line, without marks that change the direction of writing, bounded, escaped.
pub(super) fn untrusted(text: &str, max: usize) -> String {
    escape(&redact::clean_line(text, max))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn escaped_text_holds_no_markup_and_reads_the_same(text in "(\\PC|[<>&\"'\n\u{0}\u{1b}]|&lt;|-->|]]>|</style>){0,40}") {
            let safe = escape(&text);
            prop_assert!(!safe.contains(['<', '>', '"', '\'']) && !safe.chars().any(char::is_control));
            let back = safe
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&quot;", "\"")
                .replace("&#39;", "'")
                .replace("&amp;", "&");
            let same: String = text
                .chars()
                .map(|c| match c {
                    '\n' | '\t' => ' ',
                    c if c.is_control() => '\u{fffd}',
                    c => c,
                })
                .collect();
            prop_assert_eq!(back, same);
        }
    }
}
