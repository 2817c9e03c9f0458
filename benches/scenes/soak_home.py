"""The files of one Hermes home, as a gateway writes them."""

import json
import os
import shutil
import time

# rotated files that are kept of each log
KEPT = 3


class Home:
    """A home whose logs rotate."""

    def __init__(self, path, dice):
        self.path, self.dice = path, dice
        self.stamped, self.rotating, self.lines, self.rotations = 0.0, 0.03, 0, 0
        for folder in ("logs", "state"):
            os.makedirs(os.path.join(path, folder), exist_ok=True)

    def write(self, name, value):
        self.write_text(name, json.dumps(value))

    def write_text(self, name, text):
        path = os.path.join(self.path, name)
        with open(path + ".new", "w") as file:
            file.write(text)
        os.rename(path + ".new", path)

    def remove(self, name):
        try:
            os.remove(os.path.join(self.path, name))
        except FileNotFoundError:
            pass

    def append(self, log, text):
        # opened for each line: a rotation takes effect at the next one, as with a RotatingFileHandler
        with open(os.path.join(self.path, "logs", log), "a") as file:
            file.write(text + "\n")
        self.lines += 1
        if self.dice.random() < self.rotating:
            self.rotate(log)

    def log(self, level, who, message):
        # no two records of a home bear the same stamp
        self.stamped = max(time.time(), self.stamped + 0.001)
        stamp = f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(self.stamped))},{int(self.stamped * 1000) % 1000:03d}"
        line = f"{stamp} {level} {who}: {message}"
        self.append("agent.log", line)
        if who == "Lark":
            self.append("gateway.log", f"[Lark] [{stamp}] [{level}] {message}")
        elif who.startswith(("gateway", "hermes_plugins")):
            self.append("gateway.log", line)
        if level != "INFO":
            self.append("errors.log", line)
        return time.monotonic()

    def rotate(self, log):
        path = os.path.join(self.path, "logs", log)
        for n in range(KEPT, 0, -1):
            older = path if n == 1 else f"{path}.{n - 1}"
            if os.path.exists(older):
                os.rename(older, f"{path}.{n}")
        self.rotations += 1

    def copy_and_truncate(self, log):
        path = os.path.join(self.path, "logs", log)
        if not os.path.exists(path):
            return
        # as logrotate does: the older ones move on, the copy is a new file
        for n in range(KEPT, 1, -1):
            if os.path.exists(f"{path}.{n - 1}"):
                os.rename(f"{path}.{n - 1}", f"{path}.{n}")
        shutil.copyfile(path, path + ".1")
        os.truncate(path, 0)
        self.rotations += 1
