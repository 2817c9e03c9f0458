//! Names, cheap to copy.

use std::sync::Arc;

/// A profile's name, as users write it.
pub type ProfileName = Arc<str>;

/// A platform's name in Hermes' words: `feishu`, `telegram`, or that of any plug-in.
pub type PlatformName = Arc<str>;
