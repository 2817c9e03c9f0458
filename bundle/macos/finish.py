#!/usr/bin/env python3
"""Makes a .app of cargo-bundle's reproducible, before it is signed.

cargo-bundle writes the moment of the build into Info.plist, and localized strings in the order of a hash map. Here the build
number becomes the time of the commit (SOURCE_DATE_EPOCH), the strings are sorted; and two entries of another age are mended:
the development region was a language's English name, and Carbon is not required.

usage: SOURCE_DATE_EPOCH=… finish.py APP
"""

import datetime
import os
import pathlib
import plistlib
import sys


def main():
    contents = pathlib.Path(sys.argv[1]) / "Contents"
    moment = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.UTC)
    path = contents / "Info.plist"
    info = plistlib.loads(path.read_bytes())
    info["CFBundleDevelopmentRegion"] = "en"
    info["CFBundleVersion"] = moment.strftime("%Y%m%d.%H%M%S")
    info.pop("LSRequiresCarbon", None)
    path.write_bytes(plistlib.dumps(info))
    for strings in contents.glob("Resources/*.lproj/*.strings"):
        strings.write_text("".join(sorted(strings.read_text().splitlines(keepends=True))))


if __name__ == "__main__":
    main()
