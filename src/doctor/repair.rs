//! The edit of a job file: bytes in, bytes out.
//!
//! An XML list loses only the bytes of the removed element and its line, a unit only those of the word. The result is parsed
//! again and compared with what was requested; if they differ, no repair is offered.

use std::ops::Range;
use std::path::Path;

use plist::Value;

use super::diff::diff;
use super::plist_layout::{Layout, TopDict, elements, one_line, span, with_its_line};
use crate::health::Manager;
use crate::order::Order as _;
use crate::profile::command::{self, GatewayCommand, Place};
use crate::profile::mapped::Mapped;
use crate::profile::xml;
use crate::profile::{JobFile, property_list, unit_file};

/// The option with which a gateway ends a running one and takes its place.
pub const FLAG: &str = "--replace";

/// The requested edits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Remove [`FLAG`] from the gateway's command.
    pub replace: bool,
    /// Start the job when it is loaded (property lists only).
    pub run_at_load: bool,
    /// Restart the job after a failure.
    pub keep_alive: bool,
}

/// A verified edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The new file.
    pub bytes: Vec<u8>,
    /// The edit as a unified diff (of the XML form of a binary list), without the values of secrets.
    pub diff: String,
}

/// Why the edit has to be made by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The file cannot be read as a job file.
    #[error("the file cannot be read as a job file")]
    Unreadable,
    /// The flag is inside more than one layer of quoting.
    #[error("the flag stands inside more than one layer of quoting")]
    Quoting,
    /// The edit would change more than the flag.
    #[error("taking the flag out would change more than the flag")]
    Unproven,
    /// The file is another user's.
    #[error("the file belongs to another user")]
    OtherOwner,
    /// The file is a symbolic link to another folder.
    #[error("the file is a symbolic link to another folder")]
    Linked,
    /// No file of the job has the flag: it comes from a variable.
    #[error("a variable brings the flag")]
    Variable,
    /// It is in a script that cannot be parsed reliably.
    #[error("the script cannot be taken apart for certain")]
    Hidden,
}

/// Whether a word behind `gateway` is [`FLAG`] or an abbreviation that argparse accepts for it: `--r` and longer (tried with
/// the parser of hermes-agent 0.19, whose `gateway run` has no other option with that prefix).
fn is_flag(word: &str) -> bool {
    word.len() >= "--r".len() && FLAG.starts_with(word)
}

/// Places of [`FLAG`] among these arguments: whole words of the gateway's own command only.
pub fn flags(arguments: &[String]) -> Vec<Place> {
    match command::gateway_command(arguments) {
        Some(command) => flags_of(&command),
        // the user's own program, recognised by its label: only the literal flag counts
        None => (1..arguments.len()).filter(|&i| arguments[i] == FLAG).map(Place::Argument).collect(),
    }
}

/// Whether a process with these arguments was started before the flag was removed from the job file: without the flag its
/// arguments end with those of the file (an interpreter may come before).
pub fn is_from_before(process: &[String], file: &[String]) -> bool {
    !file.is_empty()
        && flags(file).is_empty()
        && matches!(without_flag(process), Ok(Some(shorter)) if shorter.arguments.ends_with(file))
}

/// Whether [`FLAG`] seems to reach the job's gateway in a way that cannot be analysed.
pub fn hides_flag(job: &JobFile) -> bool {
    flags(&job.arguments).is_empty() && command::may_hide(&job.arguments, &job.environment, is_flag)
}

fn flags_of(command: &GatewayCommand) -> Vec<Place> {
    let behind = command.words.iter().skip(command.gateway + 1);
    behind.filter(|word| is_flag(&word.text)).map(|word| word.place.clone()).collect()
}

/// Plans an edit. `None`: there is nothing to do.
pub fn plan(
    manager: Manager,
    bytes: &[u8],
    wanted: Wanted,
    user_home: &Path,
) -> Result<Option<Plan>, Refusal> {
    match manager {
        Manager::Systemd => plan_unit(bytes, wanted, user_home),
        Manager::Launchd | Manager::Embedded if property_list::is_binary(bytes) => plan_binary(bytes, wanted),
        Manager::Launchd | Manager::Embedded => plan_xml(bytes, wanted),
    }
}

/// A range of bytes and its replacement.
type Edit = (Range<usize>, String);

fn apply(text: &str, mut edits: Vec<Edit>) -> Result<String, Refusal> {
    edits.order_by_key(|(range, _)| range.start);
    let mut out = String::with_capacity(text.len() + 128);
    let mut at = 0;
    for (range, new) in edits {
        out.push_str(text.get(at..range.start).ok_or(Refusal::Unproven)?);
        out.push_str(&new);
        at = range.end;
    }
    out.push_str(text.get(at..).ok_or(Refusal::Unproven)?);
    Ok(out)
}

/// The arguments without the flag, and what has to be removed for it.
struct Shorter {
    arguments: Vec<String>,
    /// Indices of whole arguments to remove.
    whole: Vec<usize>,
    /// Arguments of which these bytes are removed.
    within: Vec<(usize, Range<usize>)>,
}

fn without_flag(arguments: &[String]) -> Result<Option<Shorter>, Refusal> {
    let places = flags(arguments);
    if places.is_empty() {
        return Ok(None);
    }
    let mut whole = Vec::new();
    let mut within = Vec::new();
    for place in places {
        match place {
            Place::Argument(i) => whole.push(i),
            Place::Within { argument, span } => {
                within.push((argument, with_blanks(&arguments[argument], span)));
            }
            Place::Deep { .. } => return Err(Refusal::Quoting),
        }
    }
    let mut shorter = Vec::new();
    for (i, argument) in arguments.iter().enumerate() {
        if whole.contains(&i) {
            continue;
        }
        let gone = within.iter().filter(|(n, _)| *n == i).map(|(_, range)| (range.clone(), String::new()));
        shorter.push(apply(argument, gone.collect())?);
    }
    let before = command::gateway_command(arguments);
    let after = command::gateway_command(&shorter);
    let proven = match (&before, &after) {
        (Some(before), Some(after)) => {
            let kept = before.words.iter().enumerate();
            let kept = kept.filter(|(i, word)| *i <= before.gateway || !is_flag(&word.text));
            kept.map(|(_, word)| &word.text).eq(after.words.iter().map(|word| &word.text))
                && before.environment == after.environment
        }
        (None, None) => true,
        _ => false,
    };
    if proven { Ok(Some(Shorter { arguments: shorter, whole, within })) } else { Err(Refusal::Unproven) }
}

/// A word's bytes with the blanks before it, or with those after it if there are none before it.
fn with_blanks(text: &str, span: Range<usize>) -> Range<usize> {
    let blank = |c: char| c == ' ' || c == '\t';
    let start = text[..span.start].trim_end_matches(blank).len();
    let end = if start == span.start {
        text.len() - text[span.end..].trim_start_matches(blank).len()
    } else {
        span.end
    };
    start..end
}

fn strings(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|word| word.as_string().map(str::to_owned)).collect()
}

/// The edited list. `None`: unchanged.
fn wanted_value(old: &Value, wanted: Wanted) -> Result<(Option<Value>, Option<Shorter>), Refusal> {
    let dict = old.as_dictionary().ok_or(Refusal::Unreadable)?;
    let mut new = dict.clone();
    let mut shorter = None;
    if wanted.replace
        && let Some(arguments) = dict.get("ProgramArguments").and_then(strings)
    {
        shorter = without_flag(&arguments)?;
        if let Some(shorter) = &shorter {
            let words = shorter.arguments.iter().cloned().map(Value::String).collect();
            new.insert("ProgramArguments".into(), Value::Array(words));
        }
    }
    if wanted.run_at_load && dict.get("RunAtLoad") != Some(&Value::Boolean(true)) {
        new.insert("RunAtLoad".into(), Value::Boolean(true));
    }
    let kept = matches!(dict.get("KeepAlive"), Some(Value::Boolean(true) | Value::Dictionary(_)));
    if wanted.keep_alive && !kept {
        let mut after_failure = plist::Dictionary::new();
        after_failure.insert("SuccessfulExit".into(), Value::Boolean(false));
        new.insert("KeepAlive".into(), Value::Dictionary(after_failure));
    }
    let changed = new != *dict;
    Ok((changed.then_some(Value::Dictionary(new)), shorter))
}

fn plan_binary(bytes: &[u8], wanted: Wanted) -> Result<Option<Plan>, Refusal> {
    let old = property_list::parse(bytes).map_err(|_| Refusal::Unreadable)?;
    let (Some(new), _) = wanted_value(&old, wanted)? else {
        return Ok(None);
    };
    let mut written = Vec::new();
    new.to_writer_binary(&mut written).map_err(|_| Refusal::Unproven)?;
    if property_list::parse(&written).ok().as_ref() != Some(&new) {
        return Err(Refusal::Unproven);
    }
    Ok(Some(Plan { diff: diff(&readable(&old), &readable(&new)), bytes: written }))
}

/// A list as XML, or in debug form if it has values that XML does not have.
fn readable(value: &Value) -> String {
    let mut text = Vec::new();
    match value.to_writer_xml(&mut text) {
        Ok(()) => String::from_utf8_lossy(&text).into_owned(),
        Err(_) => format!("{value:#?}"),
    }
}

fn plan_xml(bytes: &[u8], wanted: Wanted) -> Result<Option<Plan>, Refusal> {
    let old = property_list::parse(bytes).map_err(|_| Refusal::Unreadable)?;
    let (Some(new), shorter) = wanted_value(&old, wanted)? else {
        return Ok(None);
    };
    let text = std::str::from_utf8(bytes).map_err(|_| Refusal::Unreadable)?;
    let pieces = xml::pieces(text).ok_or(Refusal::Unreadable)?;
    let dict = TopDict::find(text, &pieces).ok_or(Refusal::Unproven)?;
    let mut edits = Vec::new();
    if let Some(shorter) = &shorter {
        let array = dict.value("ProgramArguments").ok_or(Refusal::Unproven)?;
        let elements = elements(&pieces, array.start + 1..array.end - 1).ok_or(Refusal::Unproven)?;
        for argument in &shorter.whole {
            let element = elements.get(*argument).ok_or(Refusal::Unproven)?;
            edits.push((with_its_line(text, &span(&pieces, element)), String::new()));
        }
        for (argument, range) in &shorter.within {
            let element = elements.get(*argument).ok_or(Refusal::Unproven)?;
            let inner = pieces.get(element.start + 1..element.end - 1).ok_or(Refusal::Unproven)?;
            let mapped = xml::content(text, inner).ok_or(Refusal::Unproven)?;
            let source = mapped.source(range).ok_or(Refusal::Unproven)?;
            // a comment or the end of a CDATA section among them is more than the flag
            if text[source.clone()].contains('<') {
                return Err(Refusal::Unproven);
            }
            edits.push((source, String::new()));
        }
    }
    let old_dict = old.as_dictionary().ok_or(Refusal::Unreadable)?;
    let new_dict = new.as_dictionary().ok_or(Refusal::Unreadable)?;
    let mut added = String::new();
    let layout = Layout::of(text, &pieces, &dict);
    for key in ["RunAtLoad", "KeepAlive"] {
        if old_dict.get(key) == new_dict.get(key) {
            continue;
        }
        match dict.value(key) {
            Some(value) => edits.push((span(&pieces, &value), one_line(key).to_owned())),
            None => added.push_str(&layout.entry(key)),
        }
    }
    if !added.is_empty() {
        edits.push((layout.at..layout.at, added));
    }
    let written = apply(text, edits)?;
    if property_list::parse(written.as_bytes()).ok().as_ref() != Some(&new) {
        return Err(Refusal::Unproven);
    }
    Ok(Some(Plan { diff: diff(text, &written), bytes: written.into_bytes() }))
}

fn plan_unit(bytes: &[u8], wanted: Wanted, user_home: &Path) -> Result<Option<Plan>, Refusal> {
    let text = std::str::from_utf8(bytes).map_err(|_| Refusal::Unreadable)?;
    let entries = unit_file::settings(text);
    let mut edits: Vec<Edit> = Vec::new();
    let mut expected: Vec<Option<Vec<String>>> = vec![None; entries.len()];
    let mut last_start = None;
    for (n, entry) in entries.iter().enumerate() {
        if entry.section != "Service" || entry.key != "ExecStart" || entry.value.text.is_empty() {
            continue;
        }
        let value = &entry.value;
        last_start = value.source(&(0..value.text.len()));
        let (arguments, placed) = unit_file::exec_words(&value.text, user_home).ok_or(Refusal::Unreadable)?;
        let shorter = if wanted.replace { without_flag(&arguments)? } else { None };
        let Some(shorter) = shorter else { continue };
        for argument in &shorter.whole {
            let word = &placed[*argument].span;
            edits.push((unit_range(text, value, word).ok_or(Refusal::Unproven)?, String::new()));
        }
        for (argument, range) in &shorter.within {
            let within = placed[*argument].text.source(range).ok_or(Refusal::Unproven)?;
            edits.push((value.source(&within).ok_or(Refusal::Unproven)?, String::new()));
        }
        expected[n] = Some(shorter.arguments);
    }
    let added = if wanted.keep_alive { restart_edit(text, &entries, last_start) } else { None };
    let restart_added = added.is_some();
    edits.extend(added);
    if edits.is_empty() {
        return Ok(None);
    }
    let written = apply(text, edits)?;
    let mut after = unit_file::settings(&written);
    if restart_added {
        after.retain(|entry| !(entry.section == "Service" && entry.key == "Restart"));
    }
    let before = entries
        .iter()
        .enumerate()
        .filter(|(_, entry)| !(restart_added && entry.section == "Service" && entry.key == "Restart"));
    let mut after = after.into_iter();
    for (n, old) in before {
        let new = after.next().ok_or(Refusal::Unproven)?;
        let same = match &expected[n] {
            None => old.value.text == new.value.text,
            Some(words) => {
                unit_file::exec_words(&new.value.text, user_home).is_some_and(|(texts, _)| texts == *words)
            }
        };
        if !same || (&old.section, &old.key) != (&new.section, &new.key) {
            return Err(Refusal::Unproven);
        }
    }
    if after.next().is_some() {
        return Err(Refusal::Unproven);
    }
    Ok(Some(Plan { diff: diff(text, &written), bytes: written.into_bytes() }))
}

/// A word's bytes in the file, with the blanks and continued lines before it unless a comment line is among them.
fn unit_range(text: &str, value: &Mapped, word: &Range<usize>) -> Option<Range<usize>> {
    let start = value.text[..word.start].trim_end_matches([' ', '\t']).len();
    let alone = value.source(word)?;
    let wide = value.source(&(start..word.end))?;
    let before = text.get(wide.start..alone.start)?;
    Some(if before.contains(['#', ';']) { alone } else { wide })
}

fn restart_edit(text: &str, entries: &[unit_file::Setting], start: Option<Range<usize>>) -> Option<Edit> {
    let old = entries.iter().rev().find(|e| e.section == "Service" && e.key == "Restart");
    match old {
        Some(entry) if matches!(entry.value.text.as_str(), "no" | "") => {
            Some((entry.value.source(&(0..entry.value.text.len()))?, "on-failure".to_owned()))
        }
        Some(_) => None,
        None => {
            let end = start?.end;
            let at = text[end..].find('\n').map(|newline| end + newline + 1);
            let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
            Some(match at {
                Some(at) => (at..at, format!("Restart=on-failure{line_end}")),
                None => (text.len()..text.len(), format!("{line_end}Restart=on-failure{line_end}")),
            })
        }
    }
}
