//! Phrases of status, watch, replay, record and logs.

use super::Phrase;

/// How long the light had been green.
pub const HELD_GREEN: Phrase = ["green had held for {held}", "绿灯此前持续了 {held}"];
/// A recording with events of the future.
pub const UNKNOWN_EVENTS: Phrase =
    ["{count} events of an unknown kind were skipped", "跳过了 {count} 条未知类型的事件"];
/// A recording whose last line is not whole.
pub const WAS_CUT: Phrase = ["the last line is cut off; it was skipped", "最后一行不完整，已跳过"];
