//! The catalogue of findings: what the doctor can find, how bad it is, and the reports about it.

use std::path::PathBuf;

use crate::text::Both;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The gateway does not work, or will not for long.
    Error,
    /// It works, and something will break it.
    Warning,
    /// Worth knowing.
    Info,
}

impl Severity {
    /// The word used in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// What can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Code {
    PlistInvalid,
    ReplaceFlag,
    ReplaceWithKeepalive,
    KeepaliveSkipsCleanExit,
    RunAtLoadMissing,
    KeepaliveMissing,
    ThrottleMissing,
    ProgramMissing,
    LabelMismatch,
    DuplicateHome,
    NotLoaded,
    UnsafePermissions,
    LogHuge,
    SecondInstance,
    NotReloaded,
    PathUnusable,
    ForeignHome,
    NoJob,
    HomeMissing,
    OddFolder,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 20] = [
        Self::PlistInvalid,
        Self::ReplaceFlag,
        Self::ReplaceWithKeepalive,
        Self::KeepaliveSkipsCleanExit,
        Self::RunAtLoadMissing,
        Self::KeepaliveMissing,
        Self::ThrottleMissing,
        Self::ProgramMissing,
        Self::LabelMismatch,
        Self::DuplicateHome,
        Self::NotLoaded,
        Self::UnsafePermissions,
        Self::LogHuge,
        Self::SecondInstance,
        Self::NotReloaded,
        Self::PathUnusable,
        Self::ForeignHome,
        Self::NoJob,
        Self::HomeMissing,
        Self::OddFolder,
    ];

    /// Its name and severity, and issues of NousResearch/hermes-agent that report its effects.
    pub const fn facts(self) -> (&'static str, Severity, &'static [u32]) {
        use Severity::{Error, Info, Warning};
        match self {
            Self::PlistInvalid => ("plist-invalid", Error, &[23387, 40831]),
            Self::ReplaceFlag => ("replace-flag", Warning, &[92276, 21549, 79048, 30155, 89315]),
            Self::ReplaceWithKeepalive => ("replace-with-keepalive", Error, &[92276, 21549, 30155]),
            Self::KeepaliveSkipsCleanExit => ("keepalive-skips-clean-exit", Warning, &[37388, 28135, 53861]),
            Self::RunAtLoadMissing => ("run-at-load-missing", Warning, &[73368]),
            Self::KeepaliveMissing => ("keepalive-missing", Warning, &[88848, 64778]),
            Self::ThrottleMissing => ("throttle-missing", Info, &[91366, 88304]),
            Self::ProgramMissing => ("program-missing", Error, &[78129, 107_618]),
            Self::LabelMismatch => ("label-mismatch", Warning, &[]),
            Self::DuplicateHome => ("duplicate-home", Error, &[82538, 86893, 30155]),
            Self::NotLoaded => ("not-loaded", Error, &[73368, 73370, 44683]),
            Self::UnsafePermissions => ("unsafe-permissions", Error, &[]),
            Self::LogHuge => ("log-huge", Warning, &[61589, 89536]),
            Self::SecondInstance => ("second-instance", Error, &[88304, 86893, 82538]),
            Self::NotReloaded => ("not-reloaded", Warning, &[92276, 21549]),
            Self::PathUnusable => ("path-unusable", Error, &[78129, 107_618, 88267]),
            Self::ForeignHome => ("foreign-home", Warning, &[40867]),
            Self::NoJob => ("no-job", Warning, &[88848]),
            Self::HomeMissing => ("home-missing", Error, &[]),
            Self::OddFolder => ("odd-folder", Info, &[]),
        }
    }

    /// Its name in output.
    pub const fn name(self) -> &'static str {
        self.facts().0
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub code: Code,
    /// The profile, where one is concerned.
    pub profile: Option<String>,
    /// The file to look at.
    pub file: Option<PathBuf>,
    /// What it leads to.
    pub message: Both,
    /// What to do.
    pub remedy: Both,
    /// Whether `--fix` repairs or offers it.
    pub fixable: bool,
}

impl Finding {
    /// How bad it is.
    pub const fn severity(&self) -> Severity {
        self.code.facts().1
    }

    /// Whether the exit code counts it. A note that `--fix` cannot repair does not: a repaired home exits 0.
    pub fn counts(&self) -> bool {
        self.fixable || self.severity() != Severity::Info
    }

    /// Field reports about it: issue numbers of NousResearch/hermes-agent.
    pub const fn reports(&self) -> &'static [u32] {
        self.code.facts().2
    }
}
