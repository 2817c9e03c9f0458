//! The icon at the sizes of menu bars and panels, on light, dark and tinted ones.
//!
//! `GATELIGHT_PICTURES=folder` keeps the pictures; `bundle/pictures/take` copies them to `resources/pictures`.

use std::path::{Path, PathBuf};

use gatelight::health::Light;
use gatelight::ui::icon::{Face, Picture};

type Colour = [u8; 3];

const LIGHT_BAR: Colour = [0xf0, 0xf0, 0xf0];
const DARK_BAR: Colour = [0x2b, 0x2b, 0x2e];
/// A translucent menu bar over a wallpaper.
const TINTED_BAR: Colour = [0x4f, 0x7c, 0xac];
const SIZES: [u32; 4] = [16, 22, 32, 44];
/// Space around an icon, in pixels.
const GAP: u32 = 8;

struct Canvas {
    width: u32,
    rgb: Vec<u8>,
}

impl Canvas {
    fn new(width: u32, height: u32) -> Self {
        Self { width, rgb: vec![255; (width * height * 3) as usize] }
    }

    fn height(&self) -> u32 {
        self.rgb.len() as u32 / 3 / self.width
    }

    fn pixel(&mut self, x: u32, y: u32) -> &mut [u8] {
        let at = ((y * self.width + x) * 3) as usize;
        &mut self.rgb[at..at + 3]
    }

    fn fill(&mut self, (x, y): (u32, u32), (width, height): (u32, u32), colour: Colour) {
        for (x, y) in (x..x + width).flat_map(|x| (y..y + height).map(move |y| (x, y))) {
            self.pixel(x, y).copy_from_slice(&colour);
        }
    }

    fn put(&mut self, (left, top): (u32, u32), picture: &Picture) {
        for (n, source) in (0_u32..).zip(picture.rgba.chunks_exact(4)) {
            let alpha = u32::from(source[3]);
            let target = self.pixel(left + n % picture.width, top + n / picture.width);
            for (old, new) in target.iter_mut().zip(source) {
                *old = ((u32::from(*new) * alpha + u32::from(*old) * (255 - alpha)) / 255) as u8;
            }
        }
    }

    /// Each pixel as a square of `times` by `times`.
    fn enlarged(&self, times: u32) -> Self {
        let mut large = Self::new(self.width * times, self.height() * times);
        for y in 0..large.height() {
            for x in 0..large.width {
                let at = (((y / times) * self.width + x / times) * 3) as usize;
                large.pixel(x, y).copy_from_slice(&self.rgb[at..at + 3]);
            }
        }
        large
    }

    fn png(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width, self.height());
        encoder.set_color(png::ColorType::Rgb);
        encoder.write_header().unwrap().write_image_data(&self.rgb).unwrap();
        bytes
    }
}

fn keep(name: &str, canvas: &Canvas) {
    if let Some(folder) = std::env::var_os("GATELIGHT_PICTURES").map(PathBuf::from) {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(Path::new(&folder).join(name), canvas.png()).unwrap();
    }
}

/// The number of pixels in a square that differ from the bar.
fn visible(canvas: &mut Canvas, (left, top): (u32, u32), size: u32, bar: Colour) -> usize {
    let all = (left..left + size).flat_map(|x| (top..top + size).map(move |y| (x, y)));
    let differs =
        |pixel: &[u8]| pixel.iter().zip(bar).map(|(a, b)| u32::from(a.abs_diff(b))).sum::<u32>() > 60;
    all.filter(|(x, y)| differs(canvas.pixel(*x, *y))).count()
}

#[test]
fn every_face_is_seen_on_every_bar() {
    let counts = (2..=10).map(|n| Face { count: Some(n), ..Face::of(Light::Red) });
    let lights = [Light::Green, Light::Amber, Light::Red, Light::Grey].map(Face::of);
    let faces: Vec<Face> = lights.into_iter().chain(counts).collect();
    let column = SIZES[3] + 2 * GAP;
    let bar_height = SIZES.iter().sum::<u32>() + GAP * 5;
    let mut canvas = Canvas::new(column * faces.len() as u32, bar_height * 3);
    let mut faint = Vec::new();
    for (n, bar) in (0..).zip([LIGHT_BAR, DARK_BAR, TINTED_BAR]) {
        canvas.fill((0, n * bar_height), (canvas.width, bar_height), bar);
        for (i, face) in (0..).zip(&faces) {
            let mut top = n * bar_height + GAP;
            for size in SIZES {
                let place = (i * column + (column - size) / 2, top);
                canvas.put(place, &face.draw(size));
                if visible(&mut canvas, place, size, bar) * 12 < (size * size) as usize {
                    faint.push(format!("{face:?} at {size} on {bar:?}"));
                }
                top += size + GAP;
            }
        }
    }
    keep("icon.png", &canvas.enlarged(2));
    assert!(faint.is_empty(), "{faint:#?}");

    // the four lights in the order of the README's table
    let (size, gap) = (64, 24);
    let half = 4 * (size + gap) + gap;
    let mut canvas = Canvas::new(half * 2, size + 2 * gap);
    for (n, bar) in (0..).zip([LIGHT_BAR, DARK_BAR]) {
        canvas.fill((n * half, 0), (half, size + 2 * gap), bar);
        for (i, face) in (0..).zip(&lights) {
            canvas.put((n * half + gap + i * (size + gap), gap), &face.draw(size));
        }
    }
    keep("lights.png", &canvas);
}
