//! The platforms of the model, and what is measured of each.

use super::hermes::{Ms, SECOND};

/// How long a Weixin client waits after its session expired (measured).
pub(super) const WEIXIN_PAUSE: Ms = 600 * SECOND;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Platform {
    Feishu,
    Telegram,
    Wecom,
    Slack,
    Weixin,
    Dingtalk,
    Qqbot,
    Discord,
    Pigeon,
}

impl Platform {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Feishu => "feishu",
            Self::Telegram => "telegram",
            Self::Wecom => "wecom",
            Self::Slack => "slack",
            Self::Weixin => "weixin",
            Self::Dingtalk => "dingtalk",
            Self::Qqbot => "qqbot",
            Self::Discord => "discord",
            Self::Pigeon => "pigeon",
        }
    }

    /// The scope of its lock files.
    pub(super) fn lock(self) -> Option<&'static str> {
        match self {
            Self::Feishu => Some("feishu-app-id"),
            Self::Telegram => Some("telegram-bot-token"),
            Self::Slack => Some("slack-app-token"),
            Self::Weixin => Some("weixin-bot-token"),
            Self::Qqbot => Some("qqbot-appid"),
            Self::Discord => Some("discord-bot-token"),
            Self::Wecom | Self::Dingtalk | Self::Pigeon => None,
        }
    }

    /// How long after the first sign of a loss the light may stay amber.
    pub(super) fn deadline(self) -> Ms {
        match self {
            // 45 s; an attempt that begins within them has 30 s more
            Self::Feishu => 76 * SECOND,
            Self::Weixin => 91 * SECOND,
            Self::Dingtalk => 31 * SECOND,
            _ => 61 * SECOND,
        }
    }

    /// How long a loss is amber at least.
    pub(super) fn patience(self) -> Ms {
        match self {
            Self::Weixin => 90 * SECOND,
            Self::Dingtalk => 30 * SECOND,
            _ => 60 * SECOND,
        }
    }

    /// How long a claim that the link is back must stand where it is no proof.
    pub(super) fn settle(self) -> Ms {
        match self {
            Self::Telegram => 80 * SECOND,
            Self::Weixin => 45 * SECOND,
            _ => 15 * SECOND,
        }
    }

    /// The same at a start, before any trouble.
    pub(super) fn start_settle(self) -> Ms {
        if self == Self::Dingtalk { 5 * SECOND } else { 0 }
    }

    /// The logger of its adapter.
    pub(super) fn adapter(self) -> &'static str {
        match self {
            Self::Feishu => "hermes_plugins.feishu_platform.adapter",
            Self::Telegram => "hermes_plugins.telegram_platform.adapter",
            Self::Wecom => "hermes_plugins.wecom_platform.adapter",
            Self::Slack => "hermes_plugins.slack_platform.adapter",
            Self::Weixin => "gateway.platforms.weixin",
            Self::Dingtalk => "hermes_plugins.dingtalk_platform.adapter",
            Self::Qqbot => "gateway.platforms.qqbot.adapter",
            Self::Discord => "hermes_plugins.discord_platform.adapter",
            Self::Pigeon => "hermes_plugins.pigeon_platform.adapter",
        }
    }
}
