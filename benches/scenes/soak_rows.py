"""What must be told of each row, and whether it was."""

import json

# told within this, or missed: generous, the machine may be busy
PATIENCE = 20.0
# What is over within this is read in one go, and judged as it is after it.
ONE_READ = 0.5
# On a busy machine the observer may get no turn for so long. What is over within this and was not told is counted apart.
SHORT = 5.0


class Row:
    """A profile: what happened to it in truth, and what `watch` told of it."""

    def __init__(self, name, told, is_own):
        # `is_own`: of the profile in whose home the gateway runs
        self.name, self.told, self.is_own = name, told, is_own
        self.expected, self.faults, self.latencies = [], [], []
        # how much of the expected and of the told was compared; and how much came before the measurement
        self.checked, self.taken, self.skipped = 0, 0, 0
        # changes that were over within SHORT, and were not told
        self.unseen = 0
        # the lights that each link has had since the last comparison, the newest last
        self.links = {}

    def expect(self, at, light, reason, mark="", optional=False):
        """A change, with its evidence: `mark` stands in it, or one of several."""
        self.expected.append((at, light, reason, mark, optional))

    def expect_some(self, at, states):
        """Any number of changes to these pairs of light and reason, in any order."""
        self.expected.append((at, None, states, "", True))

    def link(self, platform, light):
        self.links.setdefault(platform, []).append(light)

    def forget_links(self):
        """The process ended, and with it the links."""
        self.links = {}

    def rest(self):
        """What is missing or too much, `None` where all is told; and whether something may yet be told that was over
        before anybody looked. The lock of `told` is held."""
        told = self.told.of.get(self.name, [])
        found = compare(told[self.taken :], self.expected[self.checked :], told[: self.taken])
        return found.wrong or self.wrong_link(), found.over

    def wrong_link(self):
        shown = self.told.links.get(self.name, {})
        for platform, lights in self.links.items():
            if shown.get(platform, lights[-1]) != lights[-1]:
                return f"link {platform}: told {shown[platform]}, is {lights[-1]}"
        return None

    def settle(self):
        """Takes what was told as compared."""
        all_told = self.told.of.get(self.name, [])
        told, wanted = all_told[self.taken :], self.expected[self.checked :]
        found = compare(told, wanted, all_told[: self.taken])
        self.unseen += found.unseen
        if why := found.wrong or self.wrong_link():
            self.faults.append({"profile": self.name, "expected": wanted, "told": told, "why": why})
            print(f"FAULT: {json.dumps(self.faults[-1], ensure_ascii=False)}", flush=True)
        elif len(told) == len(wanted) and all(want[1] for want in wanted):
            for before, want, at in zip([None] + wanted, wanted, [t[0] for t in told]):
                # nobody is told of a process that is suspended or goes on: it is looked at every few seconds
                if "process-suspended" not in (want[2], before and before[2]):
                    self.latencies.append((at - want[0], want[2]))
        self.taken += len(told)
        self.checked = len(self.expected)
        self.links = {platform: lights[-1:] for platform, lights in self.links.items()}

    def begin(self):
        """What was told so far came before the measurement."""
        with self.told.lock:
            self.skipped = self.checked = len(self.expected)
            self.taken = len(self.told.of.get(self.name, []))


class Compared:
    """`wrong`: the first difference. `unseen`: so many changes were over before somebody looked, though it took longer
    than ONE_READ. `over`: a loss and its end were not told at all: they may be yet."""

    def __init__(self):
        self.wrong, self.unseen, self.over = None, 0, False


def compare(told, expected, before=()):
    """What was told against what happened; `before`: what was told before."""
    told, found = list(told), Compared()
    state, skipped = before[-1][1:3] if before else None, False
    for place, (at, light, reason, mark, optional) in enumerate(expected):
        rest = expected[place + 1 :]
        lasted = rest[0][0] - at if rest else None
        if light is None:
            while told and told[0][1:3] in reason:
                state = told.pop(0)[1:3]
        elif told and told[0][1:3] == (light, reason) and any(m in told[0][3] for m in marks(mark)):
            state, skipped = told.pop(0)[1:3], False
        elif optional or (lasted is not None and lasted < ONE_READ):
            skipped = True
        elif lasted is not None and lasted < SHORT:
            skipped = True
            found.unseen += 1
        elif skipped and state == (light, reason):
            # back to what it was before what nobody saw
            found.over = not rest
        else:
            found.wrong = f"missed: {light} {reason} {mark}" + (f", in its place {told[0][1:]}" if told else "")
            return found
    if told:
        found.wrong = f"too much: {told[0][1:]}"
    return found


def marks(mark):
    return [mark] if isinstance(mark, str) else mark
