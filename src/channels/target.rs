//! Where a channel sends, with its secrets. Created for one attempt and dropped with it.

use crate::config::url::{self, UrlError};
use crate::config::{ChannelKind, ChannelSettings, Escape, Secret, SecretError};
use crate::text::{Lang, Message, Worded, channels as say, fill};

/// The default servers.
const TELEGRAM: &str = "https://api.telegram.org";
const NTFY: &str = "https://ntfy.sh";
const BARK: &str = "https://api.day.app";

/// Everything that a request needs besides the message. No `Debug`: it holds secrets.
pub(crate) struct Target {
    pub(crate) kind: ChannelKind,
    /// Without a trailing slash if paths are appended to it.
    pub(crate) url: String,
    pub(crate) secret: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) chat: Option<String>,
    pub(crate) topic: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) template: Option<String>,
    pub(crate) escape: Escape,
}

/// Why a channel has no target.
#[derive(Debug)]
pub(crate) enum TargetError {
    /// A file with a secret cannot be used.
    Secret(SecretError),
    /// The URL in a file cannot be used.
    Url(UrlError),
}

impl Target {
    /// Reads the secrets.
    pub(crate) fn read(settings: &ChannelSettings) -> Result<Self, TargetError> {
        let read = |secret: &Option<Secret>| {
            secret.as_ref().map(Secret::read).transpose().map_err(TargetError::Secret)
        };
        let url = Self::base(settings)?;
        Ok(Self {
            kind: settings.kind,
            url,
            secret: read(&settings.secret)?,
            token: read(&settings.token)?,
            chat: settings.chat.clone(),
            topic: read(&settings.topic)?,
            key: read(&settings.key)?,
            template: settings.template.clone(),
            escape: settings.escape.unwrap_or_default(),
        })
    }

    /// The validated URL: that of the settings, or of the kind's default server.
    fn base(settings: &ChannelSettings) -> Result<String, TargetError> {
        let own = match settings.kind {
            ChannelKind::Telegram => TELEGRAM,
            ChannelKind::Ntfy => NTFY,
            ChannelKind::Bark => BARK,
            ChannelKind::FeishuBot
            | ChannelKind::DingtalkBot
            | ChannelKind::WecomBot
            | ChannelKind::Webhook => "",
        };
        let given = settings.url.as_ref().map(Secret::read).transpose().map_err(TargetError::Secret)?;
        let mut url = given.unwrap_or_else(|| own.to_owned());
        url::parse(&url).map_err(TargetError::Url)?;
        if !own.is_empty() {
            url.truncate(url.trim_end_matches('/').len());
        }
        Ok(url)
    }

    /// The texts that must never be shown: each secret, and the path of the URL with its parts.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        let words = [&self.secret, &self.token, &self.topic, &self.key].map(Option::as_deref);
        words.into_iter().flatten().chain(secrets_of(&self.url))
    }
}

/// Path and query of a URL, as a whole and in parts: a server's message may name one part only. Parts of three
/// characters and less are not secrets.
pub(super) fn secrets_of(url: &str) -> impl Iterator<Item = &str> {
    let rest = url.splitn(4, '/').nth(3).filter(|rest| rest.len() >= 6).unwrap_or_default();
    let whole = std::iter::once(rest).filter(|rest| !rest.is_empty());
    let parts = rest.split(['/', '?', '&', '=', '#']).filter(|part| part.len() > 3 && !is_common(part));
    whole.chain(parts)
}

/// Parts of the documented URLs of services, which may be shown.
fn is_common(part: &str) -> bool {
    const COMMON: [&str; 14] = [
        "access_token",
        "api",
        "bot",
        "cgi-bin",
        "fail",
        "heartbeat",
        "hook",
        "hooks",
        "open-apis",
        "push",
        "robot",
        "send",
        "services",
        "webhook",
    ];
    COMMON.contains(&part)
}

impl TargetError {
    /// The message for users.
    pub(crate) fn text(&self, lang: Lang) -> String {
        match self {
            Self::Secret(error) => error.text(lang),
            Self::Url(error) => fill(lang.pick(error.phrase()), &[("key", "url")]),
        }
    }
}

impl Worded for TargetError {
    fn message(&self) -> Message {
        let text = crate::text::Both::each(|lang| self.text(lang));
        Message::new(say::WHY).with("why", &text)
    }
}

/// The host that a channel sends to, or the file that names it.
pub(crate) fn address(settings: &ChannelSettings) -> String {
    match settings.url.as_ref().and_then(Secret::file) {
        Some(file) => file.display().to_string(),
        None => Target::base(settings)
            .ok()
            .and_then(|url| url::parse(&url).ok().map(|parts| parts.host.to_owned()))
            .unwrap_or_default(),
    }
}

/// Whether it sends to this machine, which works offline.
pub(crate) fn is_local(settings: &ChannelSettings) -> bool {
    Target::base(settings).is_ok_and(|url| url::parse(&url).is_ok_and(|parts| parts.is_local()))
}
