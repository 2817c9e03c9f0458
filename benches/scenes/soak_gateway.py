"""A simulated gateway of four links: one incident after another, and what must be told of each."""

import os
import random
import threading
import time

from .soak_home import Home
from .soak_process import Link, Process
from .soak_rows import PATIENCE, SHORT, Row

# a process in state T is told after 10 s, which is looked at every few seconds
SUSPENDED = 24.0
# three takeovers within ten minutes are told as a loop, and rightly
TAKEOVERS, TAKEOVER_WINDOW = 2, 620
# more than five starts within two minutes would be a crash loop, and rightly told as one
BETWEEN_STARTS = 40
# four links each: of one profile, of four profiles with logs of their own, of four in one log (hermes-agent 0.19), and of
# four profiles with a gateway each, which become one gateway while they are watched, and four again
KINDS = ["single", "apart", "migrating", "mixed"]
PLATFORMS = ["feishu", "telegram", "slack", "discord"]
# a row names another of its links, or counts them anew, as more are lost and come back
CUT = [("amber", "reconnecting"), ("amber", "links-missing")]
# the proof of a loss is the newest line about it: the client's next attempt, where both are read in one go
RETRY = "trying to reconnect"


class Gateway(threading.Thread):
    """The life of four links, in one process or in four."""

    def __init__(self, n, root, args, told, stop):
        super().__init__(name=f"gateway {n}", daemon=True)
        self.n, self.stop, self.told = n, stop, told
        self.kind = KINDS[n % len(KINDS)]
        self.dice = random.Random(args.seed * 1000 + n)
        self.number, self.counts = 0, {}
        path = os.path.join(root, ".hermes" if n == 0 else f"machine{n}/.hermes")
        stem = "default" if n == 0 else f"g{n:02d}"
        names = [stem] if self.kind == "single" else [stem, *(f"{stem}-{child}" for child in "abc")]
        paths = [path, *(os.path.join(path, "profiles", name[-1]) for name in names[1:])]
        self.rows = [Row(name, told, name == stem) for name in names]
        self.homes = {row.name: Home(path, self.dice) for row, path in zip(self.rows, paths)}
        own = self.homes[stem]
        if self.kind == "single":
            links = [Link(platform, self.rows[0], own) for platform in PLATFORMS]
            self.processes = [Process(self, own, self.rows, links, "single")]
        elif self.kind == "mixed":
            links = [Link("feishu", row, own) for row in self.rows]
            self.processes = [Process(self, own, self.rows, links, "mixed")]
        else:
            links = [Link("feishu", row, self.homes[row.name]) for row in self.rows]
            self.together = Process(self, own, self.rows, links, "apart")
            alone = [Process(self, link.home, [link.row], [link], "single") for link in links]
            self.alone = alone
            self.processes = [self.together] if self.kind == "apart" else alone

    def settings(self):
        """The homes that are not found by themselves, as `config.toml` names them."""
        named = [row for row in self.rows if row.name != "default"]
        return "".join(f'[[profiles]]\nhome = "{self.homes[r.name].path}"\nname = "{r.name}"\n' for r in named)

    def begin(self):
        """The first start of everything, the same for every seed."""
        self.dice, dice = random.Random(self.n), self.dice
        for process in self.processes:
            process.configure()
            process.start()
        self.dice = dice
        for home in self.homes.values():
            home.dice = dice

    # ---- small steps

    def beat(self):
        for process in self.processes:
            process.beat()

    def pause(self, least, most=None):
        end = time.monotonic() + (least if most is None else self.dice.uniform(least, most))
        while (left := end - time.monotonic()) > 0:
            self.beat()
            time.sleep(min(left, 0.5))

    def mark(self):
        self.number += 1
        return f"[conn_id={self.n:02d}{self.number:06d}]"

    def all_rows(self, process, at, light, reason, mark="", optional=False):
        for row in process.rows:
            row.expect(at, light, reason, mark, optional)

    def lose(self, process, link):
        at = link.say("lost", link.connection)
        link.losses.append(time.monotonic())
        return at

    def regain(self, process, link):
        if link.platform == "feishu":
            link.home.log("INFO", "Lark", "trying to reconnect for the 1st time")
        return link.connect(self.mark())

    def lost(self, process, link):
        """One link is lost: its row is amber; where links are only counted, every row is."""
        at = self.lose(process, link)
        mark = [link.connection, RETRY]
        if process.layout == "mixed":
            self.all_rows(process, at, "amber", "links-missing", mark)
        else:
            link.row.link(link.platform, "amber")
            link.row.expect(at, "amber", "reconnecting", mark)

    def back(self, process, link):
        at = self.regain(process, link)
        if process.layout == "mixed":
            self.all_rows(process, at, "green", "connected", link.shown)
        else:
            link.row.link(link.platform, "green")
            link.row.expect(at, "green", "connected", process.shown_mark(link.row))

    # ---- incidents of links

    def blip(self, process):
        link = self.some_link(process)
        self.lost(process, link)
        self.pause(0, self.dice.choice([0, 1, 12]))
        self.back(process, link)

    def outage(self, process):
        """Attempts fail. Feishu's client tells so, which is red at once where the link is known."""
        link = next(link for link in process.links if link.platform == "feishu")
        self.lost(process, link)
        failures = []
        for attempt in range(self.dice.randint(1, 3)):
            self.pause(0, 5)
            link.home.log("INFO", "Lark", f"trying to reconnect for the {attempt + 1}th time")
            failures.append(self.mark())
            at = link.say("failed", failures[-1])
            if attempt == 0 and process.layout != "mixed":
                link.row.link("feishu", "red")
                link.row.expect(at, "red", "network-unreachable", failures)
        self.pause(0, 5)
        self.back(process, link)

    def network_cut(self, process):
        """All links of the process are lost, and come back one after the other."""
        links = [link for link in process.links if link.may_be_lost()]
        self.dice.shuffle(links)
        at = 0.0
        for link in links:
            at = self.lose(process, link)
            if process.layout != "mixed":
                link.row.link(link.platform, "amber")
            if self.dice.random() < 0.3:
                self.pause(0, 1)
        for row in process.rows:
            if process.layout == "mixed":
                row.expect_some(at, CUT)
            else:
                # those that are read in one moment are judged together
                lost = [link.connection for link in links if link.row is row]
                row.expect(at, "amber", "reconnecting", [*lost, RETRY])
                if process.layout == "single":
                    row.expect_some(at, CUT)
        self.pause(1, 15)
        self.dice.shuffle(links)
        for link in links:
            at = self.regain(process, link)
            if process.layout != "mixed":
                link.row.link(link.platform, "green")
            if self.dice.random() < 0.3:
                self.pause(0, 1)
        for row in process.rows:
            row.expect(at, "green", "connected", process.shown_mark(row))

    def refused(self, process):
        """The account of one link is refused. Feishu's client never tries again: only a restart helps."""
        link = self.some_link(process)
        self.lost(process, link)
        self.pause(0, 5)
        mark = self.mark()
        at = link.say("refused", mark)
        if process.layout != "mixed":
            link.row.link(link.platform, "red")
        if process.layout != "mixed" or link.row is process.rows[0]:
            link.row.expect(at, "red", "auth-rejected", mark)
        else:
            process.rows[0].expect(at, "red", "auth-rejected", mark)
        self.pause(1, 10)
        if link.platform == "feishu":
            self.wait_for_start(process)
            self.planned_restart(process)
        else:
            self.back(process, link)

    def some_link(self, process):
        return self.dice.choice([link for link in process.links if link.may_be_lost()])

    # ---- incidents of processes

    def wait_for_start(self, process):
        self.pause(max(0.0, BETWEEN_STARTS - (time.monotonic() - process.started)))

    def gone(self, process, ended):
        self.all_rows(process, ended, "red", "not-running")
        self.pause(*self.dice.choice([(0, 2), (8, 13)]))
        process.start()

    def crash(self, process):
        self.gone(process, process.end())

    def executor(self, process):
        mark = self.mark()
        words = f"kanban notifier tick failed: Executor shutdown has been called {mark}"
        at = process.run_log("WARNING", words)
        self.all_rows(process, at, "red", "executor-shutdown", mark)
        for _ in range(self.dice.randint(0, 3)):
            self.pause(1, 5)
            process.run_log("WARNING", words)
        self.pause(0, 2)
        self.gone(process, process.end())

    def stop_on_purpose(self, process):
        mark = self.mark()
        words = f"Received SIGTERM as a planned gateway stop — exiting cleanly {mark}"
        at = process.run_log("INFO", words)
        self.all_rows(process, at, "grey", "stopped", mark)
        process.links[0].home.log("ERROR", "Lark", "receive message loop exit, err: sent 1000 (OK)")
        self.pause(0, 2)
        process.home.remove("gateway.pid")
        process.end()

    def planned_stop(self, process):
        self.stop_on_purpose(process)
        self.pause(3, 15)
        process.start()

    def planned_restart(self, process):
        mark = self.mark()
        at = process.run_log("INFO", f"Stopping gateway for restart... {mark}")
        self.all_rows(process, at, "amber", "restarting", mark)
        self.pause(0, 3)
        process.end()
        self.pause(0, 5)
        process.start()

    def drain(self, process):
        """Somebody outside asks for a drain, and takes it back."""
        process.home.write(".drain_request.json", {"requested_at": time.time()})
        process.run_log("INFO", "External drain ENGAGED: new messages are refused")
        at = time.monotonic()
        self.all_rows(process, at, "amber", "draining")
        end = at + self.dice.uniform(3, 20)
        while time.monotonic() < end:
            process.write_state("draining", {"active_agents": self.dice.randint(0, 3)})
            self.pause(1)
        process.home.remove(".drain_request.json")
        process.run_log("INFO", "External drain RELEASED")
        process.write_state("running")
        self.all_rows(process, time.monotonic(), "green", "connected")

    def drained_restart(self, process):
        """A restart that waits until the answers are finished."""
        mark = self.mark()
        at = process.run_log("INFO", f"Stopping gateway for restart... {mark}")
        # the file may be read in the same moment
        self.all_rows(process, at, "amber", "restarting", mark, optional=True)
        at = time.monotonic()
        self.all_rows(process, at, "amber", "draining")
        end = at + self.dice.uniform(2, 15)
        while time.monotonic() < end:
            process.write_state("draining", {"active_agents": 1, "restart_requested": True})
            self.pause(1)
        at = process.run_log("INFO", f"Gateway stopped (total teardown 0.31s) {mark}")
        process.write_state("stopped", {"restart_requested": True, "active_agents": 0})
        self.all_rows(process, at, "amber", "restarting")
        self.pause(0, 2)
        process.home.remove("gateway.pid")
        process.end()
        self.pause(0, 3)
        process.start()

    def takeover(self, process):
        """Another instance is started with `--replace`: the old one says so, leaves, and speaks beside the new one."""
        process.takeovers.append(time.monotonic())
        spawned = process.spawn()
        self.pause(0, 1)
        mark = self.mark()
        words = f"Received SIGTERM as a planned --replace takeover — exiting cleanly {mark}"
        at = process.run_log("INFO", words)
        self.all_rows(process, at, "amber", "restarting", mark)
        self.pause(0, 2)
        process.run_log("INFO", "Gateway stopped (total teardown 0.42s)")
        process.end()
        self.pause(0, 3)
        process.start(spawned)

    def suspended(self, process):
        at = process.freeze()
        self.pause(SUSPENDED, SUSPENDED + 8)
        back = process.thaw()
        self.all_rows(process, at + 10, "red", "process-suspended")
        for row in process.rows:
            row.expect(back, "green", "connected", process.shown_mark(row))

    # ---- what is no incident

    def chat(self, process):
        for home in self.homes.values():
            home.rotating = 0.002
        link = self.dice.choice(process.links)
        for _ in range(self.dice.randint(1, 200)):
            text = self.dice.choice(["user said: Executor shutdown has been called", "restart the gateway", "你好"])
            link.home.log("INFO", "gateway.platforms.feishu", f"[Feishu] Inbound dm message received: text='{text}'")
            link.home.log("INFO", "agent.loop", "turn: model answered in 1.2 s, 3 tools, 812 tokens")
        for home in self.homes.values():
            home.rotating = 0.03
        # a message that came in proves the link as well, and is its newest proof
        if link.platform == "feishu":
            link.shown = ""

    def truncation(self, process):
        self.settle()
        # a moment in which what was written has been read
        self.pause(1, 2)
        home = self.dice.choice(list(self.homes.values()))
        home.copy_and_truncate(self.dice.choice(["agent.log", "gateway.log", "errors.log"]))
        self.pause(1, 2)

    def migration(self, _):
        """From a gateway for each profile to one for all, and back: `hermes update` does the first, the settings the second."""
        before = self.processes
        after = self.alone if before == [self.together] else [self.together]
        for process in before:
            self.stop_on_purpose(process)
        self.pause(1, 8)
        self.processes = after
        for process in after:
            process.configure()
        for process in after:
            process.start()

    INCIDENTS = [
        ("blip", 6),
        ("outage", 3),
        ("network_cut", 2),
        ("refused", 2),
        ("crash", 2),
        ("executor", 2),
        ("planned_stop", 1),
        ("planned_restart", 2),
        ("drain", 1),
        ("drained_restart", 1),
        ("takeover", 1),
        ("suspended", 1),
        ("chat", 3),
        ("truncation", 1),
        ("migration", 12),
    ]
    STARTS = ("crash", "executor", "planned_stop", "planned_restart", "drained_restart", "takeover", "migration")

    def may_begin(self, kind, process):
        now = time.monotonic()
        if kind == "migration":
            return self.kind == "migrating" and all(now - p.started > BETWEEN_STARTS for p in self.processes)
        if kind == "takeover" and sum(now - at < TAKEOVER_WINDOW for at in process.takeovers) >= TAKEOVERS:
            return False
        return kind not in self.STARTS or now - process.started > BETWEEN_STARTS

    def run(self):
        names, weights = zip(*self.INCIDENTS)
        while not self.stop.is_set():
            kind, process = self.dice.choices(names, weights)[0], self.dice.choice(self.processes)
            if not self.may_begin(kind, process):
                continue
            getattr(self, kind)(process)
            self.counts[kind] = self.counts.get(kind, 0) + 1
            self.settle()
            self.pause(0, 8)
            if self.dice.random() < 0.3:
                home = self.dice.choice(list(self.homes.values()))
                home.rotate(self.dice.choice(["agent.log", "gateway.log", "errors.log"]))

    def settle(self):
        """Waits until what must be told was told, and compares."""
        begun = time.monotonic()
        while True:
            self.beat()
            with self.told.lock:
                found = [row.rest() for row in self.rows]
                waits = PATIENCE if any(wrong for wrong, _ in found) else SHORT if any(over for _, over in found) else 0
                if time.monotonic() - begun >= waits:
                    for row in self.rows:
                        row.settle()
                    return
                self.told.lock.wait(0.2)

    def leave(self):
        for process in self.processes:
            process.leave()
