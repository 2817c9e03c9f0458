#!/usr/bin/env python3
"""Completes a .app of cargo-bundle and makes it reproducible, before it is signed.

It adds launchd's job, which Launch at Login registers. cargo-bundle writes the time of the build into Info.plist, and
localized strings in the order of a hash map: the build number becomes the time of the commit (SOURCE_DATE_EPOCH, or else
now), and the strings are sorted. Two outdated entries are corrected: the development region was the English name of a
language, and Carbon is not required.

usage: [SOURCE_DATE_EPOCH=…] finish.py APP
"""

import os
import pathlib
import plistlib
import sys
import time

JOB = pathlib.Path(__file__).resolve().parent / "LaunchAgent.plist"


def main():
    contents = pathlib.Path(sys.argv[1]) / "Contents"
    moment = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time())))
    path = contents / "Info.plist"
    info = plistlib.loads(path.read_bytes())
    info["CFBundleDevelopmentRegion"] = "en"
    info["CFBundleVersion"] = time.strftime("%Y%m%d.%H%M%S", moment)
    info.pop("LSRequiresCarbon", None)
    path.write_bytes(plistlib.dumps(info))
    job = plistlib.loads(JOB.read_bytes())
    jobs = contents / "Library/LaunchAgents"
    jobs.mkdir(parents=True, exist_ok=True)
    (jobs / f"{job['Label']}.plist").write_bytes(plistlib.dumps(job))
    for strings in contents.glob("Resources/*.lproj/*.strings"):
        strings.write_text("".join(sorted(strings.read_text().splitlines(keepends=True))))


if __name__ == "__main__":
    main()
