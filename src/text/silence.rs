//! Phrases of `gatelight ack` and `gatelight mute`.

use super::Phrase;

pub(crate) const BAD_TIME: Phrase = [
    "use a time of day like 18:00, a time span like 30min, 2h or 1d, or recovery",
    "请写时刻（如 18:00）、时间跨度（如 30min、2h、1d）或 recovery",
];
pub(crate) const ACKNOWLEDGED: Phrase = [
    "{name}: acknowledged ({title}); no reminders until it changes",
    "{name}：已确认（{title}）；状态变化前不再提醒",
];
pub(crate) const REMINDS_AGAIN: Phrase = ["{name}: reminders again", "{name}：恢复提醒"];
pub(crate) const NOT_RED: Phrase =
    ["{name}: not red ({title}), nothing to acknowledge", "{name}：不是红灯（{title}），无需确认"];
pub(crate) const MUTED_UNTIL: Phrase = ["{name}: muted until {time}", "{name}：静音至 {time}"];
pub(crate) const MUTED_UNTIL_RECOVERY: Phrase =
    ["{name}: muted until it has recovered", "{name}：静音至恢复"];
pub(crate) const UNMUTED: Phrase = ["{name}: unmuted", "{name}：已取消静音"];
