#!/usr/bin/env python3
"""An hour of trouble: simulated gateways fail, rotate their logs and restart, while Gatelight looks on.

    benches/soak.py                                  10 gateways of four links, one hour
    benches/soak.py --seconds 60 --gateways 4        a short one
    benches/soak.py --seed 7                         the same incidents again

A quarter of the gateways each: one profile with four platforms; four profiles with logs of their own in one process;
four profiles in one log (hermes-agent 0.19), whose links can only be counted; four profiles with a gateway each, which
become one gateway while they are watched, and four again. They lose links one by one and all at once, are refused, die,
are stopped, drained, suspended and taken over.

Two observers: `gatelight watch --json`, and the agent on a D-Bus daemon of its own (where dbus-daemon is installed),
whose menu is read every few seconds and whose history is read at the end. Every incident puts a number of its own into
the lines that it writes; each must be told once, in order, by both, for every row that it concerns and for no other.
Memory, descriptors and threads are sampled all the while, and the first quarter is compared with the last. Prints a
table; exit code 1 where something was missed, doubled, made up, slowly lost or grown.

Each gateway is a real process; its files are written here, as a gateway writes them: agent.log, errors.log and
gateway.log with copies of the same records, gateway.pid, the state file, a heartbeat every 30 s. Rotation renames
(`.1` to `.3`) at any moment, between two lines of one incident too; copying and truncating happens only at rest, since
what is written just before a truncation is gone for everybody. Linux, Python 3. All of it stays in a temporary folder.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from scenes.soak_gateway import Gateway
from scenes.soak_observers import Sampled, Told, history_faults, read_menu, start_bus
from scenes.soak_rows import PATIENCE
from scenes.table import machine, quantiles

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# after this nothing is held open any more that was rotated away
REST = 75.0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=3600)
    parser.add_argument("--gateways", type=int, default=10)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument(
        "--every", type=float, default=None, help="seconds between two samples; 60, or a twentieth of a short run"
    )
    parser.add_argument("--binary", help="else the release binary is built")
    parser.add_argument("--out", help="also write samples and faults into this file, as JSON")
    args = parser.parse_args()
    if not args.binary:
        subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
        args.binary = os.path.join(ROOT, "target/release/gatelight")
    args.binary = os.path.abspath(args.binary)
    every = args.every or min(60, args.seconds / 20)
    print(f"seed {args.seed}, {args.gateways} gateways, {args.seconds} s", flush=True)
    folder = tempfile.mkdtemp(prefix="gatelight-soak-")
    children, gateways = [], []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        return soak(args, every, folder, children, gateways)
    finally:
        for gateway in gateways:
            gateway.stop.set()
            gateway.leave()
        for child in children:
            if child.poll() is None:
                child.kill()
                child.wait()
        shutil.rmtree(folder, ignore_errors=True)


def soak(args, every, folder, children, gateways):
    home, data = os.path.join(folder, "home"), os.path.join(folder, "home/.local/share/gatelight")
    os.makedirs(os.path.join(home, ".hermes"))
    env = {
        "HOME": home,
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "XDG_DATA_HOME": os.path.join(home, ".local/share"),
        "GATELIGHT_LAUNCHCTL": "/nonexistent/launchctl",
        "GATELIGHT_SYSTEMCTL": "/nonexistent/systemctl",
    }
    told, stop = Told(), threading.Event()
    gateways += [Gateway(n, home, args, told, stop) for n in range(args.gateways)]
    rows = [row for gateway in gateways for row in gateway.rows]
    os.makedirs(os.path.join(home, ".config/gatelight"))
    with open(os.path.join(home, ".config/gatelight/config.toml"), "w") as settings:
        settings.write("\n".join(gateway.settings() for gateway in gateways))
    for gateway in gateways:
        gateway.begin()
    errors = open(os.path.join(folder, "errors"), "w+")
    watch = subprocess.Popen(
        [args.binary, "watch", "--json"],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
    )
    children.append(watch)
    observers = [Sampled("watch", watch)]

    def listen():
        for line in watch.stdout:
            told.add(line)

    threading.Thread(target=listen, daemon=True).start()
    bus = start_bus(folder)
    if bus:
        children.append(bus[0])
        agent = subprocess.Popen(
            [args.binary],
            env={**env, "DBUS_SESSION_BUS_ADDRESS": bus[1]},
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
        )
        children.append(agent)
        observers.append(Sampled("agent", agent))
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and any(told.of.get(row.name, [(0, "")])[-1][1] != "green" for row in rows):
        time.sleep(0.05)
    # the agent has looked, too
    for _ in range(100):
        if not bus or read_menu(bus[1], agent) > 1000:
            break
        time.sleep(0.2)
    time.sleep(2)
    for row in rows:
        row.begin()
    begun, menus, unread = time.monotonic(), 0, 0
    rest = [o.sample(0) for o in observers]
    for observer in observers:
        observer.samples.clear()
    for gateway in gateways:
        gateway.start()
    sample_at, menu_at, crashed = begun, begun, None
    while (now := time.monotonic()) < begun + args.seconds and not crashed:
        if now >= menu_at and bus:
            menus, unread, menu_at = menus + 1, unread + (read_menu(bus[1], agent) == 0), menu_at + max(5.0, every / 12)
        if now >= sample_at:
            crashed = next((o.name for o in observers if o.child.poll() is not None), None)
            if crashed:
                break
            sample_at += every
            for observer in observers:
                s = observer.sample(now - begun)
                print(
                    f"{s['t']:5} s {observer.name}: {s['rss']} kB resident, {s['private']} private, {s['fds']} descriptors, "
                    f"{s['threads']} threads, {s['cpu']:.1f} s CPU; {sum(len(row.expected) for row in rows)} changes to tell, "
                    f"{sum(len(row.faults) for row in rows)} faults",
                    flush=True,
                )
        time.sleep(0.2)
    stop.set()
    for gateway in gateways:
        gateway.join(120)
    alive = not any(o.child.poll() is not None for o in observers)
    # the gateways live on at rest
    end = time.monotonic() + REST
    while alive and time.monotonic() < end:
        for gateway in gateways:
            gateway.beat()
        time.sleep(0.5)
    rested = [o.sample(0) for o in observers] if alive else rest
    for observer in observers:
        observer.samples.pop()
    statuses = subprocess.run([args.binary, "status", "--json"], env=env, capture_output=True, text=True)
    green = [p["light"] for p in json.loads(statuses.stdout)["profiles"]].count("green")
    faults = [fault for row in rows for fault in row.faults]
    faults += [{"profile": change["profile"], "why": "told twice", "told": change} for change in told.repeated]
    kept, leaked, history = 0, told.leaked > 0, []
    if bus:
        agent.send_signal(signal.SIGTERM)
        agent.wait(30)
        kept, history, leaks = history_faults(args.binary, env, rows, data)
        leaked |= leaks
    watch.send_signal(signal.SIGINT)
    watch.wait(30)
    for gateway in gateways:
        gateway.leave()
    errors.seek(0)
    complaints = errors.read().splitlines()
    grown, costs = [], []
    for observer, before, after in zip(observers, rest, rested):
        more, about = observer.report(before, after)
        grown += more
        costs += about
    counts = {}
    for gateway in gateways:
        for kind, count in gateway.counts.items():
            counts[kind] = counts.get(kind, 0) + count
    latencies = sorted(latency for row in rows for latency in row.latencies)
    p50, p99, worst = (took * 1000 for took in (quantiles([took for took, _ in latencies]) if latencies else (0, 0, 0)))
    slowest = ", ".join(f"{took * 1000:.0f} ms {reason}" for took, reason in latencies[:-6:-1])
    wanted = sum(len(row.expected) - row.skipped for row in rows)
    homes = [home for gateway in gateways for home in gateway.homes.values()]
    head = [
        (
            "incidents",
            f"{sum(counts.values())}: "
            + ", ".join(f"{n} {kind.replace('_', ' ')}" for kind, n in sorted(counts.items())),
            "",
        ),
        ("gateways, rows", f"{len(gateways)}, {len(rows)}", ""),
        ("lines written, rotations", f"{sum(h.lines for h in homes):,}, {sum(h.rotations for h in homes):,}", ""),
        ("changes to be told", f"{wanted:,}", ""),
        ("missed, doubled or made up by `watch`", f"{len(faults)}", "none"),
        ("over within 5 s and not told: the machine was busy", f"{sum(row.unseen for row in rows)}", ""),
        ("changes in the agent's history; wrong", f"{kept:,}; {len(history)}", "none")
        if bus
        else ("the agent", "skipped: no dbus-daemon", ""),
        ("from the write to the told change", f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, worst {worst:.0f} ms", ""),
        ("… the slowest", slowest, ""),
        ("green at the end", f"{green} of {len(rows)}", "all"),
        ("the menu, read over D-Bus", f"{menus} times, {unread} without an answer", "")
        if bus
        else ("the menu", "not read", ""),
        ("secrets planted in the links found in output or history", "yes" if leaked else "none", "none"),
    ]
    print(f"\n{args.seconds} s, seed {args.seed}: {machine()}\n")
    print("| what | measured | goal |\n|---|---|---|")
    for row in head + costs:
        print("| " + " | ".join(row) + " |")
    print()
    for line in complaints[:20]:
        print(f"said on the side: {line}")
    for fault in history[:20]:
        print(f"FAULT: {json.dumps(fault, ensure_ascii=False)}")
    for line in grown:
        print(f"GROWN: {line}")
    if crashed or not alive:
        print(f"ENDED BY ITSELF: {crashed or 'an observer'}")
    if args.out:
        with open(args.out, "w") as file:
            json.dump(
                {
                    "seed": args.seed,
                    "faults": faults,
                    "history": history,
                    "samples": {o.name: o.samples for o in observers},
                },
                file,
            )
    good = alive and not (faults or history or grown or leaked or crashed) and green == len(rows)
    print("soak: " + ("nothing missed, nothing doubled, nothing grown" if good else "FAILED"))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
