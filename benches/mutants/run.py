#!/usr/bin/env python3
"""Which faults in the verdicts and alerts would no test see?

    benches/mutants/run.py [--count 200] [--seed 20261127] [--rooms health alerts]
    benches/mutants/run.py --rules [--steps "the world"]     breaks the rules of rules.toml instead, one after the other

Draws mutants of the kinds that cargo-mutants makes, puts them all into one copy of the program (src/main.rs here), and
runs the tests once for each, with that mutant turned on. cargo-mutants itself compiles the program anew for each: five
hours for 200 on two cores. The tests run in the order of STEPS; a mutant that a step sees, or does not reach, is left
out of it. Prints each mutant as a test sees it, then those that none saw.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# the quickest first
STEPS = [
    ("unit tests", "lib", ["health::", "alerts::"]),
    ("field reports", "it", ["health::field_reports", "health::batches", "health::rules"]),
    ("recordings", "it", ["health::recordings"]),
    ("first looks", "it", ["health::first_look", "health::interleavings", "health::made_up_platform"]),
    ("the world", "it", ["health::world"]),
    ("notices", "it", ["desktop::tray_and_notices", "cli::silences"]),
    ("properties", "it", ["health::verdict_properties", "health::virtual_day"]),
    ("orders", "it", ["health::recording_variants"]),
]
SECONDS = 240
# the numbers of broken rules begin here
FIRST_RULE = 60000
# where the tests are run hundreds of times, compiling them for longer saves more
OPTIMIZED = {"gatelight": 1, "aho-corasick": 3, "memchr": 3, "jiff": 2}
SWITCH = """//! Turns on the mutant that an environment variable names, and writes down which ones are reached.

use std::io::Write;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

static ON: LazyLock<Option<usize>> = LazyLock::new(|| std::env::var("GATELIGHT_MUTANT").ok()?.parse().ok());
static REACHED: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("GATELIGHT_MUTANTS_REACHED").ok());
static KNOWN: [AtomicBool; 65536] = [const { AtomicBool::new(false) }; 65536];

pub(crate) fn is(number: usize) -> bool {
    if let Some(file) = &*REACHED
        && !KNOWN[number].swap(true, Ordering::Relaxed)
        && let Ok(mut file) = std::fs::OpenOptions::new().create(true).append(true).open(file)
    {
        // in one write: tests on several threads append to it
        let _ = file.write_all(format!("{number}\n").as_bytes());
    }
    *ON == Some(number)
}
"""


def copy_tree(to):
    """The files that git knows, as they are now, and the switch of the mutants."""
    shutil.rmtree(to, ignore_errors=True)
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, names.decode().split("\0")):
        os.makedirs(os.path.dirname(os.path.join(to, name)), exist_ok=True)
        shutil.copy2(os.path.join(ROOT, name), os.path.join(to, name), follow_symlinks=False)
    with open(os.path.join(to, "src/mutant.rs"), "w") as file:
        file.write(SWITCH)
    with open(os.path.join(to, "src/lib.rs"), "a") as file:
        file.write("pub(crate) mod mutant;\n")


def files_of(room):
    """The room's files as git orders them, without those that are tests only."""
    listed = subprocess.run(["git", "ls-files", f"src/{room}"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split() if not re.search(r"/tests/|tests\.rs$", name)]


def mutate(args, tree, files, without):
    """Rewrites the files in `tree` and returns the mutants in them."""
    for name in files:
        shutil.copy2(os.path.join(ROOT, name), os.path.join(tree, name))
    listed = ",".join(map(str, sorted(without))) or "-"
    command = [args.tool, str(args.seed), str(args.count), listed, *files]
    done = subprocess.run(command, cwd=tree, stdout=subprocess.PIPE, text=True, check=True)
    return {int(line.split("\t")[0]): line.split("\t")[1:] for line in done.stdout.splitlines()}


def break_rules(tree):
    """Puts the faults of rules.toml into the files in `tree` and returns them."""
    with open(os.path.join(ROOT, "benches/mutants/rules.toml"), "rb") as file:
        rules = tomllib.load(file)["rule"]
    faults = {}
    for number, rule in enumerate(rules, FIRST_RULE):
        path = os.path.join(tree, rule["file"])
        with open(path) as file:
            text = file.read()
        if text.count(rule["after"]) != 1:
            sys.exit(f"rules.toml: {rule['name']}: {rule['file']} has not one place like {rule['after']!r}")
        before, behind = text.split(rule["after"])
        fault = re.sub(r"\bON\b", f"crate::mutant::is({number})", rule["fault"])
        with open(path, "w") as file:
            file.write(before + rule["after"] + fault + "\n" + behind)
        line = before.count("\n") + 1
        faults[number] = [rule["file"], str(line), "rule", rule["name"]]
    return faults


def build(tree, env, optimized):
    """The test programs by name, or the numbers of the mutants that do not compile."""
    command = ["cargo", "test", "--no-run", "--lib", "--bins", "--examples", "--test", "it", "--message-format", "json"]
    for package, level in OPTIMIZED.items() if optimized else ():
        command += ["--config", f"profile.dev.package.{package}.opt-level={level}"]
    done = subprocess.run(command, cwd=tree, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    programs, wrong = {}, set()
    for line in filter(lambda line: line.startswith("{"), done.stdout.splitlines()):
        message = json.loads(line)
        if message.get("executable") and message["profile"]["test"]:
            programs["lib" if "lib" in message["target"]["kind"] else message["target"]["name"]] = message["executable"]
        if message["reason"] == "compiler-message" and message["message"]["level"] == "error":
            for span in message["message"]["spans"]:
                wrong |= numbers_at(tree, span)
    return programs, wrong if done.returncode else set()


def numbers_at(tree, span):
    """The mutants in the lines of an error, or the last one before it."""
    try:
        lines = open(os.path.join(tree, span["file_name"])).read().split("\n")
    except OSError:
        return set()
    for first in range(span["line_start"] - 1, -1, -1):
        found = re.findall(r"mutant::is\((\d+)", "".join(lines[first : span["line_end"]]))
        if found:
            return set(map(int, found))
    return set()


def seen(programs, tree, env, step):
    """The test of this step that fails, or None."""
    _, program, filters = step
    command = [programs[program], *filters]
    try:
        done = subprocess.run(command, cwd=tree, env=env, timeout=SECONDS, capture_output=True, text=True)
    except subprocess.TimeoutExpired:
        return "hangs"
    if not done.returncode:
        return None
    failed = re.search(r"^test (\S+) \.\.\. FAILED", done.stdout, re.M)
    return failed[1] if failed else "ends early"


def reached(programs, tree, env, step):
    """The mutants that a step reaches. It must pass while none is turned on."""
    noted = os.path.join(tree, "target-reached")
    if failed := seen(programs, tree, dict(env, GATELIGHT_MUTANTS_REACHED=noted), step):
        sys.exit(f"without a mutant: {failed}")
    with open(noted) as file:
        numbers = set(map(int, file))
    os.remove(noted)
    return numbers


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20261127)
    parser.add_argument("--rooms", nargs="+", default=["health", "alerts"])
    parser.add_argument("--rules", action="store_true", help="break the rules of rules.toml")
    parser.add_argument("--steps", nargs="+", choices=[name for name, *_ in STEPS], help="run these only")
    args = parser.parse_args()
    steps = [step for step in STEPS if not args.steps or step[0] in args.steps]
    target = os.path.join(ROOT, "target/mutants")
    here, tree = os.path.join(ROOT, "benches/mutants"), os.path.join(target, "tree")
    subprocess.run(["cargo", "build", "-q", "--release", "--target-dir", target], cwd=here, check=True)
    args.tool = os.path.join(target, "release/mutants")
    env = dict(os.environ, CARGO_TARGET_DIR=target, PROPTEST_RNG_SEED="20260609", INSTA_UPDATE="no")
    if args.rules:
        # at the usual number of steps some are seen by chance only
        env.setdefault("GATELIGHT_MODEL_STEPS", "20000")
    copy_tree(tree)
    files, without = [name for room in args.rooms for name in files_of(room)], set()
    while True:
        mutants = break_rules(tree) if args.rules else mutate(args, tree, files, without)
        programs, wrong = build(tree, env, not args.rules)
        if not wrong or args.rules:
            break
        without |= wrong
    if "it" not in programs:
        sys.exit(f"the mutated program does not compile; mutants near the errors: {sorted(wrong)}")
    what = "broken rules" if args.rules else f"seed {args.seed}"
    print(f"{what}: {len(mutants)} mutants compile, {len(without)} do not", flush=True)
    left, ever = dict(mutants), set()
    for step in steps:
        within = reached(programs, tree, env, step)
        ever |= within
        for number in [number for number in left if number in within]:
            if failed := seen(programs, tree, dict(env, GATELIGHT_MUTANT=str(number)), step):
                print(f"{said(number, left.pop(number))}: {failed}", flush=True)
        print(f"{len(left)} of {len(mutants)} left after the {step[0]}", flush=True)
    print("", *(said(*one) + ("" if one[0] in ever else " (not reached)") for one in left.items()), sep="\n")


def said(number, mutant):
    file, line, function, change = mutant
    return f"{number} {file}:{line} {function}: {change}"


if __name__ == "__main__":
    main()
