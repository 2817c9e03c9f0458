//! Notifications of AppKit about waking, opening menus and changed displays; prevention of App Nap.

use std::ptr::NonNull;

use block2::RcBlock;
use objc2::rc::Retained;
use objc2::runtime::{AnyObject, NSObjectProtocol, ProtocolObject};
use objc2_app_kit::{
    NSApplicationDidChangeScreenParametersNotification, NSMenuDidBeginTrackingNotification, NSWorkspace,
    NSWorkspaceDidWakeNotification,
};
use objc2_foundation::{
    NSActivityOptions, NSNotification, NSNotificationCenter, NSNotificationName, NSProcessInfo, ns_string,
};

type Token = Retained<ProtocolObject<dyn NSObjectProtocol>>;

/// While the token lives, App Nap does not delay the timers of this app; the machine may still go to sleep
/// (<https://developer.apple.com/documentation/foundation/processinfo/beginactivity(options:reason:)>: an activity ends
/// with its object). `NSAppSleepDisabled` in Info.plist does the same for the app bundle; this also works outside one.
pub(super) fn prevent_app_nap() -> Token {
    NSProcessInfo::processInfo().beginActivityWithOptions_reason(
        NSActivityOptions::UserInitiatedAllowingIdleSystemSleep,
        ns_string!("watching Hermes gateways"),
    )
}

/// Calls back on a notification until it is dropped.
pub(super) struct Observer {
    center: Retained<NSNotificationCenter>,
    token: Token,
}

impl Observer {
    fn new(
        center: Retained<NSNotificationCenter>,
        name: &NSNotificationName,
        object: Option<&AnyObject>,
        call: impl Fn() + Send + 'static,
    ) -> Self {
        let block = RcBlock::new(move |_: NonNull<NSNotification>| call());
        // SAFETY: without a queue, the block runs on the posting thread, which may be any; everything that it holds is
        // Send (https://developer.apple.com/documentation/foundation/notificationcenter/addobserver(forname:object:queue:using:)).
        let token =
            unsafe { center.addObserverForName_object_queue_usingBlock(Some(name), object, None, &block) };
        Self { center, token }
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        // SAFETY: the token is what the same centre returned
        // (https://developer.apple.com/documentation/foundation/notificationcenter/removeobserver(_:)).
        unsafe { self.center.removeObserver((*self.token).as_ref()) };
    }
}

/// The machine woke up: <https://developer.apple.com/documentation/appkit/nsworkspace/didwakenotification>, posted to the
/// center of the workspace. The engine notices every sleep by its clocks; this makes it check at once, because timers stop
/// during a sleep and fire late. *Going* to sleep is not observed: it may be cancelled without a notification.
pub(super) fn on_wake(call: impl Fn() + Send + 'static) -> Observer {
    let center = NSWorkspace::sharedWorkspace().notificationCenter();
    // SAFETY: AppKit defines the name, for as long as the process lives.
    let name = unsafe { NSWorkspaceDidWakeNotification };
    Observer::new(center, name, None, call)
}

/// Our menu is about to open, by mouse, keyboard or VoiceOver:
/// <https://developer.apple.com/documentation/appkit/nsmenu/didbegintrackingnotification>.
pub(super) fn on_menu(menu: &AnyObject, call: impl Fn() + Send + 'static) -> Observer {
    // SAFETY: as above.
    let name = unsafe { NSMenuDidBeginTrackingNotification };
    Observer::new(NSNotificationCenter::defaultCenter(), name, Some(menu), call)
}

/// A display was added, removed or resized:
/// <https://developer.apple.com/documentation/appkit/nsapplication/didchangescreenparametersnotification>.
pub(super) fn on_displays(call: impl Fn() + Send + 'static) -> Observer {
    // SAFETY: as above.
    let name = unsafe { NSApplicationDidChangeScreenParametersNotification };
    Observer::new(NSNotificationCenter::defaultCenter(), name, None, call)
}
