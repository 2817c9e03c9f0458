# shellcheck shell=bash
# shellcheck disable=SC2034 # its readers use them
# What the scripts beside this one share. Sourced, never run.

# The oldest system that Gatelight.app starts on. rusqlite calls sqlite3_error_offset (SQLite 3.38), the system's library
# has it from macOS 13 on (3.39.5; macOS 12 has 3.37), and dyld refuses a program whose symbols are not there. Launch at
# login (SMAppService) begins with 13 too.
# With an SQLite of our own (rusqlite's feature `bundled`) it would start on 11. The price: 1.1 MB in each architecture
# (measured, -Os), a C compiler and headers in a build that needs neither, the duty to ship every mending of SQLite that
# Apple ships by itself, and guards around what came with 12 (interruption levels of notifications) and 13. Not worth it
# for two systems that Apple no longer mends.
# The same in .cargo/config.toml, Cargo.toml (package.metadata.bundle.osx) and verify.py, which compares them.
MINIMUM_MACOS=13.0
# The system whose interface the stub SDK claims to describe.
SDK_VERSION=26.0

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
# Everything made on the way to a .app, apart from cargo's own folders.
work=$root/target/macos
sdk=$work/MacOSX.sdk
# Debian's matched set of rustc, cargo, clippy and the sources of std: its std can be built for darwin.
cargo=/usr/bin/cargo
llvm=/usr/lib/llvm-22/bin

say() { printf '%s %s\n' "$(date +%H:%M:%S)" "$*" >&2; }
die() {
    printf '%s: error: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# A Linux host that can cross-compile. (On a Mac, `cargo bundle --release` needs none of this.)
use_debian_rust() {
    [ -x /usr/bin/apt-get ] || die "needs Debian or a system like it: its rustc-web set brings a std for darwin"
    "$root/bundle/linux/install-packages" rustc-web cargo-web rust-web-src rust-web-clippy
    # a rustup in ~/.cargo/bin would win otherwise, and its clippy does not fit this rustc
    export PATH=/usr/bin:$PATH
    unset RUSTUP_TOOLCHAIN RUSTC_WRAPPER
    export RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc
    # build-std is unstable; std comes from rust-web-src
    export RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_BUILD_STD=std,panic_unwind
    export MACOSX_DEPLOYMENT_TARGET=$MINIMUM_MACOS
    # mac-notification-sys, which notify-rust wants on macOS, compiles an Objective-C file for the NSUserNotification that
    # nothing here calls; this makes its build script leave that out (its build.rs). A build on a Mac compiles it.
    export DOCS_RS=1
}
