//! The search for profiles in real folders: every version of the job files, wrapped, binary, broken and hostile.
#![allow(clippy::format_collect, clippy::needless_raw_string_hashes)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use gatelight::health::Manager;
use gatelight::profile::{ExtraHome, Found, KeepAlive, Places, Profile, scan};
use gatelight::text::Lang;

use crate::support::make_fifo;

struct Home {
    root: tempfile::TempDir,
    places: Places,
}

impl Home {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().canonicalize().unwrap();
        let places = Places::below(&path);
        fs::create_dir_all(&places.launch_agents).unwrap();
        fs::create_dir_all(&places.systemd_user).unwrap();
        Self { root, places }
    }

    fn path(&self) -> &Path {
        &self.places.user_home
    }

    fn agent(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.places.launch_agents.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    #[cfg(target_os = "linux")]
    fn unit(&self, name: &str, text: &str) {
        let path = self.places.systemd_user.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn scan(&self) -> Found {
        scan(&self.places)
    }
}

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/service-files").join(name);
    fs::read_to_string(path).unwrap()
}

/// A plist with these arguments and keys.
fn plist(label: &str, arguments: &[&str], more: &str) -> String {
    let words: String = arguments
        .iter()
        .map(|a| {
            let escaped = a.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            format!("\t\t<string>{escaped}</string>\n")
        })
        .collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\">\n<dict>\n\t<key>Label</key>\n\t<string>{label}</string>\n\
         \t<key>ProgramArguments</key>\n\t<array>\n{words}\t</array>\n{more}</dict>\n</plist>\n"
    )
}

const RUN: [&str; 3] = ["/usr/local/bin/hermes", "gateway", "run"];

fn names(found: &Found) -> Vec<&str> {
    found.profiles.iter().map(|p| p.name.as_str()).collect()
}

fn log_names(profile: &Profile) -> Vec<String> {
    profile.logs.iter().map(|p| p.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

#[test]
fn generated_job_files_are_read_as_written() {
    let home = Home::new();
    home.agent("ai.hermes.gateway.plist", fixture("19-default.plist"));
    home.agent("ai.hermes.gateway-work.plist", fixture("19-work.plist"));
    let found = home.scan();
    assert_eq!(found.bad, []);
    assert_eq!(names(&found), ["default", "work"]);
    let work = &found.profiles[1];
    assert_eq!(work.home, Path::new("/Users/lu/.hermes/profiles/work"));
    let job = work.job.as_ref().unwrap();
    assert_eq!(job.manager, Manager::Launchd);
    assert_eq!(job.label, "ai.hermes.gateway-work");
    assert_eq!(job.gateway_words, job.arguments);
    assert_eq!((job.keep_alive, job.run_at_load), (KeepAlive::Always, true));
    assert_eq!((job.throttle_s, job.exit_timeout_s), (Some(30), Some(25)));
    assert_eq!(
        log_names(work),
        ["agent.log", "errors.log", "gateway.log", "gateway.error.log", "gateway-work.log"]
    );
}

#[test]
#[cfg(target_os = "linux")]
fn generated_units_are_read_as_written() {
    let home = Home::new();
    home.unit("hermes-gateway.service", &fixture("13-default.service"));
    home.unit("hermes-gateway-work.service", &fixture("19-work.service"));
    home.unit(
        "hermes-gateway-work.service.d/10-quiet.conf",
        "[Service]\nExecStart=\nExecStart=/x/hermes -p work gateway run -q\n",
    );
    home.unit("hermes-gateway-watchdog.service", "[Service]\nExecStart=/x/watch\n");
    home.unit("hermes-gateway-empty.service", "[Service]\n");
    let found = home.scan();
    assert_eq!(names(&found), ["default", "work"]);
    assert_eq!(found.profiles[0].job.as_ref().unwrap().gateway_words.last().unwrap(), "--replace");
    let work = found.profiles[1].job.as_ref().unwrap();
    assert_eq!(work.arguments, ["/x/hermes", "-p", "work", "gateway", "run", "-q"]);
    assert_eq!(found.profiles[1].home, Path::new("/Users/lu/.hermes/profiles/work"));
    assert_eq!(found.bad.len(), 1);
    assert_eq!(found.bad[0].reason.pick(Lang::En), "it has no ExecStart");
}

#[test]
fn every_generation_is_found_wrapped_or_not() {
    let applescript = r#"do shell script "export HERMES_HOME=$HOME/.hermes/profiles/work; exec /v/bin/python -m hermes_cli.main gateway run >> /tmp/o.log 2>> /tmp/e.log""#;
    let jxa = r#"ObjC.import("stdlib"); $.exit($.system("HERMES_HOME=$HOME/.hermes/profiles/work exec '/v/bin/python' -m hermes_cli.main gateway run") >> 8)"#;
    for (generation, arguments, more, home) in [
        (0, vec!["/v/bin/python", "-m", "hermes_cli.main", "gateway", "run"], "", ".hermes"),
        (
            1,
            vec!["/v/hermes", "gateway", "run", "--replace"],
            "<key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>",
            ".hermes",
        ),
        (
            2,
            vec!["/v/hermes", "--profile", "work", "gateway", "run", "--replace"],
            "<key>KeepAlive</key><true/>",
            ".hermes/profiles/work",
        ),
        (
            3,
            vec!["/v/hermes", "-p", "work", "gateway", "run", "--external-supervisor"],
            "",
            ".hermes/profiles/work",
        ),
        (
            4,
            vec!["/bin/sh", "-c", "HERMES_HOME=~/.hermes/profiles/work exec /v/hermes gateway run"],
            "",
            ".hermes/profiles/work",
        ),
        (5, vec!["/usr/bin/osascript", "-l", "JavaScript", "-e", jxa], "", ".hermes/profiles/work"),
        (5, vec!["/usr/bin/osascript", "-e", applescript], "", ".hermes/profiles/work"),
        (
            6,
            vec!["/bin/zsh", "-lc", "exec hermes gateway start --replace"],
            "<key>EnvironmentVariables</key><dict><key>HERMES_HOME</key><string>~/.hermes</string></dict>",
            ".hermes",
        ),
    ] {
        let place = Home::new();
        place.agent("com.example.bot.plist", plist("com.example.bot", &arguments, more));
        let found = place.scan();
        assert_eq!(found.bad, [], "generation {generation}");
        assert_eq!(found.profiles.len(), 1, "generation {generation}");
        assert_eq!(found.profiles[0].home, place.path().join(home), "generation {generation}");
        let words = &found.profiles[0].job.as_ref().unwrap().gateway_words;
        assert!(words.contains(&"gateway".to_owned()), "generation {generation}: {words:?}");
    }
}

#[test]
fn r82216_r94050_ha_addon_34_a_wrapper_that_passes_the_arguments_on_names_its_profile() {
    for (arguments, home) in [
        (vec!["/v/python", "/u/wrapper.py", "--profile", "work", "gateway", "run"], ".hermes/profiles/work"),
        (vec!["/u/start-it", "gateway", "run", "--profile=work"], ".hermes/profiles/work"),
        (vec!["/bin/sh", "-c", "cd /u && exec ./start-it -p work gateway run"], ".hermes/profiles/work"),
        (vec!["/u/start-it", "--profile", "work"], ".hermes"),
        (vec!["/u/start-it", "--profile", "work", "chat"], ".hermes"),
    ] {
        let place = Home::new();
        place.agent("ai.hermes.gateway.plist", plist("ai.hermes.gateway", &arguments, ""));
        let found = place.scan();
        assert_eq!(found.profiles.len(), 1, "{arguments:?}");
        assert_eq!(found.profiles[0].home, place.path().join(home), "{arguments:?}");
        // without the label it is another job
        let other = Home::new();
        other.agent("com.example.plist", plist("com.example", &arguments, ""));
        assert_eq!(other.scan().profiles, [], "{arguments:?}");
    }
}

#[test]
fn labels_choose_and_others_are_left_alone() {
    let home = Home::new();
    let script = ["/usr/local/bin/start-it"];
    for label in [
        "ai.hermes.gateway",
        "ai.hermes.gateway-lark",
        "io.nousresearch.hermes-agent.gateway",
        "com.hermes.gateway",
    ] {
        home.agent(&format!("{label}.plist"), plist(label, &script, ""));
    }
    home.agent("ai.hermes.gateway-watchdog.plist", plist("ai.hermes.gateway-watchdog", &RUN, ""));
    home.agent("app.gatelight.Gatelight.plist", plist("app.gatelight.Gatelight", &RUN, ""));
    home.agent("com.other.plist", plist("com.other", &["/bin/true"], ""));
    home.agent("com.broken.plist", "<plist><dict>");
    home.agent("ai.hermes.gateway.plist.bak", plist("ai.hermes.gateway-old", &RUN, ""));
    let found = home.scan();
    assert_eq!(found.bad, []);
    let labels: Vec<_> = found.profiles.iter().filter_map(Profile::label).collect();
    assert_eq!(
        labels,
        [
            "ai.hermes.gateway",
            "com.hermes.gateway",
            "io.nousresearch.hermes-agent.gateway",
            "ai.hermes.gateway-lark"
        ]
    );
    assert_eq!(names(&found)[0], "default");
    assert_eq!(names(&found)[3], "lark");
}

#[test]
fn a_binary_plist_is_read_like_an_xml_one() {
    let home = Home::new();
    let value = plist::Value::from_reader_xml(fixture("19-work.plist").as_bytes()).unwrap();
    let mut bytes = Vec::new();
    value.to_writer_binary(&mut bytes).unwrap();
    let path = home.agent("ai.hermes.gateway-work.plist", &bytes);
    let binary = home.scan();
    fs::write(path, fixture("19-work.plist")).unwrap();
    assert_eq!(binary, home.scan());
    assert_eq!(names(&binary), ["work"]);
}

#[test]
fn the_blogs_two_jobs_share_a_home_and_keep_their_own_logs() {
    let home = Home::new();
    fs::create_dir_all(home.places.hermes.join("logs")).unwrap();
    for name in ["default", "work"] {
        let text = fixture(&format!("blog-{name}.plist")).replace("/Users/lu", home.path().to_str().unwrap());
        home.agent(&format!("ai.hermes.gateway-{name}.plist"), text);
    }
    let found = home.scan();
    assert_eq!(names(&found), ["default", "work"]);
    assert_eq!(log_names(&found.profiles[0]), ["gateway-default.log", "gateway-default.error.log"]);
    assert_eq!(log_names(&found.profiles[1]), ["gateway-work.log", "gateway-work.error.log"]);
    // alone, the same job gets every log of its home
    fs::remove_file(home.places.launch_agents.join("ai.hermes.gateway-work.plist")).unwrap();
    let alone = home.scan();
    assert!(log_names(&alone.profiles[0]).contains(&"agent.log".to_owned()));
}

#[test]
fn two_jobs_with_the_same_logs_both_have_them() {
    let home = Home::new();
    home.agent("ai.hermes.gateway.plist", plist("ai.hermes.gateway", &RUN, ""));
    home.agent("com.hermes.gateway.plist", plist("com.hermes.gateway", &RUN, ""));
    let found = home.scan();
    assert_eq!(names(&found), ["default", "com.hermes.gateway"]);
    for profile in &found.profiles {
        assert!(log_names(profile).contains(&"agent.log".to_owned()));
    }
}

#[test]
fn homes_that_no_job_names_are_found_on_disk() {
    let mut home = Home::new();
    home.agent("ai.hermes.gateway.plist", plist("ai.hermes.gateway", &RUN, ""));
    for (name, file) in [
        ("work", "gateway_state.json"),
        ("lark_2", "config.yaml"),
        ("empty", ""),
        ("Bad Name", "config.yaml"),
    ] {
        let folder = home.places.hermes.join("profiles").join(name);
        fs::create_dir_all(&folder).unwrap();
        if !file.is_empty() {
            fs::write(folder.join(file), "").unwrap();
        }
    }
    let extra = |home: PathBuf, name: Option<&str>| ExtraHome { home, name: name.map(str::to_owned) };
    for folder in ["other", "hermes"] {
        fs::create_dir_all(home.path().join("elsewhere").join(folder)).unwrap();
    }
    home.places.extra_homes = vec![
        extra(home.path().join("elsewhere/other"), None),
        extra(home.places.hermes.join("./profiles/work/"), None),
        extra(home.path().join("elsewhere/hermes"), Some("服务 & co")),
        extra(home.places.hermes.join("profiles/lark_2"), Some("lark")),
        extra("/nowhere/gone".into(), Some("gone")),
    ];
    let found = home.scan();
    let missing: Vec<_> =
        found.bad.iter().map(|bad| (bad.path.as_path(), bad.reason.pick(Lang::En))).collect();
    assert_eq!(
        missing,
        [(Path::new("/nowhere/gone"), "[[profiles]] in the settings names this home, but it does not exist")]
    );
    assert_eq!(names(&found), ["default", "lark", "other", "work", "服务 & co"]);
    assert!(found.profiles[1..].iter().all(|p| p.job.is_none()));
    assert!(log_names(&found.profiles[3]).contains(&"gateway-work.log".to_owned()));
}

#[test]
fn bad_files_are_reported_and_stop_nothing() {
    let home = Home::new();
    let outside = home.path().join("outside.plist");
    fs::write(&outside, plist("ai.hermes.gateway-out", &RUN, "")).unwrap();
    // as a program for dotfiles makes it
    symlink(&outside, home.places.launch_agents.join("ai.hermes.gateway-out.plist")).unwrap();
    symlink("nothing", home.places.launch_agents.join("ai.hermes.gateway-dangling.plist")).unwrap();
    fs::create_dir(home.places.launch_agents.join("ai.hermes.gateway-dir.plist")).unwrap();
    make_fifo(&home.places.launch_agents.join("ai.hermes.gateway-fifo.plist"));
    home.agent("ai.hermes.gateway-cut.plist", &fixture("19-default.plist")[..700]);
    home.agent("ai.hermes.gateway-huge.plist", vec![b' '; 1024 * 1024 + 1]);
    home.agent(
        "ai.hermes.gateway-number.plist",
        plist("ai.hermes.gateway-number", &[], "").replace("<array>\n\t</array>", "<integer>3</integer>"),
    );
    home.agent("unnamed.plist", plist("", &RUN, ""));
    home.agent("copy.plist", plist("ai.hermes.gateway-good", &RUN, ""));
    home.agent("ai.hermes.gateway-good.plist", plist("ai.hermes.gateway-good", &RUN, ""));
    symlink("ai.hermes.gateway-good.plist", home.places.launch_agents.join("again.plist")).unwrap();
    let found = home.scan();
    assert_eq!(names(&found), ["good", "out"]);
    let mut bad: Vec<(String, &str)> = found
        .bad
        .iter()
        .map(|b| {
            (
                b.path.file_name().unwrap().to_string_lossy().replace("ai.hermes.gateway-", ""),
                b.reason.pick(Lang::En),
            )
        })
        .collect();
    bad.sort();
    let reasons: Vec<&str> = bad.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "copy.plist",
            "cut.plist",
            "dangling.plist",
            "dir.plist",
            "fifo.plist",
            "huge.plist",
            "number.plist",
            "unnamed.plist"
        ]
    );
}

/// A file, or a link to a volume that is not mounted, where a folder is searched: that is not the same as no profile.
#[test]
fn what_is_in_place_of_a_searched_folder_is_reported() {
    let places = |home: &Home| {
        let Places { launch_agents, hermes, .. } = &home.places;
        [launch_agents.clone(), hermes.clone(), hermes.join("profiles")]
    };
    for at in 0..3 {
        for link in [true, false] {
            let home = Home::new();
            let folder = &places(&home)[at];
            fs::create_dir_all(folder).unwrap();
            fs::remove_dir(folder).unwrap();
            if link {
                symlink(home.path().join("volume"), folder).unwrap();
            } else {
                fs::write(folder, "mine").unwrap();
            }
            let found = home.scan();
            let [bad] = found.bad.as_slice() else { panic!("{folder:?}: {found:?}") };
            let reason = bad.reason.pick(Lang::En).to_lowercase();
            assert_eq!(bad.path, *folder);
            assert!(reason.contains(if link { "symbolic link" } else { "not a directory" }), "{reason}");
        }
    }
}

#[test]
fn hostile_names_are_data_only() {
    let home = Home::new();
    for (n, suffix) in ["../../x", "-rf", "a\u{7}b", "\u{202e}krow", "🐙", " "].iter().enumerate() {
        let label = format!("ai.hermes.gateway-{suffix}");
        let xml = plist(&label, &RUN, "<key>HERMES_HOME</key><string>unused</string>");
        home.agent(&format!("{n}.plist"), xml);
    }
    let found = home.scan();
    assert_eq!(found.bad, []);
    assert_eq!(found.profiles.len(), 6);
    for profile in &found.profiles {
        for log in &profile.logs {
            assert_eq!(log.parent(), Some(home.places.hermes.join("logs").as_path()), "{profile:?}");
        }
    }
    let mut unique = names(&found);
    unique.dedup();
    assert_eq!(unique.len(), 6);
    drop(home.root);
}

#[test]
fn empty_and_missing_places_hold_nothing() {
    let home = Home::new();
    assert_eq!(home.scan(), Found::default());
    assert_eq!(scan(&Places::below(Path::new("/nonexistent/home"))), Found::default());
    fs::remove_dir(&home.places.launch_agents).unwrap();
    fs::write(&home.places.launch_agents, "a file in its place").unwrap();
    let bad = home.scan().bad;
    assert_eq!(bad.len(), 1);
    assert_eq!(bad[0].path, home.places.launch_agents);
}
