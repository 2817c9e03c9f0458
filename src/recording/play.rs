//! Plays a recording through a new core, with the recording's times.

use std::sync::Arc;

use super::first_look::FirstLook;
use super::reader::Reader;
use super::{EventKind, Recording, at};
use crate::evidence::patterns::Patterns;
use crate::health::{Change, Core, Deadlines, Evidence, Platforms, ProfileName};

impl Recording {
    /// Plays it through a new core. Events with the same time are one moment: their order does not matter.
    pub fn play(&self, patterns: Arc<Patterns>, deadlines: Deadlines, sink: &mut dyn FnMut(&Change)) -> Core {
        self.play_with(patterns, &Platforms::built_in(), deadlines, sink)
    }

    /// [`Self::play`] with these rules of platforms.
    pub fn play_with(
        &self,
        patterns: Arc<Patterns>,
        platforms: &Platforms,
        deadlines: Deadlines,
        sink: &mut dyn FnMut(&Change),
    ) -> Core {
        let start = self.header.start;
        let profile = ProfileName::from(self.header.profile.as_str());
        let mut reader = Reader::new(patterns);
        let (mut core, events) = if let Some(look) = FirstLook::of(self) {
            (look.play(&mut reader, profile, platforms, deadlines, sink), look.later)
        } else {
            let mut core = Core::new(profile, platforms, deadlines, start);
            core.go_live().iter().for_each(&mut *sink);
            (core, self.events.as_slice())
        };
        let mut sleeps = self.sleeps().peekable();
        let mut asleep = false;
        for moment in events.chunk_by(|a, b| a.t.total_cmp(&b.t).is_eq()) {
            let t = moment.first().map_or(0.0, |event| event.t);
            let now = at(start, t);
            if !asleep && let Some((from, _)) = sleeps.peek().filter(|(from, to)| (*from..=*to).contains(&t))
            {
                core.step(at(start, *from), Evidence::Sleep).iter().for_each(&mut *sink);
                asleep = true;
            }
            let wakes = moment.iter().find_map(|event| match event.kind {
                EventKind::Wake(slept) => Some(slept),
                _ => None,
            });
            if let Some(slept) = wakes {
                core.step(now, Evidence::Wake { slept }).iter().for_each(&mut *sink);
                asleep = false;
                sleeps.next();
            }
            core.step_all(now, reader.read(moment, now)).iter().for_each(&mut *sink);
            if moment.iter().any(|event| event.kind == EventKind::End) {
                core.tick(now).iter().for_each(&mut *sink);
            }
        }
        core
    }

    /// The spans in which the machine slept. No deadline passes in them, so they must be known before the wake-up is
    /// reached.
    fn sleeps(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.events.iter().filter_map(|event| match event.kind {
            EventKind::Wake(slept) if slept > 0.0 => Some(((event.t - slept).max(0.0), event.t)),
            _ => None,
        })
    }
}
