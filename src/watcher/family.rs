//! Which gateway may serve which profile: a gateway serves profiles whose homes lie in `profiles/` of its own home.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::evidence::collector::Past;
use crate::health::{Evidence, LogRecord, ProfileName, Signal};
use crate::order::Collect as _;
use crate::profile::{Profile, homes};

/// For each home, the index of the home whose gateway may serve its profile.
pub(super) fn parents<'a>(homes: impl Iterator<Item = &'a Path> + Clone) -> Vec<Option<usize>> {
    let places: HashMap<&Path, usize> =
        homes.clone().enumerate().map(|(place, home)| (home, place)).collect();
    homes.map(|home| places.get(homes::root_of(home)?).copied()).collect()
}

/// The profiles that satisfy `wanted`, and those whose gateways may serve them. The latter are monitored but not shown.
pub(super) fn with_parents(mut profiles: Vec<Profile>, wanted: impl Fn(&Profile) -> bool) -> Vec<Profile> {
    let roots =
        profiles.iter().filter(|profile| wanted(profile)).filter_map(|profile| homes::root_of(&profile.home));
    let roots: BTreeSet<PathBuf> = roots.map(Path::to_owned).to_set();
    profiles.retain(|profile| wanted(profile) || roots.contains(&profile.home));
    profiles
}

/// The name that the serving gateway uses for a profile: that of its folder, whatever name the settings give it.
pub(super) fn hermes_name(profile: &Profile) -> &str {
    homes::profile_of(&profile.home).map_or(&profile.name, |(_, name)| name)
}

/// The records about links in the evidence of this profile's home, as evidence for the gateway that may serve it.
pub(super) fn tagged<'a>(
    home: &ProfileName,
    evidence: impl Iterator<Item = &'a Evidence>,
) -> impl Iterator<Item = Evidence> {
    evidence.filter_map(move |evidence| match evidence {
        Evidence::Log(record) if matches!(record.signal, Signal::Link(_)) => {
            Some(Evidence::Log(LogRecord { home: Some(home.clone()), ..record.clone() }))
        }
        _ => None,
    })
}

/// The same for a past.
pub(super) fn records_of<'a>(
    home: &ProfileName,
    past: impl Iterator<Item = &'a (Timestamp, Evidence)>,
) -> Past {
    let past = past.map(|(at, evidence)| (*at, tagged(home, std::iter::once(evidence)).next()));
    past.filter_map(|(at, evidence)| Some((at, evidence?))).collect()
}
