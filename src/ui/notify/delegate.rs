//! Our `UNUserNotificationCenterDelegate`: shows notices while the app is active, and reports what the user does with
//! them, also with those of an earlier run.
//!
//! mac-usernotifications 0.3 sets its own delegate once, when its worker starts at the first call (its `src/worker.rs` and
//! `src/delegate.rs`). That delegate knows only notices of this run with a waiting handle, and does not put notices that
//! arrive while the app is active into the Notification Center. So its worker is started first, and our delegate replaces
//! it afterwards.

use std::sync::OnceLock;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use block2::DynBlock;
use mac_usernotifications::{block_on, close_delivered};
use objc2::rc::Retained;
use objc2::runtime::ProtocolObject;
use objc2::{AnyThread, DefinedClass, define_class, msg_send};
use objc2_foundation::{NSObject, NSObjectProtocol};
use objc2_user_notifications::{
    UNNotification, UNNotificationDefaultActionIdentifier, UNNotificationDismissActionIdentifier,
    UNNotificationPresentationOptions, UNNotificationResponse, UNUserNotificationCenter,
    UNUserNotificationCenterDelegate,
};

use super::identifier::{Identifier, report, this_run};
use super::{Press, Reporter};

/// How long the worker of the crate may take to answer a call without effect.
const WORKER: Duration = Duration::from_secs(1);

struct Ivars {
    report: Reporter,
}

define_class!(
    // SAFETY: NSObject has no rules for subclasses, and this one does not implement Drop.
    #[unsafe(super(NSObject))]
    #[name = "GatelightNotificationDelegate"]
    #[ivars = Ivars]
    struct Delegate;

    // SAFETY: NSObjectProtocol has no rules.
    unsafe impl NSObjectProtocol for Delegate {}

    // SAFETY: the signatures are those of the protocol
    // (https://developer.apple.com/documentation/usernotifications/unusernotificationcenterdelegate).
    unsafe impl UNUserNotificationCenterDelegate for Delegate {
        /// Without this method the system does not show notifications of the active app.
        #[unsafe(method(userNotificationCenter:willPresentNotification:withCompletionHandler:))]
        fn will_present(
            &self,
            _center: &UNUserNotificationCenter,
            _notification: &UNNotification,
            done: &DynBlock<dyn Fn(UNNotificationPresentationOptions)>,
        ) {
            done.call((UNNotificationPresentationOptions::Banner
                | UNNotificationPresentationOptions::List
                | UNNotificationPresentationOptions::Sound,));
        }

        #[unsafe(method(userNotificationCenter:didReceiveNotificationResponse:withCompletionHandler:))]
        fn did_receive(
            &self,
            _center: &UNUserNotificationCenter,
            response: &UNNotificationResponse,
            done: &DynBlock<dyn Fn()>,
        ) {
            let identifier = response.notification().request().identifier().to_string();
            (self.ivars().report)(report(Identifier::parse(&identifier), press(response), this_run()));
            done.call(());
        }
    }
);

/// The pressed element: <https://developer.apple.com/documentation/usernotifications/unnotificationresponse/actionidentifier>.
fn press(response: &UNNotificationResponse) -> Press {
    let action = response.actionIdentifier();
    // SAFETY: UserNotifications defines both names, for as long as the process lives.
    let (body, dismiss) =
        unsafe { (UNNotificationDefaultActionIdentifier, UNNotificationDismissActionIdentifier) };
    if *action == *body {
        Press::Body
    } else if *action == *dismiss {
        Press::Dismissed
    } else {
        Press::Button(action.to_string())
    }
}

/// Sets the delegate. Has to be called before the application has launched, so that a press that launched it is received
/// (see the protocol's documentation), and only inside an .app. `false`: the worker of the crate has not answered, so this
/// has to be called again later.
pub(crate) fn install(report: &Reporter) -> bool {
    static DELEGATE: OnceLock<Retained<Delegate>> = OnceLock::new();
    let (answered, answer) = channel();
    let asked = thread::Builder::new().name("notification-worker".into()).spawn(move || {
        block_on(close_delivered("gatelight-none"));
        let _gave_up = answered.send(());
    });
    let ready = asked.is_ok() && answer.recv_timeout(WORKER).is_ok();
    let delegate = DELEGATE.get_or_init(|| {
        let this = Delegate::alloc().set_ivars(Ivars { report: report.clone() });
        // SAFETY: `init` of NSObject takes nothing and cannot fail.
        unsafe { msg_send![super(this), init] }
    });
    // the center holds a weak reference, the static a strong one
    UNUserNotificationCenter::currentNotificationCenter()
        .setDelegate(Some(ProtocolObject::from_ref(&**delegate)));
    ready
}
