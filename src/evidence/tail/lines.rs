//! Splits bytes into complete lines of limited length.

use memchr::{memchr, memrchr};

/// The longest line that is kept, in bytes without its newline. The rest of a longer line is discarded.
pub const MAX_LINE: usize = 64 * 1024;

/// A larger buffer is freed once its line was passed on.
const KEEP_CAPACITY: usize = 4 * 1024;

/// Splits a stream of bytes into complete lines. Everything passed on ends in a newline; no byte is passed on twice.
/// NUL bytes at the beginning and after a hole are the fill of a truncated file and are skipped.
#[derive(Debug)]
pub(super) struct LineCutter {
    /// The beginning of an unfinished line, at most [`MAX_LINE`] bytes.
    partial: Vec<u8>,
    /// The current line is too long: its beginning was passed on, its rest is discarded.
    discarding: bool,
    /// Nothing but NUL bytes since the beginning or a hole.
    in_gap: bool,
}

impl Default for LineCutter {
    fn default() -> Self {
        Self { partial: Vec::new(), discarding: false, in_gap: true }
    }
}

/// What was discarded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Discarded {
    /// Lines that were too long.
    pub lines: u64,
    /// Their discarded bytes.
    pub bytes: u64,
}

impl LineCutter {
    /// Inside a line that is too long: everything up to its newline is discarded.
    pub(super) fn inside_long_line() -> Self {
        Self { partial: Vec::new(), discarding: true, in_gap: false }
    }

    /// Adds the next bytes, at most [`MAX_LINE`] of them (so that no line inside them is too long), and passes on the
    /// complete lines.
    pub(super) fn feed(&mut self, chunk: &[u8], sink: &mut dyn FnMut(&[u8])) -> Discarded {
        debug_assert!(chunk.len() <= MAX_LINE);
        let mut gone = Discarded::default();
        let mut rest = chunk;
        if self.in_gap {
            let Some(start) = rest.iter().position(|b| *b != 0) else { return gone };
            rest = &rest[start..];
            self.in_gap = false;
        }
        if self.discarding {
            match memchr(b'\n', rest) {
                None => {
                    gone.bytes = rest.len() as u64;
                    return gone;
                }
                Some(end) => {
                    gone.bytes = end as u64;
                    rest = &rest[end + 1..];
                    self.discarding = false;
                }
            }
        }
        if !self.partial.is_empty() {
            let Some(end) = memchr(b'\n', rest) else {
                self.keep(rest, sink, &mut gone);
                return gone;
            };
            let room = MAX_LINE - self.partial.len();
            if end > room {
                gone.lines += 1;
                gone.bytes += (end - room) as u64;
            }
            self.partial.extend_from_slice(&rest[..end.min(room)]);
            self.hand_out(sink);
            rest = &rest[end + 1..];
        }
        if let Some(last) = memrchr(b'\n', rest) {
            sink(&rest[..=last]);
            rest = &rest[last + 1..];
        }
        self.keep(rest, sink, &mut gone);
        gone
    }

    /// A hole of the file was skipped: the line before it ends there.
    pub(super) fn skip_hole(&mut self, sink: &mut dyn FnMut(&[u8])) {
        // the last block of data is padded with NUL bytes
        self.partial.truncate(self.partial.iter().rposition(|b| *b != 0).map_or(0, |at| at + 1));
        self.flush(sink);
        *self = Self::default();
    }

    /// Passes on an unfinished line. What is written after it becomes another line.
    pub(super) fn flush(&mut self, sink: &mut dyn FnMut(&[u8])) -> bool {
        if self.partial.is_empty() {
            return false;
        }
        self.hand_out(sink);
        true
    }

    /// Whether there is an unfinished line that was not passed on.
    pub(super) fn has_partial(&self) -> bool {
        !self.partial.is_empty()
    }

    fn keep(&mut self, tail: &[u8], sink: &mut dyn FnMut(&[u8]), gone: &mut Discarded) {
        let room = MAX_LINE - self.partial.len();
        if tail.len() <= room {
            self.partial.extend_from_slice(tail);
            return;
        }
        self.partial.extend_from_slice(&tail[..room]);
        self.hand_out(sink);
        self.discarding = true;
        gone.lines += 1;
        gone.bytes += (tail.len() - room) as u64;
    }

    fn hand_out(&mut self, sink: &mut dyn FnMut(&[u8])) {
        self.partial.push(b'\n');
        sink(&self.partial);
        self.partial.clear();
        if self.partial.capacity() > KEEP_CAPACITY {
            self.partial = Vec::new();
        }
    }
}

/// Shortens every line of a block (read backwards, so not cut by [`LineCutter`]) to [`MAX_LINE`]. Also returns the
/// number of shortened lines; `None` if there are none.
pub(super) fn shorten(block: &[u8]) -> Option<(Vec<u8>, u64)> {
    if block.len() <= MAX_LINE + 1 || first_long(block, 0).is_none() {
        return None;
    }
    let mut out = Vec::with_capacity(block.len());
    let (mut at, mut count) = (0, 0);
    while let Some(start) = first_long(block, at) {
        out.extend_from_slice(&block[at..start + MAX_LINE]);
        out.push(b'\n');
        count += 1;
        at = memchr(b'\n', &block[start + MAX_LINE..]).map_or(block.len(), |end| start + MAX_LINE + end + 1);
    }
    out.extend_from_slice(&block[at..]);
    Some((out, count))
}

/// The offset of the first line longer than [`MAX_LINE`], at or after `from`, which must be the beginning of a line.
fn first_long(block: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while block.len() - at > MAX_LINE + 1 {
        match memrchr(b'\n', &block[at..=at + MAX_LINE]) {
            Some(end) => at += end + 1,
            None => return Some(at),
        }
    }
    // the rest is too short for a long line, except one without a newline at its end
    (block.len() - at > MAX_LINE && memchr(b'\n', &block[at..]).is_none()).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the rules say, in the plainest way.
    fn expected(bytes: &[u8]) -> (Vec<u8>, Discarded) {
        let mut out = Vec::new();
        let mut gone = Discarded::default();
        let ended = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        for line in bytes[..ended].split_inclusive(|&b| b == b'\n') {
            let text = &line[..line.len() - 1];
            out.extend_from_slice(&text[..text.len().min(MAX_LINE)]);
            out.push(b'\n');
            if text.len() > MAX_LINE {
                gone.lines += 1;
                gone.bytes += (text.len() - MAX_LINE) as u64;
            }
        }
        let tail = &bytes[ended..];
        if tail.len() > MAX_LINE {
            out.extend_from_slice(&tail[..MAX_LINE]);
            out.push(b'\n');
            gone.lines += 1;
            gone.bytes += (tail.len() - MAX_LINE) as u64;
        }
        (out, gone)
    }

    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let line = prop_oneof![
            6 => prop::collection::vec(any::<u8>(), 0..40),
            1 => (MAX_LINE - 2..MAX_LINE + 3).prop_map(|n| vec![b'x'; n]),
            1 => (0..3 * MAX_LINE).prop_map(|n| vec![b'y'; n]),
        ];
        prop::collection::vec((line, any::<bool>()), 0..6).prop_map(|lines| {
            let mut out = Vec::new();
            for (line, ended) in lines {
                out.extend(line);
                if ended {
                    out.push(b'\n');
                }
            }
            out
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_split_of_the_bytes_gives_the_same_lines(bytes in stream(), step in 1usize..MAX_LINE + 1) {
            let mut cutter = LineCutter::default();
            let (mut out, mut gone) = (Vec::new(), Discarded::default());
            for chunk in bytes.chunks(step.max(bytes.len() / 200).min(MAX_LINE)) {
                let more = cutter.feed(chunk, &mut |block| {
                    assert_eq!(block.last(), Some(&b'\n'), "a block ends with a line");
                    out.extend_from_slice(block);
                });
                gone.lines += more.lines;
                gone.bytes += more.bytes;
            }
            let gap = bytes.iter().take_while(|b| **b == 0).count();
            let (want, want_gone) = expected(&bytes[gap..]);
            prop_assert!(out == want, "{} bytes out, {} wanted", out.len(), want.len());
            prop_assert_eq!(gone, want_gone);
        }

        #[test]
        fn a_block_is_shortened_as_a_stream_would_be(bytes in stream()) {
            let mut block = bytes;
            if block.last() != Some(&b'\n') {
                block.push(b'\n');
            }
            let (want, gone) = expected(&block);
            let (out, count) = shorten(&block).unwrap_or((block.clone(), 0));
            prop_assert!(out == want, "{} bytes out, {} wanted", out.len(), want.len());
            prop_assert_eq!(count, gone.lines);
        }
    }

    #[test]
    fn a_flushed_half_is_never_seen_again() {
        let mut cutter = LineCutter::default();
        let mut out = Vec::new();
        cutter.feed(b"first ha", &mut |b| out.extend_from_slice(b));
        assert!(cutter.has_partial());
        assert!(cutter.flush(&mut |b| out.extend_from_slice(b)));
        assert!(!cutter.flush(&mut |b| out.extend_from_slice(b)));
        cutter.feed(b"lf\nsecond\n", &mut |b| out.extend_from_slice(b));
        assert_eq!(out, b"first ha\nlf\nsecond\n");
    }
}
