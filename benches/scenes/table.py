"""The table at the end, and figures as it shows them."""

import os
import platform
import time

ROWS = []


def row(what, value, goal="", verdict=None):
    mark = {True: "met", False: "MISSED", None: ""}[verdict]
    ROWS.append((what, value, goal, mark))
    print(f"  {what}: {value}  {goal} {mark}", flush=True)


def at(values, quantile):
    return values[min(len(values) - 1, int(len(values) * quantile))]


def quantiles(values):
    """The median, the 99th percentile and the worst."""
    values = sorted(values)
    return at(values, 0.5), at(values, 0.99), values[-1]


def ms(seconds):
    return f"{seconds * 1000:.2f} ms" if seconds < 0.1 else f"{seconds:.2f} s"


def machine():
    """What the figures were taken on."""
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "?")
    system = f"{platform.system()} {platform.release()}"
    return f"{model}, {os.cpu_count()} cores, {system}, {time.strftime('%Y-%m-%d')}, load {os.getloadavg()[0]:.1f}"
