"""What Gatelight tells, in `watch`, menu and history, and what its processes cost."""

import json
import os
import shutil
import statistics
import subprocess
import threading
import time

from .soak_process import SECRET
from .soak_rows import compare

# a rotated file is held open for a minute: while logs rotate, the number of descriptors swings by some
TOLERANCE_KB, TOLERANCE_FDS, TOLERANCE_THREADS = 1024, 12, 1
# the agent's connection for notices is made with the first one, and has threads
AT_FIRST_NOTICE = 2
# a process that is gone, or about to go, has no links
NO_LINKS = ("not-running", "stopped", "starting", "restarting")


class Told:
    """What an observer says of each row and its links, and when it said it."""

    def __init__(self):
        self.lock = threading.Condition()
        self.of, self.links, self.repeated = {}, {}, []
        self.leaked = 0

    def add(self, line):
        at = time.monotonic()
        change = json.loads(line)
        with self.lock:
            self.leaked += SECRET in line
            name, link = change["profile"], change.get("link")
            links = self.links.setdefault(name, {})
            if link:
                if links.get(link["platform"]) == link["light"]:
                    self.repeated.append(change)
                links[link["platform"]] = link["light"]
            else:
                if change.get("platform"):
                    links[change["platform"]] = change["light"]
                elif change["reason"] in NO_LINKS:
                    links.clear()
                told = (at, change["light"], change["reason"], change["evidence"])
                self.of.setdefault(name, []).append(told)
            self.lock.notify_all()


class Sampled:
    """A process of Gatelight, and what it costs."""

    def __init__(self, name, child):
        self.name, self.child, self.samples = name, child, []

    def sample(self, elapsed):
        pid = self.child.pid
        with open(f"/proc/{pid}/smaps_rollup") as rollup:
            kb = {line.split(":")[0]: int(line.split()[1]) for line in rollup if line.endswith("kB\n")}
        with open(f"/proc/{pid}/status") as status:
            threads = next(int(line.split()[1]) for line in status if line.startswith("Threads:"))
        with open(f"/proc/{pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        sample = {
            "t": round(elapsed),
            "rss": kb["Rss"],
            "pss": kb["Pss"],
            "private": kb["Private_Clean"] + kb["Private_Dirty"],
            "fds": len(os.listdir(f"/proc/{pid}/fd")),
            "threads": threads,
            "cpu": (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"),
        }
        self.samples.append(sample)
        return sample

    def compare(self):
        """First quarter (after the first tenth) and last, by median; and what grew."""
        after = self.samples[len(self.samples) // 10 :]
        quarter = max(1, len(after) // 4)
        found, grown = {}, []
        for key, tolerance in (
            ("private", TOLERANCE_KB),
            ("rss", TOLERANCE_KB),
            ("fds", TOLERANCE_FDS),
            ("threads", TOLERANCE_THREADS),
        ):
            first = statistics.median(s[key] for s in after[:quarter])
            last = statistics.median(s[key] for s in after[-quarter:])
            found[key] = (first, last, max(s[key] for s in after))
            if last > first + tolerance and key != "rss":
                grown.append(f"{self.name}: {key} {first} → {last}")
        return found, grown

    def report(self, rest, rested):
        """What grew, and the rows of the table; `rest` and `rested` are samples at rest, before and after."""
        found, grown = self.compare()
        private, resident = (sizes(found[key], 1024, "{:.2f}") + " MB" for key in ("private", "rss"))
        within = f"± {TOLERANCE_KB // 1024} MB"
        at_rest = (
            f"{rest['fds']} → {rested['fds']} descriptors, {rest['threads']} → {rested['threads']} threads, "
            f"{rest['private'] / 1024:.2f} → {rested['private'] / 1024:.2f} MB private"
        )
        rows = [
            ("memory, private", private, f"{within}: {'GROWN' if grown else 'flat'}"),
            ("memory, resident", resident, within),
            ("descriptors", sizes(found["fds"]), f"± {TOLERANCE_FDS}"),
            ("threads", sizes(found["threads"]), f"± {TOLERANCE_THREADS}"),
            ("at rest, before and after", at_rest, f"no more than {AT_FIRST_NOTICE} more"),
            ("CPU", f"{self.samples[-1]['cpu']:.1f} s", ""),
        ]
        if any(rested[key] > rest[key] + AT_FIRST_NOTICE for key in ("fds", "threads")):
            grown.append(f"{self.name} at rest: {rest} → {rested}")
        return grown, [(f"{self.name}: {what}", value, goal) for what, value, goal in rows]


def sizes(found, unit=1, form="{:.0f}"):
    """`found` are medians of the first and the last quarter, and the maximum."""
    first, last, most = (form.format(value / unit) for value in found)
    return f"{first} → {last} (most {most})"


def start_bus(folder):
    """A D-Bus daemon of our own; `None` where there is none."""
    if not shutil.which("dbus-daemon"):
        return None
    config = os.path.join(folder, "bus.conf")
    with open(config, "w") as file:
        file.write(
            f"<busconfig><type>session</type><listen>unix:dir={folder}</listen><auth>EXTERNAL</auth>"
            '<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>'
            '<allow own="*"/></policy></busconfig>'
        )
    daemon = subprocess.Popen(
        ["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address=1"], stdout=subprocess.PIPE, text=True
    )
    return daemon, daemon.stdout.readline().strip()


def read_menu(bus, agent):
    """Reads the agent's menu as a panel does; its size, 0 where it could not be read."""
    if not shutil.which("dbus-send"):
        return 0
    to = f"org.kde.StatusNotifierItem-{agent.pid}-1"
    asked = subprocess.run(
        [
            "dbus-send",
            f"--bus={bus}",
            f"--dest={to}",
            "--print-reply",
            "--type=method_call",
            "/MenuBar",
            "com.canonical.dbusmenu.GetLayout",
            "int32:0",
            "int32:-1",
            "array:string:",
        ],
        capture_output=True,
        text=True,
        timeout=30,
    )
    return len(asked.stdout)


def history_faults(binary, env, rows, data):
    """What the agent's history says more or less than happened."""
    asked = subprocess.run([binary, "history", "--json", "--since", "1d"], env=env, capture_output=True, text=True)
    history, faults = json.loads(asked.stdout), []
    told = {
        p["profile"]: [
            (0, c["light"], c["reason"], (c["evidence"] or {}).get("line", ""))
            for c in p["changes"]
            if not c["history"]
        ]
        for p in history["profiles"]
    }
    for row in rows:
        changes = told.get(row.name, [])
        # It came to a gateway that was green already. That another gateway serves a row is seen after that, as a change.
        if not row.is_own and changes and changes[0][1:3] == ("green", "connected"):
            changes.pop(0)
        found = compare(changes, row.expected[row.skipped :], [(0, "green", "connected", "")])
        if found.wrong:
            faults.append({"profile": row.name, "history": found.wrong, "around": changes[-3:]})
    leaked = SECRET in asked.stdout
    for name in os.listdir(data):
        path = os.path.join(data, name)
        leaked |= os.path.isfile(path) and SECRET.encode() in open(path, "rb").read()
    return sum(map(len, told.values())), faults, leaked
