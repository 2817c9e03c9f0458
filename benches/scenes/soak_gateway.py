"""A simulated gateway: one incident after another, and what must be told of each."""

import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time

SECRET = "5ecretAccessKeyOfTheSoak"
LINK = f"wss://msg-frontier.feishu.cn/ws/v2?fpid=493&device_id=1&access_key={SECRET}&service_id=33&ticket={SECRET}"
# rotated files that are kept of each log
KEPT = 3
# told within this, or missed: generous, the machine may be busy
PATIENCE = 20.0
# a process in state T is told after 10 s, which is looked at every few seconds
SUSPENDED = 24.0


class Gateway(threading.Thread):
    """One gateway's life: a process, its files, and one incident after the other."""

    def __init__(self, n, home, args, told, stop):
        super().__init__(name=f"gateway {n}", daemon=True)
        self.n, self.told, self.stop = n, told, stop
        self.name_of = "default" if n == 0 else f"g{n:02d}"
        self.home = home if n == 0 else os.path.join(home, "profiles", self.name_of)
        self.dice = random.Random(args.seed * 1000 + n)
        self.number, self.stamped, self.link = 0, 0.0, ""
        self.process, self.frozen, self.next_beat = None, False, 0.0
        self.expected, self.faults, self.counts, self.taken = [], [], {}, 0
        self.latencies, self.checked, self.lines, self.rotations = [], 0, 0, 0
        self.rotating = 0.03
        for folder in ("logs", "state"):
            os.makedirs(os.path.join(self.home, folder), exist_ok=True)

    # ---- what a gateway writes

    def stamp(self):
        # no two records of a gateway bear the same stamp
        self.stamped = max(time.time(), self.stamped + 0.001)
        return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(self.stamped)) + f",{int(self.stamped * 1000) % 1000:03d}"

    def append(self, log, text):
        # opened for each line: a rotation takes effect at the next one, as with a RotatingFileHandler
        with open(os.path.join(self.home, "logs", log), "a") as file:
            file.write(text + "\n")
        self.lines += 1
        if self.dice.random() < self.rotating:
            self.rotate(log)

    def log(self, level, who, message):
        stamp = self.stamp()
        self.append("agent.log", f"{stamp} {level} {who}: {message}")
        if who == "Lark":
            self.append("gateway.log", f"[Lark] [{stamp}] [{level}] {message}")
        else:
            self.append("gateway.log", f"{stamp} {level} {who}: {message}")
        if level != "INFO":
            self.append("errors.log", f"{stamp} {level} {who}: {message}")
        return time.monotonic()

    def write(self, name, value):
        path = os.path.join(self.home, name)
        with open(path + ".new", "w") as file:
            json.dump(value, file)
        os.rename(path + ".new", path)

    def beat(self):
        if self.process and not self.frozen and time.monotonic() >= self.next_beat:
            self.write("state/gateway.heartbeat", {"pid": self.process.pid, "monotonic": time.monotonic()})
            self.next_beat = time.monotonic() + 30

    def rotate(self, log):
        path = os.path.join(self.home, "logs", log)
        for n in range(KEPT, 0, -1):
            older = path if n == 1 else f"{path}.{n - 1}"
            if os.path.exists(older):
                os.rename(older, f"{path}.{n}")
        self.rotations += 1

    def copy_and_truncate(self, log):
        path = os.path.join(self.home, "logs", log)
        if not os.path.exists(path):
            return
        # as logrotate does: the older ones move on, the copy is a new file
        for n in range(KEPT, 1, -1):
            if os.path.exists(f"{path}.{n - 1}"):
                os.rename(f"{path}.{n - 1}", f"{path}.{n}")
        shutil.copyfile(path, path + ".1")
        os.truncate(path, 0)
        self.rotations += 1

    # ---- its life

    def pause(self, least, most):
        end = time.monotonic() + self.dice.uniform(least, most)
        while (left := end - time.monotonic()) > 0:
            self.beat()
            time.sleep(min(left, 0.5))

    def expect(self, at, light, reason, mark="", optional=False):
        self.expected.append((at, light, reason, mark, optional))

    def mark(self):
        self.number += 1
        return f"[conn_id={self.n:02d}{self.number:06d}]"

    def start_process(self):
        # in a session of its own: the kernel continues stopped processes of a group whose shell ends
        self.process = subprocess.Popen(["sleep", "100000"], stdin=subprocess.DEVNULL, cwd="/", start_new_session=True)
        with open(f"/proc/{self.process.pid}/stat") as stat:
            start = int(stat.read().rsplit(")", 1)[1].split()[19])
        with open(os.path.join(self.home, "gateway-starts.log"), "a") as starts:
            starts.write(f"{time.time():.3f}\n")
        at = time.monotonic()
        me = {"pid": self.process.pid, "kind": "hermes-gateway", "start_time": start}
        self.write("gateway.pid", me)
        self.log("INFO", "gateway.run", "Starting Hermes Gateway...")
        self.log("INFO", "gateway.run", "Connecting to feishu...")
        # one of those that mean nothing; with it, every log is there from the beginning
        self.log("WARNING", "gateway.run", "Agent idle for 30 min, last activity: tool call")
        self.expect(at, "amber", "starting")
        self.pause(0, 3)
        self.connected()
        feishu = {
            "state": "connected",
            "updated_at": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() + 1)),
        }
        self.write("gateway_state.json", {**me, "gateway_state": "running", "platforms": {"feishu": feishu}})
        self.next_beat = 0

    def connected(self):
        self.link = self.mark()
        self.expect(self.log("INFO", "Lark", f"connected to {LINK} {self.link}"), "green", "connected", self.link)

    def end_process(self):
        self.process.kill()
        self.process.wait()
        self.process = None
        return time.monotonic()

    def lost(self):
        mark = self.mark()
        at = self.log("ERROR", "Lark", f"receive message loop exit, err: no close frame received or sent {mark}")
        self.log("INFO", "Lark", f"disconnected to {LINK} {mark}")
        self.expect(at, "amber", "reconnecting", mark)

    def blip(self):
        self.lost()
        self.pause(0, self.dice.choice([0, 1, 12]))
        self.log("INFO", "Lark", "trying to reconnect for the 1st time")
        self.connected()

    def outage(self):
        self.lost()
        for attempt in range(self.dice.randint(1, 3)):
            self.pause(0, 5)
            self.log("INFO", "Lark", f"trying to reconnect for the {attempt + 1}th time")
            mark = self.mark()
            at = self.log("ERROR", "Lark", f"connect failed, err: [Errno 111] Connection refused {mark}")
            if attempt == 0:
                self.expect(at, "red", "network-unreachable", mark)
        self.pause(0, 5)
        self.log("INFO", "Lark", "trying to reconnect for the 9th time")
        self.connected()

    def gone(self, ended):
        self.expect(ended, "red", "not-running")
        gone = len(self.expected) - 1
        self.pause(*self.dice.choice([(0, 2), (8, 13)]))
        # a successor that is there before anybody could look
        optional = time.monotonic() - ended < 0.5
        self.expected[gone] = self.expected[gone][:4] + (optional,)
        self.start_process()

    def crash(self):
        self.gone(self.end_process())

    def executor(self):
        mark = self.mark()
        words = f"kanban notifier tick failed: Executor shutdown has been called {mark}"
        self.expect(self.log("WARNING", "gateway.run", words), "red", "executor-shutdown", mark)
        for _ in range(self.dice.randint(0, 3)):
            self.pause(1, 5)
            self.log("WARNING", "gateway.run", words)
            # a link that comes back does not mend it
            if self.dice.random() < 0.3:
                self.log("INFO", "Lark", f"connected to {LINK} [conn_id=other]")
        self.pause(0, 2)
        self.gone(self.end_process())

    def planned_stop(self):
        mark = self.mark()
        words = f"Received SIGTERM as a planned gateway stop — exiting cleanly {mark}"
        self.expect(self.log("INFO", "gateway.run", words), "grey", "stopped", mark)
        self.log("ERROR", "Lark", "receive message loop exit, err: sent 1000 (OK); then received 1000 (OK)")
        self.pause(0, 2)
        os.remove(os.path.join(self.home, "gateway.pid"))
        self.end_process()
        self.pause(3, 15)
        self.start_process()

    def planned_restart(self):
        mark = self.mark()
        at = self.log("INFO", "gateway.run", f"Stopping gateway for restart... {mark}")
        self.expect(at, "amber", "restarting", mark)
        self.pause(0, 3)
        self.end_process()
        self.pause(0, 5)
        self.start_process()

    def suspended(self):
        self.frozen = True
        self.process.send_signal(signal.SIGSTOP)
        at = time.monotonic()
        self.pause(SUSPENDED, SUSPENDED + 8)
        self.process.send_signal(signal.SIGCONT)
        self.frozen = False
        self.expect(at + 10, "red", "process-suspended")
        self.expect(time.monotonic(), "green", "connected", self.link)

    def chat(self):
        self.rotating = 0.002
        for _ in range(self.dice.randint(1, 200)):
            text = self.dice.choice(["user said: Executor shutdown has been called", "restart the gateway", "你好"])
            self.log("INFO", "gateway.platforms.feishu", f"[Feishu] Inbound dm message received: text='{text}'")
            self.log("INFO", "agent.loop", "turn: model answered in 1.2 s, 3 tools, 812 tokens")
        self.rotating = 0.03
        # a message that came in proves the link as well, and is its newest proof
        self.link = ""

    def truncation(self):
        self.settle()
        # a moment in which what was written has been read
        self.pause(1, 2)
        self.copy_and_truncate(self.dice.choice(["agent.log", "gateway.log", "errors.log"]))
        self.pause(1, 2)

    KINDS = [
        ("blip", 6),
        ("outage", 3),
        ("crash", 2),
        ("executor", 3),
        ("planned_stop", 1),
        ("planned_restart", 2),
        ("suspended", 1),
        ("chat", 3),
        ("truncation", 1),
    ]

    def run(self):
        names, weights = zip(*self.KINDS)
        started = -1000.0
        while not self.stop.is_set():
            kind = self.dice.choices(names, weights)[0]
            starts = kind in ("crash", "executor", "planned_stop", "planned_restart")
            # more than five starts within two minutes would be a crash loop, and rightly told as one
            if starts and time.monotonic() - started < 40:
                continue
            getattr(self, kind)()
            self.counts[kind] = self.counts.get(kind, 0) + 1
            if starts:
                started = time.monotonic()
            self.settle()
            self.pause(0, 8)
            if self.dice.random() < 0.3:
                self.rotate(self.dice.choice(["agent.log", "gateway.log", "errors.log"]))

    def settle(self):
        """Waits until what must be told was told, and compares."""
        end = time.monotonic() + PATIENCE
        while True:
            self.beat()
            with self.told.lock:
                told = self.told.of.get(self.name_of, [])[self.taken :]
                rest = self.compare(told, self.expected[self.checked :])
                if rest is None or time.monotonic() > end:
                    break
                self.told.lock.wait(0.2)
        wanted = self.expected[self.checked :]
        if rest is None and len(told) == len(wanted):
            for before, want, at in zip([None] + wanted, wanted, [t[0] for t in told]):
                # nobody is told of a process that is suspended or goes on: it is looked at every few seconds
                looked_at = "process-suspended" in (want[2], before and before[2])
                if not looked_at:
                    self.latencies.append((at - want[0], want[2]))
        if rest is not None:
            self.faults.append(
                {"profile": self.name_of, "expected": self.expected[self.checked :], "told": told, "why": rest}
            )
            print(f"FAULT: {json.dumps(self.faults[-1], ensure_ascii=False)}", flush=True)
        self.taken += len(told)
        self.checked = len(self.expected)

    @staticmethod
    def compare(told, expected):
        """`None` where exactly this was told; else what is wrong."""
        told = list(told)
        for _, light, reason, mark, optional in expected:
            if told and told[0][1:3] == (light, reason) and mark in told[0][3]:
                told.pop(0)
            elif not optional:
                return f"missed: {light} {reason} {mark}" + (f", in its place {told[0][1:]}" if told else "")
        return f"too much: {told[0][1:]}" if told else None

    def leave(self):
        if self.process:
            self.process.kill()
            self.process.wait()
