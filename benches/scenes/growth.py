"""What a larger log and one more profile cost."""

import statistics
import time

from .homes import CONNECTED, LOST, Homes, append, fill, stamp, watch
from .links import LinkHomes, watch_all
from .processes import cpu, descriptors, memory
from .table import ms, row


def start(args):
    """From the start of the program to the first verdict. No service manager is asked: its answer is its own."""
    took = {}
    for size in (2, 500):
        # 500 MB with what was rotated: half in agent.log, the rest in its two rotated files
        homes = Homes(1, size // 2, rotated=[size // 4] * 2)
        try:
            values = []
            for _ in range(20):
                lines, seconds = watch(args, homes)
                lines.close()
                values.append(seconds)
            took[size] = statistics.median(values)
        finally:
            homes.close()
    row("start, 2 MB of logs", ms(took[2]), "< 10 ms", took[2] < 0.01)
    row(
        "start, 500 MB of logs, rotated ones among them",
        f"{ms(took[500])}, {took[500] / took[2]:.2f}× of 2 MB",
        "< 10 ms",
        took[500] < 0.01,
    )
    # the log of a gateway that serves several profiles is read from its start on: who they are may stand anywhere in it
    homes = LinkHomes(1, 4, kind="served")
    try:
        fill(homes.log_of(homes.homes[0]), 23, time.time())
        values = []
        for _ in range(20):
            lines, seconds = watch_all(args, homes)
            lines.close()
            values.append(seconds)
    finally:
        homes.close()
    row("start, four profiles of one gateway, 23 MB since its start", ms(statistics.median(values)))


def growth(args):
    """What one more profile costs, in 20 s with five losses and five recoveries of each; the median of three runs. What
    a run takes without any differs by more than 100 kB from run to run: the first nine more say little of memory."""

    def run(count):
        homes = Homes(count)
        try:
            lines, seconds = watch(args, homes)
            lines.drain()
            pid = lines.child.pid
            time.sleep(2)
            before, begun = cpu(pid, False), time.monotonic()
            for turn in range(10):
                for n in range(count):
                    append(homes.log(n), (LOST if turn % 2 == 0 else CONNECTED).format(stamp()))
                time.sleep(max(0.0, 2 * (turn + 1) - (time.monotonic() - begun)))
            used = cpu(pid, False) - before
            result = (used * 1000, memory(pid)[1], descriptors(pid), seconds)
            lines.close()
            return result
        finally:
            homes.close()

    before, step = None, None
    for count in (1, 10, 100, 1000):
        runs = [run(count) for _ in range(3)]
        used, private, fds, seconds = (statistics.median(values) for values in zip(*runs))
        now = (used, private, fds)
        if not before:
            row(
                "growth, 1 profile",
                f"{used:.1f} ms CPU in 20 s, {private:.0f} kB private, {fds:.0f} descriptors, started in {ms(seconds)}",
            )
        else:
            each = [(b - a) / (count - before[0]) for a, b in zip(before[1], now)]
            text = "{:.2f} ms CPU, {:.1f} kB private, {:.2f} descriptors".format(*each)
            most = max(b / max(a, 1e-9) for a, b in zip(step, each)) if step else None
            row(
                f"growth from {before[0]} to {count} profiles, each more",
                f"{text}, started in {ms(seconds)}",
                "≤ 1.2 × each of the step before" if step else "",
                most <= 1.2 if step else None,
            )
            step = each
        before = (count, now)
