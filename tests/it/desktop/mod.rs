//! The icon, its menu and the notifications.

pub(crate) mod agent_end_to_end;
mod icon_pictures;
mod ignored_links;
mod notification_signals;
mod stop_and_start;
mod tray_and_notices;
mod worker_panics;
