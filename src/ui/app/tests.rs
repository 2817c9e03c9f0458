use std::path::Path;

use jiff::tz::TimeZone;

use super::*;
use crate::app::silences;
use crate::config::{Config, Lights};
use crate::health::{Change, Reason, Verdict};
use crate::profile::Profile;
use crate::text::Lang;
use crate::ui::icon_view::IconView;
use crate::ui::menu::Menu;
use crate::watcher::snapshot::{ProfileChange, ProfileView};

struct Nowhere;

impl Shell for Nowhere {
    fn icon(&mut self, _: &IconView) {}
    fn menu(&mut self, _: &Menu, _: &Arc<Menu>) {}
}

fn handles(data: &Path, inputs: mpsc::Receiver<EngineEvent>) -> AppHandles {
    let data = data.to_path_buf();
    AppHandles {
        inputs,
        commands: mpsc::unbounded_channel().0,
        config: Config::default(),
        config_error: None,
        folders: Folders {
            config_file: data.join("c"),
            autostart: data.clone(),
            log_file: data.join("l"),
            data,
        },
        system_lang: Lang::En,
        zone: TimeZone::UTC,
        presence: Box::new(|_| {}),
        listener: None,
    }
}

fn app(
    data: &Path,
    inputs: mpsc::Receiver<EngineEvent>,
    wake_loop: impl Fn() + Send + Sync + 'static,
) -> App<Nowhere> {
    let notifier = Notifier::start(Arc::new(|_| {})).unwrap();
    App::new(Nowhere, notifier, handles(data, inputs), waker(wake_loop), Timestamp::UNIX_EPOCH)
}

/// A menu bar, an engine that has found one red profile, and what is shown as notifications.
struct MenuBar;

impl Shell for MenuBar {
    const MENU_BAR: bool = true;
    fn icon(&mut self, _: &IconView) {}
    fn menu(&mut self, _: &Menu, _: &Arc<Menu>) {}
}

fn found_red(now: Timestamp) -> EngineEvent {
    let profile = Profile { name: "work".into(), home: "/h".into(), job: None, logs: Vec::new() };
    let verdict = Verdict { reason: Reason::ExecutorShutdown, ..Verdict::unknown(now) };
    let view = ProfileView { profile: Arc::new(profile), verdict: verdict.into() };
    let changes = vec![view.as_change(false)];
    let snapshot = Snapshot { at: now, profiles: vec![view], bad_files: Vec::new(), complete: true };
    EngineEvent::Update(Box::new(Update { changes, ..Update::of(Arc::new(snapshot)) }))
}

#[test]
fn a_first_start_says_where_the_light_is() {
    let now = Timestamp::UNIX_EPOCH;
    let folder = tempfile::tempdir().unwrap();
    for (start, expected) in [("first", 1), ("second", 0)] {
        let (engine, inputs) = mpsc::channel(4);
        let (notifier, shown) = Notifier::without_desktop();
        let mut app = App::new(MenuBar, notifier, handles(folder.path(), inputs), waker(|| {}), now);
        engine.try_send(found_red(now)).unwrap();
        assert_eq!(app.handle(now, Message::Inputs), Flow::On);
        let welcomes = shown().into_iter().filter(|m| m.title == say_bar::WELCOME[0]);
        let bodies: Vec<String> = welcomes.map(|m| m.body).collect();
        assert_eq!(bodies.len(), expected, "{start}");
        assert!(bodies.iter().all(|b| b.starts_with("0 of 1 connected. ")), "{bodies:?}");
    }
}

#[test]
fn an_invisible_icon_is_notified_with_the_way_to_the_menu() {
    use crate::ui::menu_bar::visibility::Hidden;
    let now = Timestamp::UNIX_EPOCH;
    let folder = tempfile::tempdir().unwrap();
    let (engine, inputs) = mpsc::channel(4);
    let (notifier, shown) = Notifier::without_desktop();
    let mut app = App::new(MenuBar, notifier, handles(folder.path(), inputs), waker(|| {}), now);
    app.handle(now, Message::IconVisibility(Visibility::Hidden(Hidden::NotAllowed)));
    let [told] = shown().try_into().unwrap();
    assert_eq!(told.title, say_bar::HIDDEN[0]);
    assert!(told.body.contains("System Settings > Menu Bar"), "{}", told.body);
    assert!(app.screen.menu().row("hidden").is_some());
    engine.try_send(found_red(now)).unwrap();
    app.handle(now, Message::Inputs);
    let later = now + jiff::SignedDuration::from_secs(60);
    app.tick(later);
    let red = shown().into_iter().find(|m| m.light == Light::Red).unwrap();
    assert!(red.body.ends_with(say_bar::OPEN_AGAIN[0]), "{}", red.body);
    app.handle(later, Message::IconVisibility(Visibility::Visible));
    assert!(app.screen.menu().row("hidden").is_none());
}

#[test]
fn a_press_on_a_notice_of_an_earlier_run_waits_for_the_profiles() {
    let now = Timestamp::UNIX_EPOCH;
    let folder = tempfile::tempdir().unwrap();
    let (engine, inputs) = mpsc::channel(4);
    let (commands, mut given) = mpsc::unbounded_channel();
    let (notifier, _shown) = Notifier::without_desktop();
    let handles = AppHandles { commands, ..handles(folder.path(), inputs) };
    let mut app = App::new(MenuBar, notifier, handles, waker(|| {}), now);
    let press = || {
        let key = notify::RESTART.to_owned();
        Message::Report(Report::PressedEarlier { profile: Some("work".into()), key })
    };
    app.handle(now, press());
    assert_eq!(given.try_recv().ok(), None);
    engine.try_send(found_red(now)).unwrap();
    app.handle(now, Message::Inputs);
    assert_eq!(given.try_recv().ok(), Some(EngineRequest::Restart("work".into())));
    app.handle(now, press());
    assert_eq!(given.try_recv().ok(), Some(EngineRequest::Restart("work".into())));
    let key = notify::ACKNOWLEDGE.to_owned();
    app.handle(now, Message::Report(Report::PressedEarlier { profile: Some("work".into()), key }));
    assert!(silences::load(folder.path())["work"].acknowledged.is_some());
}

/// An acknowledgement survives the agent, and ends with the light that it is about.
#[test]
fn an_acknowledged_light_is_silent_across_a_restart_until_it_changes() {
    let now = Timestamp::UNIX_EPOCH;
    let day = now + jiff::SignedDuration::from_hours(24);
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let (engine, inputs) = mpsc::channel(4);
        let (notifier, shown) = Notifier::without_desktop();
        let mut app = App::new(Nowhere, notifier, handles(folder.path(), inputs), waker(|| {}), now);
        engine.try_send(found_red(now)).unwrap();
        app.handle(now, Message::Inputs);
        (app, engine, shown)
    };
    let red =
        |shown: Vec<notify::NotificationRequest>| shown.iter().filter(|m| m.light == Light::Red).count();
    let (mut app, _engine, shown) = start();
    app.handle(now, Message::Chosen("work\u{1f}acknowledge".into()));
    app.tick(day);
    assert_eq!(red(shown()), 1, "the notice, and no reminder");
    let (mut app, engine, shown) = start();
    app.tick(day);
    assert_eq!(red(shown()), 0);
    let row = |app: &App<Nowhere>| app.screen.menu().row("work\u{1f}acknowledge").map(|row| row.kind.clone());
    assert_eq!(row(&app), Some(menu::RowKind::Check(true)));
    // another process reads and writes the same file
    let silences =
        silences::change(folder.path(), ["work"], |_, silence| silence.acknowledged = None).unwrap();
    engine.try_send(EngineEvent::Silences(silences)).unwrap();
    app.handle(day, Message::Inputs);
    assert_eq!((red(shown()), row(&app)), (1, Some(menu::RowKind::Check(false))));
    app.handle(day, Message::Chosen("work\u{1f}acknowledge".into()));
    assert_eq!(silences::load(folder.path()).len(), 1);
    let EngineEvent::Update(mut other) = found_red(day) else { unreachable!() };
    other.changes[0].change.to.reason = Reason::ConfigError;
    engine.try_send(EngineEvent::Update(other)).unwrap();
    app.handle(day, Message::Inputs);
    assert!(silences::load(folder.path()).is_empty(), "it has changed");
}

#[test]
fn the_lights_of_the_icon_are_chosen_in_the_menu_and_the_settings() {
    let now = Timestamp::UNIX_EPOCH;
    let folder = tempfile::tempdir().unwrap();
    let (engine, inputs) = mpsc::channel(4);
    let (notifier, _shown) = Notifier::without_desktop();
    let mut app = App::new(MenuBar, notifier, handles(folder.path(), inputs), waker(|| {}), now);
    assert_eq!(app.state.each, Some(LightPerProfile::On));
    for expected in [LightPerProfile::Off, LightPerProfile::On] {
        app.handle(now, Message::Chosen("each".into()));
        assert_eq!(app.state.each, Some(expected));
    }
    let mut config = Config::default();
    config.icon.lights = Lights::Worst;
    engine.try_send(EngineEvent::Config(Box::new(config))).unwrap();
    app.handle(now, Message::Inputs);
    assert_eq!(app.state.each, Some(LightPerProfile::OffInSettings));
}

/// Launch at login may be switched off in the system's settings, without any event.
#[cfg(not(target_os = "macos"))]
#[test]
fn changes_made_elsewhere_are_read_when_the_menu_opens() {
    let now = Timestamp::UNIX_EPOCH;
    let folder = tempfile::tempdir().unwrap();
    let (_engine, inputs) = mpsc::channel(4);
    let mut app = app(folder.path(), inputs, || {});
    let shown = |app: &App<Nowhere>| {
        app.screen.menu().rows.iter().find(|row| row.key == "login").map(|row| row.kind.clone())
    };
    for on in [true, false] {
        login::set(&app.folders, on).unwrap();
        assert_eq!(shown(&app), Some(menu::RowKind::Check(!on)), "nobody told");
        assert_eq!(app.handle(now, Message::MenuOpens), Flow::On);
        assert_eq!(shown(&app), Some(menu::RowKind::Check(on)));
    }
}

/// All events that were sent before the loop runs are handled in order, with one wake-up; the end of the engine ends the
/// loop.
#[test]
fn the_engine_wakes_the_loop_and_is_handled_in_order() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let now = Timestamp::UNIX_EPOCH;
    let folder = tempfile::tempdir().unwrap();
    let (engine, inputs) = mpsc::channel(8);
    let woken = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&woken);
    let mut app = app(folder.path(), inputs, move || {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    assert_eq!(app.handle(now, Message::Inputs), Flow::On);
    let profile = Profile { name: "work".into(), home: "/h".into(), job: None, logs: Vec::new() };
    let verdict = |reason| Verdict { reason, ..Verdict::unknown(now) };
    let view = ProfileView { profile: Arc::new(profile), verdict: verdict(Reason::ExecutorShutdown).into() };
    let (from, to) = (verdict(Reason::Connected).glance(), Verdict::clone(&view.verdict));
    let profile = Arc::clone(&view.profile);
    let fell = ProfileChange {
        profile,
        change: Change { at: now, profile: "work".into(), from, to },
        history: false,
    };
    let snapshot = Snapshot { at: now, profiles: vec![view], bad_files: Vec::new(), complete: true };
    let update = Update { changes: vec![fell], woke: true, ..Update::of(Arc::new(snapshot)) };
    engine.try_send(EngineEvent::Offline(true)).unwrap();
    engine.try_send(EngineEvent::Update(Box::new(update.clone()))).unwrap();
    assert_eq!(woken.load(Ordering::SeqCst), 1);
    assert_eq!(app.handle(now, Message::Inputs), Flow::On);
    assert!(app.state.offline && app.started);
    assert_eq!(app.snapshot.worst(), Light::Red);
    // a profile that is gone is forgotten, and so is a restart of it
    let gone = Snapshot { profiles: Vec::new(), ..Snapshot::clone(&update.snapshot) };
    engine.try_send(EngineEvent::Update(Box::new(Update::of(Arc::new(gone))))).unwrap();
    drop(engine);
    assert!(woken.load(Ordering::SeqCst) > 1);
    assert_eq!(app.handle(now, Message::Inputs), Flow::End);
    assert!(app.snapshot.profiles.is_empty());
}

/// While nobody checks at the menu, nobody reads how old its rows are.
#[test]
fn lengths_of_time_are_drawn_when_the_menu_opens_and_each_minute_while_it_is_open() {
    let now = Timestamp::UNIX_EPOCH;
    let at = |minutes| now + jiff::SignedDuration::from_mins(minutes);
    let folder = tempfile::tempdir().unwrap();
    let (engine, inputs) = mpsc::channel(4);
    let mut app = app(folder.path(), inputs, || {});
    engine.try_send(found_red(now)).unwrap();
    app.handle(now, Message::Inputs);
    assert_eq!(app.screen.stale_at(), Some(at(10)), "closed");
    let shows =
        |app: &App<Nowhere>, age: &str| app.screen.menu().rows.iter().any(|row| row.label.contains(age));
    assert!(!shows(&app, "3 min"));
    app.handle(at(3), Message::MenuOpens);
    assert!(shows(&app, "3 min"));
    for minute in 4..9 {
        assert_eq!(app.screen.stale_at(), Some(at(minute)), "open");
        app.tick(at(minute));
        assert!(shows(&app, &format!("{minute} min")));
    }
    assert_eq!(app.screen.stale_at(), Some(at(18)), "closed again");
}
