//! Finds holes of sparse files: `lseek(2)` with SEEK_DATA. A log gets a hole when it is truncated while its writer goes
//! on at the old offset. It reads as NUL bytes and may be larger than any disk.
//!
//! Seeking moves the offset of the descriptor. Nothing depends on it: all reads are at given offsets.

use std::fs::File;

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

/// Where the next data begins, at or after `from`; `size` if there is none, and `from` if the file system does not
/// support holes.
pub(super) fn next_data(file: &File, from: u64, size: u64) -> u64 {
    match seek(file, SeekFrom::Data(from)) {
        Ok(at) => at.min(size),
        // "There are no more data segments past the supplied offset"
        Err(Errno::NXIO) => size,
        Err(_) => from,
    }
}

/// Where the data at `from` ends, at most `size`.
pub(super) fn data_end(file: &File, from: u64, size: u64) -> u64 {
    seek(file, SeekFrom::Hole(from)).map_or(size, |at| at.clamp(from, size))
}

/// Where the hole before `end` begins; `end` itself if there is none.
pub(super) fn hole_start(file: &File, end: u64) -> u64 {
    let is_hole = |from: u64| next_data(file, from, end) >= end;
    if end == 0 || !is_hole(end - 1) {
        return end;
    }
    // `hole` is inside the hole, `data` in data or at the beginning of the file
    let (mut hole, mut step) = (end - 1, 4096_u64);
    let mut data = loop {
        match hole.checked_sub(step) {
            Some(before) if is_hole(before) => hole = before,
            Some(before) => break before,
            None if is_hole(0) => return 0,
            None => break 0,
        }
        step = step.saturating_mul(2);
    };
    while hole - data > 1 {
        let middle = data + (hole - data) / 2;
        if is_hole(middle) { hole = middle } else { data = middle }
    }
    hole
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    #[test]
    fn the_edges_of_holes_are_found() {
        let file = tempfile::tempfile().unwrap();
        let size = 64 << 30;
        file.set_len(size).unwrap();
        assert_eq!(hole_start(&file, size), 0, "nothing but a hole");
        assert_eq!(next_data(&file, 0, size), size);
        let (at, text) = (5 << 30, [b'x'; 10_000]);
        file.write_all_at(&text, at).unwrap();
        let data = next_data(&file, 0, size);
        assert!(data <= at && at - data < 1 << 20, "{data}");
        assert_eq!(next_data(&file, at + 5, size), at + 5);
        let hole = hole_start(&file, size);
        assert!((at + 10_000..at + (1 << 20)).contains(&hole), "{hole}");
        assert_eq!(data_end(&file, at, size), hole);
        assert_eq!(hole_start(&file, at + 10), at + 10, "that is data");
        assert_eq!(hole_start(&file, data), 0);
        assert_eq!(hole_start(&file, 0), 0);
    }
}
