//! The channels in the menu, with their state and a test for each, and a failing heartbeat.

use super::row::{MAX_LABEL, Row, shortened};
use super::state::MenuState;
use super::texts::Texts;
use crate::app::messages::EngineRequest;
use crate::channels::dispatch::ChannelView;
use crate::text::channels as say;
use crate::text::display::label;

/// At most this many channels are listed.
const MAX_SHOWN: usize = 12;

/// The submenu with all channels and a failing heartbeat; `None` if there is neither. Its label names what fails.
pub(super) fn submenu(state: &MenuState, texts: &Texts<'_>) -> Option<Row> {
    let channels = &state.channels;
    if channels.is_empty() && state.heartbeat_failure.is_none() {
        return None;
    }
    let failing = channels.iter().filter(|channel| channel.failure.is_some());
    let heartbeat = state.heartbeat_failure.iter().map(|_| texts.pick(say::HEARTBEAT).to_owned());
    let failing: Vec<String> = failing.map(|channel| label(&channel.name)).chain(heartbeat).collect();
    let title = match failing.as_slice() {
        [] => texts.pick(say::MENU).to_owned(),
        names => texts.fill(say::MENU_FAILING, &[("names", &names.join(", "))]),
    };
    let shown = || channels.iter().take(MAX_SHOWN);
    let mut rows: Vec<Row> = shown().map(|channel| channel_row(channel, texts)).collect();
    rows.extend(state.heartbeat_failure.as_ref().map(|(since, why)| {
        let values = [("time", &*texts.time(*since)), ("why", &why.text(texts.locale.lang))];
        Row::bounded("heartbeat", &texts.fill(say::ROW_HEARTBEAT_FAILING, &values))
    }));
    if !channels.is_empty() {
        rows.push(Row::separator("channels"));
    }
    rows.extend(shown().map(|channel| {
        let title = texts.fill(say::SEND_TEST, &[("name", &label(&channel.name))]);
        let command = EngineRequest::TestChannel(channel.name.clone());
        Row::command(format!("channel-test/{}", channel.name), shortened(&title, MAX_LABEL), command)
    }));
    Some(Row::submenu("channels", shortened(&title, MAX_LABEL), rows))
}

fn channel_row(channel: &ChannelView, texts: &Texts<'_>) -> Row {
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
