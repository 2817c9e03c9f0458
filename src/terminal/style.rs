//! Colours and symbols of the terminal.

use crate::cli::Terminal;
use crate::health::Light;
use crate::text::status as words;

/// The light's symbol, coloured where colours may be used; its word where no terminal shows it.
pub fn light(light: Light, terminal: &Terminal<'_>) -> String {
    if terminal.symbols {
        return in_light(light.symbol(), light, terminal.color);
    }
    let word = terminal.lang.pick(match light {
        Light::Green => words::GREEN,
        Light::Amber => words::AMBER,
        Light::Red => words::RED,
        Light::Grey => words::GREY,
    });
    // the Chinese words are equally wide
    if word.is_ascii() { format!("{word:<5}") } else { word.to_owned() }
}

/// Less important text.
pub fn dim(text: &str, color: bool) -> String {
    paint(text, 2, color)
}

/// Important text.
pub fn bold(text: &str, color: bool) -> String {
    paint(text, 1, color)
}

/// Text in the colour of a light.
pub fn in_light(text: &str, light: Light, color: bool) -> String {
    let code = match light {
        Light::Green => 32,
        Light::Amber => 33,
        Light::Red => 31,
        Light::Grey => 90,
    };
    paint(text, code, color)
}

fn paint(text: &str, code: u8, color: bool) -> String {
    if color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}
