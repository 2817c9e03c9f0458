//! Which Hermes a gateway runs.

/// A version of Hermes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct HermesVersion {
    /// As Hermes writes it: `0.19.0`.
    pub text: String,
    /// Whether the process runs it; otherwise it is the one on disk, written after the process was started.
    pub running: bool,
}
