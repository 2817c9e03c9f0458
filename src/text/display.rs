//! Text from outside (names, log lines, answers of programs) on its way to a person.

/// Whether the character breaks or reorders its line: control characters, line separators, and the
/// marks that change the writing direction (Unicode Bidirectional Algorithm, UAX #9).
pub(crate) fn disrupts_line(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether the character could make a line read as something else: [`disrupts_line`], and characters without a glyph
/// such as joiners, which names and emoji need but log lines do not.
pub(crate) fn is_hidden(c: char) -> bool {
    disrupts_line(c)
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Text between the tags of XML or HTML.
pub(crate) fn entities(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Letters of scripts that are written from right to left.
fn is_right_to_left(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}'
        | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

/// The text on one line of a menu or a notification. Characters that would break it become spaces. Right-to-left text is isolated,
/// so that it does not reorder the rest of the line; Pango takes the direction of a line from its first letter,
/// isolated or not, hence the leading left-to-right mark.
pub(crate) fn label(text: &str) -> String {
    let clean: String = text.chars().map(|c| if disrupts_line(c) { ' ' } else { c }).collect();
    if clean.contains(is_right_to_left) { format!("\u{200e}\u{2068}{clean}\u{2069}") } else { clean }
}
