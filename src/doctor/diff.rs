//! The diff of a job file, without secrets.

use std::fmt::{Display, Write as _};
use std::ops::Range;

use similar::algorithms::{Capture, Replace, myers};
use similar::{DiffOp, DiffTag};

use crate::redact::job_file;

/// Lines shown around a change.
const CONTEXT: usize = 3;

/// A unified diff without file names. It shows the lines around a change too, so both texts are masked first.
pub(super) fn diff(old: &str, new: &str) -> String {
    let (old, new) = (job_file(old), job_file(new));
    let old: Vec<&str> = old.split_inclusive('\n').collect();
    let new: Vec<&str> = new.split_inclusive('\n').collect();
    // `similar::TextDiff` links every algorithm that it can choose from, which adds 200 KB to the binary
    let mut found = Replace::new(Capture::new());
    let Ok(()) = myers::diff(&mut found, &old[..], 0..old.len(), &new[..], 0..new.len());
    let mut out = String::new();
    for hunk in found.into_inner().into_grouped_ops(CONTEXT) {
        print_hunk(&mut out, &hunk, &old, &new);
    }
    out
}

fn print_hunk(out: &mut String, hunk: &[DiffOp], old: &[&str], new: &[&str]) {
    let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else { return };
    let (from, to) =
        (first.old_range().start..last.old_range().end, first.new_range().start..last.new_range().end);
    let _ = writeln!(out, "@@ -{} +{} @@", HunkRange(from), HunkRange(to));
    for op in hunk {
        let (removed, added) = (&old[op.old_range()], &new[op.new_range()]);
        if op.tag() == DiffTag::Equal {
            print_lines(out, ' ', removed);
        } else {
            print_lines(out, '-', removed);
            print_lines(out, '+', added);
        }
    }
}

fn print_lines(out: &mut String, mark: char, lines: &[&str]) {
    for line in lines {
        out.push(mark);
        out.push_str(line);
        if !line.ends_with('\n') {
            out.push_str("\n\\ No newline at end of file\n");
        }
    }
}

/// First line (from 1) and number of lines, as in `diff -u`: an empty range names the line before it.
struct HunkRange(Range<usize>);

impl Display for HunkRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.len() {
            0 => write!(f, "{},0", self.0.start),
            1 => write!(f, "{}", self.0.start + 1),
            len => write!(f, "{},{len}", self.0.start + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_diff_writes_it() {
        let text =
            |middle: &str| format!("[Service]\nType=a\nType=b\nType=c\nType=d\n{middle}Type=e\nType=f");
        assert_eq!(
            diff(&text("Nice=1\n"), &text("Nice=2\nNice=3\n")),
            "@@ -3,6 +3,7 @@\n Type=b\n Type=c\n Type=d\n-Nice=1\n+Nice=2\n+Nice=3\n Type=e\n Type=f\n\\ No newline at end of file\n"
        );
        assert_eq!(diff("a", "a"), "");
    }
}
