//! Converts between rows of [`crate::history`] and rows of the tables.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::health::{Light, Proof, Reason, Source};
use crate::history::{ChangeRow, Observed, RestartResult, RestartRow};
use crate::restart::RestartStep;
use crate::text::{Message, proof};

pub(super) const CHANGE_COLUMNS: &str =
    "at, run, was, reason, since, source, line, line_at, pid, started_at, history, light, platform";
/// The same columns as [`CHANGE_COLUMNS`], from the table of links.
pub(super) const LINK_COLUMNS: &str =
    "at, run, 'no-evidence', reason, since, source, line, line_at, NULL, NULL, 0, light, platform";
pub(super) const RESTART_COLUMNS: &str = "asked_at, ended_at, result, step, why, killed";
pub(super) const OBSERVED_COLUMNS: &str = "run, from_at, to_at";

/// Times are stored as milliseconds since 1970.
pub(super) fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

fn time(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(if millis < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

fn reason(code: &str) -> Reason {
    Reason::from_code(code).unwrap_or(Reason::NoEvidence)
}

fn light(word: &str) -> Option<Light> {
    [Light::Green, Light::Grey, Light::Amber, Light::Red].into_iter().find(|light| light.word() == word)
}

/// The id of a profile, which is added if it is new.
pub(super) fn profile_id(db: &Connection, name: &str) -> rusqlite::Result<i64> {
    let found = db
        .prepare_cached("SELECT id FROM profiles WHERE name = ?1")?
        .query_row([name], |r| r.get(0))
        .optional()?;
    if let Some(id) = found {
        return Ok(id);
    }
    db.execute("INSERT INTO profiles (name) VALUES (?1)", [name])?;
    Ok(db.last_insert_rowid())
}

/// Stores a change at `at` milliseconds. A change of the same run at the same time is replaced.
pub(super) fn put_change(db: &Connection, profile: i64, at: i64, row: &ChangeRow) -> rusqlite::Result<()> {
    let evidence = row.evidence.as_ref();
    db.prepare_cached(
        "INSERT INTO changes (profile, at, run, was, reason, since, source, line, line_at, pid, started_at, history,
             light, platform)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
         ON CONFLICT (profile, run, at) DO UPDATE SET reason = excluded.reason, since = excluded.since,
             source = excluded.source, line = excluded.line, line_at = excluded.line_at, pid = excluded.pid,
             started_at = excluded.started_at, history = excluded.history, light = excluded.light,
             platform = excluded.platform",
    )?
    .execute(params![
        profile,
        at,
        row.run,
        row.from.code(),
        row.to.code(),
        millis(row.since),
        evidence.map(|proof| proof.source.as_str()),
        evidence.map(proof::stable),
        evidence.map(|proof| millis(proof.at)),
        row.pid,
        row.started_at.map(millis),
        row.history,
        row.own_light.map(Light::word),
        row.platform,
    ])
    .map(drop)
}

/// Stores a change of a link. A change of the same run at the same time is replaced.
pub(super) fn put_link(db: &Connection, profile: i64, row: &ChangeRow) -> rusqlite::Result<()> {
    let evidence = row.evidence.as_ref();
    db.prepare_cached(
        "INSERT OR REPLACE INTO links (profile, platform, at, run, reason, light, since, source, line, line_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        profile,
        row.platform,
        millis(row.at),
        row.run,
        row.to.code(),
        row.light().word(),
        millis(row.since),
        evidence.map(|proof| proof.source.as_str()),
        evidence.map(proof::stable),
        evidence.map(|proof| millis(proof.at)),
    ])
    .map(drop)
}

pub(super) fn change(row: &Row<'_>) -> rusqlite::Result<ChangeRow> {
    let evidence = match (row.get::<_, Option<String>>(5)?, row.get::<_, Option<String>>(6)?, row.get(7)?) {
        (Some(source), Some(line), Some(at)) => {
            let source = Source::from(source);
            let line = proof::stored(&source, line);
            Some(Proof::new(source, line, time(at)))
        }
        _ => None,
    };
    Ok(ChangeRow {
        at: time(row.get(0)?),
        run: row.get(1)?,
        from: reason(&row.get::<_, String>(2)?),
        to: reason(&row.get::<_, String>(3)?),
        own_light: row.get::<_, Option<String>>(11)?.and_then(|word| light(&word)),
        platform: row.get(12)?,
        since: time(row.get(4)?),
        evidence,
        pid: row.get(8)?,
        started_at: row.get::<_, Option<i64>>(9)?.map(time),
        history: row.get(10)?,
    })
}

pub(super) fn put_restart(db: &Connection, profile: i64, row: &RestartRow) -> rusqlite::Result<()> {
    db.prepare_cached(&format!(
        "INSERT OR REPLACE INTO restarts (profile, {RESTART_COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
    ))?
    .execute(params![
        profile,
        millis(row.asked_at),
        millis(row.ended_at),
        row.result.code(),
        row.step.map(RestartStep::code),
        row.why.as_ref().map(message_column).transpose()?,
        row.killed,
    ])
    .map(drop)
}

pub(super) fn restart(row: &Row<'_>) -> rusqlite::Result<RestartRow> {
    let why: Option<String> = row.get(4)?;
    Ok(RestartRow {
        asked_at: time(row.get(0)?),
        ended_at: time(row.get(1)?),
        result: RestartResult::from_code(&row.get::<_, String>(2)?).unwrap_or(RestartResult::CannotTell),
        step: row.get::<_, Option<String>>(3)?.and_then(|code| RestartStep::from_code(&code)),
        why: why.map(|why| serde_json::from_str(&why).unwrap_or_else(|_| Message::verbatim(why))),
        killed: row.get(5)?,
    })
}

/// A message as it is stored.
pub(super) fn message_column(message: &Message) -> rusqlite::Result<String> {
    serde_json::to_string(message).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

pub(super) fn observed(row: &Row<'_>) -> rusqlite::Result<Observed> {
    Ok(Observed { run: row.get(0)?, from: time(row.get(1)?), to: time(row.get(2)?) })
}
