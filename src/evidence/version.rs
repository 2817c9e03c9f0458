//! Reads the version of Hermes from the files beside a gateway's code. No program is run.

use std::path::Path;

use jiff::Timestamp;

use crate::files;
use crate::health::HermesVersion;

/// Most entries of a folder that are read.
const ENTRIES_MAX: usize = 20_000;

/// Most bytes read of `__init__.py`; that of 0.19 has a few hundred.
const INIT_BYTES: u64 = 64 * 1024;

/// The version of the code that a process runs, from the module that it was started with (`argv[0]` in `gateway.pid`)
/// and its command line. Files written after its start do not count.
pub(super) fn of_process(
    module: Option<&Path>,
    command: &[String],
    started_at: Timestamp,
) -> Option<HermesVersion> {
    let programs = command.iter().map(Path::new).filter(|word| word.is_absolute());
    let beside_module = module.filter(|module| module.is_absolute()).and_then(beside_module);
    let (text, written) = beside_module
        .or_else(|| programs.take(3).find_map(|program| Some(beside_program(program)?.hermes)))?;
    let running = written.is_some_and(|written| written < started_at);
    Some(HermesVersion { text: cleaned(&text)?, running })
}

/// If this is a file of the package `hermes_cli`: its `__version__`, and when that was written.
fn beside_module(module: &Path) -> Option<(String, Option<Timestamp>)> {
    let package = module.parent().filter(|folder| folder.ends_with("hermes_cli"))?;
    let init = package.join("__init__.py");
    let text = String::from_utf8(files::read(&init, INIT_BYTES).ok()?).ok()?;
    let line =
        text.lines().find_map(|line| line.strip_prefix("__version__")?.trim_start().strip_prefix('='))?;
    let version = line.trim().trim_matches(['"', '\'']).to_owned();
    Some((version, written(&init)))
}

/// Versions in a virtual environment.
#[derive(Debug, PartialEq)]
pub(crate) struct Environment {
    /// The version of hermes-agent, and when it was installed.
    pub(crate) hermes: (String, Option<Timestamp>),
    /// The version of Python.
    pub(crate) python: String,
}

/// The versions in the virtual environment of this program, where pip leaves a folder `hermes_agent-VERSION.dist-info`. Its
/// interpreter is a symbolic link, which is not followed.
pub(crate) fn beside_program(program: &Path) -> Option<Environment> {
    let environment = program.parent().filter(|folder| folder.ends_with("bin"))?.parent()?;
    let names = |folder: &Path| -> Vec<String> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().take(ENTRIES_MAX);
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
    };
    let lib = environment.join("lib");
    names(&lib).into_iter().filter(|name| name.starts_with("python3")).find_map(|python| {
        let packages = lib.join(&python).join("site-packages");
        names(&packages).iter().find_map(|name| {
            let version = name.strip_prefix("hermes_agent-")?.strip_suffix(".dist-info")?;
            let hermes = (version.to_owned(), written(&packages.join(name)));
            Some(Environment { hermes, python: python.trim_start_matches("python").to_owned() })
        })
    })
}

/// A version in the format of PEP 440; `None` for anything else.
pub(super) fn cleaned(version: &str) -> Option<String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'+' | b'-' | b'!' | b'_');
    let short = (1..=40).contains(&version.len());
    (short && version.bytes().all(fits) && version.bytes().any(|b| b.is_ascii_digit()))
        .then(|| version.to_owned())
}

fn written(path: &Path) -> Option<Timestamp> {
    Timestamp::try_from(std::fs::metadata(path).ok()?.modified().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_version_is_running_only_if_its_files_are_older_than_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let venv = folder.path().join("venv");
        let packages = venv.join("lib/python3.12/site-packages");
        fs::create_dir_all(packages.join("hermes_agent-0.18.2.dist-info")).unwrap();
        fs::create_dir_all(packages.join("other-1.0.dist-info")).unwrap();
        fs::create_dir_all(venv.join("bin")).unwrap();
        let python = venv.join("bin/python");
        let command = [python.display().to_string(), "-m".to_owned(), "hermes_cli.main".to_owned()];
        let (before, later) =
            (Timestamp::now() - Duration::from_secs(60), Timestamp::now() + Duration::from_secs(60));
        let version = |text: &str, running| Some(HermesVersion { text: text.to_owned(), running });
        assert_eq!(beside_program(&python).map(|found| found.python), Some("3.12".to_owned()));
        assert_eq!(of_process(None, &command, later), version("0.18.2", true));
        assert_eq!(of_process(None, &command, before), version("0.18.2", false));
        let package = folder.path().join("hermes_cli");
        fs::create_dir(&package).unwrap();
        let module = package.join("main.py");
        assert_eq!(of_process(Some(&module), &command, later), version("0.18.2", true), "no __init__.py");
        fs::write(package.join("__init__.py"), "\"\"\"x\"\"\"\n__version__ = \"0.19.0\"\n").unwrap();
        assert_eq!(of_process(Some(&module), &command, later), version("0.19.0", true));
        for foreign in
            ["__version__ = read()\n", "__version__ = \"\"\n", "__version__ = 'x y'\n", "\u{1b}[0m"]
        {
            fs::write(package.join("__init__.py"), foreign).unwrap();
            assert_eq!(of_process(Some(&module), &[], later), None, "{foreign}");
        }
        for program in [venv.join("lib/python"), "/".into(), "hermes_cli/main.py".into()] {
            assert_eq!(beside_program(&program), None);
            assert_eq!(of_process(Some(&program), &[], later), None);
        }
    }
}
