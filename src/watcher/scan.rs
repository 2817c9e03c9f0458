//! The search for profiles.

use rustix::io::Errno;

use super::Setup;
use crate::profile::{self, BadJobFile, Found, Profile};

/// The result of the last scan.
#[derive(Default)]
pub(super) struct Scan {
    /// Job files that could not be parsed.
    pub bad_files: Vec<BadJobFile>,
    /// The last scan could not read every folder: it is repeated at the next poll.
    pub incomplete: bool,
}

impl Scan {
    /// The profiles to monitor now; `None`: not every folder could be read, and those that are known stay.
    pub fn run(&mut self, setup: &Setup, any_known: bool) -> Option<Vec<Profile>> {
        let found = if setup.given.is_empty() {
            let found = profile::scan(&setup.places);
            self.incomplete = no_descriptors();
            if self.incomplete && any_known {
                return None;
            }
            found
        } else {
            Found { profiles: setup.given.clone(), bad: Vec::new() }
        };
        self.bad_files = found.bad;
        let wanted = |profile: &Profile| setup.only.is_empty() || setup.only.contains(&profile.name);
        Some(found.profiles.into_iter().filter(wanted).collect())
    }
}

/// Whether folders cannot be listed now for want of descriptors.
fn no_descriptors() -> bool {
    // as many as a scan has open at once
    let tried = [(); 3].map(|()| std::fs::File::open("/"));
    tried.iter().any(|file| {
        let error = file.as_ref().err().and_then(Errno::from_io_error);
        matches!(error, Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM))
    })
}
