#!/usr/bin/env python3
"""Counts the instructions of parser and core over fixed input, and fails when one grew by more than 10 %.

    benches/instructions.py               compares with benches/instructions.toml
    benches/instructions.py --accept      writes what is counted now into it
    benches/instructions.py --self-check  shows that a growth is found: everything is done twice, and each must fail

valgrind counts (Debian's; installed where it is missing), so it does not matter what else the machine does. Counts are
comparable only between programs of the same compiler on the same kind of processor: elsewhere it says so and ends well.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tomllib

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KEPT = os.path.join(ROOT, "benches/instructions.toml")
MOST = 0.10


def machine():
    """What counts depend on: the compiler, and what the searcher and libc choose their code by."""
    rustc = subprocess.run(["rustc", "--version"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    wide = platform.machine() == "x86_64" and " avx2 " in open("/proc/cpuinfo").read()
    return {"rustc": rustc, "processor": platform.machine() + (" with AVX2" if wide else "")}


def build():
    command = ["cargo", "build", "--quiet", "--profile", "counted", "--bench", "workload", "--message-format", "json"]
    told = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    # the program itself is built beside it
    made = [m for m in map(json.loads, told.splitlines()) if m.get("executable") and m["target"]["name"] == "workload"]
    return made[-1]["executable"]


def count(program, name, times):
    command = [
        "valgrind",
        "--tool=callgrind",
        "--callgrind-out-file=/dev/null",
        f"--toggle-collect=*counted_{name}*",
        program,
        name,
        str(times),
    ]
    ran = subprocess.run(command, capture_output=True, text=True)
    collected = re.search(r"Collected : (\d+)", ran.stderr)
    if ran.returncode != 0 or not collected or int(collected[1]) == 0:
        sys.exit(f"{name}: nothing was counted\n{ran.stderr}")
    return int(collected[1])


def compare(kept, now):
    """One line for each; whether none grew too much."""
    well = True
    for name, counted in now.items():
        if name not in kept:
            print(f"{name:10} {counted:>14,} instructions, not in the file: --accept takes it up")
            well = False
            continue
        growth = counted / kept[name] - 1
        word = "GREW" if growth > MOST else "shrank: --accept keeps the gain" if growth < -MOST else ""
        print(f"{name:10} {counted:>14,} instructions, {growth:+7.1%} {word}".rstrip())
        well = well and growth <= MOST
    for name in kept.keys() - now.keys():
        print(f"{name:10} is in the file and no longer counted")
        well = False
    return well


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accept", action="store_true")
    parser.add_argument("--self-check", action="store_true")
    args = parser.parse_args()
    if platform.system() != "Linux":
        print("skipped: valgrind counts on Linux only")
        return
    here = machine()
    kept = tomllib.load(open(KEPT, "rb")) if os.path.exists(KEPT) else {}
    differs = [key for key in here if kept.get(key, here[key]) != here[key]]
    if differs and not args.accept:
        for key in differs:
            print(f"skipped: counted with {key} {kept[key]!r}, here is {here[key]!r}")
        return
    subprocess.run([os.path.join(ROOT, "bundle/linux/install-packages"), "valgrind"], check=True)
    program = build()
    names = subprocess.run([program], capture_output=True, text=True, check=True).stdout.split()
    counted = {name: count(program, name, 2 if args.self_check else 1) for name in names}
    if args.self_check:
        # each by itself: one that grows must not hide behind the others
        missed = [name for name in names if compare({name: kept["instructions"][name]}, {name: counted[name]})]
        if missed:
            sys.exit(f"twice the work was not found in: {', '.join(missed)}")
        print("twice the work is found everywhere")
    elif args.accept:
        with open(KEPT, "w") as file:
            file.write("# Written by `benches/instructions.py --accept`; see there.\n")
            file.writelines(f"{key} = {json.dumps(value)}\n" for key, value in here.items())
            file.write("\n[instructions]\n")
            file.writelines(f"{name} = {n}\n" for name, n in counted.items())
        print(open(KEPT).read(), end="")
    elif not compare(kept.get("instructions", {}), counted):
        sys.exit("more than 10 % grew, or the file does not fit: mend it, or say why and use --accept")


if __name__ == "__main__":
    main()
