//! Copies text to the clipboard with the system's program.

use std::path::Path;
use std::thread;

use super::open::{Find as _, OnPath};

/// Programs that copy standard input to the clipboard: pbcopy(1) on macOS; wl-clipboard, xclip and xsel elsewhere.
const CLIPBOARDS: [(&str, &[&str]); 4] = [
    ("pbcopy", &[]),
    ("wl-copy", &[]),
    ("xclip", &["-selection", "clipboard"]),
    ("xsel", &["--clipboard", "--input"]),
];

/// Copies a text to the clipboard. `false` if no program for it is installed or works.
pub(crate) fn copy(text: &str) -> bool {
    CLIPBOARDS.iter().any(|(name, arguments)| {
        OnPath.find(name).is_some_and(|program| feed(&program, arguments, text).unwrap_or(false))
    })
}

/// pbcopy(1) reads its input in the encoding of the locale, and an app that Finder starts has none: without one it takes
/// UTF-8 for Mac OS Roman, and Chinese is garbled.
fn clipboard_locale(program: &Path) -> Option<(&'static str, &'static str)> {
    program.ends_with("pbcopy").then_some(("LC_ALL", "en_US.UTF-8"))
}

/// The program reads an unnamed file instead of a pipe, so that one that stops reading cannot block this process.
fn feed(program: &Path, arguments: &[&str], text: &str) -> std::io::Result<bool> {
    use std::io::{Seek, Write};
    use std::process::{Command, Stdio};
    let mut input = tempfile::tempfile()?;
    input.write_all(text.as_bytes())?;
    input.rewind()?;
    let mut child = Command::new(program)
        .args(arguments)
        .envs(clipboard_locale(program))
        .stdin(input)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    // These programs go to the background once they own the selection; one that hangs is killed after 5 s.
    for _ in 0..50 {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        thread::sleep(std::time::Duration::from_millis(100));
    }
    child.kill()?;
    child.wait()?;
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pbcopy_is_given_a_locale() {
        assert_eq!(clipboard_locale(Path::new("/usr/bin/pbcopy")), Some(("LC_ALL", "en_US.UTF-8")));
        assert_eq!(clipboard_locale(Path::new("/usr/bin/wl-copy")), None);
    }

    #[test]
    fn the_clipboard_program_gets_all_of_the_text_and_may_leave_most_of_it() {
        let text = "a line of a long report\n".repeat(20_000);
        let counts = format!("test $(wc -c) -eq {}", text.len());
        for script in [counts.as_str(), "head -c 10 >/dev/null", "exit 0"] {
            assert!(feed(Path::new("/bin/sh"), &["-c", script], &text).unwrap(), "{script}");
        }
        assert!(!feed(Path::new("/bin/sh"), &["-c", "cat >/dev/null; exit 1"], &text).unwrap());
    }
}
