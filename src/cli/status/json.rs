//! The JSON of `status`.

use std::borrow::Cow;

use serde::Serialize;

use super::note_text;
use crate::app::watching::Watching;
use crate::health::{LinkVerdict, Manager, Proof, RestartHelps};
use crate::recording::rfc3339;
use crate::text::{Lang, proof};
use crate::watcher::snapshot::{ProfileView, Snapshot};

/// Version of the JSON.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Json<'a> {
    version: u32,
    at: String,
    agent: Option<JsonAgent<'a>>,
    profiles: Vec<JsonProfile<'a>>,
}

#[derive(Serialize)]
struct JsonAgent<'a> {
    pid: u32,
    version: &'a str,
    since: String,
    unseen_24h_s: Option<i64>,
}

#[derive(Serialize)]
struct JsonProfile<'a> {
    profile: &'a str,
    label: Option<&'a str>,
    light: &'static str,
    reason: &'static str,
    platform: Option<&'a str>,
    since: String,
    evidence: Option<JsonProof<'a>>,
    restart_helps: Option<RestartHelps>,
    pid: Option<u32>,
    uptime_s: Option<i64>,
    manager: Option<&'static str>,
    served_by: Option<&'a str>,
    hermes: Option<JsonVersion<'a>>,
    home: String,
    links: Vec<JsonLink<'a>>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct JsonVersion<'a> {
    version: &'a str,
    running: bool,
}

#[derive(Serialize)]
struct JsonLink<'a> {
    platform: &'a str,
    light: &'static str,
    reason: &'static str,
    since: String,
    evidence: Option<JsonProof<'a>>,
    last_message_at: Option<String>,
}

#[derive(Serialize)]
struct JsonProof<'a> {
    source: &'a str,
    line: Cow<'a, str>,
    at: String,
}

/// The JSON, on one line.
pub fn json(snapshot: &Snapshot, watching: &Watching) -> serde_json::Result<String> {
    let agent = watching.agent.as_ref().map(|agent| JsonAgent {
        pid: agent.pid,
        version: &agent.version,
        since: rfc3339(agent.since),
        unseen_24h_s: watching.unseen.map(|unseen| unseen.as_secs()),
    });
    let profiles = snapshot.profiles.iter().map(|view| json_profile(view, snapshot)).collect();
    serde_json::to_string(&Json { version: VERSION, at: rfc3339(snapshot.at), agent, profiles })
}

fn json_profile<'a>(view: &'a ProfileView, snapshot: &Snapshot) -> JsonProfile<'a> {
    let verdict = &view.verdict;
    let notes = verdict.notes.iter();
    JsonProfile {
        profile: &view.profile.name,
        label: view.profile.label(),
        light: verdict.light().word(),
        reason: verdict.reason.code(),
        platform: verdict.platform.as_deref(),
        since: rfc3339(verdict.since),
        evidence: verdict.evidence.as_ref().map(json_proof),
        restart_helps: verdict.reason.restart(),
        pid: verdict.pid,
        uptime_s: view.uptime(snapshot.at).map(|span| span.as_secs()),
        manager: verdict.manager.map(Manager::word),
        served_by: verdict.served_by.as_deref(),
        hermes: verdict.version.as_ref().map(|v| JsonVersion { version: &v.text, running: v.running }),
        home: view.profile.home.display().to_string(),
        links: verdict.links.iter().map(json_link).collect(),
        notes: notes.map(|note| note_text(note, &view.profile.name, snapshot, Lang::En)).collect(),
    }
}

fn json_link(link: &LinkVerdict) -> JsonLink<'_> {
    JsonLink {
        platform: &link.platform,
        light: link.light.word(),
        reason: link.reason.code(),
        since: rfc3339(link.since),
        evidence: link.evidence.as_ref().map(json_proof),
        last_message_at: link.last_message_at.map(rfc3339),
    }
}

fn json_proof(proof: &Proof) -> JsonProof<'_> {
    JsonProof { source: proof.source.as_str(), line: proof::stable(proof), at: rfc3339(proof.at) }
}
