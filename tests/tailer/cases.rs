//! One case a test.
