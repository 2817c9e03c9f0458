//! The secrets of every kind of channel, of the heartbeat and of `on_change` appear only in the settings and at their server,
//! even if that server sends them back.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::secrets::Search;
use crate::channels::server::Server;
use crate::desktop::agent_end_to_end::{Agent, User};
use crate::support::bus::Desktop;
use crate::support::wait_for;

/// Kinds, and their keys; `{}` is a secret, `{url}` the server.
const KINDS: [(&str, &str); 7] = [
    ("feishu-bot", "url = \"{url}/open-apis/bot/v2/hook/{}\"\nsecret = \"{}\""),
    ("dingtalk-bot", "url = \"{url}/robot/send?access_token={}\"\nsecret = \"SEC{}\""),
    ("wecom-bot", "url = \"{url}/cgi-bin/webhook/send?key={}\""),
    ("telegram", "url = \"{url}\"\ntoken = \"7463521098:{}\"\nchat = \"-100\""),
    ("ntfy", "url = \"{url}\"\ntopic = \"{}\"\ntoken = \"tk_{}\""),
    ("bark", "url = \"{url}\"\nkey = \"{}\""),
    ("webhook", "url = \"{url}/a/{}/b?c={}\"\ntoken = \"{}\""),
];

/// Settings with every kind of channel, and their secrets. The last secret of each channel is in a file.
struct Settings {
    text: String,
    secrets: Vec<String>,
    files: Vec<(String, String)>,
}

impl Settings {
    fn at(server: &Server, home: &Path) -> Self {
        let mut settings = Self { text: String::new(), secrets: Vec::new(), files: Vec::new() };
        settings.text += "[notices]\nrecovery_hold = 1\n";
        let heartbeat = settings.filled("url = \"{url}/ping/{}?create={}\"\nevery = 1\n", server);
        settings.text += &format!("[heartbeat]\n{heartbeat}");
        let script = home.join("told");
        settings.text += &format!("[on_change]\nprogram = \"{}\"\n", script.display());
        for (kind, keys) in KINDS {
            let mut keys = settings.filled(keys, server);
            // in a separate file
            let (rest, last) = keys.rsplit_once(" = \"").unwrap();
            if kind != "telegram" {
                let file = home.join(format!("secret-{kind}"));
                settings.files.push((file.display().to_string(), last.trim_end_matches('"').to_owned()));
                keys = format!("{rest} = \"file:{}\"", file.display());
            }
            settings.text += &format!("[[channel]]\nname = \"{kind}\"\nkind = \"{kind}\"\n{keys}\n");
        }
        settings
    }

    fn filled(&mut self, keys: &str, server: &Server) -> String {
        let mut out = keys.replace("{url}", &server.url(""));
        while out.contains("{}") {
            // as long as Telegram's tokens, and without the digits that would betray it to a search for shapes
            let n = self.secrets.len();
            let letter = |at: usize| char::from(b'a' + ((n * 7 + at * 11) % 26) as u8);
            let secret: String = (0..35).map(letter).collect();
            out = out.replacen("{}", &secret, 1);
            self.secrets.push(secret);
        }
        out
    }

    fn write(&self, home: &Path) -> PathBuf {
        let file = home.join(".config/gatelight/config.toml");
        let all = self.files.iter().map(|(file, text)| (PathBuf::from(file), text.clone()));
        for (file, text) in all.chain([(file.clone(), self.text.clone())]) {
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        let script = home.join("told");
        std::fs::write(&script, format!("#!/bin/sh\nenv >> {0}.env\ncat >> {0}.json\n", script.display()))
            .unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    fn assert_not_in(&self, text: &str, what: &str) {
        let shown = Search::of(&self.secrets).find(text);
        assert_eq!(shown, None, "{what} shows a secret of\n{}:\n{text}", self.text);
    }
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            all.extend(files(&entry.path()));
        } else if kind.is_file() {
            all.push(entry.path());
        }
    }
    all
}

#[test]
fn no_secret_of_a_channel_appears_anywhere_else() {
    // a server that refuses everything and echoes the request
    let server = Server::start(Box::new(|request| {
        let told = format!("{} {:?} {}", request.line, request.headers, request.body);
        let body = serde_json::json!({"code": 9, "errcode": 9, "ok": false, "msg": told, "errmsg": told,
            "description": told, "error": told, "message": told});
        ("400 Bad Request".to_owned(), body.to_string())
    }));
    let user = User::new("hollow");
    let home = user.home.path();
    let settings = Settings::at(&server, home);
    let written = settings.write(home);
    // the arguments of curl, visible to every user
    let curl = home.join("curl");
    let script = "#!/bin/sh\n{ echo \"$0 $*\"; env; } >> HOME/curl.seen\nexec /usr/bin/curl \"$@\"\n";
    std::fs::write(&curl, script.replace("HOME", &home.display().to_string())).unwrap();
    std::fs::set_permissions(&curl, std::fs::Permissions::from_mode(0o755)).unwrap();
    let desktop = Desktop::start();
    let bus = desktop.as_ref().map_or("unix:path=/nonexistent/bus", |desktop| &desktop.bus.address);
    let gatelight = |arguments: &[&str]| {
        let mut command = user.gatelight(bus);
        command.env("GATELIGHT_CURL", &curl).env("GATELIGHT_LOG", "debug").args(arguments);
        command
    };
    user.load();
    let stdio =
        || Stdio::from(std::fs::File::options().create(true).append(true).open(home.join("said")).unwrap());
    let mut agent = Agent(gatelight(&[]).stdout(stdio()).stderr(stdio()).spawn().unwrap());
    wait_for("every channel and the heartbeat spoke to the server", || server.received().len() > KINDS.len());
    wait_for("what became of it is stored", || {
        let listed = gatelight(&["channels"]).output().unwrap();
        String::from_utf8_lossy(&listed.stdout).matches("HTTP 400").count() >= KINDS.len()
    });
    if let Some(desktop) = &desktop {
        let rows = desktop.panel().rows();
        settings.assert_not_in(&format!("{rows:?} {}", desktop.panel().tooltip()), "the menu");
        let shown = format!("{:?}", desktop.server.shown.lock().unwrap());
        settings.assert_not_in(&shown, "a notice");
    }
    let page = home.join("page.html");
    for arguments in [
        &["channels"][..],
        &["channels", "--json"],
        &["status", "-v"],
        &["status", "--json"],
        &["diagnose", "work"],
        &["doctor", "-v"],
        &["logs", "work", "-n", "500"],
        &["history"],
        &["history", "--json"],
        &["report", "--out", page.to_str().unwrap()],
    ] {
        let output = gatelight(arguments).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        settings.assert_not_in(&String::from_utf8_lossy(&text), &arguments.join(" "));
    }
    for (kind, _) in KINDS {
        for more in [&[][..], &["--json"]] {
            let output = gatelight(&[&["channels", "--test", kind], more].concat()).output().unwrap();
            let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            assert!(text.contains("HTTP 400"), "{kind}: {text}");
            settings.assert_not_in(&text, &format!("channels --test {kind}"));
        }
    }
    assert!(agent.end().success());
    let seen = std::fs::read_to_string(home.join("curl.seen")).unwrap();
    assert!(seen.contains("curl -q -K -"), "{seen}");
    // everything on disk: log, queues, history, page, input of on_change, arguments of curl
    let secret_files: Vec<&String> = settings.files.iter().map(|(file, _)| file).collect();
    let left = files(home);
    for name in ["channels.json", "gatelight.log", "history.sqlite", "page.html", "curl.seen"] {
        assert!(left.iter().any(|file| file.ends_with(name)), "no {name}: {left:#?}");
    }
    for file in left {
        let secret = file == written || secret_files.iter().any(|known| Path::new(known) == file);
        if !secret {
            let text = std::fs::read(&file).unwrap();
            settings.assert_not_in(&String::from_utf8_lossy(&text), &file.display().to_string());
        }
        let data = file.starts_with(home.join(".local"));
        let others = std::fs::metadata(&file).unwrap().permissions().mode() & 0o077;
        assert!(!data || others == 0, "{} is open to others: {others:o}", file.display());
    }
}

/// An error anywhere in the file names line and key, never the text of the line.
#[test]
fn an_error_in_the_settings_shows_no_secret() {
    let server = Server::saying("200 OK", "ok");
    let user = User::new("clean");
    let home = user.home.path();
    let settings = Settings::at(&server, home);
    let file = settings.write(home);
    let lines: Vec<&str> = settings.text.lines().collect();
    let mistakes: [fn(&str) -> String; 8] = [
        |line| line.replacen('"', "", 1),
        |line| line.replace('"', ""),
        |line| line.replace(" = ", " "),
        |line| line.replace(" = ", " = = "),
        |line| line.replacen('"', "\"\\q", 1),
        |line| line.replacen("= \"", "= [\"", 1),
        |line| line.replacen("= \"", "= { x = \"", 1),
        |line| format!("x{line}"),
    ];
    let mut errors = 0;
    for (n, line) in lines.iter().enumerate().filter(|(_, line)| line.contains(" = \"")) {
        for mistake in mistakes {
            let changed = mistake(line);
            let mut all = lines.clone();
            all[n] = &changed;
            std::fs::write(&file, all.join("\n")).unwrap();
            let output = user.gatelight("unix:path=/nonexistent/bus").args(["channels"]).output().unwrap();
            errors += usize::from(!output.status.success());
            let text = [output.stdout, output.stderr].concat();
            settings.assert_not_in(&String::from_utf8_lossy(&text), &changed);
        }
    }
    assert!(errors > 60, "{errors}");
}
