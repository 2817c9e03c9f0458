//! Text in lines and columns of a terminal. Widths are in columns: a Chinese character takes two.

use textwrap::core::{Word, display_width};
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

/// Punctuation that may not begin a line.
const CLOSING: &str = "、。，．；：？！）〕］｝」』】》〉”’…%";
/// Punctuation that may not end a line.
const OPENING: &str = "（〔［｛「『【《〈“‘";

/// Wraps a text: the first line begins with `first`, the others with `rest`. Without a width the text stays on one
/// line. A word longer than a line is not broken, so that a path or a command can be copied.
pub(crate) fn wrap(text: &str, width: Option<usize>, first: &str, rest: &str) -> Vec<String> {
    let options = Options::new(width.unwrap_or(usize::MAX))
        .initial_indent(first)
        .subsequent_indent(rest)
        .break_words(false)
        .word_separator(WordSeparator::Custom(words))
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit);
    textwrap::wrap(text, options).into_iter().map(std::borrow::Cow::into_owned).collect()
}

/// Every line of a text, wrapped; continued lines are indented by four more columns.
pub(crate) fn wrap_lines(text: &str, width: Option<usize>) -> Vec<String> {
    let wrapped = |line: &str| {
        let indent = &line[..line.len() - line.trim_start().len()];
        wrap(line.trim_start(), width, indent, &format!("{indent}    "))
    };
    text.lines().flat_map(wrapped).collect()
}

/// The pieces between which a line may end: after spaces, and before and after a Chinese character.
fn words(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    let mut ends: Vec<usize> = line
        .char_indices()
        .zip(line.chars().skip(1))
        .filter_map(|((at, c), next)| may_break_between(c, next).then_some(at + c.len_utf8()))
        .collect();
    ends.push(line.len());
    let starts = std::iter::once(0).chain(ends.clone());
    Box::new(
        starts.zip(ends).filter(|(start, end)| start < end).map(|(start, end)| Word::from(&line[start..end])),
    )
}

fn may_break_between(c: char, next: char) -> bool {
    if c == ' ' || next == ' ' {
        return c == ' ' && next != ' ';
    }
    (is_wide(c) || is_wide(next)) && !CLOSING.contains(next) && !OPENING.contains(c)
}

fn is_wide(c: char) -> bool {
    textwrap::core::display_width(c.encode_utf8(&mut [0; 4])) == 2
}

/// The columns that a text takes; colours take none.
pub(crate) fn width(text: &str) -> usize {
    display_width(text)
}

/// The text, filled with spaces up to this width.
pub(crate) fn pad(text: &str, to: usize) -> String {
    format!("{text}{:1$}", "", to.saturating_sub(width(text)))
}

/// The text, cut to this width with an ellipsis where it is wider.
pub(crate) fn clip(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let mut clipped = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += width(c.encode_utf8(&mut [0; 4]));
        if used > most {
            break;
        }
        clipped.push(c);
    }
    clipped.push('…');
    clipped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_at_words_and_a_long_word_stays_whole() {
        let text = "look at /a/path/that/is/far/too/long and go on";
        let lines = wrap(text, Some(16), "> ", "  ");
        assert_eq!(lines, ["> look at", "  /a/path/that/is/far/too/long", "  and go on"]);
        assert_eq!(wrap(text, None, "", "  ").len(), 1);
    }

    #[test]
    fn chinese_breaks_anywhere_but_around_its_punctuation() {
        for most in 6..40 {
            let text = "网关的执行器已关闭：看起来仍然连接（“空壳”），但无法回复任何消息。请用 gatelight restart 重启。";
            let lines = wrap(text, Some(most), "", "");
            let whole: String = lines.concat();
            assert_eq!(whole.replace(' ', ""), text.replace(' ', ""));
            for line in &lines {
                let longest_word = "gatelight".len();
                // a closing mark stays with the character before it
                assert!(width(line) <= most.max(longest_word) + 4, "{most}: {line}");
                assert!(!line.starts_with(|c| CLOSING.contains(c)), "{most}: {lines:?}");
                assert!(!line.ends_with(|c| OPENING.contains(c)), "{most}: {lines:?}");
            }
        }
    }

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(width("网关 ok"), 7);
        assert_eq!(pad("网", 4), "网  ");
        assert_eq!(clip("网关网关", 5), "网关…");
        assert_eq!(clip("网关", 4), "网关");
        assert_eq!(width("\u{1b}[31mred\u{1b}[0m"), 3);
    }
}
