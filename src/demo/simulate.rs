//! A simulated gateway: a real process that writes log and state files into a home, in real time, from a recorded
//! incident.
//!
//! It ends with its parent, on SIGTERM, or after an hour.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::{Timestamp, Zoned};
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::evidence::process;
use crate::recording::{EventKind, Recording};
use crate::text::error::{self, Context as _};

/// The interval at which a real gateway writes its heartbeat.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// A simulated gateway ends after this time at the latest.
const MAX_LIFETIME: Duration = Duration::from_secs(3600);

/// The incidents, shortened from recordings of real gateways.
const SCRIPTS: [(&str, &str); 3] = [
    ("clean", include_str!("../../resources/demo/clean.jsonl")),
    ("reconnects", include_str!("../../resources/demo/reconnects.jsonl")),
    ("hollow", include_str!("../../resources/demo/hollow.jsonl")),
];

/// What a simulated gateway does.
#[derive(Debug)]
pub(crate) struct Gateway {
    /// The home that it writes into; absolute.
    pub(crate) home: PathBuf,
    /// `clean`, `reconnects`, `hollow`, or the path of a recording.
    pub(crate) script: String,
    /// What it plays from its second start on.
    pub(crate) then: Option<String>,
    /// Ignores SIGTERM, as a hollow gateway may.
    pub(crate) ignore_term: bool,
}

/// Plays the incident, then runs on.
pub(crate) fn run(args: &Gateway) -> error::Result<()> {
    let started_before = args.home.join("gateway-starts.log").exists();
    let script = if started_before { args.then.as_deref().unwrap_or(&args.script) } else { &args.script };
    let recording = load(script)?;
    crate::runtime::runtime()?.block_on(async {
        let begun = Instant::now();
        let mut home = Home::open(&args.home)?;
        let parent = rustix::process::getppid();
        let mut beat = interval(HEARTBEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut look = interval(Duration::from_millis(500));
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut events = recording.events.iter().peekable();
        let mut interrupted = Box::pin(crate::runtime::interrupted());
        let mut ignored = false;
        loop {
            let next = events.peek().map(|event| Duration::from_secs_f64(event.t.max(0.0)));
            let pause = next.map_or(MAX_LIFETIME, |at| at.saturating_sub(begun.elapsed()));
            tokio::select! {
                biased;
                () = &mut interrupted, if !ignored => {
                    if !args.ignore_term {
                        break;
                    }
                    // The handler stays installed: later signals are ignored as well.
                    ignored = true;
                }
                _ = look.tick() => {
                    if rustix::process::getppid() != parent || begun.elapsed() > MAX_LIFETIME {
                        break;
                    }
                }
                _ = beat.tick(), if home.up => home.beat()?,
                () = sleep(pause), if next.is_some() => {
                    if let Some(event) = events.next() {
                        home.play(&event.kind)?;
                    }
                }
            }
        }
        home.shut_down();
        Ok(())
    })
}

fn load(script: &str) -> error::Result<Recording> {
    if let Some((_, text)) = SCRIPTS.iter().find(|(name, _)| *name == script) {
        return Ok(Recording::read(text.as_bytes())?);
    }
    let file = fs::File::open(script).with_context(|| script.to_owned())?;
    Recording::read(io::BufReader::new(file)).with_context(|| script.to_owned())
}

struct Home {
    path: PathBuf,
    pid: u32,
    start: Option<u64>,
    up: bool,
    /// The timestamp written for each recorded one: copies of one event in several files keep equal timestamps.
    stamps: HashMap<String, String>,
}

impl Home {
    fn open(path: &Path) -> error::Result<Self> {
        if !path.is_absolute() {
            return Err(io::Error::other("the home must be an absolute path")).context(path);
        }
        for folder in ["logs", "state"] {
            fs::create_dir_all(path.join(folder)).with_context(|| path.display().to_string())?;
        }
        let pid = std::process::id();
        let mut starts =
            OpenOptions::new().create(true).append(true).open(path.join("gateway-starts.log"))?;
        writeln!(starts, "{:.3}", Timestamp::now().as_millisecond() as f64 / 1000.0)?;
        Ok(Self {
            path: path.to_path_buf(),
            pid,
            start: process::look(pid).map(|info| info.start),
            up: false,
            stamps: HashMap::new(),
        })
    }

    fn play(&mut self, event: &EventKind) -> error::Result<()> {
        match event {
            EventKind::Line { log, line, .. } => {
                let mut file =
                    OpenOptions::new().create(true).append(true).open(self.path.join("logs").join(log))?;
                file.write_all(format!("{}\n", self.restamp(line)).as_bytes())?;
            }
            EventKind::File { file, json: Some(json) } => {
                self.up |= file == "state/gateway.heartbeat";
                self.write(file, &self.as_own(json.clone()))?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Replaces PID and times by those of this process.
    fn as_own(&self, mut json: Value) -> Value {
        if let Some(object) = json.as_object_mut() {
            for entry in object.get_mut("platforms").and_then(Value::as_object_mut).into_iter().flatten() {
                if let Some(entry) = entry.1.as_object_mut() {
                    entry.insert("updated_at".into(), json!(Timestamp::now().to_string()));
                }
            }
            object.insert("pid".into(), json!(self.pid));
            if object.contains_key("monotonic") {
                object.insert("updated_at".into(), json!(Timestamp::now().to_string()));
            } else {
                object.insert("start_time".into(), json!(self.start));
            }
        }
        json
    }

    /// Writes to a temporary file and renames it, as the gateway does.
    fn write(&self, file: &str, json: &Value) -> error::Result<()> {
        let path = self.path.join(file);
        let beside = path.with_extension("new");
        fs::write(&beside, json.to_string())?;
        fs::rename(&beside, &path)?;
        Ok(())
    }

    fn beat(&self) -> error::Result<()> {
        self.write("state/gateway.heartbeat", &self.as_own(json!({"monotonic": 0.0})))
    }

    fn shut_down(mut self) {
        let line = "2026-01-01 00:00:00,000 INFO gateway.run: Received SIGTERM — initiating shutdown";
        // the demo may have removed the home already
        let _ = self.play(&EventKind::Line { home: None, log: "agent.log".into(), line: line.into() });
        let _ = fs::remove_file(self.path.join("gateway.pid"));
    }

    /// Replaces the recorded timestamp by the current time.
    fn restamp(&mut self, line: &str) -> String {
        for from in [0, "[Lark] [".len()] {
            let Some((_, used)) = line.as_bytes().get(from..).and_then(crate::evidence::line::stamp) else {
                continue;
            };
            let recorded = line[from..from + used].to_owned();
            let now = || Zoned::now().strftime("%Y-%m-%d %H:%M:%S,%3f").to_string();
            let stamp = self.stamps.entry(recorded).or_insert_with(now);
            return format!("{}{stamp}{}", &line[..from], &line[from + used..]);
        }
        line.to_owned()
    }
}
