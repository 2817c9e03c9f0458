"""The program itself: its instructions and its size."""

import os
import shutil
import subprocess
import tempfile

from .table import row

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def instructions(args):
    """Parser and core, against the counts in the repository."""
    ran = subprocess.run([os.path.join(ROOT, "benches/instructions.py")], stdout=subprocess.PIPE, text=True)
    for line in ran.stdout.splitlines():
        name, _, rest = line.partition(" ")
        row(
            f"instructions, {name}",
            rest.strip(),
            "≤ 10 % more than benches/instructions.toml",
            None if name == "skipped:" else "GREW" not in rest,
        )
    if not ran.stdout:
        row("instructions", "not counted", "", False)


def size(args):
    copy = tempfile.NamedTemporaryFile()
    shutil.copy(args.binary, copy.name)
    subprocess.run(["strip", copy.name], check=False)
    megabytes = os.path.getsize(copy.name) / 1e6
    row("binary, stripped", f"{megabytes:.1f} MB", "< 8 MB", megabytes < 8)
