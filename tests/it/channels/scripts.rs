//! The scripts for `on_change` in `resources/`, with the JSON that Gatelight passes to them.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use gatelight::health::{Change, Proof, Reason, Verdict};
use gatelight::profile::Profile;
use gatelight::text::Lang;
use gatelight::watcher::snapshot::ProfileChange;
use jiff::Timestamp;

use crate::support::executable;

fn event(from: Reason, to: Reason, lang: Lang) -> String {
    let at = Timestamp::UNIX_EPOCH;
    let evidence = Some(Proof::new("agent.log", r#"x","title":"evil","light":"green" $(id)"#, at));
    let profile = Profile { name: r#"a "b" \c"#.into(), home: "/h".into(), job: None, logs: Vec::new() };
    let (from, to) = (Verdict::of(from, at).glance(), Verdict { evidence, ..Verdict::of(to, at) });
    let change = Change { at, profile: "a".into(), from, to };
    let change = ProfileChange { profile: Arc::new(profile), change, history: false };
    gatelight::app::hook::event(&change, lang).to_string() + "\n"
}

/// What the script does with this event, with this program in place of the one that it would start.
fn run(script: &str, event: &str, program: (&str, &str)) -> String {
    let path = format!("{}/resources/on-change/{script}", env!("CARGO_MANIFEST_DIR"));
    let mut child = Command::new(path)
        .env(program.0, program.1)
        .env("GATELIGHT_MAIL_TO", "me@example.com")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(event.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_mail_says_what_turned_red_or_green() {
    let folder = tempfile::tempdir().unwrap();
    let sendmail = folder.path().join("sendmail");
    executable(&sendmail, "#!/bin/sh\ntest \"$1\" = -t && cat\n");
    let mail =
        |from, to, lang| run("email", &event(from, to, lang), ("SENDMAIL", sendmail.to_str().unwrap()));
    let text = mail(Reason::Connected, Reason::ExecutorShutdown, Lang::En);
    assert!(text.starts_with("To: me@example.com\nSubject: Gatelight: red\n"), "{text}");
    assert!(text.contains("\n\na \"b\" \\c: executor dead: a hollow shell\nRestart it: "), "{text}");
    assert!(!text.contains("evil"), "{text}");
    let text = mail(Reason::ExecutorShutdown, Reason::Connected, Lang::Zh);
    assert!(text.contains("Subject: Gatelight: green\n") && text.contains("已连接"), "{text}");
    for (from, to) in
        [(Reason::ExecutorShutdown, Reason::NotRunning), (Reason::Connected, Reason::Reconnecting)]
    {
        assert_eq!(mail(from, to, Lang::En), "", "{from:?} {to:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn red_is_spoken_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["spd-say", "zenity"] {
        executable(&folder.path().join(name), "#!/bin/sh\nprintf '%s\\n' \"$@\"\n");
    }
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let red = event(Reason::Connected, Reason::ExecutorShutdown, Lang::En);
    let spoken = run("speak", &red, ("PATH", &path));
    assert_eq!(spoken, "--wait\n--\na \"b\" \\c: executor dead: a hollow shell\n");
    let shown = run("dialog", &red, ("PATH", &path));
    assert!(shown.contains("--no-markup\n") && shown.contains("executor dead"), "{shown}");
    let green = event(Reason::ExecutorShutdown, Reason::Connected, Lang::En);
    assert_eq!(run("speak", &green, ("PATH", &path)) + &run("dialog", &green, ("PATH", &path)), "");
}
