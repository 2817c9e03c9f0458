"""How fast a log is read."""

import datetime
import glob
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import tomllib

from .processes import timed
from .table import row

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def moment(line):
    return datetime.datetime.fromisoformat(line[:19])


def moved(line, at):
    return at.isoformat(" ") + line[19:]


def recorded_lines():
    """The lines of all recordings, one recording a minute after the end of the other."""
    lines, clock = [], datetime.datetime(2026, 1, 1)
    for path in sorted(glob.glob(os.path.join(ROOT, "tests/recordings/*.jsonl"))):
        events = [json.loads(text) for text in open(path)]
        own = [event["line"] for event in events if "log" in event and event["line"][:2] == "20"]
        if own:
            later = clock - moment(own[0])
            lines += [moved(line, moment(line) + later) for line in own]
            clock = max(moment(line) + later for line in own) + datetime.timedelta(minutes=1)
    return lines


def needles():
    """What Gatelight looks for: of the gateway, and of every platform."""
    found = set()
    for path in [
        os.path.join(ROOT, "resources/patterns.toml"),
        *glob.glob(os.path.join(ROOT, "resources/platforms/*")),
    ]:
        table = tomllib.load(open(path, "rb"))
        for line in table.get("line", []):
            # up to the first placeholder
            starts = [re.split(r"\{[pPtan]\}", start)[0] for start in line["starts"]]
            found.update([line["needle"]] if "needle" in line else starts)
        found.update(carrier["needle"] for carrier in table.get("carriers", []))
    return sorted(found)


def grow(path, lines, size):
    """The lines again and again, each time some whole days later: no gateway writes a log in which time stands still."""
    text = ("\n".join(lines) + "\n").encode()
    dates = sorted({line[:10] for line in lines})
    days = [datetime.date.fromisoformat(date) for date in dates]
    span = days[-1] - days[0] + datetime.timedelta(days=1)
    each = re.compile("|".join(dates).encode())
    with open(path, "wb") as file:
        while file.tell() < size:
            table = {date.encode(): day.isoformat().encode() for date, day in zip(dates, days)}
            file.write(each.sub(lambda date, table=table: table[date[0]], text))
            days = [day + span for day in days]


def throughput(args):
    """On one core, the file in the page cache."""
    folder = tempfile.mkdtemp(prefix="gatelight-bench-")
    try:
        lines, words = recorded_lines(), needles()
        told = [any(word in line for word in words) for line in lines]
        quiet = [line for line, hit in zip(lines, told) if not hit]
        events = [line for line, hit in zip(lines, told) if hit]
        # a day of a gateway that talks: one telling line in a hundred
        day = []
        for n, event in enumerate(events):
            day += [quiet[(n * 99 + k) % len(quiet)] for k in range(99)] + [event]
        begin = moment(lines[0])
        day = [moved(line, begin + datetime.timedelta(seconds=n // 2)) for n, line in enumerate(day)]
        pattern_file = os.path.join(folder, "needles")
        open(pattern_file, "w").write("\n".join(words) + "\n")
        cpu_one = ["taskset", "-c", str(max(os.sched_getaffinity(0)))]
        for name, content in (("recordings end to end", lines), ("one telling line in 100", day)):
            path = os.path.join(folder, "agent.log")
            grow(path, content, args.megabytes << 20)
            gigabytes, replay = os.path.getsize(path) / 1e9, ["replay", path]
            density = sum(any(word in line for word in words) for line in content[:3000]) / min(3000, len(content))
            ours = timed(cpu_one + [args.binary, *replay])
            if args.before:
                before = timed(cpu_one + [args.before, *replay])
                # the goal is that of lines that tell something
                is_telling = content is lines
                row(
                    f"  the same by {os.path.basename(args.before)}",
                    f"{gigabytes / before:.3f} GB/s; now {gigabytes / ours:.3f} GB/s",
                    f"{before / ours:.2f}× as fast" + ("; ≥ 2" if is_telling else ""),
                    before / ours >= 2 if is_telling else None,
                )
            rg = timed(cpu_one + ["rg", "-j1", "-c", "-F", "-f", pattern_file, path]) if shutil.which("rg") else None
            grep = timed(cpu_one + ["grep", "-c", "-F", "-f", pattern_file, path], env={**os.environ, "LC_ALL": "C"})
            rate = gigabytes / ours
            row(
                f"throughput, {name} ({density:.0%} of lines tell something)", f"{rate:.2f} GB/s", "≥ 1 GB/s", rate >= 1
            )
            if rg:
                row(
                    "  ripgrep, same patterns, only counting",
                    f"{gigabytes / rg:.2f} GB/s",
                    f"gatelight {rg / ours:.2f}× as fast; ≥ 1",
                    rg / ours >= 1,
                )
            row(
                "  GNU grep, same patterns, only counting",
                f"{gigabytes / grep:.2f} GB/s",
                f"gatelight {grep / ours:.2f}× as fast",
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def cores(args):
    """Several files on all cores beside one: the same result, by the clock."""
    folder = tempfile.mkdtemp(prefix="gatelight-bench-")
    try:
        lines, logs, parts = recorded_lines(), [], 8
        whole = os.path.join(folder, "whole")
        grow(whole, lines, args.megabytes << 20)
        # profiles with three rotated files each
        content = open(whole, "rb").read().splitlines(keepends=True)
        for part in range(parts):
            logs.append(
                os.path.join(folder, f"profiles/p{part % 4}/logs/agent.log" + (f".{1 - part // 4}" * (part < 4)))
            )
            os.makedirs(os.path.dirname(logs[-1]), exist_ok=True)
            with open(logs[-1], "wb") as file:
                file.writelines(content[len(content) * part // parts : len(content) * (part + 1) // parts])
        report = os.path.join(folder, "report.html")
        for name, command in (
            ("report --from-logs", [args.binary, "report", "--force", "--out", report, "--from-logs", *logs]),
            ("replay", [args.binary, "replay", *(log for log in logs if "/p0/" in log)]),
        ):
            took, results = [], []
            for count in (1, 2):
                pinned = ["taskset", "-c", ",".join(map(str, sorted(os.sched_getaffinity(0))[-count:]))]
                best = None
                for _ in range(3):
                    begun = time.monotonic()
                    ran = subprocess.run(pinned + command, capture_output=True, check=True)
                    spent = time.monotonic() - begun
                    best = spent if best is None else min(best, spent)
                took.append(best)
                results.append(open(report, "rb").read() if name.startswith("report") else ran.stdout)
            same = results[0] == results[1]
            row(
                f"{name} of several files, 2 cores beside 1",
                f"{took[0]:.2f} s → {took[1]:.2f} s, results {'identical' if same else 'DIFFER'}",
                f"{took[0] / took[1]:.2f}×; ≥ 1.8",
                same and took[0] / took[1] >= 1.8,
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
