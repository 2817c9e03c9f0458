"""CPU, wake-ups and memory where little happens."""

import sys
import time

from .homes import CONNECTED, LOST, Agent, Homes, Lines, append, stamp
from .processes import cpu, memory, wakeups
from .rivals import SHELL_LOOP, WATCHDOG
from .table import row


def idle(args):
    """CPU and wake-ups of ten profiles where nothing happens but heartbeats (every 30 s each)."""
    homes = Homes(10)
    used = {}
    try:
        runners = {
            "gatelight": [args.binary, "watch", "--json"],
            "5 s shell loop": ["/bin/bash", "-c", SHELL_LOOP],
            "Python watchdog, 1 s": [sys.executable, "-c", WATCHDOG],
        }
        children = {name: Lines(command, homes.env()) for name, command in runners.items()}
        time.sleep(12)
        before = {name: (cpu(c.child.pid, False), wakeups(c.child.pid)) for name, c in children.items()}
        begun = time.monotonic()
        next_beat = 0.0
        while (now := time.monotonic() - begun) < args.idle_seconds:
            if now >= next_beat:
                for n in range(homes.count):
                    homes.beat(n)
                next_beat += 30
            time.sleep(min(1.0, args.idle_seconds - now))
        for name, child in children.items():
            c0, w0 = before[name]
            used[name] = (cpu(child.child.pid, False) - c0, wakeups(child.child.pid) - w0)
            if name == "gatelight":
                row(
                    "memory, watcher with 10 profiles",
                    "{:.1f} MB resident, {:.1f} MB private".format(*(k / 1024 for k in memory(child.child.pid))),
                    "< 15 MB (with the tray)",
                    memory(child.child.pid)[0] < 15 * 1024,
                )
            child.close()
    finally:
        homes.close()
    span = args.idle_seconds
    ours = used["gatelight"][0]
    for name, (seconds, wakes) in used.items():
        ten = seconds * 600 / span
        goal = (
            "< 60 ms in 10 min, < 0.5 wake-ups/s"
            if name == "gatelight"
            else f"gatelight is {seconds / max(ours, 1e-9):.0f}× cheaper"
        )
        verdict = None
        if name == "gatelight":
            verdict = ten < 0.06 and wakes / span < 0.5
        elif "shell" in name:
            verdict = seconds / max(ours, 1e-9) >= 200
        row(
            f"idle, {name} ({span} s)",
            f"{seconds * 1000:.1f} ms CPU (10 min: {ten * 1000:.0f} ms), {wakes / span:.2f} wake-ups/s",
            goal,
            verdict,
        )


def tray(args):
    """What the agent takes with its tray: after a panel has read icon and menu, and after each light has changed ten times."""
    homes = Homes(10)
    agent = None
    try:
        agent = Agent.start(args, homes)
        if not agent:
            return row("memory, agent with tray and 10 profiles", "skipped: no dbus-daemon")
        agent.icon()
        time.sleep(3)
        rest = memory(agent.child.pid)
        for turn in range(20):
            for n in range(homes.count):
                append(homes.log(n), (LOST if turn % 2 == 0 else CONNECTED).format(stamp()))
            agent.menu(), agent.icon()
            time.sleep(0.3)
        time.sleep(3)
        after = memory(agent.child.pid)
        text = "{:.1f} MB resident, {:.1f} MB private; after 200 changes {:.1f} and {:.1f} MB"
        row(
            "memory, agent with tray and 10 profiles",
            text.format(*(kb / 1024 for kb in rest + after)),
            "< 15 MB",
            max(rest[0], after[0]) < 15 * 1024,
        )
    finally:
        if agent:
            agent.close()
        homes.close()
