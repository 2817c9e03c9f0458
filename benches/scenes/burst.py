"""Many lines at once."""

import json
import threading
import time

from .homes import LOST, Agent, Homes, stamp, watch
from .processes import cpu
from .table import ms, quantiles, row


def pour(homes, files, seconds):
    """100,000 lines a second over all files; how many it were in a second in truth."""
    block = f"{stamp()} INFO agent.loop: turn: model answered in 1.2 s, 3 tools, 812 tokens\n" * (10_000 // len(files))
    begun, written = time.monotonic(), 0
    for turn in range(seconds * 10):
        for file in files:
            file.write(block)
            file.flush()
            written += 10_000 // len(files)
        ahead = (turn + 1) / 10 - (time.monotonic() - begun)
        if ahead > 0:
            time.sleep(ahead)
    return written / (time.monotonic() - begun)


def burst(args):
    """100,000 lines a second over 100 files; every file's last line changes the light, and all must be told."""
    homes = Homes(100)
    try:
        lines, _ = watch(args, homes)
        pid = lines.child.pid
        files = [open(homes.log(n), "a") for n in range(100)]
        rate = pour(homes, files, 10)
        ended = time.monotonic()
        for file in files:
            file.write(LOST.format(stamp()))
            file.close()
        told, last = set(), ended
        while len(told) < 100:
            line, at = lines.next(20)
            if line is None:
                break
            change = json.loads(line)
            if change["light"] == "amber":
                told.add(change["profile"])
                last = at
        row(
            f"burst, {rate:,.0f} lines/s over 100 files for 10 s",
            f"{len(told)} of 100 changes told, the last after {ms(last - ended)}; {cpu(pid, False):.2f} s CPU",
            "100 of 100",
            len(told) == 100,
        )
        lines.close()
    finally:
        homes.close()
    busy_interface(args)


def busy_interface(args):
    """How long a panel waits for the menu at rest and during such a burst; the start of dbus-send is in both."""
    homes = Homes(100)
    agent = None
    try:
        agent = Agent.start(args, homes)
        if not agent:
            return row("burst, menu of the agent read meanwhile", "skipped: no dbus-daemon")

        def ask(answers, until):
            while not until.wait(0.1):
                begun = time.monotonic()
                read = agent.menu()
                answers.append(time.monotonic() - begun if read else float("inf"))

        found = []
        for work in (lambda: time.sleep(5), lambda: pour(homes, [open(homes.log(n), "a") for n in range(100)], 10)):
            answers, until = [], threading.Event()
            asking = threading.Thread(target=ask, args=(answers, until))
            asking.start()
            work()
            until.set()
            asking.join()
            found.append(quantiles(answers))
        text = "; ".join(
            f"{when} p50 {ms(p50)}, worst {ms(worst)}"
            for when, (p50, _, worst) in zip(("at rest", "in the burst"), found)
        )
        row("burst, menu of the agent read over D-Bus", text, "worst < 100 ms", found[1][2] < 0.1)
    finally:
        if agent:
            agent.close()
        homes.close()
