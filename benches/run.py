#!/usr/bin/env python3
"""Measures Gatelight against the ways people do it now; prints one table at the end.

    benches/run.py                      everything, in about 15 minutes
    benches/run.py latency idle         only these
    benches/run.py --long               ten minutes of idle and a gigabyte to read; in about half an hour
    benches/run.py --before PATH        also reads the logs with an older binary, and tells the ratio
    benches/run.py --check              fails when something is worse than its goal

Builds the release binary first (`--binary PATH` takes another one). Needs Python 3, bash, GNU grep, coreutils and, for
the comparison, ripgrep. Linux. All load stays in a temporary folder; nothing listens; every child is ended by its id.
"""

import argparse
import os
import subprocess
import sys

from scenes.burst import burst
from scenes.growth import growth, start
from scenes.idle import idle, tray
from scenes.latency import latency
from scenes.links import growth_links, idle_links, latency_links
from scenes.program import instructions, size
from scenes.table import ROWS, machine
from scenes.throughput import cores, throughput

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ALL = {
    "size": size,
    "instructions": instructions,
    "latency": latency,
    "latency-links": latency_links,
    "start": start,
    "throughput": throughput,
    "cores": cores,
    "burst": burst,
    "growth": growth,
    "growth-links": growth_links,
    "tray": tray,
    "idle": idle,
    "idle-links": idle_links,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", nargs="*", help="of " + ", ".join(ALL))
    parser.add_argument("--binary")
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--polls", type=int, default=20, help="samples of the two polls, which take seconds each")
    parser.add_argument("--long", action="store_true", help="--idle-seconds 600 --megabytes 1024")
    parser.add_argument("--check", action="store_true", help="exit code 1 when a goal is missed")
    parser.add_argument("--before", help="an older binary to compare the throughput with")
    parser.add_argument("--growth-steps", type=int, default=4, choices=range(2, 5), help="up to 10, 100 or 1,000 links")
    parser.add_argument("--idle-seconds", type=int)
    parser.add_argument("--megabytes", type=int)
    args = parser.parse_args()
    args.idle_seconds = args.idle_seconds or (600 if args.long else 60)
    args.megabytes = args.megabytes or (1024 if args.long else 256)
    if unknown := set(args.which) - set(ALL):
        parser.error(f"unknown: {', '.join(unknown)}")
    if not args.binary:
        subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
        args.binary = os.path.join(ROOT, "target/release/gatelight")
    for name in args.which or ALL:
        print(f"{name} …", flush=True)
        ALL[name](args)
    print(f"\n{machine()}\n")
    print("| what | measured | goal or ratio | |\n|---|---|---|---|")
    for r in ROWS:
        print("| " + " | ".join(r) + " |")
    missed = [r[0].strip() for r in ROWS if r[3] == "MISSED"]
    if missed:
        print(f"\nmissed: {'; '.join(missed)}")
    if args.check and missed:
        sys.exit(1)


if __name__ == "__main__":
    main()
