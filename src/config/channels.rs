//! `[[channel]]` and `[heartbeat]`: services outside this machine. Nothing is sent unless one of them is set.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::quiet_hours::QuietHours;
use super::secret::Secret;
use super::settings::Language;
use crate::health::settings::seconds;
use crate::text::{Lang, channels as say};

/// `[[channel]]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelSettings {
    /// Its name in the menu and on the command line.
    pub name: String,
    /// The service.
    pub kind: ChannelKind,
    /// Where to send; the kind's own server where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Secret>,
    /// The key with which requests are signed (feishu-bot, dingtalk-bot).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// The bot's token (telegram), or an access token (ntfy, webhook).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    /// The chat that the bot writes to (telegram).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<String>,
    /// The topic (ntfy). Everybody who knows it can read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<Secret>,
    /// The device's key (bark).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Secret>,
    /// JSON with `{placeholders}` in its texts (webhook).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// How the receiver's markup is escaped in the texts (webhook).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escape: Option<Escape>,
    /// The mildest light that is sent.
    #[serde(default)]
    pub least: Least,
    /// Profiles whose notifications are sent; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<String>,
    /// Platforms whose incidents are sent, besides those of the gateway itself; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<String>,
    /// The language of the messages; that of the settings where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// When nothing is sent; the quiet hours of the notices where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<QuietHours>,
}

/// The services that Gatelight speaks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChannelKind {
    /// A custom bot in a Feishu or Lark group.
    FeishuBot,
    /// A custom bot in a DingTalk group.
    DingtalkBot,
    /// A bot in a WeCom group.
    WecomBot,
    /// A Telegram bot.
    Telegram,
    /// A topic of ntfy.
    Ntfy,
    /// The Bark app.
    Bark,
    /// Any server that takes JSON.
    Webhook,
}

/// The mildest light that a channel sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Least {
    /// Red.
    #[default]
    Red,
    /// A connection that was lost a moment ago, too.
    Amber,
}

/// Markup that is escaped in the texts of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Escape {
    /// The receiver reads plain text.
    #[default]
    None,
    /// Slack's mrkdwn.
    Slack,
    /// Discord's Markdown.
    Discord,
}

/// The keys of one kind of channel, besides those of every channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KindKeys {
    /// Without these it cannot send.
    pub(crate) required: &'static [&'static str],
    /// The others that it may have.
    pub(crate) optional: &'static [&'static str],
}

impl ChannelKind {
    /// Every kind.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 7] = [
        Self::FeishuBot,
        Self::DingtalkBot,
        Self::WecomBot,
        Self::Telegram,
        Self::Ntfy,
        Self::Bark,
        Self::Webhook,
    ];

    /// Its name in the settings.
    pub const fn word(self) -> &'static str {
        match self {
            Self::FeishuBot => "feishu-bot",
            Self::DingtalkBot => "dingtalk-bot",
            Self::WecomBot => "wecom-bot",
            Self::Telegram => "telegram",
            Self::Ntfy => "ntfy",
            Self::Bark => "bark",
            Self::Webhook => "webhook",
        }
    }

    /// What users call it.
    pub(crate) const fn title(self, lang: Lang) -> &'static str {
        lang.pick(match self {
            Self::FeishuBot => say::FEISHU_BOT,
            Self::DingtalkBot => say::DINGTALK_BOT,
            Self::WecomBot => say::WECOM_BOT,
            Self::Telegram => say::TELEGRAM,
            Self::Ntfy => say::NTFY,
            Self::Bark => say::BARK,
            Self::Webhook => say::WEBHOOK,
        })
    }

    pub(crate) const fn keys(self) -> KindKeys {
        let (required, optional): (&[_], &[_]) = match self {
            Self::FeishuBot | Self::DingtalkBot => (&["url"], &["secret"]),
            Self::WecomBot => (&["url"], &[]),
            Self::Telegram => (&["token", "chat"], &["url"]),
            Self::Ntfy => (&["topic"], &["url", "token"]),
            Self::Bark => (&["key"], &["url"]),
            Self::Webhook => (&["url"], &["token", "template", "escape"]),
        };
        KindKeys { required, optional }
    }

    /// Whether the URL alone allows writing to the channel.
    const fn has_secret_url(self) -> bool {
        matches!(self, Self::FeishuBot | Self::DingtalkBot | Self::WecomBot | Self::Webhook)
    }
}

impl ChannelSettings {
    /// The keys that only some kinds have, and whether they are set.
    pub(super) fn kind_keys(&self) -> [(&'static str, bool); 8] {
        [
            ("url", self.url.is_some()),
            ("secret", self.secret.is_some()),
            ("token", self.token.is_some()),
            ("chat", self.chat.is_some()),
            ("topic", self.topic.is_some()),
            ("key", self.key.is_some()),
            ("template", self.template.is_some()),
            ("escape", self.escape.is_some()),
        ]
    }

    /// The keys that hold a secret, with their values.
    pub(super) fn secrets(&self) -> impl Iterator<Item = (&'static str, &Secret)> {
        self.all_secrets().filter(|(key, _)| *key != "url" || self.kind.has_secret_url())
    }

    /// The keys whose value may be in a separate file.
    pub(super) fn all_secrets(&self) -> impl Iterator<Item = (&'static str, &Secret)> {
        let all = [
            ("url", &self.url),
            ("secret", &self.secret),
            ("token", &self.token),
            ("topic", &self.topic),
            ("key", &self.key),
        ];
        all.into_iter().filter_map(|(key, secret)| Some((key, secret.as_ref()?)))
    }

    pub(super) fn secrets_mut(&mut self) -> impl Iterator<Item = &mut Secret> {
        [&mut self.url, &mut self.secret, &mut self.token, &mut self.topic, &mut self.key]
            .into_iter()
            .flatten()
    }
}

/// `[heartbeat]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeartbeatSettings {
    /// The URL that is requested with GET.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Secret>,
    /// The program that is run instead: an absolute path, without a shell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<PathBuf>,
    /// How often, in seconds.
    #[serde(default = "one_minute", with = "seconds")]
    pub every: Duration,
    /// Whether a red light counts as a failure.
    #[serde(default)]
    pub fail_on_red: bool,
}

const fn one_minute() -> Duration {
    Duration::from_secs(60)
}

#[cfg(test)]
mod tests;
