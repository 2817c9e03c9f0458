"""The ways people do it now: what Gatelight is compared with."""

# The blog's commands: look, grep, sleep. One round for every home, told when the word changes.
SHELL_LOOP = r"""
while :; do
  for home in "$HOME/.hermes" "$HOME"/.hermes/profiles/*; do
    [ -d "$home/logs" ] || continue
    pid=$(grep -o '"pid": [0-9]*' "$home/gateway.pid" | grep -o '[0-9]*')
    kill -0 "$pid" 2>/dev/null || echo "$home gone"
    word=$(tail -n 50 "$home/logs/agent.log" | grep -E 'connected to ws|receive message loop exit|Executor shutdown' | tail -n 1)
    case $word in *'connected to'*) now=green ;; *) now=red ;; esac
    key=$(printf %s "$home" | tr -c 'a-zA-Z0-9' _)
    eval "old=\${last_$key:-}"
    [ "$old" = "$now" ] || echo "$home $now"
    eval "last_$key=$now"
  done
  sleep 5
done
"""

STATE_POLL = r"""
import glob, json, os, sys, time
last = {}
while True:
    for path in glob.glob(os.environ["HOME"] + "/.hermes/gateway_state.json") + glob.glob(os.environ["HOME"] + "/.hermes/profiles/*/gateway_state.json"):
        state = json.load(open(path))["platforms"]["feishu"]["state"]
        if last.get(path) != state:
            last[path] = state
            print(path, state, flush=True)
    time.sleep(4)
"""

WATCHDOG = r"""
import glob, os, re, time
last = re.compile(r"connected to ws|receive message loop exit|Executor shutdown")
where = {}
while True:
    for path in glob.glob(os.environ["HOME"] + "/.hermes/logs/agent.log") + glob.glob(os.environ["HOME"] + "/.hermes/profiles/*/logs/agent.log"):
        size = os.stat(path).st_size
        if size != where.get(path):
            with open(path, errors="replace") as log:
                log.seek(max(0, size - 65536))
                found = last.findall(log.read())
            where[path] = size
            print(path, found[-1:], flush=True)
    time.sleep(1)
"""
