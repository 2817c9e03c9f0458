#!/usr/bin/env python3
"""Packs a folder into a zip that depends on nothing but its files: names sorted, one time stamp, plain permissions.

usage: SOURCE_DATE_EPOCH=… zip.py FOLDER FILE.zip
"""

import os
import pathlib
import stat
import sys
import time
import zipfile


def main():
    folder, target = map(pathlib.Path, sys.argv[1:])
    moment = time.gmtime(int(os.environ["SOURCE_DATE_EPOCH"]))[:6]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted([folder, *folder.rglob("*")]):
            name = path.relative_to(folder.parent).as_posix()
            if path.is_symlink():
                raise SystemExit(f"{name} is a symbolic link")
            entry = zipfile.ZipInfo(name + "/" if path.is_dir() else name, moment)
            entry.create_system = 3  # Unix: the upper half of the attributes is the mode
            runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            mode = (stat.S_IFDIR if path.is_dir() else stat.S_IFREG) | (0o755 if runs else 0o644)
            entry.external_attr = mode << 16 | (0x10 if path.is_dir() else 0)
            entry.compress_type = zipfile.ZIP_STORED if path.is_dir() else zipfile.ZIP_DEFLATED
            archive.writestr(entry, b"" if path.is_dir() else path.read_bytes())


if __name__ == "__main__":
    main()
