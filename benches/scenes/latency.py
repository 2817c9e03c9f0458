"""From the write of a line to the changed light."""

import json
import os
import select
import sys
import time

from .homes import CONNECTED, LOST, Homes, Lines, append, stamp, watch
from .rivals import SHELL_LOOP, STATE_POLL
from .table import ms, quantiles, row


def latency(args):
    """From the write of a line to the changed light."""
    homes = Homes(1)
    measured = {}

    def alternate(lines, samples, told, write, pause):
        values, lost = [], 0
        for n in range(samples):
            before = time.monotonic()
            write(n)
            while True:
                line, at = lines.next(30)
                if line is None:
                    lost += 1
                    break
                if told(line, n):
                    values.append(at - before)
                    break
            # not in step with anybody's poll
            time.sleep(pause * (0.5 + (n * 0.618) % 1))
        return values, lost

    def changed(line, n):
        return json.loads(line)["light"] == ("amber" if n % 2 == 0 else "green")

    def log_line(n):
        append(homes.log(0), (LOST if n % 2 == 0 else CONNECTED).format(stamp()))

    try:
        lines, _ = watch(args, homes)
        measured["gatelight"] = alternate(lines, args.samples, changed, log_line, 0.01)
        lines.close()
        follow = f"tail -n 0 -F {homes.log(0)} | grep --line-buffered -E 'connected to ws|receive message loop exit'"
        lines = Lines(follow, homes.env(), shell=True)
        time.sleep(0.5)
        measured["tail -F | grep"] = alternate(lines, args.samples, lambda line, n: True, log_line, 0.01)
        lines.close()
        lines = Lines(["/bin/bash", "-c", SHELL_LOOP], homes.env())
        lines.next(10)
        # the last line of the log says how it stands now
        append(homes.log(0), CONNECTED.format(stamp()))
        time.sleep(6)
        lines.buffer = b""
        while select.select([lines.child.stdout], [], [], 0)[0]:
            os.read(lines.child.stdout.fileno(), 65536)
        measured["5 s shell loop"] = alternate(lines, args.polls, lambda line, n: True, log_line, 1)
        lines.close()
        lines = Lines([sys.executable, "-c", STATE_POLL], homes.env())
        lines.next(10)

        def state(n):
            word = "disconnected" if n % 2 == 0 else "connected"
            homes.write(0, "gateway_state.json", {"pid": homes.sleeper.pid, "platforms": {"feishu": {"state": word}}})

        measured["4 s poll of gateway_state.json"] = alternate(lines, args.polls, lambda line, n: True, state, 1)
        lines.close()
    finally:
        homes.close()
    ours = quantiles(measured["gatelight"][0])
    for name, (values, lost) in measured.items():
        p50, p99, worst = quantiles(values)
        goal = "p99 < 20 ms" if name == "gatelight" else f"gatelight is {p50 / ours[0]:.0f}× quicker (p50)"
        verdict = (
            (p99 < 0.02 and lost == 0) if name == "gatelight" else (p50 / ours[0] >= 100 if " s " in name else None)
        )
        row(
            f"latency, {name} (of {len(values)})",
            f"p50 {ms(p50)}, p99 {ms(p99)}, worst {ms(worst)}, missed {lost}",
            goal,
            verdict,
        )
