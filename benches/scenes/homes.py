"""Simulated Hermes homes, and Gatelight looking at them."""

import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time

CONNECTED = "{} INFO Lark: connected to wss://msg-frontier.feishu.cn/ws/v2?device_id=1\n"
LOST = "{} ERROR Lark: receive message loop exit, err: received 1000 (OK) bye; then sent 1000 (OK) bye\n"


def stamp(at=None):
    at = time.time() if at is None else at
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at)) + f",{int(at * 1000) % 1000:03d}"


def fill(path, megabytes, at):
    """Adds lines that tell nothing to a log."""
    filler = f"{stamp(at)} INFO agent.loop: turn: model answered in 1.2 s, 3 tools, 812 tokens\n" * 1000
    with open(path, "a") as log:
        end = log.tell() + (megabytes << 20)
        while log.tell() < end:
            log.write(filler)


class Sleeper:
    """A process that stands for a gateway."""

    def __init__(self):
        self.child = subprocess.Popen(["sleep", "7200"], stdin=subprocess.DEVNULL)
        self.pid = self.child.pid
        with open(f"/proc/{self.pid}/stat") as stat:
            self.start = int(stat.read().rsplit(")", 1)[1].split()[19])

    def end(self):
        self.child.kill()
        self.child.wait()


class Homes:
    """A user's home with so many Hermes profiles, each with a living process that stands for its gateway."""

    def __init__(self, count, log_megabytes=0, rotated=()):
        self.dir = tempfile.mkdtemp(prefix="gatelight-bench-")
        self.count = count
        # one process stands for all gateways: what is measured is Gatelight, not they
        self.sleeper = Sleeper()
        self.homes = []
        for n in range(count):
            home = os.path.join(self.dir, ".hermes" if n == 0 else f".hermes/profiles/p{n:04d}")
            os.makedirs(os.path.join(home, "logs"))
            os.makedirs(os.path.join(home, "state"))
            self.homes.append(home)
            for age, megabytes in enumerate(rotated, 1):
                fill(f"{self.log(n)}.{age}", megabytes, time.time() - 60 - 3600 * age)
            fill(self.log(n), log_megabytes, time.time() - 60)
            append(self.log(n), f"{stamp()} INFO Lark: connected to wss://msg-frontier.feishu.cn/ws/v2?device_id=1\n")
            self.write(n, "gateway.pid", {"pid": self.sleeper.pid, "start_time": self.sleeper.start})
            self.write(
                n,
                "gateway_state.json",
                {
                    "pid": self.sleeper.pid,
                    "start_time": self.sleeper.start,
                    "gateway_state": "running",
                    "platforms": {"feishu": {"state": "connected"}},
                },
            )

    def log(self, n):
        return os.path.join(self.homes[n], "logs/agent.log")

    def write(self, n, name, value):
        path = os.path.join(self.homes[n], name)
        with open(path + ".new", "w") as file:
            json.dump(value, file)
        os.rename(path + ".new", path)

    def beat(self, n):
        """As hermes-agent 0.19 writes it every 30 s."""
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + f".{time.time_ns() // 1000 % 10**6:06d}+00:00"
        self.write(
            n, "state/gateway.heartbeat", {"pid": self.sleeper.pid, "updated_at": at, "monotonic": time.monotonic()}
        )

    def env(self):
        return {"HOME": self.dir, "PATH": os.environ["PATH"], "LC_ALL": "C"}

    def close(self):
        self.sleeper.end()
        shutil.rmtree(self.dir, ignore_errors=True)


class Lines:
    """The output of a child, line by line, with the time of arrival."""

    def __init__(self, command, env, shell=False):
        self.child = subprocess.Popen(
            command,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            shell=shell,
            executable="/bin/bash" if shell else None,
            start_new_session=True,
        )
        self.buffer = b""

    def next(self, seconds):
        end = time.monotonic() + seconds
        while b"\n" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.child.stdout], [], [], left)[0]:
                return None, time.monotonic()
            part = os.read(self.child.stdout.fileno(), 65536)
            if not part:
                return None, time.monotonic()
            self.buffer += part
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.decode("utf-8", "replace"), time.monotonic()

    def drain(self):
        """Reads what comes and throws it away: nobody may be held up by a full pipe."""

        def read():
            while os.read(self.child.stdout.fileno(), 65536):
                pass

        threading.Thread(target=read, daemon=True).start()

    def close(self):
        try:
            os.killpg(self.child.pid, signal.SIGTERM)
            self.child.wait(5)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            self.child.kill()
            self.child.wait()


class Agent:
    """The agent with its tray, on a D-Bus daemon of its own; `None` from `start` where there is no dbus-daemon."""

    @staticmethod
    def start(args, homes):
        if not shutil.which("dbus-daemon") or not shutil.which("dbus-send"):
            return None
        return Agent(args, homes)

    def __init__(self, args, homes):
        config = os.path.join(homes.dir, "bus.conf")
        with open(config, "w") as file:
            file.write(
                f"<busconfig><type>session</type><listen>unix:dir={homes.dir}</listen><auth>EXTERNAL</auth>"
                '<policy context="default"><allow send_destination="*"/><allow receive_type="method_call"/>'
                '<allow receive_type="method_return"/><allow receive_type="error"/><allow receive_type="signal"/>'
                '<allow own="*"/></policy></busconfig>'
            )
        self.bus = subprocess.Popen(
            ["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address=1"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.address = self.bus.stdout.readline().strip()
        env = {**homes.env(), "DBUS_SESSION_BUS_ADDRESS": self.address}
        self.child = subprocess.Popen(
            [args.binary], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + 20
        while "connected" not in self.menu() and time.monotonic() < end:
            time.sleep(0.2)

    def call(self, path, *rest):
        to = f"org.kde.StatusNotifierItem-{self.child.pid}-1"
        asked = subprocess.run(
            ["dbus-send", f"--bus={self.address}", f"--dest={to}", "--print-reply", "--type=method_call", path, *rest],
            capture_output=True,
            text=True,
            timeout=30,
        )
        return asked.stdout

    def menu(self):
        return self.call("/MenuBar", "com.canonical.dbusmenu.GetLayout", "int32:0", "int32:-1", "array:string:label")

    def icon(self):
        return self.call(
            "/StatusNotifierItem", "org.freedesktop.DBus.Properties.GetAll", "string:org.kde.StatusNotifierItem"
        )

    def close(self):
        for child in (self.child, self.bus):
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def append(path, text):
    with open(path, "a") as file:
        file.write(text)


def watch(args, homes, extra=()):
    """Gatelight's watcher, when it has told the first verdict of every profile."""
    begun = time.monotonic()
    lines = Lines([args.binary, "watch", "--json", *extra], homes.env())
    told = [lines.next(60)[0] for _ in range(homes.count)]
    assert all(told), "no first verdict"
    return lines, time.monotonic() - begun
