//! The hash of an account's identity, as Hermes uses it in the names of lock files.

use std::sync::Arc;

use sha2::{Digest, Sha256};

/// Bytes of the SHA-256 that are kept.
const HASH_BYTES: usize = 8;

/// The hash of an identity (hermes-agent 0.19, `gateway/status.py:210`): 16 hexadecimal digits.
pub(super) fn hash_of_identity(identity: &[u8]) -> Arc<str> {
    let digest = Sha256::digest(identity);
    let head = digest.iter().take(HASH_BYTES).fold(0, |head: u64, byte| head << 8 | u64::from(*byte));
    format!("{head:016x}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_hermes() {
        // printf 123456 | sha256sum | cut -c1-16
        assert_eq!(&*hash_of_identity(b"123456"), "8d969eef6ecad3c2");
    }
}
