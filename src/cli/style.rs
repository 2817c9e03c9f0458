//! Colours and symbols of the terminal.

use crate::health::Light;

/// The light's symbol, coloured where colours may be used.
pub fn light(light: Light, color: bool) -> String {
    in_light(light.symbol(), light, color)
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
