//! Colours and symbols.

use super::Terminal;
use crate::health::Light;
use crate::text::status as words;

/// The symbol of a light, coloured if colours are allowed; a word where symbols are not.
pub(crate) fn light(light: Light, terminal: &Terminal<'_>) -> String {
    if terminal.symbols {
        return in_light(light.symbol(), light, terminal.color);
    }
    let word = terminal.lang.pick(words::light(light));
    // pads to a common width; the Chinese words have one already
    if word.is_ascii() { format!("{word:<5}") } else { word.to_owned() }
}

/// Dims secondary text.
pub(crate) fn dim(text: &str, color: bool) -> String {
    paint(text, 2, color)
}

/// Emphasises text.
pub(crate) fn bold(text: &str, color: bool) -> String {
    paint(text, 1, color)
}

/// Colours text like a light.
pub(crate) fn in_light(text: &str, light: Light, color: bool) -> String {
    let code = match light {
        Light::Green => 32,
        Light::Amber => 33,
        Light::Red => 31,
        Light::Grey => 90,
    };
    paint(text, code, color)
}

/// Colours text with a code of ECMA-48 (SGR).
pub(crate) fn paint(text: &str, code: u8, color: bool) -> String {
    if color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}
