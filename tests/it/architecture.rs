//! The rooms of `src/` and the rules between them, as described in `src/lib.rs`.
//!
//! Unit tests are exempt: code under `#[cfg(test)]`, and files called `tests`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// From top to bottom. A room may import those that stand after it.
const ROOMS: &[&str] = &[
    // arguments, a call, output
    "cli",
    // icon, menu, notifications
    "ui",
    // the engine behind menu and commands
    "app",
    // simulated gateways and their supervisor
    "demo",
    // messages to services outside of this machine, and the heartbeat
    "channels",
    // metrics, the report page, diagnoses, old logs, the database
    "serve",
    "report",
    "diagnose",
    "postmortem",
    "history",
    // pure policy: incidents, grouping, flapping, inhibition, reminders
    "alerts",
    // one permit, three proofs, ledger
    "restart",
    // faults of job files, and their repair
    "doctor",
    // the loop: events, scan, one monitor for each gateway
    "watcher",
    // evidence to and from JSON Lines
    "recording",
    // launchd and systemd behind one trait
    "supervisor",
    // logs, state files and processes as `Evidence`
    "evidence",
    // what could be watched
    "profile",
    // settings, our own log, colours and tables, bounded reads, file locks, signals, workers
    "config",
    "log",
    "terminal",
    "lock",
    "files",
    "runtime",
    "worker",
    // removes secrets from every line that leaves
    "redact",
    // every word that users read
    "text",
    // the pure core
    "health",
    // sorting, compiled once
    "order",
];

/// Imports against the order that still have to be removed: (room, import). Only remove entries.
const PENDING_IMPORTS: &[(&str, &str)] = &[];

/// Files that may be longer than [`MAX_LINES`], with the reason; four at most.
const LONG_FILES: &[(&str, &str)] =
    &[("src/health/catalogue.rs", "a table: all that is said of each reason, in their order")];

/// Files over [`MAX_LINES`] that still have to be split. Only remove entries.
const PENDING_LONG_FILES: &[&str] = &[];

/// Names that `health` still uses and must not: (file, name). Only remove entries.
const PENDING_IN_HEALTH: &[(&str, &str)] = &[];

/// Files with comments that begin in the middle of a sentence, still to be rewritten. Only remove entries.
const PENDING_COMMENTS: &[&str] = &[];

const MAX_LINES: usize = 500;

/// Paths to what reads the world or the clock.
const NOT_IN_HEALTH: &[&str] = &[
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::os",
    "std::path",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "Timestamp::now",
    "Zoned::now",
    "TimeZone::system",
    "Path",
    "PathBuf",
    "libc",
    "rustix",
    "tokio",
    "println",
    "eprintln",
];

struct Source {
    /// Relative to the repository.
    name: String,
    text: String,
}

fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(inside) = folders.pop() {
        for entry in std::fs::read_dir(inside).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.push(Source { name, text: std::fs::read_to_string(path).unwrap() });
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(!found.is_empty(), "{folder} is empty");
    found
}

/// Compares what was found with the list: neither may have more.
fn assert_listed<T: Ord + std::fmt::Debug>(rule: &str, found: &BTreeSet<T>, listed: &BTreeSet<T>) {
    let mut wrong = String::new();
    for new in found.difference(listed) {
        writeln!(wrong, "{rule}: {new:?}").unwrap();
    }
    for gone in listed.difference(found) {
        writeln!(wrong, "no longer so, remove it from the list: {gone:?}").unwrap();
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// The module of a file in `src/`: `["ui", "tray", "linux"]`.
fn module_of(name: &str) -> Vec<String> {
    let path = PathBuf::from(name.strip_prefix("src/").unwrap()).with_extension("");
    let mut module: Vec<String> = path.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if module.last().is_some_and(|last| last == "mod") || module == ["lib"] || module == ["main"] {
        module.pop();
    }
    module
}

fn is_test_file(name: &str) -> bool {
    module_of(name).iter().any(|part| part == "tests")
}

/// A path in the code, as written: `crate::a::b`. Groups of a `use` are spread.
struct Named {
    line: usize,
    path: Vec<String>,
    /// The module that contains it.
    module: Vec<String>,
}

impl Named {
    /// From the crate's root, where it begins with `crate` or `super`.
    fn in_crate(&self) -> Option<Vec<String>> {
        let first = self.path.first()?;
        let mut rest = self.path.as_slice();
        let mut base = match first.as_str() {
            "crate" => Vec::new(),
            "self" | "super" => self.module.clone(),
            _ => return None,
        };
        while let Some((first, after)) = rest.split_first() {
            match first.as_str() {
                "crate" | "self" => {}
                "super" => _ = base.pop(),
                _ => break,
            }
            rest = after;
        }
        base.extend_from_slice(rest);
        Some(base)
    }
}

/// Reads the tokens of a file, without comments and code under `#[cfg(test)]`.
struct Reader {
    named: Vec<Named>,
    /// String literals, with their lines.
    strings: Vec<(usize, String)>,
}

impl Reader {
    fn read(source: &Source) -> Self {
        let mut reader = Self { named: Vec::new(), strings: Vec::new() };
        let tokens: TokenStream = source.text.parse().unwrap();
        reader.tokens(tokens, &mut module_of(&source.name), &[]);
        reader
    }

    /// `prefix` is the path before a group of a `use`.
    fn tokens(&mut self, tokens: TokenStream, module: &mut Vec<String>, prefix: &[String]) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            if is_punct(&tokens, at, '#') && group(&tokens, at + 1).is_some_and(is_test_attribute) {
                at = end_of_item(&tokens, at + 2);
                continue;
            }
            match &tokens[at] {
                TokenTree::Ident(ident) if ident == "mod" && group(&tokens, at + 2).is_some() => {
                    module.push(tokens[at + 1].to_string());
                    self.tokens(group(&tokens, at + 2).unwrap().stream(), module, &[]);
                    module.pop();
                    at += 3;
                }
                TokenTree::Ident(_) => at = self.path(&tokens, at, module, prefix),
                TokenTree::Group(inside) => {
                    self.tokens(inside.stream(), module, &[]);
                    at += 1;
                }
                TokenTree::Literal(literal) => {
                    let text = literal.to_string();
                    // a doc comment is a literal too
                    let of_attribute =
                        at >= 2 && is_punct(&tokens, at - 1, '=') && tokens[at - 2].to_string() == "doc";
                    if text.ends_with(['"', '#']) && !of_attribute {
                        self.strings.push((literal.span().start().line, text));
                    }
                    at += 1;
                }
                TokenTree::Punct(_) => at += 1,
            }
        }
    }

    /// Reads `a::b::{…}` from its first name on; returns where it ends.
    fn path(
        &mut self,
        tokens: &[TokenTree],
        start: usize,
        module: &mut Vec<String>,
        prefix: &[String],
    ) -> usize {
        let mut path = prefix.to_vec();
        path.push(tokens[start].to_string());
        let mut at = start + 1;
        while is_punct(tokens, at, ':') && is_punct(tokens, at + 1, ':') {
            match tokens.get(at + 2) {
                Some(TokenTree::Ident(name)) => path.push(name.to_string()),
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    self.tokens(group.stream(), module, &path);
                    return at + 3;
                }
                _ => break,
            }
            at += 3;
        }
        let line = tokens[start].span().start().line;
        self.named.push(Named { line, path, module: module.clone() });
        at
    }
}

fn is_punct(tokens: &[TokenTree], at: usize, wanted: char) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

fn group(tokens: &[TokenTree], at: usize) -> Option<&Group> {
    match tokens.get(at) {
        Some(TokenTree::Group(group)) => Some(group),
        _ => None,
    }
}

fn is_test_attribute(attribute: &Group) -> bool {
    let text: String = attribute.stream().to_string().split_whitespace().collect();
    text == "cfg(test)" || text.starts_with("cfg(all(test,")
}

/// The end of the item that begins here.
fn end_of_item(tokens: &[TokenTree], mut at: usize) -> usize {
    let is_use = tokens[at..].iter().take(4).any(|token| token.to_string() == "use");
    while at < tokens.len() {
        let attribute = is_punct(tokens, at, '#');
        let block = group(tokens, at).is_some_and(|group| group.delimiter() == Delimiter::Brace);
        if is_punct(tokens, at, ';') || (block && !is_use) {
            return at + 1;
        }
        at += if attribute { 2 } else { 1 };
    }
    at
}

fn room_of(name: &str) -> Option<String> {
    module_of(name).first().cloned()
}

fn imports(sources: &[Source]) -> BTreeSet<(String, String, String)> {
    let mut found = BTreeSet::new();
    // what the crate's root exports from a room counts as that room
    let mut exported = BTreeMap::new();
    for source in sources.iter().filter(|source| source.name == "src/lib.rs") {
        for named in Reader::read(source).named {
            if let [room, name] = named.path.as_slice() {
                exported.insert(name.clone(), room.clone());
            }
        }
    }
    for source in sources.iter().filter(|source| !is_test_file(&source.name)) {
        let Some(room) = room_of(&source.name) else { continue };
        for named in Reader::read(source).named {
            let Some(other) = named.in_crate().and_then(|path| path.first().cloned()) else { continue };
            let other = exported.get(&other).cloned().unwrap_or(other);
            if other != room {
                found.insert((room.clone(), other, format!("{}:{}", source.name, named.line)));
            }
        }
    }
    found
}

fn against_the_order(sources: &[Source]) -> BTreeSet<(String, String, String)> {
    let rank = |room: &str| ROOMS.iter().position(|name| *name == room);
    let mut found = imports(sources);
    // a room that is not in the table is always wrong
    found.retain(|(room, other, _)| rank(room) >= rank(other) || rank(room).is_none());
    found
}

#[test]
fn rooms_import_only_those_below_them() {
    let sources = sources("src");
    let rooms: BTreeSet<String> = sources.iter().filter_map(|source| room_of(&source.name)).collect();
    assert_eq!(
        rooms,
        ROOMS.iter().map(|room| (*room).to_owned()).collect(),
        "the rooms of src/ and of this test"
    );
    let found = against_the_order(&sources);
    let pairs: BTreeSet<(&str, &str)> =
        found.iter().map(|(room, other, _)| (room.as_str(), other.as_str())).collect();
    let listed: BTreeSet<(&str, &str)> = PENDING_IMPORTS.iter().copied().collect();
    for (room, other, place) in &found {
        assert!(listed.contains(&(room, other)), "{place}: {room} may not import {other}");
    }
    assert_listed("may not import", &pairs, &listed);
}

/// The log wordings in `resources/`.
fn wordings() -> Vec<String> {
    fn collect(value: &toml::Value, wordings: &mut Vec<String>) {
        match value {
            toml::Value::String(text) => wordings.push(text.clone()),
            toml::Value::Array(values) => values.iter().for_each(|value| collect(value, wordings)),
            toml::Value::Table(table) => {
                let wording =
                    |key: &str| !matches!(key, "signal" | "source" | "level" | "code" | "reason" | "name");
                table.iter().filter(|(key, _)| wording(key)).for_each(|(_, value)| collect(value, wordings));
            }
            _ => {}
        }
    }
    let mut wordings = Vec::new();
    let resources = Path::new(env!("CARGO_MANIFEST_DIR")).join("resources");
    let mut files = vec![resources.join("patterns.toml")];
    if let Ok(platforms) = std::fs::read_dir(resources.join("platforms")) {
        files.extend(
            platforms
                .map(|entry| entry.unwrap().path())
                .filter(|path| path.extension().is_some_and(|end| end == "toml")),
        );
    }
    for file in files {
        let value: toml::Value = toml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        collect(&value, &mut wordings);
    }
    // a single word may be one of our names
    wordings.retain(|wording| wording.trim().contains(' '));
    assert!(wordings.len() > 50, "{wordings:?}");
    wordings
}

fn not_pure(sources: &[Source]) -> BTreeSet<(String, String)> {
    let wordings = wordings();
    let mut found = BTreeSet::new();
    for source in sources.iter().filter(|source| !is_test_file(&source.name)) {
        let reader = Reader::read(source);
        for named in reader.named {
            let path = named.path.join("::");
            let forbidden = |name: &&&str| path == ***name || path.starts_with(&format!("{name}::"));
            if let Some(name) = NOT_IN_HEALTH.iter().find(forbidden) {
                found.insert((source.name.clone(), (*name).to_owned()));
            }
        }
        for (_, text) in reader.strings {
            if let Some(wording) = wordings.iter().find(|wording| text.contains(wording.as_str())) {
                found.insert((source.name.clone(), wording.clone()));
            }
        }
    }
    found
}

#[test]
fn health_reads_neither_the_world_nor_the_clock_and_knows_no_wordings_of_logs() {
    let listed =
        PENDING_IN_HEALTH.iter().map(|(file, name)| ((*file).to_owned(), (*name).to_owned())).collect();
    assert_listed("not for health", &not_pure(&sources("src/health")), &listed);
}

/// Which file imports which. What a `mod.rs` hands on belongs to the file that it comes from. A file may use what the
/// `mod.rs` of a folder around it defines: that is no import here.
fn imported_files(sources: &[Source]) -> BTreeMap<&str, BTreeSet<&str>> {
    let sources: Vec<&Source> = sources.iter().filter(|source| !is_test_file(&source.name)).collect();
    let files: BTreeMap<Vec<String>, &str> =
        sources.iter().map(|source| (module_of(&source.name), source.name.as_str())).collect();
    let named: BTreeMap<&str, Vec<Named>> =
        sources.iter().map(|source| (source.name.as_str(), Reader::read(source).named)).collect();
    // the longest module that the path begins with, and what it names there
    let owner = |path: &[String]| {
        (1..=path.len())
            .rev()
            .find_map(|length| Some((*files.get(&path[..length])?, path.get(length).cloned())))
    };
    let absolute = |file: &str, named: &Named| {
        named.in_crate().unwrap_or_else(|| [module_of(file), named.path.clone()].concat())
    };
    // what each `mod.rs` names of other files
    let mut exports = BTreeMap::new();
    for (file, named) in named.iter().filter(|(file, _)| file.ends_with("/mod.rs")) {
        for found in named.iter().filter_map(|named| owner(&absolute(file, named))) {
            if let (other, Some(name)) = found
                && other != *file
            {
                exports.entry((*file, name)).or_insert(other);
            }
        }
    }
    let origin = |path: &[String]| {
        let (mut file, name) = owner(path)?;
        // re-exports of re-exports end somewhere
        for _ in 0..4 {
            let Some(name) = &name else { break };
            let Some(other) = exports.get(&(file, name.clone())) else { break };
            file = other;
        }
        Some(file)
    };
    let mut imports: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (file, named) in &named {
        let others = named.iter().filter_map(|named| origin(&absolute(file, named)));
        let around =
            |other: &str| other.strip_suffix("mod.rs").is_some_and(|folder| file.starts_with(folder));
        imports.entry(file).or_default().extend(others.filter(|other| !around(other) && other != file));
    }
    imports
}

/// The files that are left when those that import nothing, or that nothing imports, are taken away again and again.
fn files_in_circles(sources: &[Source]) -> BTreeSet<String> {
    let mut imports = imported_files(sources);
    loop {
        let imported: BTreeSet<&str> = imports.values().flatten().copied().collect();
        let before = imports.len();
        imports.retain(|file, others| !others.is_empty() && imported.contains(file));
        let left: BTreeSet<&str> = imports.keys().copied().collect();
        for others in imports.values_mut() {
            others.retain(|other| left.contains(other));
        }
        if imports.len() == before && imports.values().all(|others| !others.is_empty()) {
            return imports.into_iter().map(|(file, others)| format!("{file} -> {others:?}")).collect();
        }
    }
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let circles = files_in_circles(&sources("src"));
    assert!(circles.is_empty(), "{circles:#?}");
}

fn long_files(sources: &[Source]) -> BTreeSet<&str> {
    let long = |source: &&Source| source.text.lines().count() > MAX_LINES;
    sources.iter().filter(long).map(|source| source.name.as_str()).collect()
}

#[test]
fn no_file_is_too_long() {
    assert!(LONG_FILES.len() <= 4 && LONG_FILES.iter().all(|(_, reason)| !reason.is_empty()));
    let listed = LONG_FILES.iter().map(|(file, _)| *file).chain(PENDING_LONG_FILES.iter().copied()).collect();
    assert_listed("more than 500 lines", &long_files(&sources("src")), &listed);
}

fn half_sentences(sources: &[Source]) -> BTreeSet<(String, usize)> {
    let mut found = BTreeSet::new();
    for source in sources {
        for (index, line) in source.text.lines().enumerate() {
            let comment = line.trim_start();
            let text = comment.strip_prefix("///").or_else(|| comment.strip_prefix("//!"));
            if text.is_some_and(|text| text.trim_start().starts_with('…')) {
                found.insert((source.name.clone(), index + 1));
            }
        }
    }
    found
}

#[test]
fn no_comment_begins_in_the_middle_of_a_sentence() {
    let found: BTreeSet<(String, usize)> =
        ["src", "tests"].iter().flat_map(|folder| half_sentences(&sources(folder))).collect();
    let files: BTreeSet<&str> = found.iter().map(|(file, _)| file.as_str()).collect();
    let listed = PENDING_COMMENTS.iter().copied().collect();
    assert_listed(&format!("a comment begins with an ellipsis ({found:?})"), &files, &listed);
}

#[test]
fn each_rule_can_fail() {
    let source = |name: &str, text: &str| Source { name: name.to_owned(), text: text.to_owned() };
    let wrong = |name: &str, text: &str| against_the_order(&[source(name, text)]).len();
    assert_eq!(wrong("src/app/agent.rs", "use crate::cli::Args;"), 1);
    assert_eq!(wrong("src/app/agent.rs", "use crate::{health, cli::{self, Args}, ui, text};"), 2);
    assert_eq!(wrong("src/app/agent.rs", "fn f() { let x = vec![super::super::ui::menu()]; }"), 1);
    assert_eq!(wrong("src/app/agent.rs", "mod inner { use super::super::super::ui; }"), 1);
    assert_eq!(wrong("src/app/agent.rs", "mod inner { use super::super::ui; }"), 0);
    assert_eq!(wrong("src/app/agent.rs", "#[cfg(test)] mod tests { use crate::cli; } use crate::text;"), 0);
    assert_eq!(wrong("src/app/agent.rs", "#[cfg(test)]\nuse crate::{cli, ui};\nuse crate::ui;"), 1);
    assert_eq!(
        wrong("src/app/agent.rs", "// crate::cli\n/// crate::cli\nconst A: &str = \"crate::cli\";"),
        0
    );
    assert_eq!(wrong("src/attic/mod.rs", "use crate::text;"), 1);
    assert_eq!(wrong("src/app/agent.rs", "use crate::attic;"), 1);
    let root = source("src/lib.rs", "pub use cli::args;");
    assert_eq!(against_the_order(&[root, source("src/app/agent.rs", "use crate::args::Args;")]).len(), 1);
    assert_eq!(wrong("src/main.rs", "use crate::cli;"), 0);
    let impure = |text: &str| not_pure(&[source("src/health/gateway.rs", text)]).len();
    assert_eq!(impure("use std::{fs::File, time::Duration};"), 1);
    assert_eq!(impure("use std::time::{Duration, Instant};"), 1);
    assert_eq!(impure("fn f() -> jiff::Timestamp { Timestamp::now() }"), 1);
    assert_eq!(impure("fn f(home: &Path) {}"), 1);
    assert_eq!(impure("const A: &str = \"connected to wss\";"), 1);
    assert_eq!(impure("/// connected to wss\nconst A: &str = \"connected\";"), 0);
    let circle = |b: &str| {
        let a = source("src/text/a.rs", "use crate::log::B;");
        let log = source("src/log/mod.rs", "mod b;\npub use b::B;");
        files_in_circles(&[a, log, source("src/log/b.rs", b), source("src/text/c.rs", "use super::a::A;")])
            .len()
    };
    assert_eq!(circle("use crate::text::a::A;"), 2);
    assert_eq!(circle("#[cfg(test)]\nuse crate::text::a::A;"), 0);
    assert_eq!(circle("use super::C; use crate::text::d::D;"), 0);
    let folder = source("src/log/mod.rs", "use b::B; pub struct A;");
    let inside = source("src/log/b.rs", "use super::A; use crate::text::c::C;");
    let outside = source("src/text/c.rs", "use crate::log::A;");
    assert_eq!(files_in_circles(&[folder, inside, outside]).len(), 3);
    let long = "\n".repeat(MAX_LINES + 1);
    assert_eq!(long_files(&[source("src/a.rs", &long), source("src/b.rs", "")]).len(), 1);
    assert_eq!(
        half_sentences(&[source("src/a.rs", "    /// … and more\n/// no …\n//! …\n// … plain")]).len(),
        2
    );
    let set = |names: &[&'static str]| names.iter().copied().collect::<BTreeSet<_>>();
    for (found, listed) in [(set(&["a"]), set(&[])), (set(&[]), set(&["a"]))] {
        assert!(std::panic::catch_unwind(|| assert_listed("rule", &found, &listed)).is_err());
    }
}
