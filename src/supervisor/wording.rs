//! Errors of managers as messages. The managers' own messages are not translated.

use super::{BadAnswer, BadFile, SupervisorError};
use crate::text::{Message, Worded, restart as say};

impl Worded for SupervisorError {
    fn message(&self) -> Message {
        match self {
            Self::Missing { program } => Message::new(say::ERROR_MISSING).with("program", &**program),
            Self::TimedOut { program, after } => Message::new(say::ERROR_TIMED_OUT)
                .with("program", &**program)
                .with("seconds", after.as_secs_f32().to_string()),
            Self::Refused { program, action, code, words } => Message::new(say::ERROR_REFUSED)
                .with("program", &**program)
                .with("action", &**action)
                .with("code", *code)
                .with("words", &**words),
            Self::BadAnswer { program, action, code, why, words } => Message::new(say::ERROR_BAD_ANSWER)
                .with("program", &**program)
                .with("action", &**action)
                .with("code", *code)
                .with("what", why.message(words)),
            Self::Domain { label, domain, words } => Message::new(say::ERROR_DOMAIN)
                .with("label", &**label)
                .with("domain", &**domain)
                .with("words", &**words),
            Self::BadFile { path, why: BadFile::UnsafeMode(mode) } => {
                Message::new(say::ERROR_UNSAFE_MODE).with("path", &**path).with("mode", format!("{mode:04o}"))
            }
            Self::BadFile { path, why } => {
                Message::new(say::ERROR_BAD_FILE).with("path", &**path).with("why", why.message())
            }
            Self::Disabled { enable } => Message::new(say::ERROR_DISABLED).with("enable", &**enable),
            Self::NoUserManager(words) => Message::new(say::ERROR_NO_USER_MANAGER).with("words", &**words),
            Self::Io { program, source } => {
                Message::new(say::ERROR_IO).with("program", &**program).with("why", source.message())
            }
        }
    }
}

impl BadAnswer {
    fn message(self, words: &str) -> Message {
        match self {
            Self::NotUnderstood => Message::new(say::ANSWER_NOT_UNDERSTOOD).with("words", words),
            Self::Contradiction => Message::new(say::ANSWER_CONTRADICTION),
            Self::NeverEnds => Message::new(say::ANSWER_NEVER_ENDS),
            Self::StillRegistered => Message::new(say::ANSWER_STILL_REGISTERED),
            Self::NotRegistered => Message::new(say::ANSWER_NOT_REGISTERED),
        }
    }
}

impl BadFile {
    fn message(&self) -> Message {
        match self {
            Self::UnsafeMode(mode) => Message::verbatim(format!("{mode:04o}")),
            Self::List(error) => error.message(),
            Self::Io(error) => error.message(),
        }
    }
}
