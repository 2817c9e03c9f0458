//! A whole menu, row by row.

use super::*;

fn much_to_show() -> MenuState {
    let acknowledged = Some(Acknowledged { reason: Reason::ExecutorShutdown, platform: None });
    let silence = Silence { mute: Some(Mute::Until(at(1_800))), acknowledged };
    MenuState {
        quiet_until: Some(at(3_600)),
        silences: Silences::from([("work".to_owned(), silence)]),
        flapping: BTreeSet::from(["work".to_owned()]),
        job_files: checked(),
        missed: vec![Missed { title: "✖ work".into(), why: "no answer".into(), at: at(-60) }],
        login: Login::NeedsApproval,
        offline: true,
        settings_error: Some("config.toml:1:2: no".into()),
        ..MenuState::default()
    }
}

#[test]
fn the_menu_in_english() {
    let menu = menu(&three(), &much_to_show(), &locale(Lang::En), at(0));
    assert_eq!(
        drawn(&menu.rows),
        [
            "(2 of 3 connected)",
            "(Offline: no notifications until the network is back)",
            "(Quiet hours until 15:13)",
            "(Settings file not used: config.toml:1:2: no)",
            "--",
            "✖ work — executor dead: a hollow shell · 3 min · unstable · muted · acknowledged >",
            "    (agent.log, 14:10: Executor shutdown has been called)",
            "    (PID 4711 · launchd · up 2 h)",
            "    (A restart helps.)",
            "    (Also: Feishu credentials refused)",
            "    (The log level hides INFO records)",
            "    --",
            "    Restart",
            "    Stop",
            "    Open Log",
            "    Open System Log",
            "    Show Job File",
            "    Remove --replace…",
            "    Copy Diagnostics",
            "    [x] Acknowledge: No Reminders until It Changes",
            "    [x] Muted until 14:43",
            "    [ ] Mute Until Recovery",
            "◐ lab — works, but unsupervised · <1 min >",
            "    (Since 14:12)",
            "    (No process · launchd)",
            "    --",
            "    Restart",
            "    Stop",
            "    Open Log",
            "    Open System Log",
            "    Show Job File",
            "    Copy Diagnostics",
            "    [ ] Mute for 1 Hour",
            "    ([ ] Mute Until Recovery)",
            "● default — connected · 1 h >",
            "    (Since 12:16)",
            "    (No process · launchd)",
            "    --",
            "    Restart",
            "    Stop",
            "    Open Log",
            "    Open System Log",
            "    Show Job File",
            "    Copy Diagnostics",
            "    [ ] Mute for 1 Hour",
            "    ([ ] Mute Until Recovery)",
            "Unreadable job files: 1 >",
            "    (b.plist: no dictionary)",
            "--",
            "Restart All Red (1)",
            "Check Job Files (1 error, 2 warnings)",
            "Open Doctor in a Terminal",
            "Show Timeline",
            "--",
            "Undelivered Notifications: 1 >",
            "    (✖ work (14:12: no answer))",
            "    --",
            "    Clear This List",
            "[x] Notifications",
            "[ ] Launch at Login: Approve It in System Settings",
            "Send a Test Notification",
            "Open Settings File",
            "Help >",
            "    Report a Wrong Light…",
            "    Read Me",
            "    --",
            &format!("    (Gatelight {})", env!("CARGO_PKG_VERSION")),
            "    (MIT OR Apache-2.0)",
            "    (Makes no network connections)",
            "Quit Gatelight",
        ]
    );
    assert_eq!(menu.stale_at, Some(at(30)), "the youngest row reads `1 min` then");
    assert_eq!(menu.command("work\u{1f}restart"), Some(&EngineRequest::Restart("work".into()).into()));
    assert_eq!(menu.command("work\u{1f}mute-hour"), Some(&UiCommand::Mute("work".into(), MuteFor::Never)));
    assert_eq!(menu.command("lab\u{1f}mute-hour"), Some(&UiCommand::Mute("lab".into(), MuteFor::Hour)));
    assert_eq!(menu.command("restart-all"), Some(&EngineRequest::RestartAllRed.into()));
    assert_eq!(menu.command("head"), None);
    assert_eq!(
        tooltip(&three(), &much_to_show(), Lang::En),
        "2 of 3 connected\nOffline: no notifications until the network is back\n\
         ✖ work — executor dead: a hollow shell\n◐ lab — works, but unsupervised"
    );
}
