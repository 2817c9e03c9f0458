//! The channels in the menu: their state, and a test for each.

use super::row::{LABEL_MAX, Row, shortened};
use super::texts::Texts;
use crate::channels::dispatch::ChannelView;
use crate::text::channels as say;
use crate::text::display::label;
use crate::ui::UiCommand;

/// At most this many channels are listed.
const MOST: usize = 12;

/// A submenu with all of them; `None` without any. Its label names what fails.
pub(super) fn submenu(channels: &[ChannelView], texts: &Texts<'_>) -> Option<Row> {
    if channels.is_empty() {
        return None;
    }
    let failing: Vec<String> = channels
        .iter()
        .filter(|channel| channel.failure.is_some())
        .map(|channel| label(&channel.name))
        .collect();
    let title = match failing.as_slice() {
        [] => texts.pick(say::MENU).to_owned(),
        names => texts.fill(say::MENU_FAILING, &[("names", &names.join(", "))]),
    };
    let shown = || channels.iter().take(MOST);
    let mut rows: Vec<Row> = shown().map(|channel| state(channel, texts)).collect();
    rows.push(Row::separator("channels"));
    rows.extend(shown().map(|channel| {
        let title = texts.fill(say::SEND_TEST, &[("name", &label(&channel.name))]);
        let command = UiCommand::TestChannel(channel.name.clone());
        Row::command(format!("channel-test/{}", channel.name), shortened(&title, LABEL_MAX), command)
    }));
    Some(Row::submenu("channels", shortened(&title, LABEL_MAX), rows))
}

fn state(channel: &ChannelView, texts: &Texts<'_>) -> Row {
    let lang = texts.locale.lang;
    let (name, kind) = (label(&channel.name), channel.kind.title(lang));
    let time = |at| texts.time(at);
    let text = match (&channel.failure, channel.last_sent) {
        (Some((at, why)), _) => {
            let values = [("name", &*name), ("kind", kind), ("why", &why.text(lang)), ("time", &time(*at))];
            texts.fill(say::ROW_FAILING, &values)
        }
        (None, Some(at)) => {
            texts.fill(say::ROW_SENT, &[("name", &name), ("kind", kind), ("time", &time(at))])
        }
        (None, None) => texts.fill(say::ROW_UNUSED, &[("name", &name), ("kind", kind)]),
    };
    Row::bounded(format!("channel/{}", channel.name), &text)
}
