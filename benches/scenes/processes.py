"""What a process costs, from /proc."""

import glob
import os
import subprocess

TICK = os.sysconf("SC_CLK_TCK")


def tree(pid):
    """This process and all below it."""
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        found.append(one)
        for task in glob.glob(f"/proc/{one}/task/*/children"):
            try:
                todo += map(int, open(task).read().split())
            except OSError:
                pass
    return found


def cpu(pid, with_children=True):
    """CPU seconds of a process, of those below it, and of its children that ended; from schedstat where it is exact."""
    total = 0.0
    for one in tree(pid) if with_children else [pid]:
        try:
            for task in os.listdir(f"/proc/{one}/task"):
                total += int(open(f"/proc/{one}/task/{task}/schedstat").read().split()[0]) / 1e9
            # children that ended, as far as they were waited for
            total += reaped(one)
        except OSError:
            pass
    return total


def reaped(pid):
    """CPU seconds of the children that ended, as far as they were waited for; part of `cpu`."""
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[13]) + int(fields[14])) / TICK


def wakeups(pid):
    """How often its threads gave the processor up and were woken again; that others took it away is not counted."""
    total = 0
    for one in tree(pid):
        for task in glob.glob(f"/proc/{one}/task/*/status"):
            try:
                total += sum(int(line.split()[1]) for line in open(task) if line.startswith("voluntary_ctxt_switches"))
            except OSError:
                pass
    return total


def memory(pid):
    """Resident and private kilobytes."""
    text = open(f"/proc/{pid}/smaps_rollup").read().split("\n")
    values = {line.split(":")[0]: int(line.split()[1]) for line in text[1:] if line}
    return values["Rss"], values["Private_Clean"] + values["Private_Dirty"]


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def timed(command, **kw):
    """CPU seconds, the least of three: what it takes on a core of its own, whatever else the machine does."""
    taken = []
    for _ in range(3):
        before = os.times()
        # a pipe: GNU grep stops at the first hit when nobody reads
        subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False, **kw)
        after = os.times()
        taken.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return min(taken)
