//! How a light is drawn: the shapes of `resources/tray.svg`, as pixels of any size.
//!
//! A dozen discs, rings and bars need no renderer of several megabytes: each pixel is sampled on a grid.

use std::sync::OnceLock;

use crate::health::Light;

/// The one vector source.
const SOURCE: &str = include_str!("../../resources/tray.svg");
/// Its grid, in points.
pub const POINTS: u32 = 22;
/// Largest picture that is drawn, in pixels.
const LARGEST: u32 = 512;
/// Samples a pixel, in each direction.
const SAMPLES: u32 = 8;
/// The segments of the digits 0–9, a to g.
const DIGITS: [&str; 10] =
    ["abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg"];

/// Straight (not premultiplied) RGBA, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Width and height, in pixels.
    pub size: u32,
    /// Four bytes a pixel.
    pub rgba: Vec<u8>,
}

/// What the icon shows. Two equal faces are the same picture: redraw on change only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Face {
    /// The worst light.
    pub light: Light,
    /// How many are red, written into the ring; for desktops that have no place for a text beside the icon.
    pub count: Option<usize>,
    /// Black with alpha only, to be coloured by the menu bar.
    pub template: bool,
}

impl Face {
    /// A coloured face without a number.
    pub const fn of(light: Light) -> Self {
        Self { light, count: None, template: false }
    }

    /// Draws it, `size` pixels wide and high (at most 512).
    pub fn draw(self, size: u32) -> Picture {
        let mut groups = vec![self.light.word()];
        if self.light == Light::Red {
            match self.count {
                Some(n @ 2..=9) => groups.extend(DIGITS[n].split("").filter(|s| !s.is_empty())),
                _ => groups.push("mark"),
            }
        }
        let shapes: Vec<&Shape> = drawing().iter().filter(|s| groups.contains(&s.group)).collect();
        let mut picture = sample(&shapes, size.clamp(1, LARGEST));
        if self.template {
            for pixel in picture.rgba.chunks_exact_mut(4) {
                pixel[..3].fill(0);
            }
        }
        picture
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Shape {
    group: &'static str,
    colour: [u8; 3],
    form: Form,
}

/// Forms, in points.
#[derive(Debug, Clone, PartialEq)]
enum Form {
    Disc {
        x: f32,
        y: f32,
        r: f32,
    },
    Ring {
        x: f32,
        y: f32,
        r: f32,
        width: f32,
    },
    Bar {
        x: f32,
        y: f32,
        width: f32,
        height: f32,
        radius: f32,
    },
    /// The left half of a disc.
    HalfDisc {
        x: f32,
        y: f32,
        r: f32,
    },
}

impl Form {
    fn covers(&self, px: f32, py: f32) -> bool {
        match *self {
            Self::Disc { x, y, r } => square(px - x, py - y) <= r * r,
            Self::Ring { x, y, r, width } => {
                let (inner, outer) = (r - width / 2.0, r + width / 2.0);
                (inner * inner..=outer * outer).contains(&square(px - x, py - y))
            }
            Self::HalfDisc { x, y, r } => px <= x && square(px - x, py - y) <= r * r,
            Self::Bar { x, y, width, height, radius } => {
                // the distance to the bar without its round corners
                let dx = (px - px.clamp(x + radius, x + width - radius)).abs();
                let dy = (py - py.clamp(y + radius, y + height - radius)).abs();
                square(dx, dy) <= radius * radius
            }
        }
    }
}

/// The square of a distance: this is asked some hundred thousand times a picture, and its root is never needed.
fn square(dx: f32, dy: f32) -> f32 {
    dx * dx + dy * dy
}

fn sample(shapes: &[&Shape], size: u32) -> Picture {
    let scale = POINTS as f32 / (size * SAMPLES) as f32;
    let mut rgba = Vec::with_capacity((size * size * 4) as usize);
    for y in 0..size {
        for x in 0..size {
            let (mut sum, mut hits) = ([0u32; 3], 0u32);
            for (sx, sy) in (0..SAMPLES * SAMPLES).map(|i| (i % SAMPLES, i / SAMPLES)) {
                let px = ((x * SAMPLES + sx) as f32 + 0.5) * scale;
                let py = ((y * SAMPLES + sy) as f32 + 0.5) * scale;
                // what is drawn later lies on top
                if let Some(shape) = shapes.iter().rfind(|s| s.form.covers(px, py)) {
                    hits += 1;
                    for (total, part) in sum.iter_mut().zip(shape.colour) {
                        *total += u32::from(part);
                    }
                }
            }
            rgba.extend(sum.map(|total| total.checked_div(hits).unwrap_or(0) as u8));
            rgba.push((hits * 255 / (SAMPLES * SAMPLES)) as u8);
        }
    }
    Picture { size, rgba }
}

/// The shapes of the source, read once. The tests prove that it can be read.
fn drawing() -> &'static [Shape] {
    static DRAWING: OnceLock<Vec<Shape>> = OnceLock::new();
    DRAWING.get_or_init(|| parse(SOURCE).unwrap_or_default())
}

/// Reads the few elements that the source may hold.
fn parse(source: &'static str) -> Result<Vec<Shape>, String> {
    let mut shapes = Vec::new();
    let mut group = ("", "");
    let mut rest = source;
    while let Some(open) = rest.find('<') {
        rest = &rest[open + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").ok_or("a comment without an end")?.1;
            continue;
        }
        let (tag, after) = rest.split_once('>').ok_or("a tag without an end")?;
        rest = after;
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        match name {
            "g" => {
                group = (
                    attribute(tag, "id").ok_or("a group without an id")?,
                    attribute(tag, "fill").unwrap_or(""),
                );
            }
            "circle" | "rect" | "path" => {
                let fill = attribute(tag, "fill").unwrap_or(group.1);
                let colour =
                    colour(if fill == "none" { attribute(tag, "stroke").unwrap_or("") } else { fill })?;
                shapes.push(Shape { group: group.0, colour, form: form(name, tag, fill == "none")? });
            }
            // closing tags have an empty name
            "svg" | "" => {}
            other => return Err(format!("unknown element {other}")),
        }
    }
    Ok(shapes)
}

fn form(name: &str, tag: &'static str, hollow: bool) -> Result<Form, String> {
    let number = |key: &str| -> Result<f32, String> {
        let text = attribute(tag, key).ok_or_else(|| format!("{name} without {key}"))?;
        text.parse().map_err(|e| format!("{key}: {e}"))
    };
    match name {
        "circle" if hollow => Ok(Form::Ring {
            x: number("cx")?,
            y: number("cy")?,
            r: number("r")?,
            width: number("stroke-width")?,
        }),
        "circle" => Ok(Form::Disc { x: number("cx")?, y: number("cy")?, r: number("r")? }),
        "rect" => Ok(Form::Bar {
            x: number("x")?,
            y: number("y")?,
            width: number("width")?,
            height: number("height")?,
            radius: number("rx")?,
        }),
        // `M x y1 A r r 0 0 0 x y2 Z`: from the upper pole over the left to the lower one
        _ => {
            let path = attribute(tag, "d").unwrap_or_default().replace(['M', 'A', 'Z'], " ");
            let numbers: Vec<f32> = path.split_whitespace().filter_map(|n| n.parse().ok()).collect();
            match numbers[..] {
                [x, top, r, _, 0.0, 0.0, 0.0, x2, bottom]
                    if (x - x2).abs() < 0.01 && (bottom - top - 2.0 * r).abs() < 0.01 =>
                {
                    Ok(Form::HalfDisc { x, y: top + r, r })
                }
                _ => Err(format!("not a half disc: {tag}")),
            }
        }
    }
}

fn attribute(tag: &'static str, name: &str) -> Option<&'static str> {
    let from = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    tag[from..].split('"').next()
}

fn colour(text: &str) -> Result<[u8; 3], String> {
    let hex =
        text.strip_prefix('#').filter(|h| h.len() == 6).ok_or_else(|| format!("not a colour: {text}"))?;
    let number = u32::from_str_radix(hex, 16).map_err(|e| e.to_string())?;
    let [_, r, g, b] = number.to_be_bytes();
    Ok([r, g, b])
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIGHTS: [Light; 4] = [Light::Green, Light::Amber, Light::Red, Light::Grey];

    fn alpha(picture: &Picture, x: u32, y: u32) -> u8 {
        picture.rgba[((y * picture.size + x) * 4 + 3) as usize]
    }

    #[test]
    fn the_source_can_be_read_and_holds_every_light() {
        let shapes = parse(SOURCE).unwrap();
        for light in LIGHTS {
            assert!(shapes.iter().any(|s| s.group == light.word()), "{light:?}");
        }
        for segment in ["mark", "a", "b", "c", "d", "e", "f", "g"] {
            assert!(shapes.iter().any(|s| s.group == segment), "{segment}");
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_refused() {
        for source in
            ["<ellipse/>", "<circle cx=\"1\"/>", "<path d=\"M0 0 L1 1\" fill=\"#000000\"/>", "<!-- x", "<g"]
        {
            assert!(parse(source).is_err(), "{source}");
        }
    }

    /// Seen without colour, the four differ by at least a tenth of their area.
    #[test]
    fn shapes_differ_without_their_colours() {
        for size in [16, 22, 44] {
            for (i, a) in LIGHTS.iter().enumerate() {
                for b in &LIGHTS[i + 1..] {
                    let (pa, pb) = (Face::of(*a).draw(size), Face::of(*b).draw(size));
                    let differing = (0..size * size)
                        .filter(|n| {
                            let (x, y) = (n % size, n / size);
                            alpha(&pa, x, y).abs_diff(alpha(&pb, x, y)) > 128
                        })
                        .count();
                    assert!(differing * 20 > (size * size) as usize, "{a:?} {b:?} at {size}: {differing}");
                }
            }
        }
    }

    #[test]
    fn pixels_stand_where_the_source_says() {
        for size in [22, 44] {
            let mid = size / 2;
            let green = Face::of(Light::Green).draw(size);
            assert_eq!(green.rgba.len(), (size * size * 4) as usize);
            assert_eq!(alpha(&green, mid, mid), 255);
            assert_eq!(alpha(&green, 0, 0), 0);
            let at = ((mid * size + mid) * 4) as usize;
            assert_eq!(green.rgba[at..at + 3], [0x30, 0xa1, 0x4e]);
            let amber = Face::of(Light::Amber).draw(size);
            assert_eq!(alpha(&amber, mid - size / 8, mid), 255, "the left half is filled");
            assert_eq!(alpha(&amber, mid + size / 8, mid), 0, "the right half is not");
            assert_eq!(alpha(&Face::of(Light::Grey).draw(size), mid, mid), 0, "hollow");
            assert_eq!(alpha(&Face::of(Light::Red).draw(size), mid, mid - size / 10), 255, "a mark");
        }
    }

    #[test]
    fn a_number_takes_the_place_of_the_mark() {
        let red = Face::of(Light::Red);
        let pictures: Vec<Picture> = (1..=10).map(|n| Face { count: Some(n), ..red }.draw(22)).collect();
        assert_eq!(pictures[0], red.draw(22));
        assert_eq!(pictures[9], red.draw(22), "ten has no place");
        for (i, picture) in pictures[..9].iter().enumerate() {
            assert!(pictures[..i].iter().all(|other| other != picture), "{}", i + 1);
        }
        let green = Face { count: Some(3), ..Face::of(Light::Green) };
        assert_eq!(green.draw(22), Face::of(Light::Green).draw(22));
    }

    #[test]
    fn a_template_has_no_colour() {
        let face = Face { template: true, ..Face::of(Light::Green) };
        let picture = face.draw(44);
        assert!(picture.rgba.chunks(4).all(|p| p[..3] == [0, 0, 0]));
        assert!(picture.rgba.chunks(4).any(|p| p[3] == 255));
    }

    #[test]
    fn sizes_are_bounded() {
        assert_eq!(Face::of(Light::Red).draw(0).size, 1);
        assert_eq!(Face::of(Light::Red).draw(100_000).size, LARGEST);
    }
}
