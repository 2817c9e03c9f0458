//! What stays the same in one run, and the steps of it; both are random.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::hermes::{Ms, SECOND};
use super::platform::Platform;

/// How lines and state keys name their profile where one process serves two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// One profile.
    Single,
    /// 0.19: lines of `gateway.run` name the served profile, those of adapters name none; one state key for each platform.
    Tagged,
    /// Later versions: the served profile has its own state keys and logs.
    Separate,
}

/// What stays the same for a whole run.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// The links: whether each belongs to the served profile, and its platform. Those of the serving profile come first.
    pub links: Vec<(bool, Platform)>,
    pub layout: Layout,
    /// `launchd`, `systemd` or none.
    pub manager: Option<&'static str>,
    /// The served profile's log mirrors the whole process (0.19).
    pub mirrors: bool,
    /// `gateway.log` and `errors.log` are written as well.
    pub copies: bool,
    /// The gateway writes a heartbeat (0.19 and later).
    pub heartbeat: bool,
    /// The state file has entries and profiles of former runs.
    pub leftovers: bool,
}

/// Whether a gateway that ended is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Respawn {
    After(Ms),
    Never,
}

/// One step. A step that is not possible at the moment does nothing.
#[derive(Debug, Clone)]
pub(super) enum Operation {
    Wait(Ms),
    /// The platform closes the connection of a link, and accepts the next one.
    Drop(Index),
    /// The platform of a link cannot be reached.
    Outage(Index),
    /// The platform refuses the credentials of a link.
    Deny(Index),
    /// The platform of a link works again.
    Recover(Index),
    /// No platform can be reached.
    Cut,
    /// All platforms work again.
    Mend,
    /// A message arrives.
    Message(Index),
    /// SIGKILL.
    Kill(Respawn),
    /// A planned stop.
    Stop,
    /// A planned restart.
    Restart,
    /// SIGTERM without a marker; the manager starts the gateway again.
    Terminate,
    /// Another instance replaces the gateway (`--replace`).
    Takeover,
    /// A gateway is started where none runs.
    Start,
    /// A restart that waits this long for running agents.
    Drain(Ms),
    /// The machine sleeps.
    Sleep(Ms),
    /// The event loop hangs.
    Freeze,
    Thaw,
    /// SIGSTOP.
    Suspend,
    Continue,
    KillExecutor,
    /// The service manager is queried.
    AskManager,
    /// The state file is written again, without a change.
    RewriteFiles,
}

pub(super) fn any_plan() -> impl Strategy<Value = Plan> {
    let all = || {
        use Platform as P;
        vec![
            P::Feishu,
            P::Telegram,
            P::Wecom,
            P::Slack,
            P::Weixin,
            P::Dingtalk,
            P::Qqbot,
            P::Discord,
            P::Pigeon,
        ]
    };
    let own = proptest::sample::subsequence(all(), 1..4);
    let served = proptest::sample::subsequence(all(), 1..3);
    let layout = select(vec![Layout::Single, Layout::Single, Layout::Tagged, Layout::Separate]);
    let manager = select(vec![Some("launchd"), Some("systemd"), None]);
    (own, served, layout, manager, any::<[bool; 4]>()).prop_map(
        |(own, served, layout, manager, [mirrors, copies, heartbeat, leftovers])| Plan {
            links: own
                .into_iter()
                .map(|platform| (false, platform))
                .chain(
                    served.into_iter().filter(|_| layout != Layout::Single).map(|platform| (true, platform)),
                )
                .collect(),
            layout,
            manager,
            mirrors,
            copies,
            heartbeat,
            leftovers,
        },
    )
}

/// Spans around every deadline, most of them short.
fn any_span() -> impl Strategy<Value = Ms> {
    prop_oneof![
        4 => 100..5 * SECOND,
        5 => 5 * SECOND..60 * SECOND,
        3 => 60 * SECOND..200 * SECOND,
        1 => 200 * SECOND..2_400 * SECOND,
    ]
}

fn any_operation() -> impl Strategy<Value = Operation> {
    use Operation as O;
    let respawn = select(vec![
        Respawn::After(1_000),
        Respawn::After(9_000),
        Respawn::After(30_000),
        Respawn::After(70_000),
        Respawn::Never,
    ]);
    let link = any::<Index>;
    prop_oneof![
        24 => any_span().prop_map(O::Wait),
        4 => link().prop_map(O::Drop),
        4 => link().prop_map(O::Outage),
        2 => link().prop_map(O::Deny),
        7 => link().prop_map(O::Recover),
        2 => Just(O::Cut),
        4 => Just(O::Mend),
        4 => link().prop_map(O::Message),
        1 => respawn.prop_map(O::Kill),
        1 => Just(O::Stop),
        1 => Just(O::Restart),
        1 => Just(O::Terminate),
        1 => Just(O::Takeover),
        3 => Just(O::Start),
        1 => any_span().prop_map(O::Drain),
        1 => any_span().prop_map(|span| O::Sleep(span * 10)),
        1 => Just(O::Freeze),
        2 => Just(O::Thaw),
        1 => Just(O::Suspend),
        2 => Just(O::Continue),
        1 => Just(O::KillExecutor),
        2 => Just(O::AskManager),
        1 => Just(O::RewriteFiles),
    ]
}

pub(super) fn any_operations() -> impl Strategy<Value = Vec<Operation>> {
    proptest::collection::vec(any_operation(), 1..80)
}
