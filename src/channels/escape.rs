//! Escaping of text for each receiver's markup, so that text of a log or the name of a profile does not become a link, a
//! mention or formatting.

/// `https://…` as `https: //…`, which no receiver turns into a link.
pub(crate) fn without_links(text: &str) -> String {
    text.replace("://", ": //")
}

/// For Telegram's HTML (<https://core.telegram.org/bots/api#html-style>) and Slack's mrkdwn
/// (<https://docs.slack.dev/messaging/formatting-message-text#escaping>): both read entities for these three.
pub(crate) use crate::text::display::entities;

/// For Discord's Markdown: a backslash before each special character, as in CommonMark. `@` and `<` begin mentions.
pub(crate) fn discord(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if matches!(
            c,
            '\\' | '*' | '_' | '~' | '`' | '|' | '>' | '<' | '[' | ']' | '(' | ')' | '#' | '@' | ':'
        ) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// For the Markdown of DingTalk and WeCom, which document no escaping: full-width forms of the characters that begin a
/// link, a tag, emphasis or code.
pub(crate) fn full_width(text: &str) -> String {
    let replace = |c| match c {
        '[' => '［',
        ']' => '］',
        '<' => '＜',
        '>' => '＞',
        '*' => '＊',
        '`' => '｀',
        '#' => '＃',
        '@' => '＠',
        other => other,
    };
    text.chars().map(replace).collect()
}

/// The text in at most `most` bytes (at least 3); if it is longer, the last character is an ellipsis.
pub(crate) fn cut_bytes(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let most = most.saturating_sub('…'.len_utf8());
    let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_markup_is_left() {
        let hostile = "a_b <b>&amp; [x](https://evil.example) *bold* `code` <!channel> @everyone #1";
        assert!(!without_links(hostile).contains("://"));
        let html = entities(hostile);
        assert!(!html.contains(['<', '>']) && html.contains("&lt;b&gt;&amp;amp;"), "{html}");
        let wide = full_width(hostile);
        assert!(!wide.contains(['[', ']', '<', '>', '*', '`', '#', '@']) && wide.contains("a_b"), "{wide}");
        let escaped = discord(hostile);
        for (at, c) in escaped.char_indices() {
            if "*_`<>[]()@".contains(c) {
                assert!(escaped[..at].ends_with('\\'), "{escaped}");
            }
        }
    }

    #[test]
    fn cut_keeps_whole_characters() {
        assert_eq!(cut_bytes("网关灯", 9), "网关灯");
        assert_eq!(cut_bytes("网关灯", 8), "网…");
        assert_eq!(cut_bytes("网关灯", 3), "…");
    }
}
