//! What AppKit posts that we want to know: waking up, a menu that opens, displays that change. And App Nap.

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

/// As long as the token lives, App Nap does not stretch the timers of an app without windows; the machine may go to sleep
/// all the same (<https://developer.apple.com/documentation/foundation/processinfo/beginactivity(options:reason:)>: an
/// activity ends with its object). `NSAppSleepDisabled` in Info.plist says the same for the app; this holds outside one
/// too.
pub(super) fn prevent_app_nap() -> Token {
    NSProcessInfo::processInfo().beginActivityWithOptions_reason(
        NSActivityOptions::UserInitiatedAllowingIdleSystemSleep,
        ns_string!("watching Hermes gateways"),
    )
}

/// A callback for a notification, until it is dropped.
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
        // SAFETY: without a queue the block runs on the thread that posts, and it may be sent to any: what it holds is
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
/// workspace's own centre. The engine's clocks show every sleep; this makes it look at once, since timers stand still in a
/// sleep and ring late. That the machine *goes* to sleep is not observed: such a sleep may be called off, without a word.
pub(super) fn on_wake(call: impl Fn() + Send + 'static) -> Observer {
    let center = NSWorkspace::sharedWorkspace().notificationCenter();
    // SAFETY: AppKit defines the name, for as long as the process lives.
    let name = unsafe { NSWorkspaceDidWakeNotification };
    Observer::new(center, name, None, call)
}

/// Our menu is about to be shown, by mouse, keyboard or VoiceOver:
/// <https://developer.apple.com/documentation/appkit/nsmenu/didbegintrackingnotification>.
pub(super) fn on_menu(menu: &AnyObject, call: impl Fn() + Send + 'static) -> Observer {
    // SAFETY: as above.
    let name = unsafe { NSMenuDidBeginTrackingNotification };
    Observer::new(NSNotificationCenter::defaultCenter(), name, Some(menu), call)
}

/// A display came, went or changed its size:
/// <https://developer.apple.com/documentation/appkit/nsapplication/didchangescreenparametersnotification>.
pub(super) fn on_displays(call: impl Fn() + Send + 'static) -> Observer {
    // SAFETY: as above.
    let name = unsafe { NSApplicationDidChangeScreenParametersNotification };
    Observer::new(NSNotificationCenter::defaultCenter(), name, None, call)
}
