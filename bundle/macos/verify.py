#!/usr/bin/env python3
"""Inspects a Gatelight.app, or a bare macOS binary, without a Mac: would dyld, Gatekeeper's seal and Finder take it?

usage: verify.py APP
       verify.py --binary FILE [--arch arm64|x86_64]…
       verify.py --same-as OTHER APP

Prints one line for each fault and exits 1 if there is one. With --same-as, every file that differs between the two is a
fault. It reads what a Mac reads: load commands, dyld's binding tables, the code directory's page hashes, the sealed
resources, Info.plist. Whether the program then works cannot be seen here: not yet run on a Mac.
"""

import argparse
import pathlib
import sys

from inspection import app_bundle
from inspection.faults import Faults


def differences(one, other):
    """(property, message) for each file of two folders that is not the same in both, and for each mode that differs."""
    trees = [{path.relative_to(root).as_posix(): path for path in root.rglob("*")} for root in (one, other)]
    for name in sorted(trees[0].keys() | trees[1].keys()):
        pair = [tree.get(name) for tree in trees]
        if None in pair:
            yield "same", f"{name} is in one of them only"
        elif pair[0].lstat().st_mode != pair[1].lstat().st_mode:
            yield "same", f"{name} has another mode"
        elif pair[0].is_file():
            data = [path.read_bytes() for path in pair]
            if data[0] != data[1]:
                at = next((at for at, (a, b) in enumerate(zip(*data)) if a != b), min(map(len, data)))
                yield "same", f"{name} differs from byte {at} on ({len(data[0])} and {len(data[1])} bytes)"


def inspect(path, binary=False, architectures=("arm64", "x86_64")):
    """(property, message) for each fault of the .app or binary at `path`."""
    faults = Faults()
    if binary:
        app_bundle.check_signatures(faults, app_bundle.check_binary(faults, path, architectures))
    else:
        app_bundle.check(faults, path, architectures)
    return faults.found


def main():
    parser = argparse.ArgumentParser(description="Inspects a Gatelight.app, or a bare macOS binary, without a Mac.")
    parser.add_argument("path", type=pathlib.Path)
    parser.add_argument("--binary", action="store_true", help="PATH is a bare binary")
    parser.add_argument("--same-as", type=pathlib.Path, metavar="OTHER", help="an .app that must hold the same bytes")
    parser.add_argument("--arch", action="append", choices=["arm64", "x86_64"], help="default: both, as in a release")
    arguments = parser.parse_args()
    if not arguments.path.exists():
        parser.error(f"{arguments.path} is missing")
    faults = inspect(arguments.path, arguments.binary, arguments.arch or ("arm64", "x86_64"))
    if arguments.same_as:
        if not arguments.same_as.is_dir():
            parser.error(f"{arguments.same_as} is missing")
        faults += differences(arguments.path, arguments.same_as)
    for code, message in faults:
        print(f"fault: {code}: {message}")
    print(f"{arguments.path}: " + (f"{len(faults)} faults" if faults else "no fault found; not yet run on a Mac"))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
