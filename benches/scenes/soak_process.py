"""One simulated gateway process: its links, its state file, its start and its end."""

import os
import signal
import subprocess
import time

SECRET = "5ecretAccessKeyOfTheSoak"
WSS = f"wss://msg-frontier.feishu.cn/ws/v2?fpid=493&device_id=1&access_key={SECRET}&service_id=33&ticket={SECRET}"

# What the client of each platform logs: level, logger, message; `{}` is a mark of its own. Wordings: resources/platforms.
WORDS = {
    "feishu": {
        "up": ("INFO", "Lark", f"connected to {WSS} {{}}"),
        "lost": ("ERROR", "Lark", "receive message loop exit, err: no close frame received or sent {}"),
        "failed": ("ERROR", "Lark", "connect failed, err: [Errno 111] Connection refused {}"),
        "refused": ("ERROR", "Lark", "connect failed, err: 1000040345: app_id or app_secret is invalid {}"),
    },
    "discord": {
        "up": ("INFO", "discord.gateway", "Shard ID None has connected to Gateway (Session ID: {})."),
        "lost": ("ERROR", "discord.client", "Attempting a reconnect in 1.22s {}"),
        "refused": (
            "ERROR",
            "hermes_plugins.discord_platform.adapter",
            "[Discord] Discord gateway task exited: Shard ID None WebSocket closed with 4004 {}",
        ),
    },
    "slack": {
        "up": ("INFO", "slack_bolt.AsyncApp", "A new session ({}) has been established"),
        "lost": (
            "WARNING",
            "hermes_plugins.slack_platform.adapter",
            "[Slack] Socket Mode unhealthy ({}); reconnecting",
        ),
        "refused": (
            "ERROR",
            "slack_bolt.AsyncApp",
            "Failed to retrieve WSS URL: The request to the Slack API failed. (url: https://slack.com/api/"
            "apps.connections.open, status: 200) {}",
        ),
    },
    "telegram": {
        "up": (
            "INFO",
            "hermes_plugins.telegram_platform.adapter",
            "[Telegram] Telegram polling confirmed healthy {}",
        ),
        "lost": (
            "WARNING",
            "hermes_plugins.telegram_platform.adapter",
            "[Telegram] getUpdates consumer appears wedged {}",
        ),
        "refused": (
            "ERROR",
            "hermes_plugins.telegram_platform.adapter",
            "[Telegram] Failed to connect to Telegram: The token `hidden` was rejected by the server. {}",
        ),
    },
}
# more losses of these within ten minutes are told as flapping, and rightly
SELDOM = {"telegram": 3}


class Link:
    """The link of one platform for one profile."""

    def __init__(self, platform, row, home):
        self.platform, self.row, self.home = platform, row, home
        self.losses = []
        # its connection, and what a line that proves it holds
        self.connection, self.shown = "", ""

    def say(self, word, mark):
        level, who, message = WORDS[self.platform][word]
        return self.home.log(level, who, message.format(mark))

    def connect(self, mark):
        self.connection = self.shown = mark
        return self.say("up", mark)

    def may_be_lost(self):
        recent = [at for at in self.losses if time.monotonic() - at < 620]
        return len(recent) < SELDOM.get(self.platform, 1_000_000)


class Process:
    """A gateway: the first of `rows` is its own, in whose home it runs. `links` in the order in which they connect.

    `layout`: "single" (one profile), "apart" (each profile's records in its own logs, as newer versions write them), or
    "mixed" (everything in the serving profile's logs, as 0.19 does: its links can only be counted)."""

    def __init__(self, owner, home, rows, links, layout):
        self.owner, self.home, self.rows, self.links, self.layout = owner, home, rows, links, layout
        self.child, self.frozen, self.next_beat = None, False, 0.0
        self.started, self.takeovers = -1000.0, []
        self.start_ticks = 0

    def is_own(self, row):
        return row is self.rows[0]

    def tag(self, row):
        """How `gateway.run` names the profile."""
        return "" if self.is_own(row) else f" (profile: {os.path.basename(self.owner.homes[row.name].path)})"

    def run_log(self, level, message, row=None):
        """The gateway's own sentence, about a row or about itself."""
        home = self.owner.homes[row.name] if row and self.layout == "apart" else self.home
        return home.log(level, "gateway.run", message)

    def configure(self):
        """The setting that makes one gateway serve several profiles is changed before the gateway is started."""
        on = "true" if len(self.rows) > 1 else "false"
        self.home.write_text("config.yaml", f"gateway:\n  multiplex_profiles: {on}\n")

    def me(self):
        return {"pid": self.child.pid, "kind": "hermes-gateway", "start_time": self.start_ticks}

    def write_state(self, state, more=None):
        entries = {}
        for link in self.links:
            prefix = "" if self.is_own(link.row) or self.layout != "apart" else self.folder(link.row) + ":"
            entries[prefix + link.platform] = {
                "state": "connected",
                "updated_at": self.entered,
                "writer_pid": self.child.pid,
                "writer_start_time": self.start_ticks,
            }
        served = {"served_profiles": ["default", *map(self.folder, self.rows[1:])]} if len(self.rows) > 1 else {}
        value = {**self.me(), "gateway_state": state, "platforms": entries, **served, **(more or {})}
        self.home.write("gateway_state.json", value)

    def folder(self, row):
        return os.path.basename(self.owner.homes[row.name].path)

    def beat(self):
        if self.child and not self.frozen and time.monotonic() >= self.next_beat:
            beat = {"pid": self.child.pid, "monotonic": time.monotonic()}
            self.home.write("state/gateway.heartbeat", beat)
            self.next_beat = time.monotonic() + 30

    def spawn(self):
        # in a session of its own: the kernel continues stopped processes of a group whose shell ends
        child = subprocess.Popen(["sleep", "100000"], stdin=subprocess.DEVNULL, cwd="/", start_new_session=True)
        with open(f"/proc/{child.pid}/stat") as stat:
            ticks = int(stat.read().rsplit(")", 1)[1].split()[19])
        with open(os.path.join(self.home.path, "gateway-starts.log"), "a") as starts:
            starts.write(f"{time.time():.3f}\n")
        return child, ticks

    def start(self, spawned=None):
        """Starts, connects every link and says that it runs."""
        self.child, self.start_ticks = spawned or self.spawn()
        self.started = at = time.monotonic()
        self.home.write("gateway.pid", self.me())
        self.run_log("INFO", "Starting Hermes Gateway...")
        for row in self.rows:
            self.home_says_nothing(row)
            row.forget_links()
            if self.is_own(row):
                row.expect(at, "amber", "starting")
            else:
                row.expect_some(at, [("amber", "starting"), ("grey", "served")])
        self.entered = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() + 1))
        for platform in sorted({link.platform for link in self.links}):
            self.run_log("INFO", f"Connecting to {platform}...")
        several = len({link.platform for link in self.links}) > 1
        if several:
            self.write_state("starting")
        for link in self.links:
            link.losses = []
            self.owner.pause(0, 3 / len(self.links))
            self.run_log("INFO", f"✓ {link.platform} connected{self.tag(link.row)}", link.row)
            at = link.connect(self.owner.mark())
            link.row.link(link.platform, "green")
            if not several:
                # before every profile is named, a row may show the line of another one
                mark = link.shown if self.layout == "single" else ""
                link.row.expect(at, "green", "connected", mark)
        at = self.run_log("INFO", f"Gateway running with {len(self.links)} platform(s)")
        if several:
            self.rows[0].expect(at, "green", "connected", self.shown_mark(self.rows[0]))
        self.write_state("running")
        self.next_beat = 0

    def home_says_nothing(self, row):
        """One of the lines that mean nothing; with it, every log is there from the beginning."""
        home = self.owner.homes[row.name]
        home.log("WARNING", "gateway.run", "Agent idle for 30 min, last activity: tool call")

    def shown_mark(self, row):
        """The mark of the link that a green row names: the first by its name. Links that are only counted show the
        newest, whosever it is."""
        if self.layout == "mixed":
            return ""
        return min((link for link in self.links if link.row is row), key=lambda link: link.platform).shown

    def end(self):
        self.child.kill()
        self.child.wait()
        self.child = None
        for row in self.rows:
            row.forget_links()
        return time.monotonic()

    def freeze(self):
        self.frozen = True
        self.child.send_signal(signal.SIGSTOP)
        return time.monotonic()

    def thaw(self):
        self.child.send_signal(signal.SIGCONT)
        self.frozen = False
        return time.monotonic()

    def leave(self):
        if self.child:
            self.child.kill()
            self.child.wait()
