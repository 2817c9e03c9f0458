//! Gathers what a page is made of, and writes the page.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::html::GENERATOR;
use super::{ReportInput, render};
use crate::evidence::clock;
use crate::evidence::patterns::Patterns;
use crate::files;
use crate::history::{Reader, Window};
use crate::postmortem;
use crate::text::Lang;
use crate::text::error;
use crate::text::report::{NO_REGULAR_FILE, NOT_A_PAGE};

/// The time span of the longest strip of a page.
const MAX_STRIP: SignedDuration = SignedDuration::from_hours(90 * 24);

/// The first bytes of an existing file, in which [`GENERATOR`] is searched.
const HEAD_BYTES: u64 = 4096;

/// Where the page's record comes from.
pub(crate) enum Source<'a> {
    /// The history of the agent.
    History(&'a Path),
    /// Old logs; the page ends where they end.
    Logs {
        /// The files.
        files: &'a [PathBuf],
        /// What their lines mean.
        patterns: &'a Arc<Patterns>,
        /// Called with the bytes of each block that is read.
        progress: &'a (dyn Fn(u64) + Sync),
    },
}

/// Which page to make.
pub(crate) struct Request<'a> {
    /// Where the record comes from.
    pub(crate) source: Source<'a>,
    /// The span before the end in which incidents are listed.
    pub(crate) since: SignedDuration,
    /// Now.
    pub(crate) now: Timestamp,
    /// The language.
    pub(crate) lang: Lang,
    /// The zone in which times are shown.
    pub(crate) zone: TimeZone,
}

/// A page that was made.
pub(crate) struct Page {
    /// The page, self-contained.
    pub(crate) html: String,
    /// Old logs without any timestamp, which are not on the page.
    pub(crate) silent: Vec<PathBuf>,
}

impl Request<'_> {
    /// The page of the last 90 days, as the menu offers it.
    pub(crate) fn timeline(history: &Path, lang: Lang) -> Request<'_> {
        let (now, zone) = (Timestamp::now(), clock::time_zone());
        Request { source: Source::History(history), since: MAX_STRIP, now, lang, zone }
    }

    /// Reads the record and draws the page.
    pub(crate) fn make(&self) -> error::Result<Page> {
        let (record, end, silent) = match &self.source {
            Source::History(file) => {
                let all = Window::last(self.since.max(MAX_STRIP), self.now);
                (Reader::window(file, all)?.unwrap_or_default(), self.now, Vec::new())
            }
            Source::Logs { files, patterns, progress } => {
                let past = postmortem::read(files, patterns, &self.zone, progress)?;
                (past.record, past.end, past.silent)
            }
        };
        let html = render(&ReportInput {
            record,
            window: Window::last(self.since, end),
            made_at: end,
            from_logs: matches!(self.source, Source::Logs { .. }),
            lang: self.lang,
            zone: self.zone.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        });
        Ok(Page { html, silent })
    }
}

/// Fails unless the path is free, a page of ours or, with `force`, any regular file. A link is not followed.
pub(crate) fn check_replaceable(path: &Path, force: bool) -> error::Result<()> {
    let refuse = |phrase| Err(error::Error::new(phrase, &[("path", &*path.display().to_string())]));
    match std::fs::symlink_metadata(path) {
        // writing the page reports this error
        Err(_) => Ok(()),
        Ok(file) if !file.is_file() => refuse(NO_REGULAR_FILE),
        Ok(file) if force || file.len() == 0 || is_page(path) => Ok(()),
        Ok(_) => refuse(NOT_A_PAGE),
    }
}

fn is_page(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = files::open(path).and_then(|file| file.take(HEAD_BYTES).read_to_end(&mut head));
    read.is_ok() && memchr::memmem::find(&head, GENERATOR.as_bytes()).is_some()
}

/// Writes a file that only its owner can read, completely or not at all.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    files::create_folder(folder)?;
    // the errors of `tempfile` name its temporary file
    let mut new = tempfile::NamedTempFile::new_in(folder).map_err(|error| error.kind())?;
    new.as_file_mut().write_all(bytes)?;
    new.as_file().sync_all()?;
    new.persist(path).map_err(|failed| failed.error)?;
    Ok(())
}
