//! Secrets in the settings: in the settings file, or in a separate file.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::files;
use crate::text::{self, Both, Lang, Message, Phrase, Worded, channels as say, fill};

/// What is shown in place of a secret.
const MASK: &str = "[redacted]";
/// The prefix of the path of a file with the secret.
const FROM_FILE: &str = "file:";
/// Longest secret, in bytes.
const MAX_BYTES: u64 = 4_096;

/// A value that must not be shown: `Debug` and `Serialize` write [`MASK`] in its place, or the path of its file.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(from = "String", into = "String")]
pub struct Secret(Source);

#[derive(Clone, PartialEq, Eq)]
enum Source {
    Inline(String),
    File(PathBuf),
}

/// Why a secret cannot be read from its file.
#[derive(Debug)]
pub enum SecretError {
    /// Others can read the file.
    NotPrivate(PathBuf),
    /// It is not a single line of printable characters.
    Invalid(PathBuf),
    /// It cannot be read.
    Unreadable(PathBuf, std::io::Error),
}

impl Secret {
    /// The value: one line of printable ASCII characters.
    pub fn read(&self) -> Result<String, SecretError> {
        let path = match &self.0 {
            Source::Inline(value) => return Ok(value.clone()),
            Source::File(path) => path,
        };
        let unreadable = |error| SecretError::Unreadable(path.clone(), error);
        let (bytes, is_private) = files::read_with_mode(path, MAX_BYTES).map_err(unreadable)?;
        if !is_private {
            return Err(SecretError::NotPrivate(path.clone()));
        }
        let value = bytes.trim_ascii();
        match std::str::from_utf8(value) {
            Ok(text) if is_valid(text) => Ok(text.to_owned()),
            _ => Err(SecretError::Invalid(path.clone())),
        }
    }

    /// The value, where the settings file holds it.
    pub(super) fn inline(&self) -> Option<&str> {
        match &self.0 {
            Source::Inline(value) => Some(value),
            Source::File(_) => None,
        }
    }

    /// The path of its file.
    pub(crate) fn file(&self) -> Option<&Path> {
        match &self.0 {
            Source::Inline(_) => None,
            Source::File(path) => Some(path),
        }
    }

    pub(super) fn file_mut(&mut self) -> Option<&mut PathBuf> {
        match &mut self.0 {
            Source::Inline(_) => None,
            Source::File(path) => Some(path),
        }
    }
}

/// Whether a value can be a secret: printable ASCII characters, no blank among them.
pub(super) fn is_valid(value: &str) -> bool {
    !value.is_empty() && value.len() as u64 <= MAX_BYTES && value.bytes().all(|byte| byte.is_ascii_graphic())
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(match text.strip_prefix(FROM_FILE) {
            Some(path) => Source::File(PathBuf::from(path)),
            None => Source::Inline(text),
        })
    }
}

impl From<Secret> for String {
    fn from(secret: Secret) -> Self {
        match secret.0 {
            Source::Inline(_) => MASK.to_owned(),
            Source::File(path) => format!("{FROM_FILE}{}", path.display()),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from(self.clone()))
    }
}

impl SecretError {
    /// The message for users.
    pub fn text(&self, lang: Lang) -> String {
        let with =
            |phrase: Phrase, path: &Path| fill(lang.pick(phrase), &[("path", &path.display().to_string())]);
        match self {
            Self::NotPrivate(path) => with(say::SECRET_NOT_PRIVATE, path),
            Self::Invalid(path) => with(say::SECRET_INVALID, path),
            Self::Unreadable(path, why) => format!("{}: {}", path.display(), text::error::io(lang, why)),
        }
    }
}

impl Worded for SecretError {
    fn message(&self) -> Message {
        Message::new(say::WHY).with("why", &Both::each(|lang| self.text(lang)))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_with_a_secret_is_one_private_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let secret = Secret::from(format!("file:{}", path.display()));
        let read = |text: &str, mode: u32| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            secret.read().map_err(|error| [Lang::En, Lang::Zh].map(|lang| error.text(lang)))
        };
        assert_eq!(read(" SEC123\n", 0o600).unwrap(), "SEC123");
        assert_eq!(read("SEC123", 0o400).unwrap(), "SEC123");
        for mode in [0o640, 0o604, 0o666] {
            let [en, zh] = read("SEC123", mode).unwrap_err();
            assert!(en.contains("chmod 600") && zh.contains("chmod 600"), "{en} {zh}");
        }
        for unfit in ["", "\n", "a b", "a\nb", "é"] {
            assert!(read(unfit, 0o600).unwrap_err()[0].contains("one line"), "{unfit:?}");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(secret.read(), Err(SecretError::Unreadable(..))));
    }

    #[test]
    fn it_is_never_shown() {
        let secret = Secret::from("q7secretq7".to_owned());
        assert_eq!(secret.read().unwrap(), "q7secretq7");
        assert_eq!(format!("{secret:?}"), MASK);
        assert_eq!(serde_json::to_string(&secret).unwrap(), format!("\"{MASK}\""));
    }
}
