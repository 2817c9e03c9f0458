//! launchd property lists that run a Hermes gateway.

use std::path::{Path, PathBuf};

use plist::{Dictionary, Value};

use super::{JobFile, KeepAlive, command, expand, property_list, set_variable};
use crate::health::Manager;
use crate::profile::files::name_of;
use crate::text::{Both, Phrase, Worded as _, profile as say};

/// Labels of the default profile's job.
const LABELS: [&str; 3] = ["ai.hermes.gateway", "io.nousresearch.hermes-agent.gateway", "com.hermes.gateway"];
/// A watchdog of gateways, which is no gateway.
const WATCHDOG: &str = "ai.hermes.gateway-watchdog";
/// Gatelight's own agent.
const OURS: &str = "app.gatelight.Gatelight";

/// What a property list is.
#[derive(Debug)]
pub enum Plist {
    /// A gateway's job.
    Gateway(Box<JobFile>),
    /// Some other job.
    Other,
    /// It looks like a gateway's job and cannot be used; the reason as text.
    Bad(Both),
}

/// Parses one property list.
pub fn read(path: &Path, bytes: &[u8], user_home: &Path) -> Plist {
    if is_ours(path) {
        return Plist::Other;
    }
    match parse(path, bytes, user_home) {
        Ok(Some(job)) => Plist::Gateway(Box::new(job)),
        Err(reason) if looks_like_gateway(path, bytes) => Plist::Bad(reason),
        Ok(None) | Err(_) => Plist::Other,
    }
}

/// `None` for the job of something else; the error is the reason as text.
fn parse(path: &Path, bytes: &[u8], user_home: &Path) -> Result<Option<JobFile>, Both> {
    let value = property_list::parse(bytes)
        .map_err(|error| Both::each(|lang| error.text(lang)).within(say::NOT_A_LIST, "why"))?;
    let dict = value.as_dictionary().ok_or(say::NO_DICTIONARY)?;
    let label = dict.get("Label").and_then(Value::as_string).unwrap_or_default();
    if label == WATCHDOG || label == OURS {
        return Ok(None);
    }
    let arguments = arguments(dict)?;
    let command = command::gateway_command(&arguments);
    if command.is_none() && !is_gateway_label(label) {
        // a gateway's file name without its label or command is some other job
        return Ok(None);
    }
    if label.is_empty() {
        return Err(say::NO_LABEL.into());
    }
    if arguments.is_empty() {
        return Err(say::NO_PROGRAM.into());
    }
    let command = command.or_else(|| command::labelled_command(&arguments)).unwrap_or_default();
    let path_of = |key: &str| -> Option<PathBuf> {
        let text = dict.get(key)?.as_string().filter(|text| !text.is_empty())?;
        Some(expand(text, user_home)).filter(|path| path.is_absolute())
    };
    let seconds = |key: &str| dict.get(key).and_then(Value::as_unsigned_integer);
    Ok(Some(JobFile {
        manager: Manager::Launchd,
        path: path.to_path_buf(),
        label: label.to_owned(),
        gateway_words: command.texts(),
        environment: environment(dict, &command.environment),
        arguments,
        working_directory: path_of("WorkingDirectory"),
        stdout: path_of("StandardOutPath"),
        stderr: path_of("StandardErrorPath"),
        run_at_load: dict.get("RunAtLoad").and_then(Value::as_boolean).unwrap_or(false),
        keep_alive: keep_alive(dict.get("KeepAlive")),
        throttle_s: seconds("ThrottleInterval"),
        exit_timeout_s: seconds("ExitTimeOut"),
        drop_ins: Vec::new(),
    }))
}

/// What the job sets, overridden by what its command sets (`env NAME=value hermes …`).
fn environment(dict: &Dictionary, of_command: &[(String, String)]) -> Vec<(String, String)> {
    let of_job = dict.get("EnvironmentVariables").and_then(Value::as_dictionary).into_iter().flatten();
    let mut environment: Vec<(String, String)> =
        of_job.filter_map(|(name, value)| Some((name.clone(), value.as_string()?.to_owned()))).collect();
    for (name, value) in of_command {
        set_variable(&mut environment, name, value);
    }
    environment
}

/// Whether a file has the name of a job that is never a gateway.
pub fn is_ours(path: &Path) -> bool {
    let name = name_of(path);
    [WATCHDOG, OURS].iter().any(|label| name.strip_suffix(".plist") == Some(label))
}

/// Whether a file looks like a gateway's by its name or its bytes.
pub fn looks_like_gateway(path: &Path, bytes: &[u8]) -> bool {
    let holds =
        |hay: &[u8], word: &str| memchr::memmem::find(&hay.to_ascii_lowercase(), word.as_bytes()).is_some();
    let both = |hay: &[u8]| holds(hay, "hermes") && holds(hay, "gateway");
    !is_ours(path) && (both(name_of(path).as_bytes()) || both(bytes))
}

/// The part of a label after `ai.hermes.gateway-`.
pub fn suffix(label: &str) -> Option<&str> {
    LABELS.iter().find_map(|known| label.strip_prefix(known)?.strip_prefix('-')).filter(|s| !s.is_empty())
}

fn is_gateway_label(label: &str) -> bool {
    LABELS.contains(&label) || suffix(label).is_some_and(|suffix| !suffix.contains("watchdog"))
}

/// `ProgramArguments`, else `Program` alone.
fn arguments(dict: &Dictionary) -> Result<Vec<String>, Phrase> {
    match (dict.get("ProgramArguments"), dict.get("Program")) {
        (Some(value), _) => value
            .as_array()
            .and_then(|words| words.iter().map(|word| word.as_string().map(str::to_owned)).collect())
            .ok_or(say::ODD_ARGUMENTS),
        (None, Some(program)) => program.as_string().map(|p| vec![p.to_owned()]).ok_or(say::ODD_PROGRAM),
        (None, None) => Ok(Vec::new()),
    }
}

fn keep_alive(value: Option<&Value>) -> KeepAlive {
    match value {
        Some(Value::Boolean(true)) => KeepAlive::Always,
        // launchd restarts the job when any of the conditions holds (launchd.plist(5))
        Some(Value::Dictionary(conditions)) => {
            let condition = |name| conditions.get(name).and_then(Value::as_boolean);
            match (condition("SuccessfulExit"), condition("Crashed")) {
                (Some(false), _) => KeepAlive::AfterFailure,
                (Some(true), None) if conditions.len() == 1 => KeepAlive::AfterSuccess,
                (None, Some(true)) if conditions.len() == 1 => KeepAlive::AfterSignal,
                _ => KeepAlive::Conditional,
            }
        }
        _ => KeepAlive::No,
    }
}
