//! What the adapters of hermes-agent 0.19 do and log when a link is lost, refused or restored. Wordings and times are
//! measured, except for `pigeon`, a made-up plug-in about which only `gateway.run` logs.

use super::hermes::{Act, Ms, SECOND, World};
use super::oracle::{Read, Shown, Word};
use super::platform::{Platform, WEIXIN_PAUSE};
use super::script::Layout;

/// How the platform responds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    Fine,
    Away,
    Denies,
}

/// One link of the gateway.
#[derive(Debug, Clone)]
pub(super) struct Link {
    /// It belongs to the served profile.
    pub served: bool,
    pub platform: Platform,
    server: Server,
    pub up: bool,
    /// This process does not try again.
    pub ended: bool,
    connection: u32,
    attempts: u32,
    /// How often a probe found its connection dead (Discord).
    strikes: u32,
    /// Its client waits after a refusal (Weixin).
    pauses: bool,
    /// `gateway.run` reconnects it, not the adapter.
    by_runner: bool,
    /// Its entry in the state file, and when it was changed.
    pub entry: (&'static str, Ms),
    /// What an observer could read about it so far.
    pub shown: Shown,
    /// When its losses could be read.
    pub losses: Vec<Ms>,
}

impl Link {
    pub(super) fn new(served: bool, platform: Platform) -> Self {
        Self {
            served,
            platform,
            server: Server::Fine,
            up: false,
            ended: false,
            connection: 0,
            attempts: 0,
            strikes: 0,
            pauses: false,
            by_runner: false,
            entry: ("", 0),
            shown: Shown::Nothing,
            losses: Vec::new(),
        }
    }

    /// A new process starts.
    pub(super) fn forget_process(&mut self) {
        *self = Self { server: self.server, entry: self.entry, ..Self::new(self.served, self.platform) };
    }
}

impl World {
    pub(super) fn drop_link(&mut self, index: usize) {
        if self.links[index].up {
            self.later(50, Act::Break(index));
        }
    }

    pub(super) fn outage(&mut self, index: usize, denies: bool) {
        self.links[index].server = if denies { Server::Denies } else { Server::Away };
        self.drop_link(index);
    }

    pub(super) fn recover(&mut self, index: usize) {
        self.links[index].server = Server::Fine;
    }

    pub(super) fn message(&mut self, index: usize) {
        if self.links[index].up {
            let read = self.log_message(index);
            if !self.is_shared(&self.links[index]) {
                self.readable(read, Read::Link(index, Word::Message));
            }
        }
    }

    /// Logs a message, which may have arrived before the link broke. Returns when that can first be read.
    pub(super) fn log_message(&mut self, index: usize) -> Ms {
        let platform = self.links[index].platform.name();
        let line = format!("inbound message: platform={platform} user=x chat=y msg='z'");
        self.say(Some(index), "INFO", "gateway.run", &line)
    }

    /// The start connects one link after the other.
    pub(super) fn connect(&mut self, index: usize) {
        let link = &self.links[index];
        if !link.served || self.plan.layout == Layout::Separate {
            let line = format!("Connecting to {}...", link.platform.name());
            self.say(Some(index), "INFO", "gateway.run", &line);
        }
        self.enter(index, "connecting");
        let span = self.dice.within(100, 2_500);
        self.later(span, Act::Connected(index));
    }

    pub(super) fn connected(&mut self, index: usize) {
        let Link { platform, server, .. } = self.links[index];
        // these announce the link before the attempt has ended
        let hasty = matches!(platform, Platform::Feishu | Platform::Weixin | Platform::Dingtalk);
        if server == Server::Fine {
            self.go_up(index, "connected");
        } else if hasty {
            self.announce(index, "connected");
            self.fail(index);
        } else {
            self.fail_to_connect(index);
            let line = format!("✗ {} failed to connect{}", platform.name(), self.tag(index));
            self.trouble(index, "WARNING", "gateway.run", &line);
            let span = self.dice.within(30 * SECOND, 40 * SECOND);
            self.hand_to_runner(index, span);
            // 0.19 does not retry a served profile's link that fails at the start
            self.links[index].ended = self.links[index].served && self.plan.layout == Layout::Tagged;
        }
        let next = if index + 1 < self.links.len() { Act::Connect(index + 1) } else { Act::Ready };
        self.later(30, next);
    }

    pub(super) fn break_link(&mut self, index: usize) {
        if !self.links[index].up {
            return;
        }
        self.forget_loss(index);
        let Link { platform, server, connection, .. } = self.links[index];
        self.links[index].up = false;
        self.links[index].attempts = 0;
        self.links[index].strikes = 0;
        let soon = self.dice.within(100, 30 * SECOND);
        match platform {
            Platform::Feishu => {
                let line = format!(
                    "receive message loop exit, err: no close frame received or sent [conn_id={connection}]"
                );
                self.trouble(index, "ERROR", "Lark", &line);
                let line = format!(
                    "disconnected to wss://msg-frontier.feishu.cn/ws/v2?device_id={connection} [conn_id={connection}]"
                );
                self.say(Some(index), "INFO", "Lark", &line);
                self.later(soon, Act::Attempt(index));
                if self.dice.one_in(3) {
                    self.later(100 + soon / 50, Act::InTransit(index, self.now));
                }
            }
            Platform::Slack if server == Server::Fine => {
                let line = format!("Received CLOSE event from s_{connection}. Reconnecting...");
                self.say(Some(index), "INFO", "slack_bolt.AsyncApp", &line);
                self.go_up_alone(index);
            }
            Platform::Slack => self.later(5 * SECOND + soon / 3, Act::Repeat(index)),
            Platform::Wecom => {
                self.trouble(
                    index,
                    "WARNING",
                    platform.adapter(),
                    "[Wecom] WebSocket error: WeCom websocket closed",
                );
                self.later(2 * SECOND, Act::Attempt(index));
            }
            Platform::Telegram if server == Server::Denies => self.fail(index),
            Platform::Telegram => {
                self.network_error(index);
                self.later(5 * SECOND, Act::Attempt(index));
            }
            Platform::Weixin => {
                self.fail(index);
            }
            // a clean close, of which no loss is logged
            Platform::Dingtalk if server == Server::Fine && self.dice.one_in(2) => self.go_up_alone(index),
            Platform::Dingtalk => {
                let line = "[start] network exception, error=no close frame received or sent";
                self.trouble(index, "ERROR", "dingtalk_stream.client", line);
                self.later(10 * SECOND, Act::Attempt(index));
            }
            Platform::Qqbot => {
                let code = if server == Server::Denies { 4004 } else { 4000 };
                self.qqbot_closed(index, &format!("WebSocket closed: code={code} reason=lab"));
                self.later(2 * SECOND, Act::Attempt(index));
            }
            Platform::Discord if server == Server::Fine => self.go_up_alone(index),
            Platform::Discord if server == Server::Denies => self.fail(index),
            Platform::Discord => {
                self.fail(index);
                self.later(300 + soon / 2, Act::Repeat(index));
            }
            Platform::Pigeon => self.give_up(index, "gone"),
        }
    }

    /// The adapter gives the link up, and `gateway.run` connects it from now on.
    fn give_up(&mut self, index: usize, code: &str) {
        let Link { platform, served, .. } = self.links[index];
        let name = platform.name();
        let line = if served {
            format!("Fatal {name} adapter error for multiplexed profile alice ({code})")
        } else {
            format!("Fatal {name} adapter error ({code}): no answer")
        };
        self.trouble(index, "ERROR", "gateway.run", &line);
        if !served {
            let line = format!("{name} queued for background reconnection");
            self.say(Some(index), "INFO", "gateway.run", &line);
        }
        // it tries at once, or at the next tick (measured)
        let span = if served { 10 } else { self.dice.within(20, SECOND) };
        self.hand_to_runner(index, span);
    }

    fn qqbot_closed(&mut self, index: usize, how: &str) {
        let line = format!("{} {how}", self.qqbot(index));
        self.trouble(index, "WARNING", Platform::Qqbot.adapter(), &line);
        self.enter(index, "disconnected");
    }

    /// The prefix of its lines, which names the account.
    fn qqbot(&self, index: usize) -> &'static str {
        if self.links[index].served { "[QQBot:102000002]" } else { "[QQBot:102000001]" }
    }

    pub(super) fn attempt(&mut self, index: usize) {
        let Link { platform, up, ended, by_runner, attempts, served, .. } = self.links[index];
        if up || ended {
            return;
        }
        self.links[index].attempts += 1;
        if by_runner && !served {
            let line = format!("Reconnecting {} (attempt {})...", platform.name(), attempts + 1);
            self.say(Some(index), "INFO", "gateway.run", &line);
        } else if platform == Platform::Feishu {
            self.say(Some(index), "INFO", "Lark", "trying to reconnect for the 1st time");
        } else if platform == Platform::Dingtalk {
            self.open_dingtalk(index);
        }
        let span = self.dice.within(50, 3_000);
        self.later(span, Act::Answer(index));
    }

    pub(super) fn answer(&mut self, index: usize) {
        let Link { platform, server, up, ended, by_runner, attempts, served, .. } = self.links[index];
        if up || ended {
            return;
        }
        match (server, by_runner) {
            (Server::Fine, true) => self.go_up(index, "reconnected"),
            (Server::Fine, false) => self.go_up_alone(index),
            (_, false) => self.fail(index),
            (_, true) => {
                self.fail_to_connect(index);
                let wait = ((30 * SECOND) << attempts.min(4)).min(300 * SECOND);
                let line = if served {
                    format!(
                        "Secondary {} reconnect retry in {}s (profile: alice)",
                        platform.name(),
                        wait / SECOND
                    )
                } else {
                    format!("Reconnect {} failed, next retry in {}s", platform.name(), wait / SECOND)
                };
                self.trouble(index, "INFO", "gateway.run", &line);
                self.enter(index, "retrying");
                let late = self.dice.within(0, 10 * SECOND);
                self.later(wait + late, Act::Attempt(index));
            }
        }
    }

    /// What an adapter logs again while its link is down.
    pub(super) fn repeat(&mut self, index: usize) {
        let Link { platform, server, up, ended, by_runner, attempts, .. } = self.links[index];
        if up || by_runner || ended {
            return;
        }
        match platform {
            // until somebody scans a new code
            Platform::Weixin if server == Server::Fine => self.go_up_alone(index),
            Platform::Weixin => self.fail(index),
            Platform::Slack => {
                let line = "[Slack] Socket Mode unhealthy (transport disconnected); reconnecting";
                self.trouble(index, "WARNING", platform.adapter(), line);
                self.later(15 * SECOND, Act::Repeat(index));
                if attempts == 0 {
                    self.later(6, Act::Attempt(index));
                }
            }
            // the error after a false claim
            Platform::Telegram => self.telegram_failed(index),
            Platform::Discord => {
                self.links[index].strikes += 1;
                let strikes = self.links[index].strikes;
                let line =
                    format!("[Discord] Discord Gateway WebSocket unhealthy (socket_closed, {strikes}/2)");
                self.trouble(index, "WARNING", platform.adapter(), &line);
                if strikes == 1 {
                    return self.later(15 * SECOND, Act::Repeat(index));
                }
                let line = "[Discord] Discord Gateway WebSocket remained unhealthy (socket_closed); forcing reconnect";
                self.trouble(index, "ERROR", platform.adapter(), line);
                self.forget_loss(index);
                self.give_up(index, "discord_websocket_health_stale");
            }
            _ => {}
        }
    }

    fn open_dingtalk(&mut self, index: usize) {
        let line = "open connection, url=https://api.dingtalk.com/v1.0/gateway/connections/open";
        self.say(Some(index), "INFO", "dingtalk_stream.client", line);
    }

    pub(super) fn tear_down(&mut self) {
        for index in 0..self.links.len() {
            let Link { platform, up, connection, .. } = self.links[index];
            self.links[index].up = false;
            self.links[index].entry = ("disconnected", self.now);
            if up && platform == Platform::Feishu {
                let line = format!(
                    "receive message loop exit, err: sent 1000 (OK); then received 1000 (OK) [conn_id={connection}]"
                );
                self.say(Some(index), "ERROR", "Lark", &line);
                let line = format!(
                    "disconnected to wss://msg-frontier.feishu.cn/ws/v2?device_id={connection} [conn_id={connection}]"
                );
                self.say(Some(index), "INFO", "Lark", &line);
            }
        }
    }

    /// `gateway.run` connected it.
    fn go_up(&mut self, index: usize, word: &str) {
        let platform = self.links[index].platform;
        self.links[index].up = true;
        self.links[index].by_runner = false;
        match platform {
            // the SDK's thread may be faster
            Platform::Dingtalk if self.dice.one_in(2) => {
                self.open_dingtalk(index);
                self.go_up_alone(index);
                self.announce(index, word);
                return;
            }
            Platform::Discord => {
                let line = "Shard ID None has connected to Gateway (Session ID: sess1).";
                let read = self.say(Some(index), "INFO", "discord.gateway", line);
                self.readable(read, Read::Link(index, Word::Proof));
            }
            Platform::Wecom => {
                let read = self.say(
                    Some(index),
                    "INFO",
                    platform.adapter(),
                    "[Wecom] Connected to wss://openws.work.weixin.qq.com",
                );
                self.readable(read, Read::Link(index, Word::Proof));
            }
            Platform::Telegram => {
                self.say(
                    Some(index),
                    "INFO",
                    platform.adapter(),
                    "[Telegram] Connected to Telegram (polling mode)",
                );
            }
            _ => {}
        }
        let read = self.announce(index, word);
        match platform {
            Platform::Feishu | Platform::Slack => self.go_up_alone(index),
            Platform::Dingtalk => {
                self.open_dingtalk(index);
                self.go_up_alone(index);
            }
            Platform::Qqbot => {
                let line = format!("{} Ready, session_id=lab", self.qqbot(index));
                let read = self.say(Some(index), "INFO", platform.adapter(), &line);
                self.readable(read, Read::Link(index, Word::Proof));
            }
            Platform::Wecom | Platform::Discord => {}
            _ => self.readable(read, Read::Link(index, Word::Claim(platform.settle()))),
        }
    }

    /// The adapter connected it by itself.
    fn go_up_alone(&mut self, index: usize) {
        let platform = self.links[index].platform;
        self.links[index].up = true;
        let (line, word) = match platform {
            Platform::Feishu => {
                let connection = self.next_connection();
                self.links[index].connection = connection;
                let line = format!(
                    "connected to wss://msg-frontier.feishu.cn/ws/v2?device_id={connection} [conn_id={connection}]"
                );
                (line, Word::Proof)
            }
            Platform::Slack => {
                let connection = self.next_connection();
                self.links[index].connection = connection;
                (format!("A new session (s_{connection}) has been established"), Word::Proof)
            }
            Platform::Wecom => ("[Wecom] Reconnected".to_owned(), Word::Proof),
            Platform::Telegram => (self.telegram_claim(index), Word::Claim(platform.settle())),
            // nothing is logged
            Platform::Weixin => {
                let pause = if self.links[index].pauses { WEIXIN_PAUSE } else { 0 };
                return self.readable(self.now, Read::Link(index, Word::Silent(pause + platform.settle())));
            }
            Platform::Dingtalk => (
                "endpoint is {'endpoint': 'wss://x', 'ticket': 'lab'}".to_owned(),
                Word::Claim(platform.settle()),
            ),
            Platform::Qqbot => {
                self.say(
                    Some(index),
                    "INFO",
                    platform.adapter(),
                    &format!("{} Reconnected", self.qqbot(index)),
                );
                self.enter(index, "connected");
                (format!("{} Session resumed", self.qqbot(index)), Word::Proof)
            }
            // of two links it may be the other one that goes on
            Platform::Discord => {
                let word = if self.is_shared(&self.links[index]) {
                    Word::Claim(platform.settle())
                } else {
                    Word::Proof
                };
                ("Shard ID None has successfully RESUMED session sess1.".to_owned(), word)
            }
            Platform::Pigeon => return,
        };
        let logger = match platform {
            Platform::Feishu => "Lark",
            Platform::Slack => "slack_bolt.AsyncApp",
            Platform::Dingtalk => "dingtalk_stream.client",
            Platform::Discord => "discord.gateway",
            _ => platform.adapter(),
        };
        let read = self.say(Some(index), "INFO", logger, &line);
        self.readable(read, Read::Link(index, word));
    }

    /// An attempt of the adapter failed.
    fn fail(&mut self, index: usize) {
        let Link { platform, server, attempts, .. } = self.links[index];
        let denies = server == Server::Denies;
        match platform {
            Platform::Feishu if denies => {
                let line = "connect failed, err: 1000040345: app_id or app_secret is invalid";
                self.refuse(index, "ERROR", "Lark", line);
                self.links[index].ended = true;
            }
            Platform::Feishu => {
                let line = "connect failed, err: HTTPConnectionPool(host='x', port=443): Max retries exceeded: Connection refused";
                self.trouble(index, "ERROR", "Lark", line);
                self.later(120 * SECOND, Act::Attempt(index));
            }
            Platform::Telegram if denies => {
                let line = "Network Retry Loop (Polling Updates): Invalid token. Aborting retry loop.";
                self.refuse(index, "ERROR", "telegram.ext", line);
                self.links[index].ended = true;
            }
            Platform::Telegram => match self.dice.within(0, 3) {
                // it claims that polling works again, and the next error follows
                0 => self.claim_in_vain(index, 5, 4_000),
                1 => self.claim_in_vain(index, 60_000, 74_000),
                _ => self.telegram_failed(index),
            },
            Platform::Wecom => {
                self.fail_to_reconnect(index);
                self.trouble(
                    index,
                    "WARNING",
                    platform.adapter(),
                    "[Wecom] WebSocket error: WebSocket not connected",
                );
                let wait = [5, 10, 30, 60][attempts.saturating_sub(1).min(3) as usize];
                self.later(wait * SECOND, Act::Attempt(index));
            }
            Platform::Slack => {
                let line = if denies {
                    "Failed to retrieve WSS URL: The request to the Slack API failed. (url: apps.connections.open, status: 200)"
                } else {
                    "Failed to connect (error: Cannot connect to host); Retrying..."
                };
                if denies {
                    self.refuse(index, "ERROR", "slack_bolt.AsyncApp", line);
                } else {
                    self.trouble(index, "ERROR", "slack_bolt.AsyncApp", line);
                }
                self.later(10 * SECOND, Act::Attempt(index));
            }
            Platform::Weixin if denies => {
                let line = "[Weixin] Session expired; pausing for 10 minutes";
                self.refuse(index, "ERROR", platform.adapter(), line);
                self.links[index].pauses = true;
                self.later(WEIXIN_PAUSE, Act::Repeat(index));
            }
            Platform::Weixin => {
                self.links[index].pauses = false;
                let line = format!("[Weixin] poll error ({}/3): HTTP 503", attempts % 3 + 1);
                self.trouble(index, "ERROR", platform.adapter(), &line);
                let wait = if attempts % 3 == 2 { 30 } else { 2 };
                self.later(wait * SECOND, Act::Attempt(index));
            }
            Platform::Dingtalk => {
                if denies {
                    let line = "open connection failed, error=401 Client Error: Unauthorized, response.text=authFailed";
                    self.refuse(index, "ERROR", "dingtalk_stream.client", line);
                } else {
                    let line = "open connection failed, error=503 Server Error, response.text=busy";
                    self.trouble(index, "ERROR", "dingtalk_stream.client", line);
                }
                self.trouble(index, "ERROR", "dingtalk_stream.client", "open connection failed");
                self.later(10 * SECOND, Act::Attempt(index));
            }
            Platform::Qqbot => {
                let why = if denies {
                    "QQ Bot token response missing access_token: {'code': 100016}"
                } else {
                    "Failed to get QQ Bot gateway URL: 503"
                };
                let line = format!("{} Reconnect failed: {why}", self.qqbot(index));
                self.failure(index, "WARNING", &line);
                self.qqbot_closed(index, "WebSocket error: WebSocket closed");
                let wait = [5, 10, 30, 60][attempts.saturating_sub(1).min(3) as usize];
                self.later(wait * SECOND, Act::Attempt(index));
            }
            Platform::Discord if denies => {
                let line = "[Discord] Discord gateway task exited: Shard ID None WebSocket closed with 4004";
                self.refuse(index, "ERROR", platform.adapter(), line);
                self.forget_loss(index);
                self.give_up(index, "discord_gateway_task_exited");
            }
            Platform::Discord => {
                let wait = self.dice.within(200, SECOND << attempts.min(5));
                let line = format!("Attempting a reconnect in {:.2}s", wait as f64 / 1e3);
                self.trouble(index, "ERROR", "discord.client", &line);
                self.later(wait, Act::Attempt(index));
            }
            Platform::Pigeon => {}
        }
    }

    fn network_error(&mut self, index: usize) {
        let attempts = self.links[index].attempts;
        let wait = [5, 10, 20, 40, 60][attempts.min(4) as usize];
        let line = format!(
            "[Telegram] Telegram network error (attempt {}/10), reconnecting in {wait}s. Error: x",
            attempts + 1
        );
        self.trouble(index, "WARNING", Platform::Telegram.adapter(), &line);
    }

    fn telegram_failed(&mut self, index: usize) {
        let attempts = self.links[index].attempts;
        if attempts >= 10 {
            let line = "[Telegram] Telegram polling could not reconnect after 10 network error retries. Restarting gateway.";
            self.trouble(index, "ERROR", Platform::Telegram.adapter(), line);
            self.give_up(index, "telegram_network_error");
            return;
        }
        if self.dice.one_in(2) {
            self.trouble(
                index,
                "WARNING",
                Platform::Telegram.adapter(),
                "[Telegram] Telegram polling reconnect failed: x",
            );
        }
        self.network_error(index);
        let wait = [5, 10, 20, 40, 60][attempts.min(4) as usize];
        self.later(wait * SECOND, Act::Attempt(index));
    }

    fn claim_in_vain(&mut self, index: usize, from: Ms, to: Ms) {
        let line = self.telegram_claim(index);
        let read = self.say(Some(index), "INFO", Platform::Telegram.adapter(), &line);
        self.readable(read, Read::Link(index, Word::FalseClaim));
        let span = self.dice.within(from, to);
        self.later(span, Act::Repeat(index));
    }

    fn telegram_claim(&self, index: usize) -> String {
        let attempts = self.links[index].attempts;
        format!(
            "[Telegram] Telegram polling restarted after network error (attempt {attempts}); health pending getUpdates progress"
        )
    }

    fn fail_to_reconnect(&mut self, index: usize) {
        let denies = self.links[index].server == Server::Denies;
        let why = if denies {
            "invalid bot_id or secret (errcode=853000)"
        } else {
            "503, message='Invalid response status'"
        };
        self.failure(index, "WARNING", &format!("[Wecom] Reconnect failed: {why}"));
    }

    /// What the adapter logs when `gateway.run` fails to connect it.
    fn fail_to_connect(&mut self, index: usize) {
        let Link { platform, server, .. } = self.links[index];
        let denies = server == Server::Denies;
        let (level, line) = match platform {
            Platform::Telegram if denies => (
                "ERROR",
                "[Telegram] Failed to connect to Telegram: The token `8951:***` was rejected by the server.",
            ),
            Platform::Telegram => ("WARNING", "[Telegram] Connect attempt 1/8 failed: x — retrying in 1s"),
            Platform::Wecom if denies => {
                ("ERROR", "[Wecom] Failed to connect: invalid bot_id or secret (errcode=853000)")
            }
            Platform::Wecom => ("ERROR", "[Wecom] Failed to connect: 503, message='Invalid response status'"),
            Platform::Slack if denies => (
                "ERROR",
                "[Slack] Connection failed: The request to the Slack API failed. (url: auth.test, status: 200)",
            ),
            Platform::Slack => ("ERROR", "[Slack] Connection failed: Cannot connect to host slack.com"),
            Platform::Discord if denies => {
                ("ERROR", "[Discord] Failed to connect to Discord: Improper token has been passed.")
            }
            Platform::Discord => {
                ("ERROR", "[Discord] Failed to connect to Discord: Cannot connect to host discord.com:443")
            }
            Platform::Qqbot => {
                let why = if denies {
                    "QQ Bot token response missing access_token: {'code': 100016}"
                } else {
                    "Failed to get QQ Bot access token: All connection attempts failed"
                };
                let line = format!("{} QQ startup failed: {why}", self.qqbot(index));
                self.enter(index, "fatal");
                return self.failure(index, "ERROR", &line);
            }
            _ => return,
        };
        self.failure(index, level, line);
    }

    /// `span`: when it tries first.
    fn hand_to_runner(&mut self, index: usize, span: Ms) {
        self.links[index].by_runner = true;
        self.links[index].attempts = 0;
        self.enter(index, "retrying");
        self.later(span, Act::Attempt(index));
    }

    fn announce(&mut self, index: usize, word: &str) -> Ms {
        let link = &self.links[index];
        let end = match (word, link.served) {
            ("reconnected", false) => " successfully",
            _ => self.tag(index),
        };
        let line = format!("✓ {} {word}{end}", link.platform.name());
        let read = self.say(Some(index), "INFO", "gateway.run", &line);
        self.enter(index, "connected");
        read
    }

    fn tag(&self, index: usize) -> &'static str {
        if self.links[index].served { " (profile: alice)" } else { "" }
    }

    fn enter(&mut self, index: usize, state: &'static str) {
        self.links[index].entry = (state, self.now);
        let read = self.write_state();
        if matches!(state, "fatal" | "retrying" | "disconnected") {
            self.readable(read, Read::Link(index, Word::Entry));
        }
    }

    /// Logs a line that shows that the link is down.
    fn trouble(&mut self, index: usize, level: &str, logger: &str, line: &str) {
        let named = logger == "gateway.run";
        let read = self.say(Some(index), level, logger, line);
        self.readable(read, Read::Link(index, Word::Trouble { named, refused: false }));
    }

    /// Logs a line that shows that the credentials are refused.
    fn refuse(&mut self, index: usize, level: &str, logger: &str, line: &str) {
        let read = self.say(Some(index), level, logger, line);
        self.readable(read, Read::Link(index, Word::Trouble { named: false, refused: true }));
    }

    /// What the adapter says of an attempt that failed.
    fn failure(&mut self, index: usize, level: &str, line: &str) {
        let Link { platform, server, .. } = self.links[index];
        if server == Server::Denies {
            self.refuse(index, level, platform.adapter(), line);
        } else {
            self.trouble(index, level, platform.adapter(), line);
        }
    }
}
