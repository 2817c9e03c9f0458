//! What a manager needs before it can start a job: the program, the working folder, the files for its output.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::health::Manager;
use crate::profile::JobFile;

/// Why a manager cannot use a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// It is on a volume that is not mounted.
    NoVolume,
    /// The folder, or the folder of the file, does not exist.
    Missing,
    /// A folder in place of a file, or a file in place of a folder.
    WrongKind,
    /// This user may not write to it.
    NotWritable,
    /// macOS protects the folder, and launchd cannot ask for permission.
    Protected,
}

/// Folders of the home that macOS protects (Apple Platform Security, "Controlling app access to files in macOS").
const PROTECTED: [&str; 4] = ["Desktop", "Documents", "Downloads", "Library/Mobile Documents"];

/// The paths of a job that its manager opens before it starts the program and cannot use: key, path, obstacle. launchd then
/// ends with 78 (`EX_CONFIG`), systemd with 200 (`CHDIR`) or 209 (`STDOUT`), and no log says why.
pub(super) fn unusable_paths<'a>(
    job: &'a JobFile,
    user_home: &Path,
) -> Vec<(&'static str, &'a Path, Obstacle)> {
    let [folder, stdout, stderr] = match job.manager {
        Manager::Systemd => ["WorkingDirectory", "StandardOutput", "StandardError"],
        Manager::Launchd | Manager::Embedded => ["WorkingDirectory", "StandardOutPath", "StandardErrorPath"],
    };
    let working = job.working_directory.as_deref();
    let working =
        working.and_then(|path| Some((folder, path, folder_obstacle(path, job.manager, user_home)?)));
    let file = |key, path: &'a Option<PathBuf>| {
        let path = path.as_deref()?;
        Some((key, path, file_obstacle(path, job.manager, user_home)?))
    };
    let mut found: Vec<_> =
        [working, file(stdout, &job.stdout), file(stderr, &job.stderr)].into_iter().flatten().collect();
    // both outputs in one file: one finding
    found.dedup_by(|later, first| later.1 == first.1);
    found
}

fn folder_obstacle(path: &Path, manager: Manager, user_home: &Path) -> Option<Obstacle> {
    match std::fs::metadata(path) {
        Ok(data) if !data.is_dir() => Some(Obstacle::WrongKind),
        Ok(_) => protected(path, manager, user_home),
        Err(_) => Some(absent(path)),
    }
}

fn file_obstacle(path: &Path, manager: Manager, user_home: &Path) -> Option<Obstacle> {
    let may_write = |path: &Path| access(path, Access::WRITE_OK).is_ok();
    match std::fs::metadata(path) {
        Ok(data) if data.is_dir() => Some(Obstacle::WrongKind),
        Ok(_) if !may_write(path) => Some(Obstacle::NotWritable),
        Ok(_) => protected(path, manager, user_home),
        // the manager makes the file, not its folder
        Err(_) => {
            let folder = path.parent().unwrap_or(Path::new("/"));
            match folder_obstacle(folder, manager, user_home) {
                None if !may_write(folder) => Some(Obstacle::NotWritable),
                obstacle => obstacle,
            }
        }
    }
}

fn absent(path: &Path) -> Obstacle {
    let volume: PathBuf = path.components().take(3).collect();
    if path.starts_with("/Volumes") && !volume.exists() { Obstacle::NoVolume } else { Obstacle::Missing }
}

/// launchd opens these files itself, without the right to ask: other volumes than the startup volume (field reports #78129,
/// #88267, #107618) and protected folders of the home. Symbolic links are resolved.
fn protected(path: &Path, manager: Manager, user_home: &Path) -> Option<Obstacle> {
    let path = path.canonicalize().ok()?;
    let is_protected = path.starts_with("/Volumes")
        || PROTECTED.iter().any(|folder| path.starts_with(user_home.join(folder)));
    (manager == Manager::Launchd && is_protected).then_some(Obstacle::Protected)
}

/// The program that does not exist or cannot be executed: the job's own, or the one inside its wrapper.
pub(super) fn missing_program(job: &JobFile, user_home: &Path) -> Option<String> {
    let own = job.arguments.first().map(String::as_str);
    let inner = job.gateway_words.first().map(String::as_str);
    let path = job.env("PATH").unwrap_or("/usr/bin:/bin:/usr/sbin:/sbin");
    let runs = |file: &Path| {
        std::fs::metadata(file).is_ok_and(|d| d.is_file() && d.permissions().mode() & 0o111 != 0)
    };
    let is_there = |program: &str| {
        let expanded = crate::profile::expand(program, user_home);
        if expanded.is_absolute() {
            runs(&expanded)
        } else if program.contains(['/', '$', '`']) {
            // relative or from a variable: only the shell can resolve it
            true
        } else {
            path.split(':').any(|folder| runs(&Path::new(folder).join(program)))
        }
    };
    let missing_own = own.filter(|program| !is_there(program));
    // a shell may set another PATH: there only a full path can be checked
    let missing_inner =
        inner.filter(|program| Some(*program) != own && program.contains('/') && !is_there(program));
    missing_own.or(missing_inner).map(str::to_owned)
}
