use std::path::PathBuf;
use std::time::Duration;

use super::SignalName;
use super::error::position;
use super::*;
use crate::text::Lang;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("/c/config.toml"), Path::new("/home/u"))
}

#[test]
fn nothing_means_the_defaults() {
    assert_eq!(parse("").unwrap(), Config::default());
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none.toml");
    assert_eq!(Config::load(&missing, folder.path()).unwrap(), Config::default());
}

/// The names of all settings of a table, with those of the tables in it.
fn keys(value: &serde_json::Value) -> Vec<String> {
    let Some(table) = value.as_object() else {
        return Vec::new();
    };
    table.iter().flat_map(|(key, value)| std::iter::once(key.clone()).chain(keys(value))).collect()
}

#[test]
fn the_template_shows_every_setting_with_its_default() {
    assert_eq!(parse(TEMPLATE).unwrap(), Config::default());
    let shown: String =
        TEMPLATE.lines().filter_map(|l| l.strip_prefix("#: ")).flat_map(|l| [l, "\n"]).collect();
    assert_eq!(parse(&shown).unwrap(), Config::default());
    for key in keys(&serde_json::to_value(Config::default()).unwrap()) {
        assert!(TEMPLATE.contains(&key), "{key}");
    }
    let examples: String = TEMPLATE
        .lines()
        .filter_map(|l| l.strip_prefix("# "))
        .filter(|l| l.contains(" = ") || l.starts_with('['))
        .flat_map(|l| [l, "\n"])
        .collect();
    let config = parse(&examples).unwrap();
    assert_eq!((config.profiles.len(), config.patterns.len(), config.on_change.is_some()), (1, 1, true));
    assert_eq!((config.channel.len(), config.heartbeat.is_some()), (1, true));
}

#[test]
fn every_setting_is_read() {
    let config = parse(
        r#"
        language = "zh-Hans"
        on_change = { program = "~/bin/tell", timeout_s = 2.5 }
        [icon]
        template_when_well = true
        [notices]
        enabled = false
        drop_at_once = true
        reminders = false
        first_reminder = 120
        next_reminders = 240
        recovery_hold = 5
        unstable_incidents = 4
        unstable_window = 60
        unstable_hold = 61
        together = 0
        after_wake = 3
        quiet = ["mon-fri 22:00-07:00", "sat,sun 00:00-24:00"]
        [restart]
        auto = true
        per_hour = 2
        [history]
        keep_days = 7
        [deadlines]
        reconnect = 20
        accept_unsupervised = true
        [platforms.telegram]
        red_after = 20
        heals = 2.5
        [platforms.carrier-pigeon]
        settle = 86400
        [[profiles]]
        home = "/srv/hermes"
        name = "服务_器 & co"
        [[profiles]]
        name = "work"
        ignore = ["slack", "carrier-pigeon"]
        [[patterns]]
        signal = "executor-shutdown"
        text = "Executor went away"
        "#,
    )
    .unwrap();
    assert_eq!(config.language.choose(Lang::En), Lang::Zh);
    let on_change = config.on_change.unwrap();
    assert_eq!(on_change.program, Path::new("/home/u/bin/tell"));
    assert_eq!(on_change.timeout, Duration::from_millis(2_500));
    assert!(config.icon.template_when_well);
    let s = Duration::from_secs;
    assert_eq!(
        config.notices,
        NoticeSettings {
            enabled: false,
            drop_at_once: true,
            reminders: false,
            first_reminder: s(120),
            next_reminders: s(240),
            recovery_hold: s(5),
            unstable_incidents: 4,
            unstable_window: s(60),
            unstable_hold: s(61),
            group_window: s(0),
            after_wake: s(3),
            quiet: config.notices.quiet.clone(),
        }
    );
    assert_eq!(config.notices.quiet.len(), 2);
    assert_eq!(config.restart, RestartSettings { auto: true, per_hour: 2 });
    assert_eq!(config.history.keep_days, 7);
    assert_eq!(config.deadlines.reconnect, s(20));
    assert!(config.deadlines.accept_unsupervised);
    let telegram = config.platforms["telegram"];
    assert_eq!((telegram.red_after, telegram.settle), (Some(s(20)), None));
    assert_eq!(telegram.heals, Some(Duration::from_millis(2_500)));
    assert_eq!(config.platforms["carrier-pigeon"].settle, Some(s(86_400)));
    assert_eq!((&config.profiles[1].home, config.profiles[1].ignore.len()), (&None, 2));
    assert_eq!(config.profiles[0].name.as_deref(), Some("服务_器 & co"));
    assert_eq!(config.patterns[0].signal, SignalName::find("executor-shutdown").unwrap());
}

#[test]
fn a_mistake_is_reported_with_its_place_in_both_languages() {
    for (text, place, en) in [
        ("language = \"fr\"\n", (1, 12), "language cannot be “fr”; use one of: system, en, zh-Hans"),
        ("a = 1\n", (1, 1), "there is no setting a; use one of: language,"),
        ("[notices]\n  enabled = 3\n", (2, 13), "notices.enabled must be true or false"),
        ("[notices\n", (1, 9), ""),
        ("x", (1, 2), ""),
        ("[deadlines]\nreconnect = -1\n", (2, 13), "deadlines.reconnect must be between 0 and one year"),
        ("[deadlines]\nreconnect = \"no\"\n", (2, 13), "deadlines.reconnect must be a number of seconds"),
        ("[deadlines]\nreconnect = 0\n", (2, 13), "deadlines.reconnect must be between 1 and"),
        ("[restart]\nauto = true\nper_hour = 0\n", (3, 12), "restart.per_hour must be between 1 and 6"),
        ("[notices]\nunstable_incidents = 1\n", (2, 22), "between 2 and 1000"),
        ("[notices]\nfirst_reminder = 1\n", (2, 18), "between 60 and"),
        ("[notices]\nquiet = 3\n", (2, 9), "a time span like"),
        ("[notices]\nquiet = \"at night\"\n", (2, 9), "notices.quiet #1 must be a time span"),
        ("[notices]\nquiet = [\"1:00-2:00\", \"x\"]\n", (2, 23), "notices.quiet #2 must be a time span"),
        ("[notices]\nquiet = \"0:00-24:00\"\n", (2, 9), "notices.quiet leaves no time"),
        ("[history]\nkeep_days = 0\n", (2, 13), "history.keep_days"),
        ("on_change = { program = \"tell\" }", (1, 25), "on_change.program must be an absolute path"),
        ("on_change = { program = \"/t\", timeout_s = 0 }", (1, 43), "between 1 and 600"),
        ("[[profiles]]\nhome = \"/a\"\n[[profiles]]\nhome = \"b\"\n", (4, 8), "[[profiles]] #2 home must be"),
        ("[[profiles]]\nhome = \"/a\"\n[[profiles]]\nhome = \"/a\"\n", (4, 8), "set twice: /a"),
        ("[[profiles]]\nhome = \"/a\"\nname = \"\"\n", (3, 8), "must not be empty"),
        ("[[profiles]]\nignore = [\"slack\"]\n", (1, 1), "[[profiles]] #1 needs home or name"),
        (
            "[[profiles]]\nname = \"a\"\nignore = [\"slak\"]\n",
            (3, 10),
            "mean slack? Known platforms: dingtalk, discord",
        ),
        (
            "[platforms.Telegram]\nred_after = 5\n",
            (1, 1),
            "platforms.Telegram: there is no platform Telegram; did",
        ),
        (
            "[platforms.telegram]\nred_aftr = 5\n",
            (2, 1),
            "there is no setting red_aftr; did you mean red_after?",
        ),
        (
            "[platforms.telegram]\nred_after = 0\n",
            (2, 13),
            "platforms.telegram.red_after must be between 1 and",
        ),
        ("[platforms.telegram]\nsettle = -1\n", (2, 10), "between 0 and one year"),
        ("[[patterns]]\nsignal = \"lost\"\ntext = \"a\\nb\"\n", (3, 8), "one line"),
        (
            "[[patterns]]\nsignal = \"lost\"\ntext = \"abc\"\n",
            (3, 8),
            "[[patterns]] #1 text must have at least 4",
        ),
        (
            "[[patterns]]\nsignal = \"nope\"\ntext = \"x\"\n",
            (2, 10),
            "[[patterns]] #1 signal cannot be “nope”; use one of: start",
        ),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.place(), Some(place), "{text:?}: {error}");
        let said = error.to_string();
        assert!(said.starts_with(&format!("/c/config.toml:{}:{}: ", place.0, place.1)), "{said}");
        assert!(said.contains(en), "{said}");
        assert!(!said.contains('{') || en.contains('`'), "{said}");
        assert!(error.text(Lang::Zh).starts_with(&format!("/c/config.toml:{}:{}：", place.0, place.1)));
    }
}

/// What of a text is used, and the mistakes in the rest.
fn usable(text: &str) -> (Config, Vec<String>) {
    let (config, mistakes) = document::read(text, Path::new("/c"), Path::new("/home/u"), true);
    (config, mistakes.iter().map(ToString::to_string).collect())
}

#[test]
fn everything_but_the_mistakes_is_used_and_each_is_reported_once() {
    let (config, mistakes) = usable(
        r#"
        language = "zh-Hans"
        on_change = { program = "tell", timeout_s = "x" }
        colour = "red"
        [notices]
        enabled = 3
        reminders = false
        [restart]
        per_hour = 0
        auto = true
        [[profiles]]
        home = "relative"
        name = "first"
        [[profiles]]
        home = "/srv/second"
        nmae = "second"
        [[profiles]]
        home = "/srv/third"
        name = "third"
        [[profiles]]
        home = "/srv/third"
        "#,
    );
    assert_eq!(config.language, Language::Chinese);
    assert!(config.notices.enabled && !config.notices.reminders);
    assert_eq!(config.restart, RestartSettings { auto: true, ..RestartSettings::default() });
    assert_eq!(config.on_change, None);
    let names: Vec<_> = config.profiles.iter().map(|profile| profile.name.as_deref()).collect();
    assert_eq!(names, [Some("third")]);
    assert_eq!(
        mistakes,
        [
            "/c:3:33: on_change.program must be an absolute path (a leading ~/ is your home folder)",
            "/c:3:53: on_change.timeout_s must be a number of seconds",
            "/c:4:9: there is no setting colour; use one of: language, icon, notices, restart, history, deadlines, \
             on_change, platforms, profiles, channel, heartbeat, patterns",
            "/c:6:19: notices.enabled must be true or false",
            "/c:9:20: restart.per_hour must be between 1 and 6",
            "/c:12:16: [[profiles]] #1 home must be an absolute path (a leading ~/ is your home folder)",
            "/c:16:9: there is no setting nmae; did you mean name?",
            "/c:21:16: [[profiles]] #4 home is set twice: /srv/third",
        ]
    );
}

#[test]
fn a_line_that_is_no_toml_leaves_the_others() {
    for (text, line) in [
        ("language = \"zh-Hans\"\n[notices\nenabled = false\n[history]\nkeep_days = 7\n", 2),
        ("language = \"zh-Hans\"\n[history]\nkeep_days = 7\nx\n", 4),
        ("language = \"zh-Hans\"\n[history]\nkeep_days = 7\n[icon]\nlights = \"wor\n", 5),
    ] {
        let (config, mistakes) = usable(text);
        assert_eq!((config.language, config.history.keep_days), (Language::Chinese, 7), "{text}");
        assert!(mistakes.len() == 1 && mistakes[0].starts_with(&format!("/c:{line}:")), "{mistakes:?}");
        assert!(mistakes[0].contains("not valid TOML"), "{mistakes:?}");
    }
}

#[test]
fn no_mistake_names_a_type_of_ours() {
    let values = ["-1", "true", "1.5", "\"x\"", "[]", "{}", "[[1]]", "2026-01-01"];
    for key in [
        "language",
        "icon",
        "icon.lights",
        "notices.enabled",
        "notices.first_reminder",
        "history.keep_days",
        "deadlines.crash_starts",
        "on_change",
        "on_change.program",
        "profiles",
        "patterns",
        "platforms.telegram",
        "platforms.telegram.settle",
        "profiles.home",
        "notices.quiet",
        "heartbeat.every",
        "restart.auto",
        "restart.per_hour",
        "channel",
    ] {
        for value in values {
            let Err(error) = parse(&format!("{key} = {value}\n")) else { continue };
            for said in [error.text(Lang::En), error.text(Lang::Zh)] {
                for ours in [
                    "struct",
                    "enum",
                    "variant",
                    "usize",
                    "u32",
                    "i64",
                    "f64",
                    "Option",
                    "expected",
                    "wanted",
                    "invalid type",
                ] {
                    assert!(!said.contains(ours), "{key} = {value}: {said}");
                }
            }
        }
    }
}

/// In Chinese the messages of the TOML parser and of `serde_json` follow ours.
#[test]
fn every_syntax_error_is_worded_in_chinese() {
    for text in [
        "[a",
        "[[a]",
        "a = [1",
        "a = {b = 1",
        "a = b",
        "a = [1 2]",
        "a =",
        "a",
        "= 1",
        "a = 1 2",
        "a = \"b",
        "a = 'b",
        "a = \"\"\"b",
        "a = '''b",
        "a = \"\\q\"",
        "a = \"\\u12\"",
        "a = 01",
        "a = +-1",
        "a = 1__0",
        "a = 0xg",
        "a = 0X1",
        "a = 1.",
        "a = truee",
        "a = 2026-13-01",
        "a = 2026-01-01T25:00:00Z",
        "a = 1\na = 2",
        "[a]\n[a]",
        "a.b = 1\na.b.c = 2",
        "a = [1,,2]",
        "a = {,}",
        "a = {b}",
        "a = [b = 1]",
        "'''a''' = 1",
        "a b = 1",
        "a = 1 # \u{1}",
        "]",
        "a = }",
        "a == 1",
        "a = \"\u{1}\"",
        "\u{fffd} = 1",
        "a = .1",
        "a = nane",
    ] {
        let (_, mistakes) = document::read(text, Path::new("/c"), Path::new("/h"), true);
        let said = mistakes.iter().map(|mistake| mistake.text(Lang::Zh));
        let syntax: Vec<String> = said.filter(|said| said.contains("TOML")).collect();
        assert!(!syntax.is_empty(), "{text:?}: {mistakes:?}");
        for said in syntax {
            assert!(!said.contains("无法解析") && said.ends_with('）'), "{text:?}: {said}");
        }
    }
    let channel = "[[channel]]\nname = \"t\"\nkind = \"webhook\"\nurl = \"https://h/\"\n";
    let said = parse(&format!("{channel}template = \"{{\"\n")).unwrap_err().text(Lang::Zh);
    assert!(said.contains("template 必须是 JSON：第 1 列有误（EOF"), "{said}");
}

#[test]
fn a_line_is_reported_once() {
    let text = format!("language = [\n{}", "a = 1\n".repeat(30));
    let (_, mistakes) = document::read(&text, Path::new("/c"), Path::new("/h"), true);
    let mut lines: Vec<_> = mistakes.iter().map(|mistake| mistake.place().unwrap().0).collect();
    assert!(lines.len() > 10, "{mistakes:?}");
    lines.dedup();
    assert_eq!(lines.len(), mistakes.len(), "{mistakes:?}");
}

proptest::proptest! {
    #[test]
    fn no_text_breaks_the_reader(text in "(\\[{0,2}(profiles|icon|x)\\]{0,2}|home|=|\"|[a-z]{1,3}|[0-9]|\n|\\{|\\}|,|#|\\.| ){0,40}") {
        let (_, mistakes) = document::read(&text, Path::new("/c"), Path::new("/h"), true);
        proptest::prop_assert!(mistakes.iter().all(|mistake| mistake.place().is_some()));
    }
}

#[test]
fn columns_count_characters() {
    let error = parse("# 网关\nlanguage = \"中\"").unwrap_err();
    assert_eq!(error.place(), Some((2, 12)));
    assert_eq!(position("a\n网关x", "a\n网关".len()), (2, 3));
    assert_eq!(position("", 7), (1, 1));
}

#[test]
fn a_file_that_is_too_long_or_no_text_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    for (bytes, words) in
        [(vec![b'#'; MAX_FILE_BYTES as usize + 1], "longer than 256 KiB"), (vec![0xff, b'\n'], "not UTF-8")]
    {
        std::fs::write(&path, bytes).unwrap();
        let error = Config::load(&path, folder.path()).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
    let error = Config::load(folder.path(), folder.path()).unwrap_err();
    assert!(error.to_string().contains("cannot be read"), "{error}");
    let error = Config::load(Path::new("/dev/zero"), folder.path()).unwrap_err();
    assert_eq!(error.to_string(), "/dev/zero cannot be read: it is not a regular file");
    std::fs::write(&path, vec![b'#'; MAX_FILE_BYTES as usize]).unwrap();
    assert_eq!(Config::load(&path, folder.path()).unwrap(), Config::default());
}

#[test]
fn folders() {
    let home = Path::new("/home/u");
    let mac = Folders::macos(home);
    assert_eq!(mac.config_file, Path::new("/home/u/Library/Application Support/Gatelight/config.toml"));
    assert_eq!(mac.log_file, Path::new("/home/u/Library/Logs/Gatelight/gatelight.log"));
    let state = Folders::xdg(home, |name| (name == "XDG_STATE_HOME").then(|| "/s".into()));
    assert_eq!(state.log_file, Path::new("/s/gatelight/gatelight.log"));
    let state = Folders::xdg(home, |_| None);
    assert_eq!(state.log_file, Path::new("/home/u/.local/state/gatelight/gatelight.log"));
    for (value, config) in [
        (None, "/home/u/.config/gatelight/config.toml"),
        (Some(""), "/home/u/.config/gatelight/config.toml"),
        (Some("relative"), "/home/u/.config/gatelight/config.toml"),
        (Some("/x"), "/x/gatelight/config.toml"),
    ] {
        let folders =
            Folders::xdg(home, |name| value.filter(|_| name == "XDG_CONFIG_HOME").map(PathBuf::from));
        assert_eq!(folders.config_file, Path::new(config), "{value:?}");
        assert_eq!(folders.data, Path::new("/home/u/.local/share/gatelight"));
    }
}

#[test]
fn a_settings_file_whose_link_leads_nowhere_is_a_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let [settings, file] = ["gatelight", "config.toml"].map(|name| folder.path().join(name));
    std::os::unix::fs::symlink(folder.path().join("dotfiles"), &settings).unwrap();
    std::os::unix::fs::symlink(folder.path().join("dotfiles.toml"), &file).unwrap();
    for (path, link) in [(settings.join("config.toml"), &settings), (file.clone(), &file)] {
        let (config, mistakes) = Config::load_usable(&path, Path::new("/u"));
        assert_eq!(config, Config::default());
        let text = mistakes[0].text(Lang::En);
        assert!(text.contains(&format!("{} is a symbolic link to", link.display())), "{text}");
        assert!(Config::load(&path, Path::new("/u")).is_err());
    }
    let missing = folder.path().join("none/config.toml");
    assert_eq!(Config::load(&missing, Path::new("/u")), Ok(Config::default()));
}

#[test]
fn a_number_that_is_too_large_is_called_so() {
    for (text, key) in [
        ("[deadlines]\nretry = 99999999999999999999999\n", "deadlines.retry"),
        ("[deadlines]\nretry = 99999999999999999999999999999999999999999999999999\n", "deadlines.retry"),
        ("[deadlines]\nretry = 1e400\n", "deadlines.retry"),
        ("[history]\nkeep_days = 99999999999999999999999\n", "history.keep_days"),
        ("[history]\nkeep_days = 99999999999\n", "history.keep_days"),
    ] {
        let error = Config::parse(text, Path::new("/c"), Path::new("/u")).unwrap_err();
        let told = [Lang::En, Lang::Zh].map(|lang| error.text(lang));
        assert!(told[0].ends_with(&format!("{key}: the number is too large")), "{told:?}");
        assert!(told[1].ends_with(&format!("{key}：数字过大")), "{told:?}");
    }
}
