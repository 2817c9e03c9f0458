//! The numbers of attempts in lines that name neither profile nor connection. A link that is down counts its attempts from
//! 1 and begins anew once it was back, so the numbers tell two links apart.

/// Most counts that are kept for one link: more than any gateway has bots of one platform that claim to be back at once.
const MAX_COUNTS: usize = 8;

/// What the lines about one link that is down have counted.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Attempts {
    /// The last number of each count, the newest count last. If one begins anew, it may be that of another link.
    counts: Vec<u16>,
    /// Since the newest number, the link claimed to be back: it may begin anew.
    may_restart: bool,
}

impl Attempts {
    /// How far this link is from being the one that made this attempt: 0 if its newest count is there, 1 if another one is, else
    /// 2.
    pub(super) fn distance(&self, attempt: u16) -> u8 {
        if self.counts.last() == Some(&attempt) {
            0
        } else if self.counts.contains(&attempt) {
            1
        } else {
            2
        }
    }

    /// Whether an error with this number goes on with the newest count.
    pub(super) fn goes_on(&self, attempt: u16) -> bool {
        self.counts.last().is_some_and(|last| precedes(*last, attempt))
    }

    /// Whether an error with this number begins a count, and this link goes on with another. `is_silent`: no line was about it for
    /// so long that it may have been back, at a log level that hides this.
    pub(super) fn contradict(&self, attempt: u16, is_silent: bool) -> bool {
        let is_counting = self.counts.last().is_some_and(|last| *last > 1);
        attempt == 1 && is_counting && !self.may_restart && !is_silent
    }

    /// Takes in the number of an error.
    pub(super) fn count(&mut self, attempt: u16) {
        match self.counts.iter().rposition(|last| precedes(*last, attempt)) {
            Some(place) => drop(self.counts.remove(place)),
            None if self.counts.len() >= MAX_COUNTS => drop(self.counts.remove(0)),
            None => {}
        }
        self.counts.push(attempt);
        self.may_restart = false;
    }

    /// Takes in that the link claims to be back.
    pub(super) fn note_claim(&mut self) {
        self.may_restart = true;
    }

    /// If an error with this number goes on with an older count, another link has logged the newer ones: takes them out.
    pub(super) fn split_off(&mut self, attempt: u16) -> Option<Self> {
        let place = self.counts.iter().rposition(|last| precedes(*last, attempt))?;
        let newer = self.counts.split_off(place + 1);
        (!newer.is_empty()).then_some(Self { counts: newer, may_restart: self.may_restart })
    }
}

fn precedes(last: u16, attempt: u16) -> bool {
    last.checked_add(1) == Some(attempt)
}
