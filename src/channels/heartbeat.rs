//! Heartbeats for a service that notices their absence: a GET request, or a run of the user's program.
//!
//! Failures are signalled as healthchecks.io (<https://healthchecks.io/docs/signaling_failures/>) and Better Stack
//! (<https://betterstack.com/docs/uptime/cron-and-heartbeat-monitor/>) expect, with `/fail` behind the path, and Uptime
//! Kuma's push monitors, whose URL has `status=up` in its query, with `status=down`.

use std::time::Duration;

use serde_json::json;

use super::curl::Curl;
use super::kinds::{Request, clean_words};
use super::program::{self, Ended};
use super::target::secrets_of;
use crate::config::HeartbeatSettings;
use crate::config::url;
use crate::text::{Both, Message, Worded as _, channels as say};

/// Time limit of the user's program.
const PROGRAM_LIMIT: Duration = Duration::from_secs(30);

/// The meaning of a heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Gatelight watches.
    Alive,
    /// It watches, and a light is red.
    Red,
}

/// Sends one heartbeat. The error says why it was not accepted, without secrets.
pub(crate) async fn beat(settings: &HeartbeatSettings, curl: &Curl, signal: Signal) -> Result<(), Message> {
    match (&settings.url, &settings.program) {
        (Some(secret), _) => {
            let url = secret.read().map_err(|error| error.message())?;
            url::parse(&url).map_err(|error| {
                let why = Both::fill(error.phrase(), &[("key", "heartbeat.url")]);
                Message::new(say::WHY).with("why", &why)
            })?;
            let clean =
                |message: Message| message.cleaned(&|words: &str| clean_words(words, secrets_of(&url)));
            let request = Request { url: signal_url(&url, signal), authorization: None, body: None };
            let response = curl.send(&request).await.map_err(|error| clean(error.message()))?;
            if (200..=299).contains(&response.status) {
                return Ok(());
            }
            let words = format!("HTTP {} {}", response.status, String::from_utf8_lossy(&response.body));
            Err(clean(Message::new(say::SERVER_SAID).with("words", words)))
        }
        (None, Some(path)) => {
            let mut command = tokio::process::Command::new(path);
            program::without_gateway_variables(&mut command);
            let input = json!({"version": 1, "alive": true, "red": signal == Signal::Red}).to_string() + "\n";
            match program::run(command, input.as_bytes(), PROGRAM_LIMIT, 0).await {
                Ok(Ended::Exited(output)) if output.code() == 0 => Ok(()),
                Ok(Ended::Exited(output)) => {
                    Err(Message::new(say::PROGRAM_FAILED).with("code", output.code()))
                }
                Ok(Ended::TimedOut) => {
                    Err(Message::new(say::NO_ANSWER).with("seconds", PROGRAM_LIMIT.as_secs().to_string()))
                }
                Err(error) => Err(error.message()),
            }
        }
        (None, None) => Ok(()),
    }
}

/// The URL for this signal.
fn signal_url(url: &str, signal: Signal) -> String {
    if signal == Signal::Alive {
        return url.to_owned();
    }
    let (path, query) = url.split_once('?').map_or((url, None), |(path, query)| (path, Some(query)));
    match query {
        Some(query) if query.split('&').any(|pair| pair == "status=up") => {
            let pairs: Vec<&str> =
                query.split('&').map(|pair| if pair == "status=up" { "status=down" } else { pair }).collect();
            format!("{path}?{}", pairs.join("&"))
        }
        Some(query) => format!("{}/fail?{query}", path.trim_end_matches('/')),
        None => format!("{}/fail", path.trim_end_matches('/')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_reported_as_each_service_words_them() {
        for (url, red) in [
            ("https://hc-ping.com/uuid", "https://hc-ping.com/uuid/fail"),
            (
                "https://uptime.betterstack.com/api/v1/heartbeat/x/",
                "https://uptime.betterstack.com/api/v1/heartbeat/x/fail",
            ),
            ("https://hc.example/ping/k/slug?create=1", "https://hc.example/ping/k/slug/fail?create=1"),
            (
                "https://kuma.example/api/push/t?status=up&msg=OK&ping=",
                "https://kuma.example/api/push/t?status=down&msg=OK&ping=",
            ),
        ] {
            assert_eq!(signal_url(url, Signal::Alive), url);
            assert_eq!(signal_url(url, Signal::Red), red);
        }
    }
}
