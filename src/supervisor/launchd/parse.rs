//! Tolerant parsers for the output of `launchctl`, which is no API: fields appear, disappear and move between versions of
//! macOS. Shapes come from public transcripts, see `tests/fixtures/launchctl`.

/// Longest `last exit reason` that is kept, in bytes.
const MAX_REASON: usize = 80;

/// A job as `print` or `list` describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrintedJob {
    /// The process: the only sign that the job runs.
    pub pid: Option<u32>,
    /// `running`, `not running`, `spawn scheduled`, `xpcproxy`, `waiting`, …; `print` only.
    pub state: Option<String>,
    /// Exit of the previous run; a signal as its negative number. `None`: never exited, or reported as a reason.
    pub last_exit: Option<i32>,
    /// Number of starts; `print` only.
    pub runs: Option<u64>,
    /// Seconds between SIGTERM and SIGKILL; 0: unlimited; `print` only.
    pub exit_timeout_s: Option<u64>,
    /// `last exit reason`: why the system ended the previous run or refused it; `print` only.
    pub exit_reason: Option<String>,
    /// `job state = spawn failed`; `print` only.
    pub spawn_failed: bool,
    /// The text contradicts itself: a value with line breaks may have forged fields. Ask in another way too.
    pub doubtful: bool,
}

/// Parses `launchctl print gui/501/LABEL`. `None`: not a description of a job.
pub fn print(text: &str) -> Option<PrintedJob> {
    let mut fields = Fields::of(text)?;
    let mut job = PrintedJob::default();
    for (name, value) in fields.by_ref() {
        job.set(name, value);
    }
    let idle = matches!(job.state.as_deref(), Some("not running" | "waiting" | "spawn scheduled"));
    job.doubtful |= fields.are_doubtful() || (job.pid.is_some() && idle);
    (job.state.is_some() || job.pid.is_some() || job.runs.is_some()).then_some(job)
}

impl PrintedJob {
    /// Takes a field of `print`.
    fn set(&mut self, name: &str, value: &str) {
        match name {
            "pid" => {
                let pid = value.parse().ok().filter(|pid| *pid > 0);
                self.doubtful |= self.pid.is_some() && self.pid != pid;
                self.pid = pid;
            }
            // the first one is above everything that a job file can write into
            "state" if self.state.is_none() => self.state = Some(value.to_owned()),
            "last exit code" => self.last_exit = leading_number(value),
            "last terminating signal" => self.last_exit = trailing_number(value).map(|signal| -signal),
            "last exit reason" => self.exit_reason = identifier(value),
            "job state" => self.spawn_failed = value == "spawn failed",
            "runs" => self.runs = value.parse().ok(),
            "exit timeout" => self.exit_timeout_s = value.parse().ok(),
            _ => {}
        }
    }
}

/// The fields of a job in the output of `print`, which are indented by one step.
///
/// Blocks (`environment = {`, `resource coalition = {`, …) may repeat each field. A block ends at the line that closes it
/// at its own depth, so that no line inside counts as a field of the job. A forged block end leaves a contradiction.
struct Fields<'a> {
    lines: std::str::Lines<'a>,
    /// One step of indentation: a tab, or blanks in a copied transcript.
    step: Option<&'a str>,
    in_block: bool,
    /// The description was closed: the output was not cut at the limit.
    closed: bool,
    /// A block was closed that is not open: a line above forged its end.
    forged: bool,
}

impl<'a> Fields<'a> {
    /// `None`: not a description of a job.
    fn of(text: &'a str) -> Option<Self> {
        let mut lines = text.lines();
        lines.by_ref().find(|line| opens_job(line))?;
        Some(Self { lines, step: None, in_block: false, closed: false, forged: false })
    }

    /// Whether the text contradicts itself or is cut, once all fields were read.
    fn are_doubtful(&self) -> bool {
        self.forged || self.in_block || !self.closed
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.closed {
            let line = self.lines.next()?;
            if line.trim().is_empty() {
                continue;
            }
            self.closed = line.trim_end() == "}";
            // the first line is indented as all fields of the job are
            let step = *self.step.get_or_insert(&line[..line.len() - line.trim_start().len()]);
            let field = line.strip_prefix(step).filter(|field| !field.starts_with([' ', '\t']));
            let Some(field) = field.filter(|_| !self.closed) else { continue };
            if field.trim_end() == "}" {
                self.forged |= !self.in_block;
                self.in_block = false;
            } else if let Some((name, value)) = field.split_once(" = ").filter(|_| !self.in_block) {
                match value.trim() {
                    "{" => self.in_block = true,
                    value => return Some((name.trim(), value)),
                }
            }
        }
        None
    }
}

/// The first line of a description: `gui/501/LABEL = {`, in older versions the label alone.
fn opens_job(line: &str) -> bool {
    line.strip_suffix(" = {").is_some_and(|name| !name.is_empty() && !name.starts_with([' ', '\t']))
}

/// `78: EX_CONFIG` → 78, `0` → 0, `(never exited)` → none.
fn leading_number(value: &str) -> Option<i32> {
    let end = value.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(value.len());
    value[..end].parse().ok()
}

/// `Killed: 9` → 9, `9` → 9.
fn trailing_number(value: &str) -> Option<i32> {
    value.rsplit([':', ' ']).next()?.parse().ok().filter(|n| *n > 0)
}

/// `OS_REASON_CODESIGNING` as it is; of anything else up to its first character that no identifier has (`killed by
/// signal: 9` → `killed`, `OS_REASON_DYLD | 0x1` → `OS_REASON_DYLD`).
fn identifier(value: &str) -> Option<String> {
    let end = value.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(value.len());
    let name = &value[..end];
    (!name.is_empty() && name.len() <= MAX_REASON).then(|| name.to_owned())
}

/// Parses `launchctl list LABEL`, an old-style property list. `None`: not one.
///
/// `LastExitStatus` is a raw wait status: 15 is SIGTERM, 256 is exit code 1, 19968 is exit code 78.
pub fn list_label(text: &str) -> Option<PrintedJob> {
    let body = text.trim_start().strip_prefix('{')?;
    let mut job = PrintedJob::default();
    let mut depth = 0_usize;
    let mut label = false;
    for line in body.lines() {
        let line = line.trim();
        if depth == 0 && line.starts_with('}') {
            break;
        }
        if line.ends_with("= {") || line.ends_with("= (") {
            depth += 1;
            continue;
        }
        if matches!(line, "};" | ");") {
            depth = depth.saturating_sub(1);
            continue;
        }
        if depth > 0 {
            continue;
        }
        let Some((name, value)) = line.strip_suffix(';').and_then(|l| l.split_once(" = ")) else {
            continue;
        };
        match name.trim() {
            "\"PID\"" => job.pid = value.trim().parse().ok().filter(|pid| *pid > 0),
            "\"LastExitStatus\"" => job.last_exit = value.trim().parse().ok().map(wait_status),
            "\"Label\"" => label = true,
            _ => {}
        }
    }
    (label || job.pid.is_some() || job.last_exit.is_some()).then_some(job)
}

/// A raw wait status as an exit code, or a signal as its negative number.
const fn wait_status(raw: i32) -> i32 {
    let signal = raw & 0x7f;
    if raw < 0 {
        // newer versions print a negative signal
        raw
    } else if signal == 0 {
        (raw >> 8) & 0xff
    } else {
        -signal
    }
}

/// One row of `launchctl list`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The process, if the job has one.
    pub pid: Option<u32>,
    /// Exit code of the previous run; negative = signal.
    pub status: i32,
    /// The label.
    pub label: String,
}

/// Parses `launchctl list`: `PID<tab>Status<tab>Label`, `-` for no process. Other lines are ignored.
pub fn list(text: &str) -> Vec<Row> {
    let row = |line: &str| {
        let mut cells = line.splitn(3, '\t');
        let (pid, status, label) = (cells.next()?.trim(), cells.next()?.trim(), cells.next()?.trim());
        let pid = if pid == "-" { None } else { Some(pid.parse::<u32>().ok()?) };
        let status = status.parse().ok()?;
        (!label.is_empty()).then(|| Row { pid: pid.filter(|p| *p > 0), status, label: label.to_owned() })
    };
    text.lines().filter_map(row).collect()
}

/// Whether `launchctl print-disabled DOMAIN` names this label as disabled: `"LABEL" => disabled`, older `=> true`.
pub fn is_disabled(text: &str, label: &str) -> bool {
    text.lines().any(|line| {
        line.trim().split_once(" => ").is_some_and(|(name, value)| {
            name.trim().strip_prefix('"').and_then(|n| n.strip_suffix('"')) == Some(label)
                && matches!(value.trim().trim_end_matches(','), "disabled" | "true")
        })
    })
}

/// The first line of `launchctl managername` (`Aqua`, `Background`, `LoginWindow`, `System`), if it is one word.
pub fn manager_name(text: &str) -> Option<&str> {
    let name = text.lines().next()?.trim();
    (!name.is_empty() && name.len() <= 40 && name.chars().all(|c| c.is_ascii_alphabetic())).then_some(name)
}

/// Whether this launchctl does not know the subcommand (before OS X 10.10).
pub fn unknown_subcommand(words: &str) -> bool {
    let words = words.to_ascii_lowercase();
    ["unrecognized subcommand", "unknown subcommand"].iter().any(|w| words.contains(w))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn job(pid: Option<u32>, state: &str, last_exit: Option<i32>, runs: Option<u64>) -> PrintedJob {
        PrintedJob { pid, state: Some(state.into()), last_exit, runs, ..PrintedJob::default() }
    }

    #[test]
    fn fields_of_the_job_only() {
        let text = "gui/501/ai.hermes.gateway-work = {\n\tactive count = 0\n\tstate = not running\n\n\
            \tinherited environment = {\n\t\tpid = 7\n\t}\n\tenvironment = {\n\t\tA => x\n\tpid = 99\n\
            \tstate = running\n\t\tB => y\n\t}\n\truns = 48\n\tlast exit code = 78: EX_CONFIG\n\n\
            \tresource coalition = {\n\t\tstate = active\n\t\tpid = 5\n\t}\n\tspawn type = daemon (3)\n}\n";
        assert_eq!(print(text), Some(job(None, "not running", Some(78), Some(48))));
    }

    #[test]
    fn a_forged_block_end_is_doubted() {
        let forged = "gui/501/x = {\n\tstate = not running\n\tenvironment = {\n\t\tA => x\n\t}\n\tpid = 99\n\t}\n\
            \truns = 1\n}\n";
        assert!(print(forged).unwrap().doubtful);
        // even where the forger opens a block again: a job that is not running has no process
        let balanced = "gui/501/x = {\n\tstate = not running\n\tenvironment = {\n\t\tA => x\n\t}\n\tpid = 99\n\
            \tq = {\n\t}\n\truns = 1\n}\n";
        assert!(print(balanced).unwrap().doubtful);
        // two processes for one job: the one below everything forgeable counts, and it is asked again
        let two = balanced.replace("not running", "running").replace("\truns = 1", "\truns = 1\n\tpid = 4");
        let two = print(&two).unwrap();
        assert_eq!((two.pid, two.doubtful), (Some(4), true));
    }

    #[test]
    fn ends_of_the_previous_run() {
        for (line, end) in [
            ("last exit code = 0", Some(0)),
            ("last exit code = 1", Some(1)),
            ("last exit code = 78: EX_CONFIG", Some(78)),
            ("last exit code = (never exited)", None),
            ("last terminating signal = Killed: 9", Some(-9)),
            ("last terminating signal = Segmentation fault: 11", Some(-11)),
        ] {
            let text = format!("gui/501/x = {{\n\tstate = running\n\tpid = 12\n\t{line}\n}}\n");
            assert_eq!(print(&text), Some(job(Some(12), "running", end, None)), "{line}");
        }
    }

    #[test]
    fn exit_reasons() {
        for (value, reason) in [
            ("JETSAM_REASON_MEMORY_IDLE_EXIT", Some("JETSAM_REASON_MEMORY_IDLE_EXIT")),
            ("OS_REASON_CODESIGNING", Some("OS_REASON_CODESIGNING")),
            ("OS_REASON_DYLD | 0x1", Some("OS_REASON_DYLD")),
            ("killed by signal: 9", Some("killed")),
            ("\u{1b}[31m", None),
        ] {
            let text = format!("gui/501/x = {{\n\tstate = running\n\tlast exit reason = {value}\n}}\n");
            assert_eq!(print(&text).unwrap().exit_reason.as_deref(), reason, "{value}");
        }
    }

    #[test]
    fn the_time_between_sigterm_and_sigkill() {
        for (line, seconds) in
            [("exit timeout = 25", Some(25)), ("exit timeout = 0", Some(0)), ("x = 1", None)]
        {
            let text = format!(
                "gui/501/x = {{\n\tstate = waiting\n\t{line}\n\tq = {{\n\t\texit timeout = 9\n\t}}\n}}\n"
            );
            assert_eq!(print(&text).unwrap().exit_timeout_s, seconds, "{line}");
        }
    }

    #[test]
    fn output_that_is_not_a_job_is_none() {
        for text in [
            "",
            "\n",
            "Bad request.\n",
            "gui/501/x = {\n}\n",
            "gui/501/x = {",
            "{\n\tpid = 3\n}\n",
            "pid = 3\n",
        ] {
            assert_eq!(print(text), None, "{text:?}");
            assert_eq!(list_label(text).filter(|j| j.pid.is_some()), None, "{text:?}");
        }
    }

    #[test]
    fn a_cut_answer_is_doubted() {
        assert!(print("gui/501/x = {\n\tstate = running\n\tpid = 3\n").unwrap().doubtful);
    }

    #[test]
    fn list_of_one_label() {
        let text = "{\n\t\"LimitLoadToSessionType\" = \"Aqua\";\n\t\"Label\" = \"ai.hermes.gateway\";\n\
            \t\"OnDemand\" = false;\n\t\"LastExitStatus\" = 19968;\n\t\"PID\" = 12445;\n\t\"MachServices\" = {\n\
            \t\t\"PID\" = 1;\n\t};\n\t\"ProgramArguments\" = (\n\t\t\"sh\";\n\t);\n};\n";
        let job = list_label(text).unwrap();
        assert_eq!((job.pid, job.last_exit), (Some(12445), Some(78)));
        let idle = list_label("{\n\t\"Label\" = \"x\";\n\t\"LastExitStatus\" = 15;\n};\n").unwrap();
        assert_eq!((idle.pid, idle.last_exit), (None, Some(-15)));
        for (raw, exit) in [(0, 0), (256, 1), (15, -15), (9, -9), (19968, 78), (139, -11), (-9, -9)] {
            assert_eq!(wait_status(raw), exit, "{raw}");
        }
    }

    #[test]
    fn the_table() {
        let rows = list("PID\tStatus\tLabel\n-\t0\tcom.x\n913\t-9\tcom.y z\njunk\n-\t\tcom.q\n12\t0\t\n");
        let expected = [
            Row { pid: None, status: 0, label: "com.x".into() },
            Row { pid: Some(913), status: -9, label: "com.y z".into() },
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn disabled_jobs() {
        let text = "\tdisabled services = {\n\t\t\"ai.hermes.gateway\" => disabled\n\t\t\"b\" => enabled\n\
            \t\t\"c\" => true\n\t\t\"d\" => false\n\t}\n";
        for (label, disabled) in
            [("ai.hermes.gateway", true), ("b", false), ("c", true), ("d", false), ("ai", false)]
        {
            assert_eq!(is_disabled(text, label), disabled, "{label}");
        }
    }

    #[test]
    fn manager_names() {
        assert_eq!(manager_name("Aqua\n"), Some("Aqua"));
        assert_eq!(manager_name("Could not get manager name: 5\n"), None);
        assert_eq!(manager_name(""), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(?s).{0,400}") {
            let _ = (print(&text), list_label(&text), list(&text), is_disabled(&text, "x"), manager_name(&text));
        }

        #[test]
        fn no_near_miss_panics(lines in proptest::collection::vec(
            "\t{0,3}(pid|state|last exit code|last terminating signal|runs|environment|\"PID\"|\\}|\\{|é)( = | => |=)?\
             (\\{|[0-9-]{0,12}|running|not running|Killed: 9|[:é ]{0,3})?;?", 0..30)) {
            let text = format!("gui/501/x = {{\n{}\n}}\n", lines.join("\n"));
            let _ = (print(&text), list_label(&text), list_label(&lines.join("\n")));
        }

        /// Nothing inside a block becomes a field of the job.
        #[test]
        fn nothing_inside_a_block_counts(inside in proptest::collection::vec("\t{0,3}[a-z =>0-9]{0,20}", 0..10)) {
            let text = format!("gui/501/x = {{\n\tstate = waiting\n\tenvironment = {{\n{}\n\t}}\n}}\n", inside.join("\n"));
            prop_assert_eq!(print(&text), Some(job(None, "waiting", None, None)));
        }
    }
}
