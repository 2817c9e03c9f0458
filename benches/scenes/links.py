"""Ten gateways of four links: what they cost, and how soon a change is told."""

import http.server
import json
import os
import statistics
import threading
import time

from .homes import Agent, Homes, Lines, Sleeper, append, stamp
from .processes import cpu, descriptors, memory, reaped, wakeups
from .table import ms, quantiles, row

# the wordings are those of resources/platforms
UP = {
    "feishu": "{} INFO Lark: connected to wss://msg-frontier.feishu.cn/ws/v2?device_id=1 [conn_id={}]\n",
    "discord": "{} INFO discord.gateway: Shard ID None has connected to Gateway (Session ID: {}).\n",
    "slack": "{} INFO slack_bolt.AsyncApp: A new session ({}) has been established\n",
    "telegram": "{} INFO hermes_plugins.telegram_platform: [Telegram] Telegram polling confirmed healthy {}\n",
}
DOWN = {
    "feishu": "{} ERROR Lark: receive message loop exit, err: no close frame received or sent [conn_id={}]\n",
    "discord": "{} ERROR discord.client: Attempting a reconnect in 1.22s {}\n",
    "slack": "{} WARNING hermes_plugins.slack_platform: [Slack] Socket Mode unhealthy ({}); reconnecting\n",
}
# after four losses in ten minutes telegram is "flapping": it stays up here
LOSABLE = list(DOWN)


class LinkHomes(Homes):
    """`gateways` with `links` links each. Every other one serves profiles whose homes lie in its own (as newer versions of
    hermes-agent write them: each with its logs), so that a file may concern two rows; the others have one profile with
    the links of up to four platforms. `kind`: "served" or "single" makes all of them so. `apart`: each gateway is a process
    of its own, for a profile that is found without the settings, which name 256 at most."""

    def __init__(self, gateways, links, kind=None, apart=False):
        super().__init__(0)
        self.processes = [Sleeper() for _ in range(gateways)] if apart else [self.sleeper] * gateways
        # a loss names the connection that it ends
        self.parts, self.connections, settings = [], {}, []
        for n in range(gateways):
            path = f".hermes/profiles/g{n}" if apart else f"machine{n}/.hermes"
            home = os.path.join(self.dir, ".hermes" if n == 0 else path)
            served = kind == "served" or (kind is None and n % 2 == 1)
            own = "default" if n == 0 else f"g{n}"
            entries, process = {}, self.processes[n]
            self.make(home)
            if served:
                # the first link is the gateway's own profile's
                for k in range(links):
                    name, profile = (own, home) if k == 0 else (f"{own}-p{k}", os.path.join(home, "profiles", f"p{k}"))
                    self.make(profile)
                    self.parts.append((name, profile, "feishu"))
                    settings += [] if name == "default" else [(profile, name)]
                    key = "feishu" if k == 0 else f"p{k}:feishu"
                    entries[key] = {"state": "connected", "writer_pid": process.pid}
                    tag = "" if k == 0 else f" (profile: p{k})"
                    append(self.log_of(profile), f"{stamp()} INFO gateway.run: ✓ feishu connected{tag}\n")
                    self.say(self.parts[-1], UP, f"{n}x{k}")
            else:
                settings += [] if own == "default" or apart else [(home, own)]
                for platform in list(UP)[:links]:
                    self.parts.append((own, home, platform))
                    entries[platform] = {"state": "connected", "writer_pid": process.pid}
                    self.say(self.parts[-1], UP, f"{n}x")
            self.count += links if served else 1
            self.homes.append(home)
            me = {"pid": process.pid, "start_time": process.start}
            self.write(n, "gateway.pid", me)
            more = {"served_profiles": ["default", *(f"p{k}" for k in range(1, links))]} if served else {}
            self.write(n, "gateway_state.json", {**me, "gateway_state": "running", "platforms": entries, **more})
        os.makedirs(os.path.join(self.dir, ".config/gatelight"), exist_ok=True)
        self.settings = os.path.join(self.dir, ".config/gatelight/config.toml")
        with open(self.settings, "w") as file:
            file.write("".join(f'[[profiles]]\nhome = "{home}"\nname = "{name}"\n' for home, name in settings))
        # it will hold the address of a channel
        os.chmod(self.settings, 0o600)

    @staticmethod
    def make(home):
        for folder in ("logs", "state"):
            os.makedirs(os.path.join(home, folder), exist_ok=True)

    @staticmethod
    def log_of(home):
        return os.path.join(home, "logs/agent.log")

    def say(self, part, words, mark):
        if words is UP:
            self.connections[part] = mark
        append(self.log_of(part[1]), words[part[2]].format(stamp(), self.connections[part]))

    def beat_all(self):
        for n in range(len(self.homes)):
            self.beat(n)

    def close(self):
        for process in set(self.processes) - {self.sleeper}:
            process.end()
        super().close()


def watch_all(args, homes):
    """The watcher, when every row is green; the first verdict of all, in seconds."""
    begun = time.monotonic()
    lines = Lines([args.binary, "watch", "--json"], homes.env())
    state, first = {}, None
    while time.monotonic() < begun + 60 + homes.count / 10:
        line, at = lines.next(1)
        if line:
            told = json.loads(line)
            if "link" not in told:
                state[told["profile"]] = told["light"]
        if first is None and len(state) == homes.count:
            first = at - begun
        if first is not None and set(state.values()) == {"green"} and not line:
            return lines, first
    lines.close()
    others = [name for name, light in state.items() if light != "green"]
    raise AssertionError(f"{len(state)} of {homes.count} rows were told, {len(others)} are not green: {others[:5]}")


def latency_links(args):
    """1,000 lines over the links, each answered by a changed light of its row or its link."""
    homes = LinkHomes(10, 4)
    values, lost = [], 0
    try:
        lines, _ = watch_all(args, homes)
        parts = [part for part in homes.parts if part[2] in LOSABLE]
        for n in range(args.samples):
            # a link is lost, and is back in its next turn
            part, is_loss = parts[n // 2 % len(parts)], n % 2 == 0
            before = time.monotonic()
            homes.say(part, DOWN if is_loss else UP, f"c{n}")
            told = None
            while told is None:
                line, at = lines.next(20)
                if line is None:
                    lost += 1
                    break
                change = json.loads(line)
                light = change["link"]["light"] if "link" in change else change["light"]
                if change["profile"] == part[0] and (light != "green") == is_loss:
                    told = at
                    values.append(at - before)
            time.sleep(0.01 * (0.5 + (n * 0.618) % 1))
            # the row and its link may be told on two lines
            while lines.next(0.001)[0]:
                pass
        lines.close()
    finally:
        homes.close()
    p50, p99, worst = quantiles(values)
    row(
        f"latency, 10 gateways of 4 links ({len(values)} lines)",
        f"p50 {ms(p50)}, p99 {ms(p99)}, worst {ms(worst)}, missed {lost}",
        "p99 < 2 ms, worst < 20 ms, none missed",
        p99 < 0.002 and worst < 0.02 and lost == 0,
    )


class Receiver:
    """An endpoint on the loopback that says yes to everything: two channels, and a heartbeat."""

    def __init__(self):
        class Yes(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Yes)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def settings(self):
        channels = "".join(
            f'[[channel]]\nname = "{name}"\nkind = "webhook"\nurl = "{self.url}/{name}"\n' for name in ("one", "two")
        )
        return f'{channels}[heartbeat]\nurl = "{self.url}/heartbeat"\nevery = 60\n'

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def idle_links(args):
    """CPU, wake-ups and memory of the agent with tray, two channels and a heartbeat; then a day's worth of changes."""
    homes, receiver, agent = LinkHomes(10, 4), Receiver(), None
    try:
        append(homes.settings, receiver.settings())
        agent = Agent.start(args, homes)
        if not agent:
            return row("idle, 10 gateways of 4 links", "skipped: no dbus-daemon")
        pid = agent.child.pid
        agent.menu(), agent.icon()
        time.sleep(12)
        rest = memory(pid)[0]
        # what curl costs is curl's, and told apart
        before, begun, next_beat = (cpu(pid, False), reaped(pid), wakeups(pid)), time.monotonic(), 0.0
        while (now := time.monotonic() - begun) < args.idle_seconds:
            if now >= next_beat:
                homes.beat_all()
                next_beat += 30
            time.sleep(min(1.0, args.idle_seconds - now))
        children = reaped(pid) - before[1]
        used, woken = cpu(pid, False) - before[0] - children, wakeups(pid) - before[2]
        span = args.idle_seconds
        row(
            f"idle, 10 gateways of 4 links, 2 channels, heartbeat ({span} s)",
            f"{used * 1000:.1f} ms CPU (10 min: {used * 600000 / span:.0f} ms; curl {children * 1000:.0f} ms), "
            f"{woken / span:.2f} wake-ups/s",
            "≤ 42 ms in 10 min, ≤ 0.20 wake-ups/s",
            used * 600 / span <= 0.042 and woken / span <= 0.20,
        )
        day(homes, agent, rest)
    finally:
        if agent:
            agent.close()
        receiver.close()
        homes.close()


def day(homes, agent, rest):
    """As many changes as a bad day has: 3 a link and hour, and a panel that reads the menu. The first tenth warms up."""
    parts = [part for part in homes.parts if part[2] in LOSABLE]
    turns, warm, after = 24 * 3, None, 0
    for turn in range(turns):
        for words in (DOWN, UP):
            for part in parts:
                homes.say(part, words, f"d{turn}")
            time.sleep(0.25)
        if turn % 6 == 0:
            agent.menu(), agent.icon()
        if turn == turns // 10:
            warm = memory(agent.child.pid)[0]
    # what is free by then goes back to the system within 10 s
    time.sleep(12)
    after = memory(agent.child.pid)[0]
    row(
        "memory, agent with tray, 10 gateways of 4 links, at rest",
        f"{rest / 1024:.2f} MB resident",
        "< 12 MB",
        rest < 12 * 1024,
    )
    row(
        "... from the first tenth of a day's changes to the last",
        f"{warm / 1024:.2f} to {after / 1024:.2f} MB resident (+ {(after - warm) / 1024:.2f})",
        "+ 0.5 MB",
        after - warm <= 512,
    )


def growth_links(args):
    """What one more link costs, in one process and in many: 20 s with five losses and five recoveries of each link; the
    median of three runs up to 100 links, one run of 1,000. Twelve minutes, a thousand processes at most (`sleep`), and
    less than four minutes for a run whose rows do not turn green."""

    def run(homes):
        try:
            lines, seconds = watch_all(args, homes)
            lines.drain()
            pid = lines.child.pid
            before, begun = cpu(pid, False), time.monotonic()
            for turn in range(10):
                for n, part in enumerate(homes.parts):
                    # a connection of its own: the same line with the same stamp in two logs would be one line in both
                    homes.say(part, DOWN if turn % 2 == 0 else UP, f"t{turn}x{n}")
                time.sleep(max(0.0, 2 * (turn + 1) - (time.monotonic() - begun)))
            result = ((cpu(pid, False) - before) * 1000, memory(pid)[1], descriptors(pid), seconds)
            lines.close()
            return result
        finally:
            homes.close()

    for name, make in (
        ("in one process", lambda count: LinkHomes(1, count, "served")),
        ("in as many processes", lambda count: LinkHomes(count, 1, "single", apart=True)),
    ):
        before, step = None, None
        for count in [1, 10, 100, 1000][: args.growth_steps]:
            runs = [run(make(count)) for _ in range(3 if count < 1000 else 1)]
            used, private, fds, seconds = (statistics.median(values) for values in zip(*runs))
            now = (used, private, fds)
            if not before:
                row(
                    f"growth, 1 link {name}",
                    f"{used:.1f} ms CPU in 20 s, {private:.0f} kB private, {fds:.0f} descriptors, started in {ms(seconds)}",
                )
            else:
                each = [(b - a) / (count - before[0]) for a, b in zip(before[1], now)]
                most = max(b / max(a, 1e-9) for a, b in zip(step, each)) if step else None
                row(
                    f"growth from {before[0]} to {count} links {name}, each more",
                    "{:.2f} ms CPU, {:.1f} kB private, {:.2f} descriptors".format(*each)
                    + f", started in {ms(seconds)}",
                    "≤ 1.2 × each of the step before" if step else "",
                    most <= 1.2 if step else None,
                )
                step = each
            before = (count, now)
