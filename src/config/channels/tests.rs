use std::path::Path;

use crate::config::{Config, ConfigError};

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("/c/config.toml"), Path::new("/home/u"))
}

fn channel(text: &str) -> Result<Config, ConfigError> {
    parse(&format!("[[channel]]\nname = \"c\"\n{text}\n"))
}

#[test]
fn every_kind_is_read() {
    for text in [
        "kind = \"feishu-bot\"\nurl = \"https://open.feishu.cn/x\"\nsecret = \"s\"",
        "kind = \"dingtalk-bot\"\nurl = \"file:~/url\"",
        "kind = \"wecom-bot\"\nurl = \"https://h/x?key=k\"\nprofiles = [\"a\"]\nplatforms = [\"feishu\"]",
        "kind = \"telegram\"\ntoken = \"1:t\"\nchat = \"@me\"\nlanguage = \"en\"\nleast = \"amber\"",
        "kind = \"ntfy\"\ntopic = \"t\"\nurl = \"http://127.0.0.1:80\"",
        "kind = \"bark\"\nkey = \"k\"",
        "kind = \"webhook\"\nurl = \"https://h\"\nescape = \"slack\"\ntemplate = '{\"text\": \"{text}\"}'",
    ] {
        let config = channel(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let word = config.channel[0].kind.word();
        assert!(text.contains(word), "{word}");
        let secrets: Vec<_> = config.channel[0].secrets().collect();
        assert!(!secrets.is_empty(), "{word} has nothing to hide?");
    }
    let [file] = channel("kind = \"bark\"\nkey = \"file:~/key\"").unwrap().channel.try_into().unwrap();
    assert_eq!(file.key.unwrap().file(), Some(Path::new("/home/u/key")));
    let beat = parse("[heartbeat]\nprogram = \"~/beat\"\nevery = 5\n").unwrap().heartbeat.unwrap();
    assert_eq!((beat.program.as_deref(), beat.every.as_secs()), (Some(Path::new("/home/u/beat")), 5));
}

#[test]
fn mistakes_are_reported_with_key_and_remedy() {
    let url = "url = \"https://h\"";
    for (text, words) in [
        ("kind = \"fax\"".to_owned(), "fax"),
        ("kind = \"feishu-bot\"".to_owned(), "url is missing: feishu-bot needs it"),
        ("kind = \"telegram\"\ntoken = \"t\"".to_owned(), "chat is missing"),
        (format!("kind = \"wecom-bot\"\n{url}\nsecret = \"s\""), "secret means nothing to wecom-bot"),
        ("kind = \"wecom-bot\"\nurl = \"http://h/\"".to_owned(), "http:// is allowed to this machine only"),
        ("kind = \"wecom-bot\"\nurl = \"h\"".to_owned(), "url must be a URL"),
        (format!("kind = \"feishu-bot\"\n{url}\nsecret = \"a b\""), "printable characters without blanks"),
        (format!("kind = \"feishu-bot\"\n{url}\nsecret = \"file:x\""), "must be absolute"),
        (format!("kind = \"webhook\"\n{url}\ntemplate = \"{{\""), "must be JSON"),
        (format!("kind = \"webhook\"\n{url}\ncolour = 1"), "colour"),
        (
            format!("kind = \"webhook\"\n{url}\n[[channel]]\nname = \"c\"\nkind = \"webhook\"\n{url}"),
            "set twice: c",
        ),
    ] {
        let error = channel(&text).unwrap_err();
        let said = error.to_string();
        assert!(said.contains(words) && said.starts_with("/c/config.toml:"), "{text}: {said}");
        assert!(!error.text(crate::text::Lang::Zh).contains('{'), "{said}");
    }
    for (text, words) in [
        ("[heartbeat]\nevery = 60\n", "needs either url or program"),
        ("[heartbeat]\nurl = \"https://h\"\nprogram = \"/p\"\n", "needs either url or program"),
        ("[heartbeat]\nurl = \"http://h\"\n", "http:// is allowed"),
        ("[heartbeat]\nurl = \"https://h\"\nevery = 0\n", "between 1 and 86400"),
        ("[heartbeat]\nprogram = \"beat\"\n", "absolute path"),
    ] {
        let said = parse(text).unwrap_err().to_string();
        assert!(said.contains(words), "{text}: {said}");
    }
}

#[test]
fn no_secret_is_shown_by_the_settings_themselves() {
    let text = "kind = \"feishu-bot\"\nurl = \"https://h/q7q7q7\"\nsecret = \"q7q7q7\"";
    let config = channel(text).unwrap();
    assert!(!format!("{config:?}").contains("q7q7q7"));
    assert!(!serde_json::to_string(&config).unwrap().contains("q7q7q7"));
}
