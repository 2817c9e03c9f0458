//! The menu bar: the event loop of tao, tray-icon and muda. Everything runs on the main thread, as AppKit requires
//! (<https://developer.apple.com/documentation/appkit/nsstatusitem>).

mod observe;
mod status_item;
pub(in crate::ui) mod system;

use std::fmt::Display;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use muda::MenuEvent;
use objc2::MainThreadMarker;
use objc2::rc::autoreleasepool;
use tao::event::{Event, StartCause};
use tao::event_loop::{ControlFlow, EventLoop, EventLoopBuilder, EventLoopProxy};
use tao::platform::macos::{ActivationPolicy, EventLoopExtMacOS};
use tao::platform::run_return::EventLoopExtRunReturn;
use tokio::sync::mpsc::UnboundedSender;
use tray_icon::TrayIconEvent;

use self::observe::Observer;
use self::status_item::StatusItem;
use super::TrayError;
use crate::app::messages::EngineRequest;
use crate::ui::app::{App, AppHandles, Flow, Message, waker};
use crate::ui::login;
use crate::ui::menu_bar::checks::VisibilityChecks;
use crate::ui::menu_bar::reopen::Reopens;
use crate::ui::menu_bar::visibility::hidden;
use crate::ui::notify::{Notifier, Report, Reporter, delegate, macos};
use crate::worker::{self, Backoff};

/// Longest sleep of the loop.
const MAX_SLEEP: Duration = Duration::from_secs(3_600);
/// How long quitting waits for the engine to close its history, and the pause between two checks.
const ENGINE_END: Duration = Duration::from_secs(3);
const ENGINE_CHECK: Duration = Duration::from_millis(10);

/// What wakes tao's loop.
#[derive(Debug)]
enum Wake {
    /// A message for [`App`].
    App(Message),
    /// A display was added, removed or changed.
    Displays,
}

fn event_loop() -> EventLoop<Wake> {
    let mut event_loop = EventLoopBuilder::<Wake>::with_user_event().build();
    // no Dock icon and no application menu, like LSUIElement; set before the loop runs, so that nothing flashes
    // https://developer.apple.com/documentation/appkit/nsapplication/activationpolicy-swift.enum/accessory
    event_loop.set_activation_policy(ActivationPolicy::Accessory);
    event_loop.set_activate_ignoring_other_apps(false);
    event_loop
}

/// Shows the icon until the user quits.
pub(crate) fn run(mut handles: AppHandles) -> Result<(), TrayError> {
    // before any call of AppKit, which aborts without a window server
    if let Some(why) = system::session().no_icon() {
        return Err(TrayError::NoIcon(why));
    }
    let mtm = MainThreadMarker::new().ok_or_else(|| no_desktop(&tray_icon::Error::NotMainThread))?;
    let reopens = Arc::new(Mutex::new(Reopens::default()));
    let mut event_loop = event_loop();
    let proxy = event_loop.create_proxy();
    let report = reporter(&proxy, &reopens);
    let delegate_is_last = !macos::are_available() || delegate::install(&report);
    let notifier = Notifier::start(Arc::clone(&report)).map_err(|e| no_desktop(&e))?;
    let inputs = sender(&proxy);
    let waker = waker(move || inputs(Message::Inputs));
    let chosen = sender(&proxy);
    MenuEvent::set_event_handler(Some(move |event: MenuEvent| chosen(Message::Chosen(event.id.0))));
    // without a handler, these events would accumulate in an unread queue
    TrayIconEvent::set_event_handler(Some(|_| {}));
    let engine = handles.commands.clone();
    let _awake = observe::prevent_app_nap();
    let _observers = [on_wake(&engine, &reopens), on_displays(&proxy)];
    if let Some(listener) = handles.listener.take() {
        let show = sender(&proxy);
        listener.listen(move || show(Message::ShowYourself));
    }
    let data = handles.folders.data.clone();
    login::adopt(&data);
    let mut menu_bar = MenuBar {
        mtm,
        data,
        parts: Some((handles, waker, notifier)),
        report: (!delegate_is_last).then_some(report),
        bar: None,
        failed: None,
        engine,
        reopens,
        proxy,
    };
    let mut backoff = Backoff::new("menu");
    // tao calls from an observer of the run loop, and AppKit drains its autorelease pool only on events of the window server:
    // without mouse events, objects created by setting titles would accumulate
    event_loop.run_return(|event, _, control| {
        autoreleasepool(|_| *control = menu_bar.turn_guarded(event, &mut backoff));
    });
    menu_bar.failed.map_or(Ok(()), Err)
}

fn no_desktop(why: &dyn Display) -> TrayError {
    TrayError::NoDesktop(why.to_string())
}

/// Sends messages to the loop from any thread. They are dropped after its end.
fn sender(proxy: &EventLoopProxy<Wake>) -> impl Fn(Message) + Send + Sync + 'static {
    let proxy = proxy.clone();
    move |message| drop(proxy.send_event(Wake::App(message)))
}

fn reporter(proxy: &EventLoopProxy<Wake>, reopens: &Arc<Mutex<Reopens>>) -> Reporter {
    let (send, reopens) = (sender(proxy), Arc::clone(reopens));
    Arc::new(move |report: Report| {
        if report.is_response() {
            lock(&reopens).responded(Timestamp::now());
        }
        send(Message::Report(report));
    })
}

fn on_wake(engine: &UnboundedSender<EngineRequest>, reopens: &Arc<Mutex<Reopens>>) -> Observer {
    let (engine, reopens) = (engine.clone(), Arc::clone(reopens));
    observe::on_wake(move || {
        lock(&reopens).woke(Timestamp::now());
        drop(engine.send(EngineRequest::Woke));
    })
}

fn on_displays(proxy: &EventLoopProxy<Wake>) -> Observer {
    let proxy = proxy.clone();
    observe::on_displays(move || drop(proxy.send_event(Wake::Displays)))
}

/// The state of the event loop.
struct MenuBar {
    mtm: MainThreadMarker,
    /// The data folder.
    data: PathBuf,
    /// What the icon needs; taken when it is created.
    parts: Option<(AppHandles, Waker, Notifier)>,
    /// For the notification delegate, if it has to be installed again once the application has launched.
    report: Option<Reporter>,
    bar: Option<Bar>,
    failed: Option<TrayError>,
    engine: UnboundedSender<EngineRequest>,
    reopens: Arc<Mutex<Reopens>>,
    proxy: EventLoopProxy<Wake>,
}

impl MenuBar {
    /// Handles an event. tao would pass a panic on and end the process, and with it the light.
    fn turn_guarded(&mut self, event: Event<Wake>, backoff: &mut Backoff) -> ControlFlow {
        let turn = panic::catch_unwind(AssertUnwindSafe(|| {
            worker::test_panic("menu");
            self.turn(event)
        }));
        match turn {
            Ok(Flow::End) => ControlFlow::Exit,
            Ok(Flow::On) => ControlFlow::WaitUntil(Instant::now() + sleep(self.bar.as_ref())),
            Err(_) if self.bar.is_none() => {
                self.failed = Some(no_desktop(&"the icon could not be created"));
                ControlFlow::Exit
            }
            // a deadline that panics each time must not keep the loop busy
            Err(_) => {
                let pause = backoff.crashed();
                backoff.restarted();
                ControlFlow::WaitUntil(Instant::now() + pause)
            }
        }
    }

    fn turn(&mut self, event: Event<Wake>) -> Flow {
        match (event, &mut self.bar) {
            // the status item may be created only after the application has launched
            (Event::NewEvents(StartCause::Init), _) => self.launched(),
            // at logout, `terminate:` ends the process after this, and `run_return` does not return
            // https://developer.apple.com/documentation/appkit/nsapplication/terminate(_:)
            (Event::LoopDestroyed, bar) => {
                if let Some(bar) = bar {
                    bar.app.close();
                }
                // without an icon, the terminal shows the lights
                if self.failed.is_none() {
                    end_engine(&self.engine);
                    login::end(&self.data);
                }
                Flow::End
            }
            (event, Some(bar)) => bar.handle(Timestamp::now(), event),
            (_, None) => Flow::On,
        }
    }

    fn launched(&mut self) -> Flow {
        match (StatusItem::new(self.mtm), self.parts.take()) {
            (Ok(item), Some((handles, waker, notifier))) => {
                if let Some(report) = self.report.take() {
                    delegate::install(&report);
                }
                let bar = Bar::new(item, notifier, handles, waker, &self.reopens, &self.proxy);
                self.bar.insert(bar).begin()
            }
            (Err(e), _) => {
                self.failed = Some(no_desktop(&e));
                Flow::End
            }
            (Ok(_), None) => Flow::On,
        }
    }
}

/// Everything that exists as long as the icon.
struct Bar {
    app: App<StatusItem>,
    checks: VisibilityChecks,
    reopens: Arc<Mutex<Reopens>>,
    _on_menu: Option<Observer>,
}

impl Bar {
    fn new(
        item: StatusItem,
        notifier: Notifier,
        handles: AppHandles,
        waker: Waker,
        reopens: &Arc<Mutex<Reopens>>,
        proxy: &EventLoopProxy<Wake>,
    ) -> Self {
        let now = Timestamp::now();
        let proxy = proxy.clone();
        let opens = move || drop(proxy.send_event(Wake::App(Message::MenuOpens)));
        let on_menu = item.ns_menu().map(|menu| observe::on_menu(&menu, opens));
        let mut checks = VisibilityChecks::default();
        checks.begin(now);
        Self {
            app: App::new(item, notifier, handles, waker, now),
            checks,
            reopens: Arc::clone(reopens),
            _on_menu: on_menu,
        }
    }

    /// Handles messages that the engine sent before the icon existed.
    fn begin(&mut self) -> Flow {
        self.app.handle(Timestamp::now(), Message::Inputs)
    }

    fn handle(&mut self, now: Timestamp, event: Event<Wake>) -> Flow {
        match event {
            Event::UserEvent(Wake::App(message)) => self.app.handle(now, message),
            Event::UserEvent(Wake::Displays) => {
                self.checks.begin(now);
                Flow::On
            }
            // https://developer.apple.com/documentation/appkit/nsapplicationdelegate/applicationshouldhandlereopen(_:hasvisiblewindows:)
            Event::Reopen { .. } => {
                lock(&self.reopens).reopened(now);
                Flow::On
            }
            Event::NewEvents(StartCause::ResumeTimeReached { .. }) => self.tick(now),
            _ => Flow::On,
        }
    }

    fn tick(&mut self, now: Timestamp) -> Flow {
        self.app.tick(now);
        let item = self.app.shell();
        let seen = self.checks.run(now, || hidden(&item.placement()));
        if lock(&self.reopens).is_due(now) {
            if self.checks.is_hidden() {
                item.pop_up();
            } else if self.app.handle(now, Message::ShowYourself) == Flow::End {
                return Flow::End;
            }
        }
        seen.map_or(Flow::On, |visibility| self.app.handle(now, Message::IconVisibility(visibility)))
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        let reopen = lock(&self.reopens).next_deadline();
        self.app.next_deadline().into_iter().chain(self.checks.next_deadline()).chain(reopen).min()
    }
}

fn lock(reopens: &Mutex<Reopens>) -> std::sync::MutexGuard<'_, Reopens> {
    reopens.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Asks the engine to end, and waits until it has: it drops its end of the channel when the history is written.
fn end_engine(engine: &UnboundedSender<EngineRequest>) {
    drop(engine.send(EngineRequest::Quit));
    let until = Instant::now() + ENGINE_END;
    while !engine.is_closed() && Instant::now() < until {
        thread::sleep(ENGINE_CHECK);
    }
}

fn sleep(bar: Option<&Bar>) -> Duration {
    bar.and_then(Bar::next_deadline).map_or(MAX_SLEEP, |deadline| {
        Duration::try_from(deadline.duration_since(Timestamp::now())).unwrap_or(Duration::ZERO).min(MAX_SLEEP)
    })
}
