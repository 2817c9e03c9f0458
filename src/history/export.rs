//! History as JSON and CSV for other programs.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::stats::{self, Analysis, Incident, Window};
use super::{ChangeRow, ProfileRecord, Record, RestartRow};
use crate::health::{Light, Proof};
use crate::recording::rfc3339;
use crate::text::{self, Lang};

/// Version of the JSON: increases when a key changes its meaning or is removed; new keys may appear at any time.
pub const VERSION: u32 = 1;

fn seconds(span: SignedDuration) -> Value {
    json!(span.as_millis() as f64 / 1000.0)
}

fn time(at: Timestamp) -> Value {
    json!(rfc3339(at))
}

fn proof(proof: &Proof) -> Value {
    json!({"source": proof.source, "line": text::proof::stable(proof), "at": time(proof.at)})
}

/// The window as one object. Times are RFC 3339, lengths of time are seconds, sentences are in `lang`.
pub fn json(record: &Record, window: Window, now: Timestamp, lang: Lang) -> Value {
    let profiles: Vec<Value> = record
        .profiles
        .iter()
        .map(|p| {
            let analysis = stats::analyse(p, &record.observed, window);
            json!({
                "profile": p.name,
                "figures": figures(&analysis),
                "incidents": analysis.incidents.iter().map(|i| incident(i, lang)).collect::<Vec<_>>(),
                "changes": p.changes.iter().filter(|c| c.at >= window.from).map(change).collect::<Vec<_>>(),
                "restarts": p.restarts.iter().map(|r| restart(r, lang)).collect::<Vec<_>>(),
                "links": links(p, record, window),
            })
        })
        .collect();
    json!({
        "version": VERSION,
        "at": time(now),
        "from": time(window.from),
        "to": time(window.to),
        "profiles": profiles,
    })
}

fn links(profile: &ProfileRecord, record: &Record, window: Window) -> Vec<Value> {
    let links = stats::analyse_links(profile, &record.observed, window);
    links.iter().map(|(name, link)| json!({"platform": name, "figures": figures(link)})).collect()
}

fn figures(analysis: &Analysis) -> Value {
    let f = &analysis.figures;
    json!({
        "window_s": seconds(f.window.length()),
        "known_s": seconds(f.known()),
        "unknown_s": seconds(f.unknown),
        "green_s": seconds(f.with(Light::Green)),
        "amber_s": seconds(f.with(Light::Amber)),
        "red_s": seconds(f.with(Light::Red)),
        "grey_s": seconds(f.with(Light::Grey)),
        "share_green": f.share_green(),
        "incidents": f.incidents,
        "mtbf_s": f.mtbf.map(seconds),
        "mttr_s": f.mttr.map(seconds),
        "causes": f.causes.iter().map(|c| json!({
            "reason": c.reason.code(),
            "platform": c.platform,
            "incidents": c.incidents,
            "seen_s": seconds(c.seen),
        })).collect::<Vec<_>>(),
    })
}

fn incident(i: &Incident, lang: Lang) -> Value {
    json!({
        "began": time(i.began),
        "from": time(i.from),
        "to": time(i.to),
        "end": i.end.code(),
        "seen_s": seconds(i.seen),
        "cause": i.cause.code(),
        "platform": i.platform,
        "reasons": i.reasons.iter().map(|r| r.code()).collect::<Vec<_>>(),
        "evidence": i.evidence.as_ref().map(proof),
        "restarts": i.restarts.iter().map(|r| restart(r, lang)).collect::<Vec<_>>(),
        "new_processes": i.new_processes,
    })
}

fn change(c: &ChangeRow) -> Value {
    json!({
        "at": time(c.at),
        "from": c.from.code(),
        "light": c.light().word(),
        "reason": c.to.code(),
        "platform": c.platform,
        "since": time(c.since),
        "evidence": c.evidence.as_ref().map(proof),
        "pid": c.pid,
        "history": c.history,
    })
}

fn restart(r: &RestartRow, lang: Lang) -> Value {
    json!({
        "asked_at": time(r.asked_at),
        "took_s": seconds(r.ended_at.duration_since(r.asked_at)),
        "result": r.result.code(),
        "why": r.why.as_ref().map_or(String::new(), |why| why.text(lang)),
        "killed": r.killed,
    })
}

/// The incidents as CSV (RFC 4180), one row each.
pub fn csv(record: &Record, window: Window) -> String {
    let mut out = String::from(
        "profile,began,from,to,end,seen_s,cause,source,evidence,evidence_at,restarts,last_restart,platform\r\n",
    );
    for p in &record.profiles {
        for i in stats::analyse(p, &record.observed, window).incidents {
            let seen = format!("{:.3}", i.seen.as_millis() as f64 / 1000.0);
            let (source, line, at) =
                i.evidence.as_ref().map_or((String::new(), String::new(), String::new()), |e| {
                    (e.source.to_string(), text::proof::stable(e).into_owned(), rfc3339(e.at))
                });
            let fields = [
                p.name.clone(),
                rfc3339(i.began),
                rfc3339(i.from),
                rfc3339(i.to),
                i.end.code().to_owned(),
                seen,
                i.cause.code().to_owned(),
                source,
                line,
                at,
                i.restarts.len().to_string(),
                i.restarts.last().map_or(String::new(), |r| r.result.code().to_owned()),
                i.platform.clone().unwrap_or_default(),
            ];
            let row: Vec<String> = fields.iter().map(|f| field(f)).collect();
            let _ = write!(out, "{}\r\n", row.join(","));
        }
    }
    out
}

/// One field, quoted where needed; an apostrophe keeps spreadsheets from reading it as a formula.
fn field(text: &str) -> String {
    let risky = text.trim_start().starts_with(['=', '+', '-', '@', '|', '%', '＝', '＋', '－', '＠'])
        || text.starts_with(['\t', '\r', '\n']);
    let text = if risky { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\r', '\n', '\'']) || text != text.trim() {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::super::Observed;
    use super::super::stats::tests::{change as row, t};
    use super::*;
    use crate::health::{Proof, Reason};

    fn record(line: &str) -> Record {
        let mut red = row(10, 1, Reason::NotRunning);
        red.evidence = Some(Proof::new("agent.log", line, t(10)));
        Record {
            observed: vec![Observed { run: 1, from: t(0), to: t(100) }],
            profiles: vec![ProfileRecord {
                name: "=work".into(),
                changes: vec![row(0, 1, Reason::Connected), red, row(30, 1, Reason::Connected)],
                ..ProfileRecord::default()
            }],
        }
    }

    #[test]
    fn a_spreadsheet_finds_no_formula() {
        for line in [
            "=cmd|' /C calc'!A0",
            "+1",
            "-2+3",
            "@SUM(A1)",
            " =1",
            "\t=1",
            "%x",
            "|x",
            "＝1",
            "a\"b,c\nd",
            "plain",
        ] {
            let csv = csv(&record(line), Window { from: t(0), to: t(100) });
            let mut reader = Csv(csv.chars().peekable());
            let head = reader.record();
            let fields = reader.record();
            assert_eq!(fields.len(), head.len(), "{csv}");
            let evidence = &fields[8];
            assert!(evidence == line || *evidence == format!("'{line}"), "{evidence:?}");
            for f in &fields {
                assert!(!f.trim_start().starts_with(['=', '+', '-', '@', '|', '%', '＝']), "{f:?}");
            }
        }
    }

    /// A second, independent reading of RFC 4180.
    struct Csv<'a>(std::iter::Peekable<std::str::Chars<'a>>);

    impl Csv<'_> {
        fn record(&mut self) -> Vec<String> {
            let mut fields = vec![String::new()];
            let mut quoted = false;
            while let Some(c) = self.0.next() {
                match c {
                    '"' if quoted && self.0.peek() == Some(&'"') => {
                        self.0.next();
                        fields.last_mut().unwrap().push('"');
                    }
                    '"' => quoted = !quoted,
                    ',' if !quoted => fields.push(String::new()),
                    '\r' if !quoted => {
                        assert_eq!(self.0.next(), Some('\n'));
                        return fields;
                    }
                    c => fields.last_mut().unwrap().push(c),
                }
            }
            fields
        }
    }

    #[test]
    fn json_is_versioned_and_in_seconds() {
        let all = json(&record("x"), Window { from: t(0), to: t(200) }, t(200), Lang::En);
        assert_eq!(all["version"], 1);
        let p = &all["profiles"][0];
        assert_eq!(p["figures"]["known_s"], 100.0);
        assert_eq!(p["figures"]["unknown_s"], 100.0);
        assert_eq!(p["figures"]["share_green"], 0.8);
        assert_eq!(p["incidents"][0]["seen_s"], 20.0);
        assert_eq!(p["incidents"][0]["end"], "recovered");
        assert_eq!(p["incidents"][0]["evidence"]["line"], "x");
        assert_eq!(p["changes"].as_array().unwrap().len(), 3);
        assert!(all["from"].as_str().unwrap().parse::<Timestamp>().is_ok());
    }
}
