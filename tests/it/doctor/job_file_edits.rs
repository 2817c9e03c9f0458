//! Repairs of job files: which bytes change, and which do not.

use std::path::Path;

use gatelight::doctor::repair::{Plan, Refusal, Wanted, hides_flag, plan};
use gatelight::health::Manager;
use gatelight::profile::JobFile;
use proptest::prelude::*;

const REPLACE: Wanted = Wanted { replace: true, run_at_load: false, keep_alive: false };
const ALL: Wanted = Wanted { replace: true, run_at_load: true, keep_alive: true };

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/service-files").join(name);
    std::fs::read_to_string(path).unwrap()
}

fn of_plist(text: &str, wanted: Wanted) -> Result<Option<Plan>, Refusal> {
    plan(Manager::Launchd, text.as_bytes(), wanted, Path::new("/Users/lu"))
}

fn of_unit(text: &str, wanted: Wanted) -> Result<Option<Plan>, Refusal> {
    plan(Manager::Systemd, text.as_bytes(), wanted, Path::new("/home/lu"))
}

fn text(plan: Result<Option<Plan>, Refusal>) -> String {
    String::from_utf8(plan.unwrap().unwrap().bytes).unwrap()
}

/// The added and removed lines of a diff.
fn changed(plan: &Plan) -> Vec<String> {
    let is =
        |line: &&str| line.starts_with(['+', '-']) && !line.starts_with("+++") && !line.starts_with("---");
    plan.diff.lines().filter(is).map(str::to_owned).collect()
}

/// A plist with these XML elements in ProgramArguments.
fn around(elements: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<plist version=\"1.0\">\n<dict>\n\t<key>Label</key>\n\t<string>ai.hermes.gateway</string>\n\
         \t<key>ProgramArguments</key>\n\t<array>\n{elements}\t</array>\n\t<key>RunAtLoad</key><true/>\n\
         \t<key>KeepAlive</key><true/>\n</dict>\n</plist>\n"
    )
}

fn elements(words: &[&str]) -> String {
    words.iter().map(|word| format!("\t\t<string>{word}</string>\n")).collect::<Vec<_>>().concat()
}

#[test]
fn generated_plists_lose_one_line() {
    for name in ["13-default.plist", "19-default.plist", "19-work.plist"] {
        let before = fixture(name);
        let plan = of_plist(&before, REPLACE).unwrap().unwrap();
        assert_eq!(changed(&plan), ["-        <string>--replace</string>"], "{name}");
        let after = before.replace("        <string>--replace</string>\n", "");
        assert_eq!(String::from_utf8(plan.bytes).unwrap(), after, "{name}");
        assert_eq!(of_plist(&after, ALL).unwrap(), None, "{name}: nothing is left to do");
    }
}

#[test]
fn the_blogs_plists_change_in_one_line_and_keep_their_comment() {
    for name in ["blog-default.plist", "blog-work.plist"] {
        let before = fixture(name);
        let after = text(of_plist(&before, ALL));
        let comment = "<!-- --replace takes over from the instance that runs -->";
        assert_eq!(
            after,
            before.replace(&format!("<string>--replace</string>  {comment}"), comment),
            "{name}"
        );
        assert_eq!(before.lines().count(), after.lines().count());
        assert_eq!(of_plist(&after, ALL).unwrap(), None);
    }
}

#[test]
fn generated_units_lose_one_word() {
    let before = fixture("13-default.service");
    let after = text(of_unit(&before, ALL));
    assert_eq!(after, before.replace("gateway run --replace\n", "gateway run\n"));
    for done in [after, fixture("19-default.service"), fixture("19-work.service")] {
        assert_eq!(of_unit(&done, ALL).unwrap(), None);
    }
}

#[test]
fn lookalikes_of_the_flag_are_left_alone() {
    for words in [
        elements(&["/x/hermes", "gateway", "run", "--replace-foo"]),
        elements(&["/x/hermes", "gateway", "run", "--replace=yes"]),
        elements(&["/x/hermes", "gateway", "run", "x --replace"]),
        elements(&["/x/hermes", "gateway", "run", "<!-- <string>--replace</string> -->"]),
        "\t\t<!-- <string>--replace</string> -->\n".to_owned() + &elements(&["/x/hermes", "gateway", "run"]),
        elements(&["/bin/sh", "-c", "exec hermes gateway run # --replace"]),
        elements(&["/bin/sh", "-c", "exec hermes gateway run --replace-foo"]),
        elements(&["/bin/sh", "-c", "exec hermes gateway run '--replace '"]),
        elements(&["/bin/sh", "-c", "echo --replace; exec hermes gateway run"]),
        elements(&["/bin/sh", "-c", "exec hermes gateway run", "--replace"]),
        elements(&[
            "/usr/bin/osascript",
            "-l",
            "JavaScript",
            "-e",
            "/* --replace */ $.system('exec hermes gateway run')",
        ]),
    ] {
        assert_eq!(of_plist(&around(&words), REPLACE).unwrap(), None, "{words}");
    }
    for line in ["/x/hermes gateway run --replace-foo", "/x/hermes gateway run \"a --replace\""] {
        let unit = format!(
            "# --replace\n[Service]\nExecStart={line}\n; --replace\nExecStop=/x/hermes gateway run --replace\n"
        );
        assert_eq!(of_unit(&unit, REPLACE).unwrap(), None, "{line}");
    }
}

#[test]
fn the_flag_is_found_wherever_it_stands() {
    for (before, after) in [
        (elements(&["/x/hermes", "gateway", "run", "--", "--replace"]), elements(&["/x/hermes", "gateway", "run", "--"])),
        (
            elements(&["/x/hermes", "gateway", "--replace", "run", "--replace", "-v"]),
            elements(&["/x/hermes", "gateway", "run", "-v"]),
        ),
        // abbreviations that argparse accepts; in front of `gateway` they are others
        (
            elements(&["/x/hermes", "--re", "gateway", "run", "--repl", "--r", "--replac", "--"]),
            elements(&["/x/hermes", "--re", "gateway", "run", "--"]),
        ),
        (
            elements(&["/bin/sh", "-c", "exec hermes gateway run --repl"]),
            elements(&["/bin/sh", "-c", "exec hermes gateway run"]),
        ),
        (
            elements(&["/x/hermes", "gateway", "run", "&#45;-replace"]),
            elements(&["/x/hermes", "gateway", "run"]),
        ),
        (
            elements(&["/x/hermes", "gateway", "run", "<![CDATA[--replace]]>"]),
            elements(&["/x/hermes", "gateway", "run"]),
        ),
        (
            "\t\t<string>/x/hermes</string><string>gateway</string><string>--replace</string><string>run</string>\n".into(),
            "\t\t<string>/x/hermes</string><string>gateway</string><string>run</string>\n".into(),
        ),
        (
            elements(&["/bin/sh", "-c", "exec hermes gateway run --replace"]),
            elements(&["/bin/sh", "-c", "exec hermes gateway run"]),
        ),
        (
            elements(&["/bin/zsh", "-lc", "cd ~ &amp;&amp; exec &quot;/a b/hermes&quot; gateway start  \"--replace\" --x &gt;&gt;log # --replace"]),
            elements(&["/bin/zsh", "-lc", "cd ~ &amp;&amp; exec &quot;/a b/hermes&quot; gateway start --x &gt;&gt;log # --replace"]),
        ),
        (
            elements(&["/bin/sh", "-c", "exec \"$@\"", "sh", "hermes", "gateway", "run", "--replace"]),
            elements(&["/bin/sh", "-c", "exec \"$@\"", "sh", "hermes", "gateway", "run"]),
        ),
        (
            elements(&["/usr/bin/osascript", "-l", "JavaScript", "-e", "ObjC.import('stdlib'); $.system(\"exec '/x y/hermes' gateway run --replace 2>&amp;1\")"]),
            elements(&["/usr/bin/osascript", "-l", "JavaScript", "-e", "ObjC.import('stdlib'); $.system(\"exec '/x y/hermes' gateway run 2>&amp;1\")"]),
        ),
        (
            elements(&["/bin/sh", "-c", "exec hermes gateway run --replace<!-- why -->"]),
            elements(&["/bin/sh", "-c", "exec hermes gateway run<!-- why -->"]),
        ),
        (
            elements(&["/bin/sh", "-c", "<![CDATA[cd / && exec hermes gateway run --replace]]>"]),
            elements(&["/bin/sh", "-c", "<![CDATA[cd / && exec hermes gateway run]]>"]),
        ),
        (
            elements(&["/usr/bin/osascript", "-e", "do shell script \"hermes gateway run --replace\" -- --replace"]),
            elements(&["/usr/bin/osascript", "-e", "do shell script \"hermes gateway run\" -- --replace"]),
        ),
    ] {
        assert_eq!(text(of_plist(&around(&before), REPLACE)), around(&after), "{before}");
    }
}

#[test]
fn a_flag_whose_way_cannot_be_followed_is_seen() {
    let job = |arguments: &[&str], environment: &[(&str, &str)]| {
        let mut job = JobFile::named(Manager::Launchd, Path::new("/x.plist"), "ai.hermes.gateway");
        job.arguments = arguments.iter().map(|word| (*word).to_owned()).collect();
        job.environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        job
    };
    let jxa = |script| ["/usr/bin/osascript", "-l", "JavaScript", "-e", script];
    for arguments in [
        &["/bin/sh", "-c", "cat <<E\nx\nE\nexec hermes gateway run --replace"][..],
        &["/bin/sh", "-c", "A=--replace; exec hermes gateway run $A"],
        &["/bin/sh", "-c", "export A='-v --replace'; exec hermes gateway run ${A}"],
        &["/bin/sh", "-c", "A=--replace exec hermes gateway run \"${A:-}\""],
        &jxa("$.system(\"exec hermes gateway run \" + \"--replace\")"),
        &jxa("$.system([\"exec hermes gateway run\", '--replace'].join(' '))"),
        &jxa("$.system(\"exec hermes gateway run --replace"),
    ] {
        assert!(hides_flag(&job(arguments, &[])), "{arguments:?}");
    }
    let by_plist = job(&["/bin/sh", "-c", "exec hermes gateway run $ARGS"], &[("ARGS", "--replace -v")]);
    assert!(hides_flag(&by_plist));
    for arguments in [
        &["/x/hermes", "gateway", "run"][..],
        &["/x/hermes", "gateway", "run", "--replace-foo"],
        &["/x/hermes", "gateway", "run", "x --replace"],
        &["/bin/sh", "-c", "exec hermes gateway run # --replace"],
        &["/bin/sh", "-c", "echo --replace; exec hermes gateway run"],
        &["/bin/sh", "-c", "A=--replace; exec hermes gateway run $B"],
        &["/bin/sh", "-c", "cat <<E\nx\nE\nexec hermes gateway run --replace-foo"],
        &jxa("/* --replace */ $.system('exec hermes gateway run')"),
        // an argument of the command is not a secret
        &["/bin/sh", "-c", "exec hermes gateway run --replace"],
        &jxa("$.system('exec hermes gateway run --replace')"),
    ] {
        assert!(!hides_flag(&job(arguments, &[("ARGS", "--replace")])), "{arguments:?}");
    }
}

#[test]
fn deeper_quoting_is_left_to_people() {
    let words = elements(&["/bin/sh", "-c", "exec /bin/bash -c 'hermes gateway run --replace'"]);
    assert_eq!(of_plist(&around(&words), REPLACE), Err(Refusal::Quoting));
    assert_eq!(of_plist("<plist><dict>", REPLACE), Err(Refusal::Unreadable));
}

#[test]
fn a_binary_plist_stays_binary_and_keeps_unknown_keys() {
    let mut value = plist::Value::from_reader_xml(fixture("19-work.plist").as_bytes()).unwrap();
    let dict = value.as_dictionary_mut().unwrap();
    dict.insert("Unknown".into(), plist::Value::Data(vec![1, 2, 3]));
    dict.insert("When".into(), plist::Value::Date(std::time::SystemTime::UNIX_EPOCH.into()));
    let mut bytes = Vec::new();
    value.to_writer_binary(&mut bytes).unwrap();
    let plan = plan(Manager::Launchd, &bytes, REPLACE, Path::new("/")).unwrap().unwrap();
    assert!(plan.bytes.starts_with(b"bplist00"));
    let arguments =
        value.as_dictionary_mut().unwrap().get_mut("ProgramArguments").unwrap().as_array_mut().unwrap();
    assert_eq!(arguments.pop().unwrap().as_string(), Some("--replace"));
    assert_eq!(plist::Value::from_reader(std::io::Cursor::new(&plan.bytes)).unwrap(), value);
    assert_eq!(changed(&plan), ["-\t\t<string>--replace</string>"]);
    assert_eq!(
        gatelight::doctor::repair::plan(Manager::Launchd, &plan.bytes, REPLACE, Path::new("/")).unwrap(),
        None
    );
}

#[test]
fn missing_keys_are_added_in_the_files_own_manner() {
    let before = "\u{feff}<plist version=\"1.0\">\r\n<dict>\r\n  <key>Label</key>\r\n  <string>ai.hermes.gateway</string>\r\n\
                  \x20 <key>ProgramArguments</key>\r\n  <array><string>/x/hermes</string><string>gateway</string></array>\r\n</dict>\r\n</plist>\r\n";
    let added = "  <key>RunAtLoad</key>\r\n  <true/>\r\n  <key>KeepAlive</key>\r\n  <dict>\r\n    <key>SuccessfulExit</key>\r\n    <false/>\r\n  </dict>\r\n";
    assert_eq!(
        text(of_plist(before, ALL)),
        before.replace("</dict>\r\n</plist>", &format!("{added}</dict>\r\n</plist>"))
    );
    let off = around(&elements(&["/x/hermes", "gateway"])).replace("<true/>", "<false/>");
    let on = text(of_plist(&off, ALL));
    assert!(on.contains(
        "<key>RunAtLoad</key><true/>\n\t<key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>\n"
    ));
    let flat = "<plist><dict><key>Label</key><string>ai.hermes.gateway</string><key>Program</key><string>/x</string></dict></plist>";
    assert!(text(of_plist(flat, ALL)).contains("<key>RunAtLoad</key><true/><key>KeepAlive</key><dict>"));
    let unit = "[Service]\nExecStart=/x/hermes gateway \\\n  run\nRestartSec=5\n[Install]\nWantedBy=default.target\n";
    assert_eq!(text(of_unit(unit, ALL)), unit.replace("  run\n", "  run\nRestart=on-failure\n"));
    assert_eq!(
        text(of_unit(&unit.replace("RestartSec=5", "Restart = no"), ALL)),
        unit.replace("RestartSec=5", "Restart = on-failure")
    );
}

#[test]
fn units_change_by_the_word_only() {
    for (before, after) in [
        ("-/x/hermes gateway run --replace --foo", "-/x/hermes gateway run --foo"),
        ("/x/hermes gateway run \"--replace\"", "/x/hermes gateway run"),
        ("/x/hermes gateway run \\\n    --replace \\\n    --foo", "/x/hermes gateway run \\\n    --foo"),
        ("/x/hermes gateway run \\\n    --replace", "/x/hermes gateway run"),
        (
            "/x/hermes gateway run \\\n# why --replace\n    --replace \\\n  -v",
            "/x/hermes gateway run \\\n# why --replace\n     \\\n  -v",
        ),
        ("/bin/sh -c 'exec hermes gateway run --replace'", "/bin/sh -c 'exec hermes gateway run'"),
        (
            "/bin/sh -c \"exec \\\"/a b/hermes\\\" gateway run --replace\"",
            "/bin/sh -c \"exec \\\"/a b/hermes\\\" gateway run\"",
        ),
    ] {
        for end in ["\n", "\r\n"] {
            let unit = |line: &str| {
                format!("[Unit]\n\n[Service]\nExecStart={line}\nRestart=always\n").replace('\n', end)
            };
            let done = of_unit(&unit(before), REPLACE);
            assert!(done.is_ok(), "{before}: {done:?}");
            assert_eq!(text(done), unit(after), "{before}");
        }
    }
}

#[test]
fn a_diff_shows_no_secrets() {
    let words = elements(&["/usr/bin/env", "FEISHU_APP_SECRET=s3cret", "/x/hermes", "gateway", "--replace"]);
    let more =
        "\t<key>EnvironmentVariables</key>\n\t<dict><key>X_TOKEN</key>\n<string>s3cret</string></dict>\n";
    let plan =
        of_plist(&around(&words).replace("\t<key>RunAtLoad", &format!("{more}\t<key>RunAtLoad")), REPLACE);
    let diff = plan.unwrap().unwrap().diff;
    assert!(diff.contains("[redacted]") && !diff.contains("s3cret"), "{diff}");
    let unit = "[Service]\nEnvironment=\"LARK_TOKEN=s3cret s3cret\"\nExecStart=/x/hermes gateway run --replace --key=s3cret\n";
    let diff = of_unit(unit, REPLACE).unwrap().unwrap().diff;
    assert!(diff.contains("-ExecStart") && !diff.contains("s3cret"), "{diff}");
}

prop_compose! {
    fn blank()(text in "([ \t]|\r?\n){0,4}") -> String { text }
}

prop_compose! {
    fn noise()(before in blank(), body in "[a-z<>& ]{0,8}", kind in 0..3, after in blank()) -> String {
        match kind {
            0 => format!("{before}<!-- --replace <string>--replace</string> {body} -->{after}"),
            _ => format!("{before}{after}"),
        }
    }
}

proptest! {
    /// Whatever surrounds the element, only the element and at most the whitespace of its line are removed.
    #[test]
    fn only_the_element_and_its_line_go(noises in proptest::collection::vec(noise(), 8), at in 3_usize..6, bom in any::<bool>()) {
        let mut words = vec!["/x/hermes", "gateway", "run"];
        words.insert(at.min(3), "--replace");
        let mut file = if bom { "\u{feff}".to_owned() } else { String::new() };
        file.push_str("<plist><dict><key>Label</key><string>ai.hermes.gateway</string>");
        file.push_str(&noises[0]);
        file.push_str("<key>ProgramArguments</key><array>");
        let (mut kept, mut seen) = (String::new(), file.clone());
        for (word, noise) in words.iter().zip(&noises[1..]) {
            seen.push_str(noise);
            if *word == "--replace" {
                kept.clone_from(&seen);
            }
            seen.push_str("<string>");
            seen.push_str(word);
            seen.push_str("</string>");
        }
        let tail = format!("{}</array>{}</dict></plist>{}", noises[5], noises[6], noises[7]);
        let before = format!("{seen}{tail}");
        let after = text(of_plist(&before, REPLACE));
        let behind = &before[kept.len() + "<string>--replace</string>".len()..];
        let solid = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        prop_assert_eq!(solid(&after), solid(&kept) + &solid(behind));
        // whitespace before and after the element's line is unchanged
        let line = kept.rfind('\n').map_or(0, |n| n + 1);
        prop_assert!(after.starts_with(&before[..line]));
        let next = behind.find('\n').map_or(behind.len(), |n| n + 1);
        prop_assert!(after.ends_with(&behind[next..]));
        prop_assert_eq!(of_plist(&after, REPLACE).unwrap(), None);
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200), inner in "[ -~\n]{0,60}") {
        for manager in [Manager::Launchd, Manager::Systemd] {
            let _ = plan(manager, &bytes, ALL, Path::new("/"));
        }
        let _ = of_plist(&around(&inner), ALL);
        let _ = of_unit(&format!("[Service]\nExecStart=/x/hermes gateway run --replace {inner}"), ALL);
        let script = inner.replace('&', "&amp;").replace('<', "&lt;");
        let words = elements(&["/bin/sh", "-c", &format!("hermes gateway run --replace {script}")]);
        if let Ok(Some(first)) = of_plist(&around(&words), REPLACE) {
            let again = plan(Manager::Launchd, &first.bytes, REPLACE, Path::new("/"));
            prop_assert_eq!(again, Ok(None));
        }
    }
}
