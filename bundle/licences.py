#!/usr/bin/env python3
"""Holds every dependency's licence and origin against deny.toml.

cargo-deny does this and more, but takes longer to build than the project does. This reads the same file, so that either
gives the same answer: each crate's SPDX expression must be satisfiable by the allow list alone, and each crate must come
from an allowed registry.

usage: bundle/licences.py              (from anywhere inside the project)
       bundle/licences.py --self-test
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent


def satisfied(expression, allowed):
    """Whether `expression` can be met by licences of `allowed`. A malformed one raises ValueError."""
    # "MIT/Apache-2.0" is how crates wrote OR before SPDX expressions
    tokens = re.findall(r"[()]|[A-Za-z0-9.+:-]+", expression.replace("/", " OR "))
    position = 0

    def peek():
        return tokens[position] if position < len(tokens) else None

    def take():
        nonlocal position
        token = peek()
        position += 1
        return token

    def atom():
        token = take()
        if token == "(":
            value = either()
            if take() != ")":
                raise ValueError("unbalanced parenthesis")
            return value
        if token is None or token in (")", "AND", "OR", "WITH"):
            raise ValueError(f"a licence was expected, found {token}")
        if peek() == "WITH":
            take()
            token = f"{token} WITH {take()}"
        return token in allowed

    def both():
        value = atom()
        while peek() == "AND":
            take()
            value = atom() and value
        return value

    def either():
        value = both()
        while peek() == "OR":
            take()
            value = both() or value
        return value

    value = either()
    if peek() is not None:
        raise ValueError(f"unexpected {peek()}")
    return value


def faults(packages, settings):
    """One line for every package that breaks a rule."""
    allowed = set(settings["licenses"]["allow"])
    registries = set(settings["sources"]["allow-registry"])
    for package in packages:
        name = f"{package['name']} {package['version']}"
        source = package["source"]
        if source is not None and source.removeprefix("registry+") not in registries:
            yield f"{name}: comes from {source}"
        expression = package["license"]
        if not expression:
            yield f"{name}: names no licence"
            continue
        try:
            if not satisfied(expression, allowed):
                yield f"{name}: {expression} is not in deny.toml's allow list"
        except ValueError as error:
            yield f"{name}: cannot read the licence expression {expression!r}: {error}"


def self_test():
    allowed = {"MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "Unicode-3.0"}
    for expression, expected in [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("MIT OR GPL-3.0-only", True),
        ("GPL-3.0-only/MIT", True),
        ("MIT AND GPL-3.0-only", False),
        ("(MIT OR GPL-2.0) AND Unicode-3.0", True),
        ("(MIT OR GPL-2.0) AND MPL-2.0", False),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("Apache-2.0 WITH Bison-exception-2.2", False),
        ("MIT OR GPL-2.0 AND MPL-2.0", True),
    ]:
        assert satisfied(expression, allowed) is expected, expression
    for malformed in ["", "MIT OR", "(MIT", "MIT MIT", "AND"]:
        try:
            satisfied(malformed, allowed)
        except ValueError:
            continue
        raise AssertionError(f"accepted {malformed!r}")
    settings = {"licenses": {"allow": ["MIT"]}, "sources": {"allow-registry": ["https://r"]}}
    good = {"name": "a", "version": "1", "license": "MIT", "source": "registry+https://r"}
    assert not list(faults([good, good | {"source": None}], settings))
    assert len(list(faults([good | {"license": None}], settings))) == 1
    assert len(list(faults([good | {"source": "git+https://r"}], settings))) == 1
    assert len(list(faults([good | {"license": "GPL-2.0"}], settings))) == 1


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return 0
    cargo = os.environ.get("CARGO", "cargo")
    metadata = subprocess.run(
        [cargo, "metadata", "--format-version=1", "--locked", "--all-features"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
    )
    packages = json.loads(metadata.stdout)["packages"]
    settings = tomllib.loads((ROOT / "deny.toml").read_text())
    found = list(faults(packages, settings))
    for line in found:
        print(line, file=sys.stderr)
    print(f"{len(packages)} packages, {len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
