//! Which lights are right, given the true state and what could be read of it so far.

use gatelight::health::Light;

use super::hermes::{Leaving, Ms, SECOND, World};
use super::platform::{Platform, WEIXIN_PAUSE};
use super::platforms::Link;
use super::script::Layout;

/// Something that can be read.
#[derive(Debug, Clone)]
pub(super) enum Read {
    Alive,
    /// The process of a takeover that waits for the gateway to exit.
    Heir,
    Gone(Leaving),
    Suspended,
    Resumed,
    Ready,
    /// A heartbeat, and when it was written.
    Beat(Ms),
    Leaving(Leaving),
    Draining,
    ExecutorDead,
    Link(usize, Word),
}

/// What a line shows of a link.
#[derive(Debug, Clone, Copy)]
pub(super) enum Word {
    /// It is down. `named`: the line names the profile. `refused`: it says that the credentials are refused.
    Trouble { named: bool, refused: bool },
    /// It is up, and this proves it.
    Proof,
    /// A message arrived: a proof, unless it was in transit when the link broke.
    Message,
    /// It is up; the line is no proof until it has stood this long.
    Claim(Ms),
    /// Its own entry of the state file says that it is down; the line about that may be read later.
    Entry,
    /// It is down, although the line claims the opposite.
    FalseClaim,
    /// It is up and nothing is logged: the absence of trouble for this long shows it.
    Silent(Ms),
}

/// What an observer knows of a link.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Shown {
    Nothing,
    /// `calm`: this long after `since` it must not be red any more. `green`: this long after `since` it must be green; trouble
    /// before that continues the loss that began at `lost`, with its refusal. `last`: the last trouble.
    Up {
        since: Ms,
        calm: Ms,
        green: Ms,
        lost: Ms,
        last: Ms,
        refused: Option<Ms>,
    },
    /// `since`: when the loss could first be read. `last`: the last trouble. `silent`: since when silence counts, in the future
    /// during a grace. `pause`: how long after that it means nothing, because the client waits after a refusal. `claimed`: when it
    /// was last claimed to be up. `refused`: since when it is known that the credentials are refused.
    Down {
        since: Ms,
        last: Ms,
        silent: Ms,
        pause: Ms,
        named: bool,
        claimed: Option<Ms>,
        refused: Option<Ms>,
    },
}

/// What an observer knows of the process.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Process {
    Unseen,
    Alive { since: Ms },
    Gone { since: Ms, leaving: Leaving },
}

/// What an observer knows.
#[derive(Debug, Clone)]
pub(super) struct Knowledge {
    process: Process,
    heir: Option<u32>,
    ready: bool,
    /// A start was completed, so the served profiles are known.
    pub serves: bool,
    last_beat: Option<Ms>,
    leaving: Option<(Ms, Leaving)>,
    draining: Option<Ms>,
    executor_dead: bool,
    suspended: Option<Ms>,
    /// Up to when its silence while it was suspended counts for no link.
    excused: Ms,
    /// When it continued after it was frozen or suspended.
    resumed: Option<Ms>,
    woke: Option<Ms>,
    starts: Vec<Ms>,
    takeovers: Vec<Ms>,
    /// Something has just changed, and related lines and files may not have been read yet.
    unsure_until: Ms,
}

impl Default for Knowledge {
    fn default() -> Self {
        Self {
            process: Process::Unseen,
            heir: None,
            ready: false,
            serves: false,
            last_beat: None,
            leaving: None,
            draining: None,
            executor_dead: false,
            suspended: None,
            excused: 0,
            resumed: None,
            woke: None,
            starts: Vec::new(),
            takeovers: Vec::new(),
            unsure_until: 0,
        }
    }
}

/// A message that was in transit when its link broke is logged within this time.
pub(super) const IN_TRANSIT: Ms = 2_000;

/// After the machine woke, deadlines are at least this long.
pub(super) const WAKE_GRACE: Ms = 90 * SECOND;

/// Related lines and files are read within this time.
const TOGETHER: Ms = 2_500;

impl Knowledge {
    pub(super) fn learn(&mut self, now: Ms, pid: u32, read: &Read, links: &mut [Link]) {
        match read {
            Read::Link(index, word) => {
                // that it continues may be read later than its first line
                self.excuse_silence(now, links);
                // whose link it is may be said by the next line only
                let unnamed = matches!(word, Word::Trouble { named: false, .. });
                if matches!(word, Word::Entry) || (unnamed && links[*index].shown == Shown::Nothing) {
                    self.unsure_until = now + TOGETHER;
                }
                links[*index].learn(now, *word);
                // a claim of that time settles as any other
                let grace = self.woke.filter(|woke| *woke + WAKE_GRACE > now);
                if let Some(woke) = grace.filter(|_| !matches!(word, Word::Claim(_))) {
                    links[*index].restart_silence(now, woke, WAKE_GRACE);
                }
                return;
            }
            Read::Beat(written) => return self.last_beat = Some(*written),
            Read::Alive => self.begin(now),
            Read::Heir => {
                self.heir = Some(pid);
                self.starts.push(now);
            }
            Read::Gone(leaving) => match self.heir.take() {
                Some(_) => self.begin(now),
                None => self.process = Process::Gone { since: now, leaving: *leaving },
            },
            Read::Suspended => self.suspended = Some(now),
            Read::Resumed => {
                self.excuse_silence(now, links);
                self.suspended = None;
                self.resumed = Some(now);
            }
            Read::Ready => (self.ready, self.serves) = (true, true),
            Read::Leaving(leaving) => {
                self.leaving = Some((now, *leaving));
                if *leaving == Leaving::Takeover {
                    self.takeovers.push(now);
                }
            }
            Read::Draining => self.draining = Some(now),
            Read::ExecutorDead => self.executor_dead = true,
        }
        self.unsure_until = now + TOGETHER;
    }

    fn begin(&mut self, now: Ms) {
        let starts = std::mem::take(&mut self.starts);
        let takeovers = std::mem::take(&mut self.takeovers);
        *self = Self {
            process: Process::Alive { since: now },
            woke: self.woke,
            serves: self.serves,
            starts,
            takeovers,
            ..Self::default()
        };
        self.starts.push(now);
    }

    fn excuse_silence(&mut self, now: Ms, links: &mut [Link]) {
        let from = self.suspended.map_or(now, |at| at.max(self.excused));
        if from < now {
            for link in links {
                link.restart_silence(from, now, 0);
            }
            self.excused = now;
        }
    }

    pub(super) fn wake(&mut self, now: Ms, slept: Ms) {
        self.woke = Some(now);
        // what it does after that takes time awake
        self.resumed = self.resumed.map(|at| at + slept);
        self.unsure_until = now + TOGETHER;
    }

    /// The gateway continues after it was frozen or suspended.
    pub(super) fn resume(&mut self, now: Ms) {
        self.resumed = Some(now);
        self.unsure_until = now + TOGETHER;
    }

    /// When a deadline ends that began then, with the grace after waking.
    fn due(&self, since: Ms, span: Ms) -> Ms {
        let grace = self.woke.filter(|woke| span > 0 && *woke + WAKE_GRACE > since);
        (since + span).max(grace.map_or(0, |woke| woke + span.max(WAKE_GRACE) + 5 * SECOND))
    }

    /// Whether it was started or taken over so often that a crash loop may be shown.
    fn loops(&self, now: Ms) -> bool {
        let recent = |times: &[Ms], window: Ms| times.iter().filter(|at| **at + window > now).count();
        recent(&self.starts, 200 * SECOND) >= 4 || recent(&self.takeovers, 700 * SECOND) >= 3
    }
}

impl Link {
    /// Whether an observer takes a link that is down for one that is up: a Weixin link that is silent, or one whose claim
    /// has stood. That happens where the gateway hangs.
    fn seems_up(&self, now: Ms) -> bool {
        let Shown::Down { silent, pause, claimed, .. } = self.shown else { return false };
        let silent = Some(silent + pause).filter(|_| self.platform == Platform::Weixin);
        let since = claimed.or(silent);
        since.is_some_and(|since| now >= since + self.platform.settle())
    }

    fn learn(&mut self, now: Ms, word: Word) {
        let seems_up = self.seems_up(now);
        let pause = match word {
            Word::Trouble { refused: true, .. } if self.platform == Platform::Weixin => WEIXIN_PAUSE,
            _ => 0,
        };
        self.shown = match (word, self.shown) {
            (Word::Trouble { named, refused }, Shown::Down { since, refused: before, .. }) if !seems_up => {
                let refused = before.or(refused.then_some(now));
                Shown::Down { since, last: now, silent: now, pause, named, claimed: None, refused }
            }
            // a claim at a start, before any trouble, continues no loss
            (
                Word::Trouble { named, refused },
                Shown::Up { since, green, lost, last, refused: before, .. },
            ) if last > 0 && now < since + green => {
                // the server let it in for a while
                let before = before.filter(|_| now < since + 5 * SECOND);
                let refused = before.or(refused.then_some(now));
                Shown::Down { since: lost, last: now, silent: now, pause, named, claimed: None, refused }
            }
            (Word::Trouble { named, refused }, _) => {
                self.losses.push(now);
                let refused = refused.then_some(now);
                Shown::Down { since: now, last: now, silent: now, pause, named, claimed: None, refused }
            }
            (Word::FalseClaim, Shown::Down { since, last, silent, pause, named, refused, .. }) => {
                Shown::Down { since, last, silent, pause, named, claimed: Some(now), refused }
            }
            (Word::Claim(settle), Shown::Down { since, last, refused, .. }) => {
                Shown::Up { since: now, calm: 5 * SECOND, green: settle, lost: since, last, refused }
            }
            (Word::Silent(settle), Shown::Down { since, last, silent, refused, .. }) => {
                Shown::Up { since: silent, calm: settle, green: settle, lost: since, last, refused }
            }
            (Word::Message, Shown::Down { last, .. } | Shown::Up { last, .. }) if now < last + IN_TRANSIT => {
                self.shown
            }
            (Word::Claim(_), Shown::Nothing) => {
                let green = self.platform.start_settle();
                Shown::Up { since: now, calm: 0, green, lost: now, last: 0, refused: None }
            }
            (Word::Claim(_), Shown::Up { .. }) => self.shown,
            (Word::Proof | Word::Message, _) => {
                Shown::Up { since: now, calm: 0, green: 0, lost: now, last: 0, refused: None }
            }
            // one that is read after the claim that followed it only lets the claim settle anew
            (Word::Entry, Shown::Up { since, calm, green, lost, last, refused })
                if self.up && now < since + green =>
            {
                Shown::Up { since: now, calm, green, lost, last, refused }
            }
            (Word::Entry, Shown::Up { since, green, lost, refused, .. })
                if !self.up && now < since + green =>
            {
                Shown::Down {
                    since: lost,
                    last: now,
                    silent: now,
                    pause,
                    named: true,
                    claimed: None,
                    refused,
                }
            }
            (Word::FalseClaim | Word::Silent(_) | Word::Entry, shown) => shown,
        };
    }

    /// The process could log nothing between these times, so silence counts anew, for at least the grace.
    pub(super) fn restart_silence(&mut self, from: Ms, until: Ms, grace: Ms) {
        if let Shown::Down { last, .. } | Shown::Up { last, .. } = &mut self.shown
            && *last + IN_TRANSIT > from
        {
            *last += until.saturating_sub(from);
        }
        let at = until + grace.saturating_sub(self.platform.settle());
        let seems_up = self.seems_up(from);
        match &mut self.shown {
            Shown::Down { silent, claimed, .. } if !seems_up => {
                *silent = at.max(*silent);
                *claimed = claimed.map(|claimed| at.max(claimed));
            }
            Shown::Up { since, green, .. } if from < *since + *green => *since = at.max(*since),
            _ => {}
        }
    }
}

/// The lights that are right at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Allowed {
    pub green: bool,
    pub grey: bool,
    pub amber: bool,
    pub red: bool,
}

impl Allowed {
    const ANY: Self = Self { green: true, grey: true, amber: true, red: true };
    const ONLY_RED: Self = Self { green: false, grey: false, amber: false, red: true };

    pub(super) fn allows(self, light: Light) -> bool {
        match light {
            Light::Green => self.green,
            Light::Grey => self.grey,
            Light::Amber => self.amber,
            Light::Red => self.red,
        }
    }
}

/// The lights that are allowed at one moment.
#[derive(Debug, Clone)]
pub(super) struct Check {
    pub at: Ms,
    pub served: bool,
    pub allowed: Allowed,
    pub why: &'static str,
}

impl World {
    /// Adds a check of the lights at this moment, after its events.
    pub(super) fn check(&mut self) {
        for served in [false, true].into_iter().take(self.rows()) {
            let (allowed, why) = self.allowed(served);
            if allowed != Allowed::ANY {
                self.checks.push(Check { at: self.now, served, allowed, why });
            }
        }
    }

    /// How many profiles have a row that is known to be there.
    pub(super) fn rows(&self) -> usize {
        if self.plan.layout == Layout::Single || !self.knowledge.serves { 1 } else { 2 }
    }

    pub(super) fn allowed(&self, served: bool) -> (Allowed, &'static str) {
        let (now, known) = (self.now, &self.knowledge);
        if now < known.unsure_until || known.heir.is_some() {
            return (Allowed::ANY, "");
        }
        let (allowed, why) = match known.process {
            Process::Unseen => (Allowed::ANY, ""),
            Process::Gone { since, leaving } => (self.gone(since, leaving), "gone"),
            Process::Alive { since } => self.alive(since, served),
        };
        let loops = known.loops(now);
        (Allowed { red: allowed.red || loops, amber: allowed.amber || loops, ..allowed }, why)
    }

    fn gone(&self, since: Ms, leaving: Leaving) -> Allowed {
        let (now, known) = (self.now, &self.knowledge);
        if leaving == Leaving::Stop {
            let amber = now < since + 8 * SECOND;
            return Allowed { amber, grey: true, green: false, red: false };
        }
        let back_by = known.due(since, 46 * SECOND);
        // red at once without a manager, which would start it again
        let red = self.plan.manager.is_none() || now >= since + 44 * SECOND;
        Allowed { amber: now < back_by, grey: false, green: false, red }
    }

    fn alive(&self, since: Ms, served: bool) -> (Allowed, &'static str) {
        let (now, known) = (self.now, &self.knowledge);
        // a process that an observer has not seen yet
        let Some(gateway) = self.gateway.as_ref().filter(|gateway| gateway.began <= since) else {
            return (Allowed::ANY, "");
        };
        if let Some(at) = known.suspended {
            let late = now >= known.due(at, 11 * SECOND);
            return if late { (Allowed::ONLY_RED, "suspended") } else { (Allowed::ANY, "") };
        }
        if let Some(beat) = known.last_beat.filter(|_| gateway.frozen) {
            let late = now >= known.due(known.resumed.map_or(beat, |at| at.max(beat)), 76 * SECOND);
            return if late { (Allowed::ONLY_RED, "frozen") } else { (Allowed::ANY, "") };
        }
        if known.executor_dead && known.leaving.is_none() {
            return (Allowed::ONLY_RED, "executor dead");
        }
        let links: Vec<&Link> = self.links.iter().filter(|link| self.concerns(link, served)).collect();
        let is_red = |link: &&Link| match link.shown {
            Shown::Down { .. } => true,
            Shown::Up { .. } => self.may_be_red(link),
            Shown::Nothing => false,
        };
        let troubled = links.iter().any(is_red);
        // A gateway that hangs does not contradict its claim, nor that silence means success.
        let hung = gateway.frozen || known.resumed.is_some_and(|at| now < at + 80 * SECOND);
        let is_down = |link: &&Link| {
            let claimed = matches!(link.shown, Shown::Down { claimed: Some(_), .. });
            let heals = link.platform == Platform::Weixin;
            let silent = hung && (claimed || heals);
            let down = !link.up && !silent && matches!(link.shown, Shown::Down { .. });
            down && self.counts(link, served)
        };
        let start_stalled = |at| !known.ready && at >= gateway.began + 89 * SECOND;
        if let Some((at, _)) = known.leaving {
            let long = now >= at + 44 * SECOND;
            let drained = known.draining.is_some_and(|at| now >= at + 1_799 * SECOND);
            let red = troubled
                || known.executor_dead
                || drained
                || start_stalled(at)
                || (long && known.draining.is_none());
            // its links stay open until it has finished its answers
            let overdue = gateway.draining
                && known.draining.is_some()
                && links.iter().any(|link| is_down(link) && self.is_overdue(link, served));
            return (
                Allowed { green: false, grey: !overdue, amber: !overdue, red: red || overdue },
                "leaving",
            );
        }
        if !known.ready {
            let red = troubled || start_stalled(now);
            return (Allowed { green: !links.iter().any(is_down), red, grey: true, amber: true }, "starting");
        }
        if links.iter().any(is_down) {
            let overdue = links.iter().any(|link| is_down(link) && self.is_overdue(link, served));
            let red = links.iter().any(|link| self.may_be_red(link));
            return (Allowed { green: false, red, amber: !overdue, grey: !overdue }, "link down");
        }
        let calm = links.iter().all(|link| match link.shown {
            Shown::Up { since, green, .. } => link.up && now >= known.due(since, green),
            _ => false,
        });
        if !calm {
            return (Allowed { red: troubled, ..Allowed::ANY }, "recovering");
        }
        let losses =
            links.iter().flat_map(|link| &link.losses).filter(|at| **at + 620 * SECOND > now).count();
        let flaps = losses >= 3;
        (Allowed { green: true, grey: false, amber: flaps, red: false }, "all up")
    }

    /// Whether trouble of this link may show in the row: it is the row's own link, or the two cannot be told apart.
    fn concerns(&self, link: &Link, served: bool) -> bool {
        link.served == served || self.is_shared(link)
    }

    /// Whether most lines about the link may be about one of the other profile as well.
    pub(super) fn is_shared(&self, link: &Link) -> bool {
        let others = |other: &&Link| other.platform == link.platform && other.served != link.served;
        self.plan.layout == Layout::Tagged && self.links.iter().any(|other| others(&other))
    }

    /// Whether the row must not be green while the link is down.
    fn counts(&self, link: &Link, served: bool) -> bool {
        let named = matches!(link.shown, Shown::Down { named: true, .. });
        let is_own = |own: &Link| own.platform == link.platform && own.served == served;
        // whether it has such a link is known from its own lines
        let known = self.links.iter().any(|own| is_own(own) && own.shown != Shown::Nothing);
        link.served == served || (self.is_shared(link) && !named && known)
    }

    /// Whether the trouble of this link is a reason for red by now.
    fn may_be_red(&self, link: &Link) -> bool {
        // a failed attempt of Feishu is red at once; once red, several links that cannot be told apart stay so
        let at_once = link.platform == Platform::Feishu || self.is_shared(link);
        match link.shown {
            Shown::Nothing => false,
            Shown::Up { since, calm, green, .. } => {
                let span = if self.is_shared(link) { green } else { calm };
                self.now < self.knowledge.due(since, span)
            }
            Shown::Down { since, refused, .. } => {
                at_once || refused.is_some() || self.now + SECOND >= since + link.platform.patience()
            }
        }
    }

    /// Whether the link has been down for too long to be amber in this row.
    fn is_overdue(&self, link: &Link, served: bool) -> bool {
        let Shown::Down { since, claimed, refused, .. } = link.shown else { return false };
        // the return of another one that was lost later counts as this one's: the oldest loss is answered first
        let taken_for = |other: &&Link| other.platform == link.platform && other.up && self.is_shared(other);
        let others = self.links.iter().filter(taken_for).flat_map(|other| &other.losses);
        let since = others.copied().fold(since, Ms::max);
        let tells = link.served == served && (!served || !self.is_shared(link));
        let stands = claimed.is_some_and(|claim| self.now + SECOND >= claim + 5 * SECOND);
        let late = self.now >= self.knowledge.due(since, link.platform.deadline());
        let denied = refused.is_some_and(|refused| self.now >= refused + TOGETHER);
        !link.up && tells && !stands && (late || denied)
    }
}
