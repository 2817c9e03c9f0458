//! The search for profiles.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::Setup;
use super::family;
use super::past_readers::gateway_of;
use crate::profile::{self, BadJobFile, Found, Places, Profile};
use crate::supervisor::JobReport;

/// The result of the last scan.
#[derive(Default)]
pub(super) struct Scan {
    /// Job files that could not be parsed.
    pub bad_files: Vec<BadJobFile>,
    /// The last scan could not read every folder: it is repeated at the next poll.
    pub incomplete: bool,
    /// Homes of jobs by label, as their processes showed them.
    job_homes: BTreeMap<String, PathBuf>,
}

impl Scan {
    /// The profiles to monitor now; `None`: not every folder could be read, and those that are known stay.
    pub(super) fn run(&mut self, setup: &Setup, any_known: bool) -> Option<Vec<Profile>> {
        let found = if setup.given.is_empty() {
            let found = if self.job_homes.is_empty() {
                profile::scan(&setup.places)
            } else {
                profile::scan(&Places { job_homes: self.job_homes.clone(), ..setup.places.clone() })
            };
            self.incomplete = no_descriptors();
            if self.incomplete && any_known {
                return None;
            }
            found
        } else {
            Found { profiles: setup.given.clone(), bad: Vec::new() }
        };
        self.bad_files = found.bad;
        Some(family::with_parents(found.profiles, |profile| setup.shows(profile)))
    }
}

impl Scan {
    /// Takes in which process a job has: it belongs to the home that names this process in its `gateway.pid`. Returns
    /// whether that is another home than the job had, so that profiles are to be searched for again.
    pub(super) fn take_report<'a>(
        &mut self,
        profile: &Profile,
        report: &JobReport,
        mut all: impl Iterator<Item = &'a Profile>,
    ) -> bool {
        let (Some(pid), Some(label)) = (report.pid, profile.label()) else { return false };
        let own = [Some(pid), gateway_of(report)];
        let names_it = |home: &Path| profile::gateway_pid(home).is_some_and(|pid| own.contains(&Some(pid)));
        let other = all.find(|other| other.job.is_none() && names_it(&other.home));
        let Some(other) = other.filter(|_| !names_it(&profile.home)) else { return false };
        let before = self.job_homes.insert(label.to_owned(), other.home.clone());
        before.as_ref() != Some(&other.home)
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
