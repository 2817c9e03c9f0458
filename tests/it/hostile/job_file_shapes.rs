//! Malformed job files: none ends a command, hides another one, or is changed.

use std::collections::BTreeMap;
use std::fs;

use crate::support::machine::Machine;

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\">";
const RUN: &str = "<key>ProgramArguments</key><array><string>hermes</string><string>gateway</string><string>run</string>\
                   <string>--replace</string></array>";

/// Contents of files. `{head}` and `{run}` stand for what a job file of Hermes has.
fn shapes() -> Vec<Vec<u8>> {
    let texts = [
        "",
        " ",
        "\0",
        "bplist00",
        "bplist00\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        "{ Label = x; }",
        "not a plist",
        "<",
        "<plist",
        "<plist>",
        "<plist/>",
        "<plist version=\"1.0\"></plist>",
        "{head}<dict>",
        "{head}<dict/></plist>",
        "{head}<array/></plist>",
        "{head}<string>x</string></plist>",
        "{head}<dict><key>Label</key></dict></plist>",
        "{head}<dict><key>Label</key><key>Label</key></dict></plist>",
        "{head}<dict><key>Label</key><integer>7</integer>{run}</dict></plist>",
        "{head}<dict><key>Label</key><string></string>{run}</dict></plist>",
        "{head}<dict>{run}</dict></plist>",
        "{head}<dict><key>Label</key><string>a</string><key>ProgramArguments</key><string>hermes gateway run</string></dict></plist>",
        "{head}<dict><key>Label</key><string>a</string><key>ProgramArguments</key><array/></dict></plist>",
        "{head}<dict><key>Label</key><string>a</string><key>ProgramArguments</key><array><integer>1</integer><true/></array></dict></plist>",
        "{head}<dict><key>Label</key><string>a</string>{run}<key>EnvironmentVariables</key><string>x</string></dict></plist>",
        "{head}<dict><key>Label</key><string>a</string>{run}<key>EnvironmentVariables</key><dict><key>HERMES_HOME</key><integer>1</integer></dict></dict></plist>",
        "{head}<dict><key>Label</key><string>a</string>{run}<key>KeepAlive</key><string>yes</string></dict></plist>",
        "{head}<dict><key>Label</key><string>a</string>{run}<key>KeepAlive</key><dict><key>SuccessfulExit</key><array/></dict></dict></plist>",
        "{head}<dict><key>Label</key><string>a</string>{run}<key>StandardOutPath</key><dict/></dict></plist>",
        "{head}<dict><key>Label</key><string>a</string>{run}<key>WorkingDirectory</key><date>2026-11-22T11:00:00Z</date></dict></plist>",
        "{head}<dict><key>Label</key><string>a</string>{run}{run}</dict></plist>",
        "{head}<dict><key>Label</key><string>a</string>{run}</dict></plist>trailing",
        "{head}<dict><key>Label</key><string>a</string>{run}</dict></plist>\0\0",
        "\u{feff}{head}<dict><key>Label</key><string>a</string>{run}</dict></plist>",
        "<!DOCTYPE plist [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>{head}<dict><key>Label</key><string>&x;</string>{run}</dict></plist>",
        "<!DOCTYPE plist [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;\">]>{head}<dict><key>Label</key><string>&c;</string>{run}</dict></plist>",
        "{head}<dict><key>Label</key><string>&#0;&#x110000;</string>{run}</dict></plist>",
        "{head}<dict><key>Label</key><string><![CDATA[a]]></string>{run}</dict></plist>",
        "{head}<dict><!-- <key>Label</key> --><key>Label</key><string>a<!-- b --></string>{run}</dict></plist>",
        "{head}<dict><key>Label</key><data>AAAA</data>{run}</dict></plist>",
    ];
    let texts = texts.map(|text| text.replace("{head}", HEAD).replace("{run}", RUN).into_bytes());
    let dictionaries = "<dict><key>a</key>".repeat(20_000);
    let long = "x".repeat(100_000);
    let more = [
        b"\xff\xfe<\0p\0l\0i\0s\0t\0>\0".to_vec(),
        vec![0xff; 4_096],
        format!("{HEAD}{dictionaries}").into_bytes(),
        format!("{HEAD}<dict><key>Label</key><string>{long}</string>{RUN}</dict></plist>").into_bytes(),
        format!("{HEAD}<dict><key>{long}</key><string>a</string>{RUN}</dict></plist>").into_bytes(),
    ];
    texts.into_iter().chain(more).collect()
}

#[test]
fn odd_job_files_hide_no_other_and_are_left_as_they_are() {
    let machine = Machine::new();
    let shapes = shapes();
    assert!(shapes.len() >= 41, "{}", shapes.len());
    fs::create_dir_all(machine.agents()).unwrap();
    let mut written = BTreeMap::new();
    for (n, shape) in shapes.iter().enumerate() {
        let path = machine.agents().join(format!("ai.hermes.gateway-shape{n}.plist"));
        fs::write(&path, shape).unwrap();
        written.insert(path, shape);
    }
    machine.plist("ai.hermes.gateway-work", &["hermes", "gateway", "run"], "");
    for arguments in [
        &["status"][..],
        &["status", "--json"],
        &["doctor"],
        &["doctor", "--json"],
        &["doctor", "--fix", "--dry-run"],
        &["diagnose", "work"],
    ] {
        let ran = machine.run(arguments);
        assert!(matches!(ran.code, Some(0..=3)), "{arguments:?}: {:?} {}", ran.code, ran.err);
        assert!(arguments[0] == "doctor" || ran.out.contains("work"), "{arguments:?}: {}", ran.out);
        assert!(!ran.out.contains("root:x:0") && ran.out.len() < 1 << 20, "{arguments:?}: {}", ran.out);
    }
    for (path, shape) in written {
        assert_eq!(&fs::read(&path).unwrap(), shape, "{}", path.display());
    }
}
