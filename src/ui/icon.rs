//! Draws lights: the shapes of `resources/tray.svg` as pixels of any size; one light, or a few side by side.
//!
//! The shapes are a few discs, rings and strokes, so there is no SVG renderer: each pixel is sampled on a grid.

use std::sync::OnceLock;

use crate::health::Light;

const SOURCE: &str = include_str!("../../resources/tray.svg");
/// Size of the drawing, in points; also the height of an icon in the menu bar of macOS.
pub const POINTS: u32 = 22;
/// Maximum height of a picture, in pixels.
const LARGEST: u32 = 512;
/// Samples per pixel, in each direction.
const SAMPLES: u32 = 8;
/// The widest shape of the source, the red disc, in points.
const WIDEST_SHAPE: f32 = 19.2;
/// Space between two lights of a strip, in points.
const GAP: f32 = 1.5;

/// Straight (not premultiplied) RGBA, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Four bytes per pixel.
    pub rgba: Vec<u8>,
}

/// One light as an icon. Equal faces are equal pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Face {
    /// The light.
    pub light: Light,
    /// The number of red profiles, drawn on the red disc for desktops that show no text beside the icon. One has the
    /// cross, more than nine are "9+".
    pub count: Option<usize>,
    /// Black with alpha: the menu bar gives it its colour.
    pub template: bool,
}

impl Face {
    /// In colour, without a number.
    pub const fn of(light: Light) -> Self {
        Self { light, count: None, template: false }
    }

    /// Draws it `size` pixels wide and high (at most 512).
    pub fn draw(self, size: u32) -> Picture {
        let cell = Cell { shapes: shapes(self.light, self.count), middle: POINTS as f32 / 2.0, scale: 1.0 };
        draw(&[cell], POINTS as f32, size, self.template)
    }
}

/// The lights of a few profiles side by side, each with its shape. Equal strips are equal pictures.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Strip {
    /// From left to right.
    pub lights: Vec<Light>,
    /// Black with alpha: the menu bar gives it its colour.
    pub template: bool,
}

impl Strip {
    /// Number of lights of a strip: one is a [`Face`], and four would be too small or too wide.
    pub const SIZES: std::ops::RangeInclusive<usize> = 2..=3;

    /// Width for a height of [`POINTS`]: two lights at their full size, three in at most 45 points.
    fn points(&self) -> f32 {
        (self.lights.len() as f32 * (WIDEST_SHAPE + GAP)).min(45.0)
    }

    /// Draws it `height` pixels high (at most 512) and as wide as it has to be.
    pub fn draw(&self, height: u32) -> Picture {
        let points = self.points();
        let cell = points / self.lights.len().max(1) as f32;
        let cells: Vec<Cell> = (self.lights.iter().enumerate())
            .map(|(i, light)| Cell {
                shapes: shapes(*light, None),
                middle: (i as f32 + 0.5) * cell,
                scale: ((cell - GAP) / WIDEST_SHAPE).min(1.0),
            })
            .collect();
        draw(&cells, points, height, self.template)
    }
}

fn shapes(light: Light, count: Option<usize>) -> Vec<&'static Shape> {
    let mut groups = vec![light.word().to_owned()];
    if light == Light::Red {
        groups.push(match count {
            Some(n @ 2..=9) => format!("count-{n}"),
            Some(10..) => "count-many".to_owned(),
            _ => "mark".to_owned(),
        });
    }
    drawing().iter().filter(|s| groups.iter().any(|group| group == s.group)).collect()
}

/// One light of a picture.
struct Cell {
    shapes: Vec<&'static Shape>,
    /// Its centre, in points from the left.
    middle: f32,
    scale: f32,
}

impl Cell {
    /// The colour at a point of the picture. Later shapes cover earlier ones.
    fn colour(&self, x: f32, y: f32) -> Option<[u8; 3]> {
        let middle = POINTS as f32 / 2.0;
        let (px, py) = ((x - self.middle) / self.scale + middle, (y - middle) / self.scale + middle);
        self.shapes.iter().rfind(|shape| shape.form.covers(px, py)).map(|shape| shape.colour)
    }
}

fn draw(cells: &[Cell], points: f32, height: u32, template: bool) -> Picture {
    let height = height.clamp(1, LARGEST);
    let width = ((points / POINTS as f32 * height as f32).round() as u32).max(1);
    let mut picture = sample(cells, points, width, height);
    if template {
        for pixel in picture.rgba.chunks_exact_mut(4) {
            pixel[..3].fill(0);
        }
    }
    picture
}

#[derive(Debug, Clone, PartialEq)]
struct Shape {
    group: &'static str,
    colour: [u8; 3],
    form: Form,
}

/// Coordinates are in points.
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
    /// Lines from point to point, with round ends and joints.
    Stroke {
        points: Vec<(f32, f32)>,
        width: f32,
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
        match self {
            &Self::Disc { x, y, r } => square(px - x, py - y) <= r * r,
            &Self::Ring { x, y, r, width } => {
                let (inner, outer) = (r - width / 2.0, r + width / 2.0);
                (inner * inner..=outer * outer).contains(&square(px - x, py - y))
            }
            &Self::HalfDisc { x, y, r } => px <= x && square(px - x, py - y) <= r * r,
            Self::Stroke { points, width } => {
                points.windows(2).any(|ends| from_line((px, py), ends[0], ends[1]) <= width * width / 4.0)
            }
        }
    }
}

/// The square of the distance from a point to the line between two others.
fn from_line((px, py): (f32, f32), (ax, ay): (f32, f32), (bx, by): (f32, f32)) -> f32 {
    let (dx, dy) = (bx - ax, by - ay);
    let length = square(dx, dy);
    let along = if length > 0.0 { (((px - ax) * dx + (py - ay) * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
    square(px - ax - along * dx, py - ay - along * dy)
}

/// The square of a distance. It is computed a few hundred thousand times for a picture, so without the root.
fn square(dx: f32, dy: f32) -> f32 {
    dx * dx + dy * dy
}

fn sample(cells: &[Cell], points: f32, width: u32, height: u32) -> Picture {
    let scale = POINTS as f32 / (height * SAMPLES) as f32;
    let mut rgba = Vec::with_capacity((width * height * 4) as usize);
    for y in 0..height {
        for x in 0..width {
            let middle = (x as f32 + 0.5) / width as f32 * points;
            let nearest =
                cells.iter().min_by(|a, b| (a.middle - middle).abs().total_cmp(&(b.middle - middle).abs()));
            let (mut sum, mut hits) = ([0u32; 3], 0u32);
            for (sx, sy) in (0..SAMPLES * SAMPLES).map(|i| (i % SAMPLES, i / SAMPLES)) {
                let px = ((x * SAMPLES + sx) as f32 + 0.5) * scale;
                let py = ((y * SAMPLES + sy) as f32 + 0.5) * scale;
                if let Some(colour) = nearest.and_then(|cell| cell.colour(px, py)) {
                    hits += 1;
                    for (total, part) in sum.iter_mut().zip(colour) {
                        *total += u32::from(part);
                    }
                }
            }
            rgba.extend(sum.map(|total| total.checked_div(hits).unwrap_or(0) as u8));
            rgba.push((hits * 255 / (SAMPLES * SAMPLES)) as u8);
        }
    }
    Picture { width, height, rgba }
}

/// The shapes of the source, parsed once. A test proves that it can be parsed.
fn drawing() -> &'static [Shape] {
    static DRAWING: OnceLock<Vec<Shape>> = OnceLock::new();
    DRAWING.get_or_init(|| parse(SOURCE).unwrap_or_default())
}

/// Parses the few elements that the source may have.
fn parse(source: &'static str) -> Result<Vec<Shape>, String> {
    let mut shapes = Vec::new();
    // the tag of the group that is open: its shapes inherit its attributes
    let mut group = "";
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
            "g" => group = tag,
            "circle" | "polyline" | "path" => {
                let inherited =
                    |key| attribute(tag, key).or_else(|| attribute(group, key)).unwrap_or_default();
                let hollow = inherited("fill") == "none";
                let colour = colour(inherited(if hollow { "stroke" } else { "fill" }))?;
                let group = attribute(group, "id").ok_or("a shape outside of a group with an id")?;
                shapes.push(Shape { group, colour, form: form(name, tag, hollow)? });
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
        "polyline" => {
            let numbers: Result<Vec<f32>, _> =
                attribute(tag, "points").unwrap_or_default().split([' ', ',']).map(str::parse).collect();
            let numbers = numbers.map_err(|e| format!("points: {e}"))?;
            let points = numbers.chunks(2).map(|two| (two[0], *two.last().unwrap_or(&0.0))).collect();
            Ok(Form::Stroke { points, width: number("stroke-width")? })
        }
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

    /// Luminance of a light and of a dark menu bar.
    const BARS: [u32; 2] = [240, 40];
    const LIGHTS: [Light; 4] = [Light::Green, Light::Amber, Light::Red, Light::Grey];

    fn alpha(picture: &Picture, x: u32, y: u32) -> u8 {
        picture.rgba[((y * picture.width + x) * 4 + 3) as usize]
    }

    /// Luminance of each pixel on a bar: what is seen without colour.
    fn seen(picture: &Picture, bar: u32) -> Vec<u32> {
        let luminance = |p: &[u8]| {
            let [r, g, b, a] = [0, 1, 2, 3].map(|i| u32::from(p[i]));
            (a * (299 * r + 587 * g + 114 * b) / 1000 + (255 - a) * bar) / 255
        };
        picture.rgba.chunks(4).map(luminance).collect()
    }

    /// The number of pixels that differ clearly without colour, on the bar where they differ least.
    fn differing(a: &Picture, b: &Picture) -> usize {
        let on = |bar| {
            let (a, b) = (seen(a, bar), seen(b, bar));
            a.iter().zip(&b).filter(|(a, b)| a.abs_diff(**b) > 64).count()
        };
        BARS.into_iter().map(on).min().unwrap()
    }

    #[test]
    fn the_source_can_be_read_and_holds_every_light() {
        let shapes = parse(SOURCE).unwrap();
        for light in LIGHTS {
            assert!(shapes.iter().any(|s| s.group == light.word()), "{light:?}");
        }
        let counts = (2..=9).map(|n| format!("count-{n}"));
        for sign in counts.chain(["mark".to_owned(), "count-many".to_owned()]) {
            assert!(shapes.iter().any(|s| s.group == sign), "{sign}");
        }
    }

    #[test]
    fn undrawable_icons_are_refused() {
        let in_group = [
            "<ellipse/>",
            "<circle cx=\"1\"/>",
            "<path d=\"M0 0 L1 1\"/>",
            "<polyline points=\"1,x\" stroke-width=\"1\"/>",
        ];
        for source in in_group {
            let source = format!("<g id=\"a\" fill=\"#000000\">{source}</g>").leak();
            assert!(parse(source).is_err(), "{source}");
        }
        for source in ["<circle cx=\"1\" cy=\"1\" r=\"1\" fill=\"#000000\"/>", "<!-- x", "<g"] {
            assert!(parse(source).is_err(), "{source}");
        }
    }

    /// Seen without colour, the four differ by at least a twentieth of their area.
    #[test]
    fn shapes_differ_without_their_colours() {
        for size in [16, 22, 32, 44] {
            for (i, a) in LIGHTS.iter().enumerate() {
                for b in &LIGHTS[i + 1..] {
                    let n = differing(&Face::of(*a).draw(size), &Face::of(*b).draw(size));
                    assert!(n * 20 > (size * size) as usize, "{a:?} {b:?} at {size}: {n}");
                }
            }
        }
    }

    #[test]
    fn red_is_heavier_than_any_other_light() {
        let weight =
            |light: &Light| Face::of(*light).draw(16).rgba.chunks(4).map(|p| u32::from(p[3])).sum::<u32>();
        for light in LIGHTS.iter().filter(|light| **light != Light::Red) {
            assert!(weight(&Light::Red) * 2 > weight(light) * 3, "{light:?}");
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
            let red = Face::of(Light::Red).draw(size);
            assert_eq!(red.rgba[at..at + 4], [255; 4], "a white cross");
        }
    }

    #[test]
    fn a_number_takes_the_place_of_the_cross() {
        let red = Face::of(Light::Red);
        let count = |n, size| Face { count: Some(n), ..red }.draw(size);
        assert_eq!(count(1, 22), red.draw(22));
        assert_eq!(count(10, 22), count(99, 22), "9+");
        // distinguishable at the smallest size, by a few pixels of a digit that is five wide and nine high
        for (a, b) in (1..10).flat_map(|a| (a + 1..=10).map(move |b| (a, b))) {
            let n = differing(&count(a, 16), &count(b, 16));
            assert!(n >= 8, "{a} and {b}: {n} pixels");
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
        for (size, expected) in [(0, 1), (100_000, LARGEST)] {
            let picture = Face::of(Light::Red).draw(size);
            assert_eq!((picture.width, picture.height), (expected, expected));
            let strip = Strip { lights: vec![Light::Red; 3], template: false }.draw(size);
            assert_eq!(strip.height, expected);
            assert_eq!(strip.rgba.len(), (strip.width * strip.height * 4) as usize);
        }
        let empty = Strip { lights: Vec::new(), template: false }.draw(22);
        assert_eq!((empty.width, empty.height), (1, 22));
    }

    fn strip(lights: &[Light]) -> Picture {
        Strip { lights: lights.to_vec(), template: false }.draw(POINTS * 2)
    }

    #[test]
    fn a_strip_is_as_high_as_the_menu_bar_and_at_most_45_points_wide() {
        for n in Strip::SIZES {
            let picture = strip(&vec![Light::Red; n]);
            assert_eq!(picture.height, 44);
            assert!(picture.width <= 90, "{n}: {}", picture.width);
            // nothing touches the edges or the light beside it
            for x in (0..=n).map(|i| (i as u32 * picture.width / n as u32).min(picture.width - 1)) {
                assert!((0..44).all(|y| alpha(&picture, x, y) == 0), "{n} lights, column {x}");
            }
        }
    }

    /// The lights are distinguishable without colour and in the order of the strip.
    #[test]
    fn a_strip_shows_each_light_in_its_place_and_shape() {
        let alone = LIGHTS.map(|light| strip(&[light; 3]));
        for order in [[0, 1, 2], [2, 3, 0], [3, 2, 1], [1, 0, 3]] {
            let picture = strip(&order.map(|n| LIGHTS[n]));
            for (i, light) in order.into_iter().enumerate() {
                let mut columns = i as u32 * 30..i as u32 * 30 + 30;
                let same = |x| (0..44).all(|y| alpha(&picture, x, y) == alpha(&alone[light], x, y));
                assert!(columns.all(same), "{order:?}: {i}");
            }
        }
        for (i, a) in LIGHTS.iter().enumerate() {
            for b in &LIGHTS[i + 1..] {
                let n = differing(&strip(&[*a; 3]), &strip(&[*b; 3]));
                assert!(n * 20 > 44 * 90 / 2, "{a:?} {b:?}: {n}");
            }
        }
    }
}
