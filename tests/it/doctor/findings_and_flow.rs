//! The doctor on real folders: every finding, writes that are killed, the steps of a repair, the command.
#![allow(clippy::case_sensitive_file_extension_comparisons)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use gatelight::cli::doctor as cli;
use gatelight::doctor::fix::Machine;
use gatelight::doctor::flow::{self, After, Failure, Link, Outcome, RepairContext, Step};
use gatelight::doctor::repair::Wanted;
use gatelight::doctor::write::{self, Original, WriteError};
use gatelight::doctor::{Code, Finding, LiveFacts, ProcessFacts, examine};
use gatelight::health::{JobState, Manager};
use gatelight::profile::{ExtraHome, Found, JobFile, Places, scan};
use gatelight::supervisor::{JobReport, Supervisor, SupervisorError};
use gatelight::terminal::Terminal;
use gatelight::text::Lang;

pub(crate) struct Home {
    _root: tempfile::TempDir,
    pub(crate) places: Places,
}

impl Home {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().canonicalize().unwrap();
        let places = Places::below(&path);
        for folder in [&places.launch_agents, &places.systemd_user, &places.hermes.join("logs")] {
            fs::create_dir_all(folder).unwrap();
            fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let home = Self { _root: root, places };
        Home::file(&home.path().join("hermes"), "#!/bin/sh\n", 0o755);
        home
    }

    pub(crate) fn path(&self) -> &Path {
        &self.places.user_home
    }

    pub(crate) fn file(path: &Path, bytes: impl AsRef<[u8]>, mode: u32) -> PathBuf {
        fs::write(path, bytes).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        path.to_path_buf()
    }

    pub(crate) fn agent(&self, name: &str, text: &str) -> PathBuf {
        Self::file(&self.places.launch_agents.join(name), text, 0o644)
    }

    fn blog(&self) -> [PathBuf; 2] {
        ["default", "work"].map(|name| {
            let source =
                Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/service-files/blog-{name}.plist"));
            let text = fs::read_to_string(source).unwrap();
            let text = text
                .replace("/usr/local/bin", "/Users/lu")
                .replace("/Users/lu", self.path().to_str().unwrap());
            self.agent(&format!("ai.hermes.gateway-{name}.plist"), &text)
        })
    }

    /// A job of launchd; `{home}` becomes the user's home.
    fn job(&self, label: &str, words: &[&str], keys: &str) -> PathBuf {
        let words: Vec<String> = words.iter().map(|word| format!("<string>{word}</string>")).collect();
        let text = format!(
            "<plist version=\"1.0\"><dict><key>Label</key><string>{label}</string><key>ProgramArguments</key><array>{}</array>{keys}</dict></plist>",
            words.concat()
        );
        self.agent(&format!("{label}.plist"), &text.replace("{home}", self.path().to_str().unwrap()))
    }

    fn examine(&self, live: &LiveFacts) -> Vec<Finding> {
        examine(&scan(&self.places), &self.places, live)
    }

    pub(crate) fn codes(&self, live: &LiveFacts) -> Vec<&'static str> {
        self.examine(live).iter().map(|finding| finding.code.name()).collect()
    }

    /// Files of LaunchAgents that are not job files.
    pub(crate) fn strays(&self) -> Vec<String> {
        let names = fs::read_dir(&self.places.launch_agents).unwrap();
        let mut names: Vec<String> = names
            .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
            .filter(|n| !n.ends_with(".plist"))
            .collect();
        names.sort();
        names
    }
}

const RUN: [&str; 3] = ["{home}/hermes", "gateway", "run"];
const REPLACE: [&str; 4] = ["{home}/hermes", "gateway", "run", "--replace"];
const AT_LOAD: &str = "<key>RunAtLoad</key><true/>";
const AFTER_FAILURE: &str = "<key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>";
const ALWAYS: &str = "<key>KeepAlive</key><true/>";
const THROTTLE: &str = "<key>ThrottleInterval</key><integer>30</integer>";

#[test]
fn every_code_of_a_plist() {
    let nobody = LiveFacts::default();
    let missing: [&str; 3] = ["{home}/gone", "gateway", "run"];
    let wrapped = ["/bin/sh", "-c", "exec {home}/gone/hermes gateway run"];
    for (label, words, keys, codes) in [
        ("ai.hermes.gateway", &RUN[..], [AT_LOAD, AFTER_FAILURE, THROTTLE].concat(), vec![]),
        ("ai.hermes.gateway", &RUN, [AT_LOAD, ALWAYS, THROTTLE].concat(), vec![]),
        (
            "ai.hermes.gateway",
            &REPLACE,
            [AT_LOAD, ALWAYS, THROTTLE].concat(),
            vec!["replace-flag", "replace-with-keepalive"],
        ),
        (
            "ai.hermes.gateway",
            &REPLACE,
            [AT_LOAD, AFTER_FAILURE, THROTTLE].concat(),
            vec!["replace-flag", "keepalive-skips-clean-exit"],
        ),
        ("ai.hermes.gateway", &REPLACE, AT_LOAD.to_owned(), vec!["replace-flag", "keepalive-missing"]),
        ("ai.hermes.gateway", &RUN, String::new(), vec!["run-at-load-missing", "keepalive-missing"]),
        // launchd starts what it keeps alive when it loads it, whatever RunAtLoad says
        ("ai.hermes.gateway", &RUN, [AFTER_FAILURE, THROTTLE].concat(), vec![]),
        ("ai.hermes.gateway", &RUN, [ALWAYS, "<key>RunAtLoad</key><false/>", THROTTLE].concat(), vec![]),
        ("ai.hermes.gateway", &RUN, [AT_LOAD, ALWAYS].concat(), vec!["throttle-missing"]),
        ("ai.hermes.gateway", &missing, [AT_LOAD, ALWAYS, THROTTLE].concat(), vec!["program-missing"]),
        ("ai.hermes.gateway", &wrapped, [AT_LOAD, ALWAYS, THROTTLE].concat(), vec!["program-missing"]),
    ] {
        let home = Home::new();
        home.job(label, words, &keys);
        assert_eq!(home.codes(&nobody), codes, "{words:?} {keys}");
    }
}

#[test]
fn every_generation_is_judged_right() {
    let jxa = |flag: &str| format!("$.system(&quot;exec {{home}}/hermes gateway run{flag}&quot;)");
    let (plain, flagged) = (jxa(""), jxa(" --replace"));
    let osascript = |script| vec!["/usr/bin/osascript", "-l", "JavaScript", "-e", script];
    let supervised = [&RUN[..], &["--external-supervisor"]].concat();
    for (generation, words, keep_alive, codes) in [
        (0, RUN.to_vec(), AFTER_FAILURE, vec![]),
        (1, REPLACE.to_vec(), AFTER_FAILURE, vec!["replace-flag", "keepalive-skips-clean-exit"]),
        (2, REPLACE.to_vec(), ALWAYS, vec!["replace-flag", "replace-with-keepalive"]),
        (3, supervised.clone(), ALWAYS, vec![]),
        (4, supervised, AFTER_FAILURE, vec![]),
        (5, osascript(&plain), AFTER_FAILURE, vec![]),
        (5, osascript(&flagged), AFTER_FAILURE, vec!["replace-flag", "keepalive-skips-clean-exit"]),
    ] {
        let home = Home::new();
        home.job("ai.hermes.gateway", &words, &[AT_LOAD, keep_alive, THROTTLE].concat());
        let mut findings = home.examine(&LiveFacts::default());
        // osascript exists on macOS only
        findings.retain(|finding| !finding.message.pick(Lang::En).contains("/usr/bin/osascript"));
        let found: Vec<&str> = findings.iter().map(|finding| finding.code.name()).collect();
        assert_eq!(found, codes, "generation {generation}");
        assert!(findings.iter().all(|finding| finding.fixable), "generation {generation}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_flag_in_a_drop_in_is_repaired_there() {
    let home = Home::new();
    let unit = home.places.systemd_user.join("hermes-gateway.service");
    let text = "[Service]\nExecStart=%h/hermes gateway run\nRestart=always\nRestartSec=5\n[Install]\nWantedBy=default.target\n";
    Home::file(&unit, text, 0o644);
    fs::create_dir(home.places.systemd_user.join("hermes-gateway.service.d")).unwrap();
    let drop_in = home.places.systemd_user.join("hermes-gateway.service.d/override.conf");
    Home::file(&drop_in, "[Service]\nExecStart=\nExecStart=%h/hermes gateway run --replace\n", 0o644);
    let finding = &home.examine(&LiveFacts::default())[0];
    assert_eq!((finding.code, finding.file.as_ref()), (Code::ReplaceFlag, Some(&drop_in)));
    let (code, text_out) = run(&home, &fix(), None, false);
    assert_eq!(code, 0, "{text_out}");
    assert_eq!(
        fs::read_to_string(&drop_in).unwrap(),
        "[Service]\nExecStart=\nExecStart=%h/hermes gateway run\n"
    );
    assert_eq!(fs::read_to_string(&unit).unwrap(), text);
    assert_eq!(home.codes(&LiveFacts::default()), Vec::<&str>::new());
}

#[test]
#[cfg(target_os = "linux")]
fn a_drop_in_is_repaired_though_nothing_can_be_written_beside_its_unit() {
    let home = Home::new();
    // as with a unit for all users; a name too long for a backup beside it is refused for root too
    let name = format!("hermes-gateway-{}.service", "x".repeat(225));
    let text = "[Service]\nExecStart=%h/hermes gateway run\nRestart=always\nRestartSec=5\n[Install]\nWantedBy=default.target\n";
    Home::file(&home.places.systemd_user.join(&name), text, 0o644);
    let folder = home.places.systemd_user.join(format!("{name}.d"));
    home_folder(&folder);
    let drop_in = folder.join("override.conf");
    Home::file(&drop_in, "[Service]\nExecStart=\nExecStart=%h/hermes gateway run --replace\n", 0o644);
    let (code, text) = run(&home, &fix(), None, false);
    assert_eq!((code, has_flag(&fs::read(&drop_in).unwrap())), (0, false), "{text}");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 2, "the drop-in and its backup");
}

#[test]
#[cfg(target_os = "linux")]
fn variables_templates_and_folders_for_all_users_are_read() {
    let mut home = Home::new();
    let user = home.places.systemd_user.clone();
    let shared = home.path().join("etc/systemd/user");
    home_folder(&shared.join("hermes-gateway-.service.d"));
    home_folder(&shared.join("hermes-gateway@.service.d"));
    home.places.systemd_shared = vec![shared.clone()];
    let tail = "Restart=always\nRestartSec=5\n[Install]\nWantedBy=default.target\n";
    // the flag and the home come from an EnvironmentFile: found, and left to the user
    Home::file(&home.path().join("gateway.env"), "ARGS=--replace\nHERMES_HOME=/srv/hermes\n", 0o600);
    let unit =
        format!("[Service]\nEnvironmentFile=%h/gateway.env\nExecStart=%h/hermes gateway run $ARGS\n{tail}");
    let by_variable = Home::file(&user.join("hermes-gateway.service"), unit, 0o644);
    // an instance of a template, started with the session
    let unit = format!(
        "[Service]\nEnvironment=HERMES_HOME=%h/.hermes/profiles/%i\nExecStart=%h/hermes gateway run --replace\n{tail}"
    );
    let template = Home::file(&user.join("hermes-gateway@.service"), unit, 0o644);
    home_folder(&user.join("default.target.wants"));
    symlink(&template, user.join("default.target.wants/hermes-gateway@work.service")).unwrap();
    // a drop-in for all users, and one of the user's own that masks another
    let unit = format!("[Service]\nEnvironment=HERMES_HOME=%h/x\nExecStart=%h/hermes gateway run\n{tail}");
    Home::file(&user.join("hermes-gateway-team.service"), unit, 0o644);
    let drop_in = "[Service]\nExecStart=\nExecStart=%h/hermes gateway run --replace\n";
    let for_all = Home::file(&shared.join("hermes-gateway-.service.d/10-all.conf"), drop_in, 0o644);
    Home::file(&shared.join("hermes-gateway@.service.d/20.conf"), "[Service]\nRestart=no\n", 0o644);
    home_folder(&user.join("hermes-gateway@.service.d"));
    symlink("/dev/null", user.join("hermes-gateway@.service.d/20.conf")).unwrap();

    let found = scan(&home.places);
    assert_eq!(found.bad, []);
    let homes: Vec<(&str, &Path)> =
        found.profiles.iter().map(|p| (p.label().unwrap_or_default(), &*p.home)).collect();
    assert!(homes.contains(&("hermes-gateway.service", Path::new("/srv/hermes"))), "{homes:?}");
    let work = home.places.hermes.join("profiles/work");
    assert!(homes.contains(&("hermes-gateway@work.service", &work)), "{homes:?}");
    let mut flags: Vec<(PathBuf, bool)> = home
        .examine(&LiveFacts::default())
        .into_iter()
        .filter(|finding| finding.code == Code::ReplaceFlag)
        .filter_map(|finding| Some((finding.file?, finding.fixable)))
        .collect();
    flags.sort();
    let mut expected = vec![(for_all, true), (by_variable, false), (template.clone(), true)];
    expected.sort();
    assert_eq!(flags, expected);
    assert_eq!(home.codes(&LiveFacts::default()).iter().filter(|code| code.starts_with("keep")).count(), 0);
    let (_, text) = run(&home, &fix(), None, false);
    assert!(text.contains("comes from a variable") && !has_flag(&fs::read(&template).unwrap()), "{text}");
}

#[cfg(target_os = "linux")]
fn home_folder(path: &Path) {
    fs::create_dir_all(path).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn every_code_of_the_places_around() {
    let good = [AT_LOAD, AFTER_FAILURE, THROTTLE].concat();
    let home = Home::new();
    let path = home.job("ai.hermes.gateway", &RUN, &good);
    let only = |live: LiveFacts| home.codes(&live);

    let live = LiveFacts { not_loaded: BTreeSet::from(["ai.hermes.gateway".into()]), ..LiveFacts::default() };
    assert_eq!(only(live), ["not-loaded"]);
    let live = LiveFacts { from_before: BTreeMap::from([("default".into(), 77)]), ..LiveFacts::default() };
    assert_eq!(only(live), ["not-reloaded"]);
    write::mark(&path).unwrap();
    assert_eq!(only(LiveFacts::default()), ["not-reloaded"]);
    write::unmark(&path);
    let live =
        LiveFacts { second_instance: BTreeMap::from([("default".into(), 77)]), ..LiveFacts::default() };
    assert_eq!(only(live), ["second-instance"]);

    let log = home.places.hermes.join("logs/gateway.error.log");
    fs::File::create(&log).unwrap().set_len(100_000_000).unwrap();
    assert_eq!(only(LiveFacts::default()), Vec::<&str>::new());
    fs::File::create(&log).unwrap().set_len(208_000_000).unwrap();
    let findings = home.examine(&LiveFacts::default());
    assert_eq!(findings[0].code, Code::LogHuge);
    assert!(findings[0].message.pick(Lang::Zh).contains("208 MB"));
    fs::remove_file(log).unwrap();

    for (at, mode) in [(&path, 0o664), (&path, 0o646), (&home.places.launch_agents, 0o777)] {
        let before = fs::metadata(at).unwrap().permissions();
        fs::set_permissions(at, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(only(LiveFacts::default()), ["unsafe-permissions"], "{mode:o}");
        fs::set_permissions(at, before).unwrap();
    }

    fs::rename(&path, path.with_file_name("mine.plist")).unwrap();
    assert_eq!(only(LiveFacts::default()), ["label-mismatch"]);
    home.job("com.hermes.gateway", &RUN, &good);
    assert_eq!(only(LiveFacts::default()), ["label-mismatch", "duplicate-home", "duplicate-home"]);
    home.agent("ai.hermes.gateway-cut.plist", "<plist><dict>");
    let findings = home.examine(&LiveFacts::default());
    assert_eq!(findings.last().unwrap().code, Code::PlistInvalid);
    assert!(findings.last().unwrap().file.as_ref().unwrap().ends_with("ai.hermes.gateway-cut.plist"));
}

#[test]
fn paths_that_the_manager_cannot_open() {
    let good = [AT_LOAD, AFTER_FAILURE, THROTTLE].concat();
    let key = |name: &str, path: &str| format!("<key>{name}</key><string>{path}</string>");
    let live = LiveFacts { running: BTreeSet::from(["ai.hermes.gateway".into()]), ..LiveFacts::default() };
    for (name, path, expected) in [
        ("WorkingDirectory", "{home}/.hermes", None),
        ("WorkingDirectory", "{home}/gone", Some("does not exist")),
        ("WorkingDirectory", "{home}/hermes", Some("file instead of a folder")),
        ("WorkingDirectory", "{home}/Documents/h", Some("macOS protects")),
        ("StandardOutPath", "{home}/.hermes/logs/new.log", None),
        ("StandardOutPath", "{home}/.hermes/logs", Some("folder instead of a file")),
        ("StandardErrorPath", "{home}/gone/x.log", Some("does not exist")),
        ("StandardErrorPath", "/Volumes/gone/hermes/x.log", Some("volume that is not mounted")),
        ("StandardErrorPath", "{home}/Desktop/x.log", Some("macOS protects")),
        ("StandardErrorPath", "{home}/linked/x.log", Some("macOS protects")),
        ("StandardErrorPath", "/dev/null", None),
    ] {
        let home = Home::new();
        for folder in ["Documents/h", "Desktop"] {
            fs::create_dir_all(home.path().join(folder)).unwrap();
        }
        symlink("Documents/h", home.path().join("linked")).unwrap();
        home.job("ai.hermes.gateway", &RUN, &[good.clone(), key(name, path)].concat());
        let findings = home.examine(&LiveFacts::default());
        let found: Vec<&str> = findings.iter().map(|finding| finding.code.name()).collect();
        assert_eq!(found, expected.map_or(vec![], |_| vec!["path-unusable"]), "{path}");
        for (finding, expected) in findings.iter().zip(expected) {
            let message = finding.message.pick(Lang::En);
            assert!(message.starts_with(name) && message.contains(expected), "{message}");
        }
        // a running job has the permission
        let protected = expected == Some("macOS protects");
        assert_eq!(home.codes(&live).is_empty(), protected || expected.is_none(), "{path}");
    }
    // both outputs in one file: one finding
    let home = Home::new();
    let both = ["StandardOutPath", "StandardErrorPath"].map(|name| key(name, "{home}/gone/x.log"));
    home.job("ai.hermes.gateway", &RUN, &[&good, &*both.concat()].concat());
    assert_eq!(home.codes(&LiveFacts::default()), ["path-unusable"]);
}

#[cfg(target_os = "linux")]
#[test]
fn paths_of_a_unit_that_systemd_cannot_open() {
    let home = Home::new();
    let unit = "[Service]\nExecStart=%h/hermes gateway run\nRestart=always\nRestartSec=5\nWorkingDirectory=%h/gone\n\
                StandardError=append:%h/gone/x.log\nStandardOutput=journal\n[Install]\nWantedBy=default.target\n";
    Home::file(&home.places.systemd_user.join("hermes-gateway.service"), unit, 0o644);
    assert_eq!(home.codes(&LiveFacts::default()), ["path-unusable", "path-unusable"]);
}

#[test]
fn a_gateway_without_a_job_gets_the_command_that_installs_one() {
    let home = Home::new();
    let served = home.places.hermes.join("profiles/served");
    let other = home.path().join("other home");
    for folder in [&home.places.hermes.join("profiles/work"), &served, &other] {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("gateway_state.json"), "{}").unwrap();
    }
    let mut places = home.places.clone();
    places.extra_homes = vec![ExtraHome { home: other.clone(), name: None }];
    let state = r#"{"served_profiles": ["default", "served"]}"#;
    fs::write(home.places.hermes.join("gateway_state.json"), state).unwrap();
    let findings = examine(&scan(&places), &places, &LiveFacts::default());
    let found: Vec<_> =
        findings.iter().map(|finding| (finding.code, finding.remedy.pick(Lang::En).to_owned())).collect();
    let expected = [
        "install its service: hermes gateway install".to_owned(),
        format!("install its service: HERMES_HOME='{}' hermes gateway install", other.display()),
        "install its service: hermes --profile work gateway install".to_owned(),
    ];
    assert_eq!(found, expected.map(|remedy| (Code::NoJob, remedy)));
    // a profile that never had a gateway needs no job
    let quiet = Home::new();
    fs::write(quiet.places.hermes.join("config.yaml"), "").unwrap();
    assert_eq!(quiet.codes(&LiveFacts::default()), Vec::<&str>::new());
}

#[test]
fn r40867_a_job_in_the_home_of_another_profile() {
    let good = [AT_LOAD, AFTER_FAILURE, THROTTLE].concat();
    let home = Home::new();
    fs::create_dir_all(home.places.hermes.join("profiles/work/logs")).unwrap();
    let words = ["{home}/hermes", "--profile", "work", "gateway", "run"];
    home.job("ai.hermes.gateway", &RUN, &good);
    for (folder, expected) in [
        ("{home}/.hermes", vec!["foreign-home"]),
        ("{home}/.hermes/profiles/work", vec![]),
        ("{home}/.hermes/profiles", vec![]),
    ] {
        let key = format!("<key>WorkingDirectory</key><string>{folder}</string>");
        home.job("ai.hermes.gateway-work", &words, &[&good, &*key].concat());
        assert_eq!(home.codes(&LiveFacts::default()), expected, "{folder}");
    }
}

#[test]
fn folders_that_hermes_cannot_have_made_are_named_once_and_fail_nothing() {
    let home = Home::new();
    for name in ["Work", "a b", "x.bak", ".cache", "fine"] {
        fs::create_dir_all(home.places.hermes.join("profiles").join(name)).unwrap();
    }
    fs::write(home.places.hermes.join("profiles/NOTES"), "").unwrap();
    let findings = home.examine(&LiveFacts::default());
    assert_eq!(findings.iter().map(|f| f.code).collect::<Vec<_>>(), [Code::OddFolder]);
    assert!(findings[0].message.pick(Lang::En).ends_with(": Work, a b, x.bak"), "{findings:?}");
    assert_eq!(run(&home, &cli::Args::default(), None, false).0, 0, "a note that --fix cannot repair");
}

#[test]
fn a_home_of_the_settings_that_does_not_exist_is_an_error() {
    let home = Home::new();
    let mut places = home.places.clone();
    places.extra_homes = vec![ExtraHome { home: home.path().join("gone"), name: Some("x".into()) }];
    let findings = examine(&scan(&places), &places, &LiveFacts::default());
    assert_eq!((findings.len(), findings[0].code), (1, Code::HomeMissing));
    assert!(findings[0].message.pick(Lang::En).contains("[[profiles]]"), "{findings:?}");
}

/// `python wrapper.py --profile work gateway run`, and a wrapper that chooses the profile itself.
#[test]
fn a_job_belongs_to_the_home_whose_process_it_runs() {
    let home = Home::new();
    let work = home.places.hermes.join("profiles/work");
    fs::create_dir_all(work.join("logs")).unwrap();
    fs::write(work.join("gateway.pid"), r#"{"pid": 501}"#).unwrap();
    home.job("ai.hermes.gateway", &["{home}/hermes", "wrapper.py"], "");
    let fake = Fake::new(vec![report(JobState::Running, Some(500))]);
    let scan = |process: &dyn Fn(u32) -> Option<ProcessFacts>| {
        let supervisor = |_| Some(&fake as &dyn Supervisor);
        let machine = Machine {
            places: &home.places,
            supervisor: &supervisor,
            process,
            arguments_of: &|_| None,
            link: &|_, _| Link::Unknown,
            pause: &|| {},
            lang: Lang::En,
        };
        machine.scan()
    };
    let rows = |found: Found| -> Vec<(String, bool)> {
        found.profiles.into_iter().map(|profile| (profile.name, profile.job.is_some())).collect()
    };
    let below = |pid| (pid == 501).then_some(ProcessFacts { start: None, parent: Some(500) });
    let found = scan(&below);
    assert_eq!(found.profiles.iter().find(|p| p.job.is_some()).unwrap().home, work);
    assert_eq!(rows(found), [("default".to_owned(), false), ("work".to_owned(), true)]);
    // a process of another user is ignored
    let found = scan(&|_| None);
    assert_eq!(rows(found), [("default".to_owned(), true), ("work".to_owned(), false)]);
}

#[test]
fn the_question_says_that_the_gateway_is_restarted() {
    let home = Home::new();
    home.job("ai.hermes.gateway", &REPLACE, &[AT_LOAD, ALWAYS, THROTTLE].concat());
    for lang in [Lang::En, Lang::Zh] {
        let mut out = Vec::new();
        let machine = Machine {
            places: &home.places,
            supervisor: &|_| None,
            process: &|_| None,
            arguments_of: &|_| None,
            link: &|_, _| Link::Unknown,
            pause: &|| {},
            lang,
        };
        let mut terminal = Terminal { out: &mut out, lang, color: false, symbols: false, width: None };
        let mut questions = Vec::new();
        let mut confirm = |question: &str| {
            questions.push(question.to_owned());
            Some(false)
        };
        let args = cli::Args { fix: true, ..cli::Args::default() };
        cli::run_on(&args, &machine, &mut terminal, &mut confirm).unwrap();
        let word = if lang == Lang::En { "restart its gateway" } else { "重启其网关" };
        assert!(questions.len() == 1 && questions[0].contains(word), "{questions:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn every_code_of_a_unit() {
    for (service, install, codes) in [
        ("ExecStart=%h/hermes gateway run\nRestart=always\nRestartSec=5\n", true, vec![]),
        ("ExecStart=%h/hermes gateway run\nRestart=on-failure\n", true, vec!["throttle-missing"]),
        ("ExecStart=%h/hermes gateway run\n", true, vec!["keepalive-missing"]),
        (
            "ExecStart=%h/hermes gateway run\nRestart=always\nRestartSec=5\n",
            false,
            vec!["run-at-load-missing"],
        ),
        ("ExecStart=%h/gone gateway run\nRestart=always\nRestartSec=5\n", true, vec!["program-missing"]),
        (
            "ExecStart=%h/hermes gateway run --replace\nRestart=always\nRestartSec=5\n",
            true,
            vec!["replace-flag", "replace-with-keepalive"],
        ),
        (
            "ExecStart=%h/hermes gateway run --replace\nRestart=on-failure\nRestartSec=5\n",
            true,
            vec!["replace-flag", "keepalive-skips-clean-exit"],
        ),
        ("ExecStart=%h/hermes gateway run 'x\n", true, vec!["plist-invalid"]),
    ] {
        let home = Home::new();
        let install = if install { "[Install]\nWantedBy=default.target\n" } else { "" };
        let text = format!("[Service]\n{service}{install}");
        Home::file(&home.places.systemd_user.join("hermes-gateway.service"), text, 0o664);
        assert_eq!(home.codes(&LiveFacts::default()), codes, "{service}");
    }
}

#[test]
fn findings_speak_both_languages_and_name_their_reports() {
    let home = Home::new();
    home.job("ai.hermes.gateway", &REPLACE, ALWAYS);
    for finding in home.examine(&LiveFacts::default()) {
        let (en, zh) = (finding.message.pick(Lang::En), finding.message.pick(Lang::Zh));
        assert!(en.is_ascii() && !zh.is_ascii() && !en.contains('{'), "{en} {zh}");
        assert!(!finding.remedy.pick(Lang::Zh).is_ascii());
    }
    let names: BTreeSet<&str> = Code::ALL.iter().map(|code| code.name()).collect();
    assert_eq!(names.len(), Code::ALL.len());
    assert!(Code::ReplaceWithKeepalive.facts().2.contains(&92276));
}

#[test]
fn another_live_gateway_is_not_a_descendant() {
    let home = Home::new();
    home.job("ai.hermes.gateway", &RUN, &[AT_LOAD, ALWAYS, THROTTLE].concat());
    fs::write(home.places.hermes.join("gateway.pid"), r#"{"pid": 40, "start_time": 9}"#).unwrap();
    let process = |pid: u32| match pid {
        40 => Some(ProcessFacts { start: Some(9), parent: Some(30) }),
        30 => Some(ProcessFacts { start: Some(8), parent: Some(1) }),
        _ => None,
    };
    let found = scan(&home.places);
    for (state, pid, second) in [
        (JobState::Running, Some(40), false),
        (JobState::Running, Some(30), false),
        (JobState::Running, Some(50), true),
        (JobState::Waiting, None, true),
        (JobState::Stopped, None, false),
    ] {
        let fake = Fake::new(vec![report(state, pid)]);
        let facts = LiveFacts::ask(&found, &|_| Some(&fake as &dyn Supervisor), &process, &|_| None);
        assert_eq!(facts.second_instance.contains_key("default"), second, "{state:?} {pid:?}");
    }
    // loading the job would start one more gateway, which would be refused: both are reported
    let fake = Fake::new(vec![report(JobState::NotLoaded, None)]);
    let facts = LiveFacts::ask(&found, &|_| Some(&fake as &dyn Supervisor), &process, &|_| None);
    assert!(facts.not_loaded.contains("ai.hermes.gateway"));
    assert_eq!(facts.second_instance.get("default"), Some(&40));
    // the PID was reused
    fs::write(home.places.hermes.join("gateway.pid"), r#"{"pid": 40, "start_time": 3}"#).unwrap();
    let fake = Fake::new(vec![report(JobState::Running, Some(50))]);
    assert_eq!(
        LiveFacts::ask(&found, &|_| Some(&fake as &dyn Supervisor), &process, &|_| None),
        LiveFacts { running: BTreeSet::from(["ai.hermes.gateway".into()]), ..LiveFacts::default() }
    );
    // the process was started before the flag was removed from the file, or by a program that adds it
    for (words, older) in [
        (&["{home}/hermes", "gateway", "run", "--replace"][..], true),
        (&["/bin/sh", "{home}/hermes", "gateway", "--replace", "run"], true),
        (&["/bin/sh", "{home}/hermes", "gateway", "run"], false),
        (&["/x/python", "-m", "hermes_cli.main", "gateway", "run", "--replace"], false),
    ] {
        let words: Vec<String> =
            words.iter().map(|w| w.replace("{home}", home.path().to_str().unwrap())).collect();
        let fake = Fake::new(vec![report(JobState::Running, Some(50))]);
        let tell = |pid| (pid == 50).then(|| words.clone());
        let facts = LiveFacts::ask(&found, &|_| Some(&fake as &dyn Supervisor), &|_| None, &tell);
        assert_eq!(facts.from_before.contains_key("default"), older, "{words:?}");
    }
    let me = gatelight::doctor::process_facts(std::process::id());
    assert_eq!(me.is_some(), cfg!(target_os = "linux"));
}

// ---- writing -----------------------------------------------------------------------------------------------------

#[test]
fn a_write_keeps_owner_mode_and_the_old_file() {
    let home = Home::new();
    let path = home.agent("a.plist", "old");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let original = Original::load(&path).unwrap();
    let backup = write::replace(&original, b"new", &mut || {}).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(fs::read(&backup).unwrap(), b"old");
    for file in [&path, &backup] {
        let data = fs::metadata(file).unwrap();
        assert_eq!((data.mode() & 0o7777, data.uid()), (0o640, rustix::process::getuid().as_raw()));
    }
    assert_eq!(home.strays(), ["a.plist.gatelight-backup"]);
    write::restore(&original, b"new").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(home.strays(), Vec::<String>::new());
}

#[test]
fn a_write_error_names_the_folder_and_changes_nothing() {
    let home = Home::new();
    // a name too long for a file beside it is refused for root too, unlike a folder without write permission
    let label = format!("ai.hermes.gateway-{}", "x".repeat(225));
    let path = home.job(&label, &REPLACE, &[AT_LOAD, ALWAYS, THROTTLE].concat());
    let before = fs::read(&path).unwrap();
    let (code, text) = run(&home, &fix(), None, false);
    assert_eq!((code, fs::read(&path).unwrap()), (1, before), "{text}");
    let agents = home.places.launch_agents.to_str().unwrap();
    assert!(text.contains(&format!("the old file is unchanged: writing in {agents} failed")), "{text}");
    assert_eq!(home.strays(), Vec::<String>::new());
}

#[test]
fn a_file_that_changed_meanwhile_is_not_overwritten() {
    let home = Home::new();
    let path = home.agent("a.plist", "old");
    let original = Original::load(&path).unwrap();
    let mut n = 0;
    let late = &mut || {
        n += 1;
        if n == 12 {
            fs::write(&path, "theirs").unwrap();
        }
    };
    assert!(matches!(write::replace(&original, b"new", late), Err(WriteError::Changed)));
    assert_eq!(fs::read(&path).unwrap(), b"theirs");
    assert_eq!(home.strays(), ["a.plist.gatelight-backup"]);
    assert!(matches!(write::restore(&original, b"new"), Err(WriteError::Changed)));
    assert_eq!(fs::read(&path).unwrap(), b"theirs");
}

// ---- the flow ----------------------------------------------------------------------------------------------------

/// The error of [`Fake`] where it refuses a reload.
const REFUSED: &str = "launchctl bootstrap: exit code 5: Bootstrap failed: 5: Input/output error";

/// A manager with fixed answers, which records each reload and the file at that time.
struct Fake {
    answers: Mutex<Vec<JobReport>>,
    missing: bool,
    refuse: AtomicU32,
    reloaded: Mutex<Vec<Vec<u8>>>,
}

impl Fake {
    fn new(answers: Vec<JobReport>) -> Self {
        Self {
            answers: Mutex::new(answers),
            missing: false,
            refuse: AtomicU32::new(0),
            reloaded: Mutex::default(),
        }
    }

    fn gone() -> SupervisorError {
        SupervisorError::Missing { program: "/bin/launchctl".into() }
    }
}

impl Supervisor for Fake {
    fn manager(&self) -> Manager {
        Manager::Launchd
    }

    fn query(&self, _: &JobFile) -> Result<JobReport, SupervisorError> {
        if self.missing {
            return Err(Self::gone());
        }
        let mut answers = self.answers.lock().unwrap();
        if answers.len() > 1 { Ok(answers.remove(0)) } else { Ok(answers[0].clone()) }
    }

    fn restart(&self, _: &JobFile) -> Result<(), SupervisorError> {
        panic!("a repair reloads")
    }

    fn reload(&self, job: &JobFile) -> Result<(), SupervisorError> {
        self.reloaded.lock().unwrap().push(fs::read(&job.path).unwrap());
        if self.refuse.load(Ordering::Relaxed) > 0 {
            self.refuse.fetch_sub(1, Ordering::Relaxed);
            return Err(SupervisorError::Refused {
                program: "launchctl".into(),
                action: "bootstrap".into(),
                code: 5,
                words: "Bootstrap failed: 5: Input/output error".into(),
            });
        }
        Ok(())
    }

    fn stop(&self, _: &JobFile) -> Result<(), SupervisorError> {
        panic!("nothing is stopped")
    }
}

fn report(state: JobState, pid: Option<u32>) -> JobReport {
    JobReport { state, pid, ..JobReport::NOT_LOADED }
}

/// Repairs one job with `--replace`. Returns the file before and after, the steps and the outcome.
fn repaired(
    supervisor: Option<&Fake>,
    arguments: &dyn Fn(u32) -> Option<Vec<String>>,
    link: &Link,
) -> (Vec<Vec<u8>>, Vec<Step>, Outcome) {
    let home = Home::new();
    let path = home.job("ai.hermes.gateway", &REPLACE, &[AT_LOAD, ALWAYS, THROTTLE].concat());
    let before = fs::read(&path).unwrap();
    let found = scan(&home.places);
    let job = found.profiles[0].job.as_ref().unwrap();
    let wanted = Wanted { replace: true, ..Wanted::default() };
    let changes = flow::prepare(job, wanted, home.path()).unwrap();
    let mut steps = Vec::new();
    let outcome = flow::repair_job(
        job,
        &changes,
        &mut RepairContext {
            supervisor: supervisor.map(|s| s as &dyn Supervisor),
            pause: &mut || {},
            attempts: 10,
            lang: Lang::En,
            arguments_of: arguments,
            link: &mut |_, _| link.clone(),
            report: &mut |step| steps.push(step),
        },
    );
    (vec![before, fs::read(&path).unwrap()], steps, outcome)
}

fn has_flag(bytes: &[u8]) -> bool {
    bytes.windows(9).any(|w| w == b"--replace")
}

#[test]
fn a_repair_is_written_reloaded_and_verified() {
    let old = report(JobState::Running, Some(10));
    let fake = Fake::new(vec![
        old.clone(),
        old,
        report(JobState::Waiting, None),
        report(JobState::Running, Some(11)),
    ]);
    let (files, steps, outcome) = repaired(Some(&fake), &|_| Some(vec!["hermes".into()]), &Link::Back);
    assert_eq!(outcome, Outcome::Verified);
    assert!(has_flag(&files[0]) && !has_flag(&files[1]));
    assert!(
        matches!(steps[..], [Step::Written { .. }, Step::Reloaded, Step::Runs { pid: 11 }, Step::Linked]),
        "{steps:?}"
    );
    assert_eq!(*fake.reloaded.lock().unwrap(), [files[1].clone()]);
}

#[test]
fn without_a_manager_the_files_are_repaired_and_that_is_said() {
    let gone = Fake { missing: true, ..Fake::new(vec![]) };
    for supervisor in [None, Some(&gone)] {
        let (files, steps, outcome) = repaired(supervisor, &|_| None, &Link::Back);
        assert_eq!(outcome, Outcome::Written);
        assert!(!has_flag(&files[1]));
        assert!(matches!(steps[..], [Step::Written { .. }, Step::NotReloaded(_)]), "{steps:?}");
    }
    let stopped = Fake::new(vec![report(JobState::Stopped, None)]);
    let (_, steps, outcome) = repaired(Some(&stopped), &|_| None, &Link::Back);
    assert_eq!((outcome, &steps[1]), (Outcome::Written, &Step::StaysStopped));
}

#[test]
fn every_failure_puts_the_old_file_back_and_reloads_it() {
    let running = |pid| report(JobState::Running, Some(pid));
    let refusing = Fake::new(vec![running(10)]);
    refusing.refuse.store(1, Ordering::Relaxed);
    let broken = Fake::new(vec![running(10)]);
    broken.refuse.store(2, Ordering::Relaxed);
    let down = Fake::new(vec![running(10), report(JobState::Waiting, None)]);
    let same = Fake::new(vec![running(10)]);
    let flapping = Fake::new((10..40).map(running).collect());
    let old = Fake::new(vec![running(10), running(11)]);
    let cut = Fake::new(vec![running(10), running(11)]);
    let with_flag = |_| Some(vec!["hermes".to_owned(), "--replace".to_owned()]);
    let unseen = |_| None;
    let refused = Failure::Reload(REFUSED.into());
    let gone = Link::Down("no link within 90 s".into());
    for (fake, arguments, link, failure, reloaded) in [
        (&refusing, &unseen as &dyn Fn(u32) -> Option<Vec<String>>, Link::Back, refused.clone(), true),
        (&broken, &unseen, Link::Back, refused, false),
        (&down, &unseen, Link::Back, Failure::NotRunning, true),
        (&same, &unseen, Link::Back, Failure::OldArguments, true),
        (&flapping, &unseen, Link::Back, Failure::NotRunning, true),
        (&old, &with_flag, Link::Back, Failure::OldArguments, true),
        (&cut, &unseen, gone, Failure::Link("no link within 90 s".into()), true),
    ] {
        let (files, steps, outcome) = repaired(Some(fake), arguments, &link);
        assert_eq!(outcome, Outcome::Restored, "{failure:?}");
        assert_eq!(files[0], files[1], "{failure:?}: the old file is back");
        let n = steps.len();
        let after = if reloaded {
            After::Reloaded
        } else {
            // the manager still reports a process
            After::StillRuns(REFUSED.into())
        };
        assert_eq!(steps[n - 2..], [Step::Failed(failure), Step::Restored(after)], "{steps:?}");
        assert_eq!(fake.reloaded.lock().unwrap().last(), Some(&files[0]), "the old file was reloaded");
    }
}

// ---- the command -------------------------------------------------------------------------------------------------

fn run(home: &Home, args: &cli::Args, supervisor: Option<&Fake>, answer: bool) -> (u8, String) {
    let mut out = Vec::new();
    let lookup = |_| supervisor.map(|fake| fake as &dyn Supervisor);
    let machine = Machine {
        places: &home.places,
        supervisor: &lookup,
        process: &|_| None,
        arguments_of: &|_| None,
        link: &|_, _| Link::Unknown,
        pause: &|| {},
        lang: Lang::En,
    };
    let mut terminal = Terminal { out: &mut out, lang: Lang::En, color: false, symbols: false, width: None };
    let code = cli::run_on(args, &machine, &mut terminal, &mut |_| Some(answer)).unwrap();
    (code, String::from_utf8(out).unwrap())
}

fn fix() -> cli::Args {
    cli::Args { fix: true, yes: true, ..cli::Args::default() }
}

#[test]
fn the_blogs_plists_are_repaired_in_one_command() {
    let home = Home::new();
    let paths = home.blog();
    let before = paths.each_ref().map(|path| fs::read_to_string(path).unwrap());
    let (code, text) = run(&home, &cli::Args::default(), None, false);
    assert_eq!(code, 1);
    let of = |name: &str| {
        let blocks = text.split("\n\n");
        blocks.filter(|block| block.starts_with(name) && block.contains("[replace-flag]")).count()
    };
    assert_eq!((of("default"), of("work")), (1, 1), "{text}");

    let dry = cli::Args { dry_run: true, yes: false, ..fix() };
    let (code, text) = run(&home, &dry, None, false);
    assert_eq!(code, 1);
    let changed = |text: &str, sign: &str, header: &str| {
        text.lines().filter(|line| line.starts_with(sign) && !line.starts_with(header)).count()
    };
    assert_eq!((changed(&text, "-", "---"), changed(&text, "+", "+++")), (2, 2), "{text}");
    assert_eq!(paths.each_ref().map(|path| fs::read_to_string(path).unwrap()), before);

    let (code, text) = run(&home, &cli::Args { yes: false, ..fix() }, None, false);
    assert_eq!((code, text.contains("left unchanged")), (1, true));
    assert_eq!(paths.each_ref().map(|path| fs::read_to_string(path).unwrap()), before);

    let (code, text) = run(&home, &fix(), None, false);
    assert_eq!(code, 0, "{text}");
    assert_eq!(text.matches("not reloaded").count(), 2, "{text}");
    for (path, before) in paths.iter().zip(&before) {
        let after = fs::read_to_string(path).unwrap();
        assert_eq!(after, before.replace("<string>--replace</string>  ", ""));
    }
    let (code, text) = run(&home, &fix(), None, false);
    let left = "2 findings are left that --fix cannot repair; to see them: gatelight doctor";
    assert_eq!((code, text.trim()), (0, &*format!("nothing to repair\n{left}")));
    assert_eq!(home.strays().len(), 2);
}

#[test]
fn keeping_the_flag_still_applies_the_other_fixes() {
    let home = Home::new();
    let path = home.job("ai.hermes.gateway", &REPLACE, AT_LOAD);
    let fake = Fake::new([10, 10, 11].map(|pid| report(JobState::Running, Some(pid))).to_vec());
    let mut questions = 0;
    let mut out = Vec::new();
    let machine = Machine {
        places: &home.places,
        supervisor: &|_| Some(&fake as &dyn Supervisor),
        process: &|_| None,
        arguments_of: &|_| Some(vec!["hermes".into(), "gateway".into(), "run".into(), "--replace".into()]),
        link: &|_, _| Link::Back,
        pause: &|| {},
        lang: Lang::En,
    };
    let mut terminal = Terminal { out: &mut out, lang: Lang::En, color: false, symbols: false, width: None };
    // the flag first, KeepAlive second
    let mut confirm = |_: &str| {
        questions += 1;
        Some(questions == 2)
    };
    let args = cli::Args { yes: false, ..fix() };
    let code = cli::run_on(&args, &machine, &mut terminal, &mut confirm).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert_eq!((code, questions), (0, 2), "{text}");
    let now = fs::read(&path).unwrap();
    assert!(has_flag(&now) && String::from_utf8_lossy(&now).contains("SuccessfulExit"), "{text}");
}

#[test]
fn a_returning_flag_is_found_and_said_so() {
    let home = Home::new();
    let path = home.job("ai.hermes.gateway", &REPLACE, &[AT_LOAD, ALWAYS, THROTTLE].concat());
    let with_flag = fs::read(&path).unwrap();
    let message = || home.examine(&LiveFacts::default())[0].message.pick(Lang::En).to_owned();
    assert!(!message().contains("back"));
    assert_eq!(run(&home, &fix(), None, false).0, 0);
    fs::write(&path, with_flag).unwrap();
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
    fs::File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
    assert!(message().contains("--replace is back"), "{}", message());
}

#[test]
fn json_has_every_field() {
    let home = Home::new();
    home.job("ai.hermes.gateway", &REPLACE, "");
    let (code, text) = run(&home, &cli::Args { json: true, ..cli::Args::default() }, None, false);
    assert_eq!(code, 1);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["version"], 1);
    let finding = value["findings"][0].as_object().unwrap();
    let keys: BTreeSet<&str> = finding.keys().map(String::as_str).collect();
    let wanted = ["code", "severity", "profile", "file", "message", "reports", "remedy", "fixable"];
    assert_eq!(keys, BTreeSet::from(wanted));
    assert_eq!(
        (&finding["code"], &finding["profile"], &finding["fixable"]),
        (&"replace-flag".into(), &"default".into(), &true.into())
    );
    let fake = Fake::new(vec![
        report(JobState::NotLoaded, None),
        report(JobState::NotLoaded, None),
        report(JobState::Running, Some(5)),
    ]);
    let (code, text) = run(&home, &cli::Args { json: true, ..fix() }, Some(&fake), false);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &value["repairs"][0]["outcome"]), (0, &"verified".into()), "{text}");
    let left: Vec<_> =
        value["findings"].as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap()).collect();
    assert_eq!(left, ["throttle-missing"]);
}

#[test]
fn names_select_profiles_and_unknown_ones_are_reported() {
    let home = Home::new();
    let [default, work] = home.blog();
    let named = |name: &str| cli::Args { profiles: vec![name.into()], ..fix() };
    let (code, text) = run(&home, &named("nobody\u{1b}[2J"), None, false);
    assert_eq!(code, 2);
    assert!(text.contains("default, work") && !text.contains('\u{1b}'), "{text}");
    assert_eq!(run(&home, &named("ai.hermes.gateway-work"), None, false).0, 0);
    assert!(has_flag(b"--replace") && fs::read_to_string(default).unwrap().contains("<string>--replace"));
    assert!(!fs::read_to_string(work).unwrap().contains("<string>--replace"));
    let (code, text) =
        run(&home, &cli::Args { profiles: vec!["work".into()], ..cli::Args::default() }, None, false);
    assert_eq!(code, 1);
    assert!(text.contains("duplicate-home") && !text.contains("replace-flag"), "{text}");
}

#[test]
fn findings_that_only_people_can_fix_are_reported() {
    let home = Home::new();
    let words = ["/bin/sh", "-c", "exec /bin/sh -c 'exec {home}/hermes gateway run --replace'"];
    let path = home.job("ai.hermes.gateway", &words, &[AT_LOAD, ALWAYS, THROTTLE].concat());
    let before = fs::read(&path).unwrap();
    let finding = &home.examine(&LiveFacts::default())[0];
    assert_eq!((finding.code, finding.fixable), (Code::ReplaceFlag, false));
    let (code, text) = run(&home, &fix(), None, false);
    assert_eq!(code, 1);
    assert!(text.contains("edit the file by hand"), "{text}");
    // what cannot be determined is reported, never treated as clean
    let words = ["/bin/sh", "-c", "A=--replace; exec {home}/hermes gateway run $A"];
    home.job("ai.hermes.gateway", &words, &[AT_LOAD, ALWAYS, THROTTLE].concat());
    assert_eq!(home.codes(&LiveFacts::default()), ["replace-flag", "replace-with-keepalive"]);
    let (code, text) = run(&home, &fix(), None, false);
    assert_eq!(code, 1);
    assert!(text.contains("edit the file by hand: the flag is in a script"), "{text}");
    fs::write(&path, &before).unwrap();
    fs::create_dir(home.places.launch_agents.join("ai.hermes.gateway-out.plist")).unwrap();
    let (code, text) = run(&home, &fix(), None, false);
    assert_eq!(code, 1);
    assert!(text.contains("gateway-out.plist: edit the file by hand: it is not a regular file"), "{text}");
    assert_eq!(run(&home, &cli::Args { json: true, yes: false, ..fix() }, None, false).0, 2);
    assert_eq!(fs::read(path).unwrap(), before);
}

/// As programs for dotfiles install it.
#[test]
fn a_job_file_that_is_a_link_is_examined_and_not_repaired() {
    let home = Home::new();
    let words = ["{home}/hermes", "gateway", "run", "--replace"];
    let path = home.job("ai.hermes.gateway", &words, &[AT_LOAD, ALWAYS, THROTTLE].concat());
    let target = home.path().join("dotfiles.plist");
    fs::rename(&path, &target).unwrap();
    symlink(&target, &path).unwrap();
    let before = fs::read(&target).unwrap();
    let finding = &home.examine(&LiveFacts::default())[0];
    assert_eq!((finding.code, finding.fixable), (Code::ReplaceFlag, false));
    let (code, text) = run(&home, &fix(), None, false);
    assert_eq!(code, 1);
    assert!(text.contains("by hand: the file is a symbolic link to another folder"), "{text}");
    assert!(path.is_symlink());
    assert_eq!(fs::read(&target).unwrap(), before);
}

#[test]
fn nothing_found_is_clean_and_says_where_it_looked() {
    let home = Home::new();
    fs::remove_dir_all(&home.places.hermes).unwrap();
    let agents = home.places.launch_agents.join("*.plist");
    for (args, expected) in [
        (cli::Args::default(), 0),
        (fix(), 0),
        (cli::Args { profiles: vec!["work".into()], ..cli::Args::default() }, 4),
    ] {
        let (code, text) = run(&home, &args, None, false);
        assert_eq!(code, expected, "{text}");
        assert!(text.starts_with("no Hermes Gateway profile found. Searched:\n"), "{text}");
        assert!(text.contains(agents.to_str().unwrap()), "{text}");
    }
}
