//! Everything that was written and can be observed.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::hermes::{BEGIN, Ms};

/// A line or a file, or something else that can be observed.
pub(super) struct Written {
    /// When it was written.
    pub at: Ms,
    /// When an observer reads it.
    read: Ms,
    order: usize,
    /// As in a recording, without its time.
    pub event: Value,
}

#[derive(Default)]
pub(super) struct Journal {
    pub written: Vec<Written>,
    /// For each file, when it was last written, and when that is read.
    files: BTreeMap<String, (Ms, Ms)>,
}

impl Journal {
    pub(super) fn write(&mut self, at: Ms, read: Ms, event: Value) {
        self.written.push(Written { at, read, order: self.written.len(), event });
    }

    /// When an observer who could read this at `least` reads it: what is written to one file is read in that order, and what is
    /// written to it at one moment is read together.
    pub(super) fn read_in_order(&mut self, file: &str, at: Ms, least: Ms) -> Ms {
        let (written, read) = self.files.entry(file.to_owned()).or_default();
        if *written != at {
            (*written, *read) = (at, least.max(*read));
        }
        *read
    }

    /// Nothing is read while the machine sleeps.
    pub(super) fn sleep(&mut self, from: Ms, span: Ms) {
        let unread = self.written.iter_mut().map(|written| &mut written.read);
        let files = self.files.values_mut().map(|(_, read)| read);
        for read in unread.chain(files).filter(|read| **read > from) {
            *read += span;
        }
    }

    /// What was read until now, as a recording.
    pub(super) fn recording(&self, profiles: &[&str], now: Ms) -> String {
        let mut read: Vec<&Written> = self.written.iter().filter(|written| written.read <= now).collect();
        read.sort_by_key(|written| (written.read, written.order));
        let header = json!({"recording": 1, "start": BEGIN, "profile": "default", "profiles": profiles});
        let mut lines = vec![header.to_string()];
        for Written { read, event, .. } in read {
            let mut event = event.clone();
            event["t"] = json!(*read as f64 / 1e3);
            lines.push(event.to_string());
        }
        lines.push(json!({"t": now as f64 / 1e3, "end": true}).to_string());
        lines.join("\n") + "\n"
    }
}
