#!/usr/bin/env python3
"""Breaks each property that verify.py looks at, one at a time, and sees it found: that one, and no other.

usage: verify_test.py BINARY [APP]

BINARY is an arm64 binary of `link`. Around it an .app is made and signed here, without cargo-bundle and rcodesign, so that
this runs wherever the binary can be linked. APP, where there is one, is broken in a few ways too.
"""

import hashlib
import pathlib
import plistlib
import re
import shutil
import struct
import sys
import tempfile
import zlib

import verify
from inspection import expected, icon, mach_o

PAGE = 4096


def sha256(data):
    return hashlib.sha256(data).digest()


def signed(data, identifier="gatelight", info=None, resources=None, flags=2):
    """The thin binary `data` with a new ad-hoc signature (flag 2) in place of its own."""
    data = bytearray(data)
    part = mach_o.Slice(bytes(data))
    command = part.commands[0x1D][0]
    start = struct.unpack_from("<I", data, command + 8)[0]
    requirements = struct.pack(">III", 0xFADE0C01, 12, 0)
    special = [sha256(resources) if resources else bytes(32), sha256(requirements), sha256(info) if info else bytes(32)]
    name = identifier.encode() + b"\0"
    hashes = 88 + len(name) + 32 * len(special)
    pages = -(-start // PAGE)
    size = hashes + 32 * pages
    length = 12 + 2 * 8 + size + len(requirements)

    # the load commands are hashed too, so they change first
    struct.pack_into("<I", data, command + 12, length)
    for at in part.commands[0x19]:
        if data[at + 8 : at + 24].rstrip(b"\0") == b"__LINKEDIT":
            offset = struct.unpack_from("<Q", data, at + 40)[0]
            struct.pack_into("<Q", data, at + 48, start + length - offset)
    del data[start:]

    directory = struct.pack(
        ">9I4BIIIIQQQQ",
        *(0xFADE0C02, size, 0x20400, flags, hashes, 88, len(special), pages, start),
        *(32, 2, 0, 12),
        *(0, 0, 0, 0, 0, 0, 0, 1),
    )
    directory += name + b"".join(special)
    directory += b"".join(sha256(data[at : at + PAGE]) for at in range(0, start, PAGE))
    assert len(directory) == size
    index = struct.pack(">7I", 0xFADE0CC0, length, 2, 0, 28, 2, 28 + size)
    return bytes(data) + index + directory + requirements


def png(pixels, colour=b"\x20\x90\x40\xff", rows=None):
    rows = zlib.compress((b"\0" + colour * pixels) * (pixels if rows is None else rows))

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", pixels, pixels, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def icns(pictures):
    body = b"".join(kind.encode() + struct.pack(">I", 8 + len(data)) + data for kind, data in pictures.items())
    return b"icns" + struct.pack(">I", 8 + len(body)) + body


PICTURES = {kinds[0]: png(pixels) for kinds, (pixels, _) in icon.ICONS.items()}


class App:
    """An .app that can be broken and sealed again."""

    def __init__(self, folder, binary):
        self.path = folder / "Gatelight.app"
        self.contents = self.path / "Contents"
        self.program = self.contents / "MacOS/gatelight"
        self.resources = self.contents / "Resources"
        self.binary = binary
        self.program.parent.mkdir(parents=True)
        for language, strings in expected.BUNDLE["osx"]["localizations"].items():
            (self.resources / f"{language}.lproj").mkdir(parents=True)
            lines = "".join(f'{key} = "{value}";\n' for key, value in strings.items())
            (self.resources / f"{language}.lproj/InfoPlist.strings").write_text(lines)
        self.icon(PICTURES)
        self.job(expected.JOB)
        self.info(expected.INFO_PLIST | {"CFBundleDevelopmentRegion": "en", "CFBundleVersion": "20260101.120000"})
        self.seal()

    def info(self, entries):
        (self.contents / "Info.plist").write_bytes(plistlib.dumps(entries))

    def job(self, entries):
        path = self.contents / expected.JOB_FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(plistlib.dumps(entries))

    def edit_info(self, edit):
        entries = plistlib.loads((self.contents / "Info.plist").read_bytes())
        edit(entries)
        self.info(entries)

    def icon(self, pictures):
        (self.resources / "Gatelight.icns").write_bytes(icns(pictures))

    def seal(self, identifier=expected.BUNDLE["identifier"], flags=2):
        files = {
            path.relative_to(self.contents).as_posix(): {"hash2": sha256(path.read_bytes())}
            for folder in (self.resources, self.contents / "Library")
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        sealed = plistlib.dumps({"files": {}, "files2": files, "rules": {}, "rules2": {}})
        folder = self.contents / "_CodeSignature"
        folder.mkdir(exist_ok=True)
        (folder / "CodeResources").write_bytes(sealed)
        info = (self.contents / "Info.plist").read_bytes()
        self.program.write_bytes(signed(self.binary, identifier, info, sealed, flags))
        self.program.chmod(0o755)


def patched(data, offset, form, *values):
    data = bytearray(data)
    struct.pack_into(form, data, offset, *values)
    return bytes(data)


def with_flags(data, add=0, remove=0):
    flags = struct.unpack_from("<I", data, 24)[0]
    return patched(data, 24, "<I", flags & ~remove | add)


def command(data, kind):
    return mach_o.Slice(data).commands[kind][0]


def symbol_entry(data, wanted):
    """The offset of the first entry of the symbol table whose type `wanted` accepts."""
    offset, count, _, _ = struct.unpack_from("<4I", data, command(data, 0x2) + 8)
    return next(offset + 16 * index for index in range(count) if wanted(data[offset + 16 * index + 4]))


def rebound(data, ordinal):
    """The first symbol that dyld binds, bound to `ordinal` (of a byte) instead."""
    part = mach_o.Slice(data)
    if 0x80000034 in part.commands:
        table = struct.unpack_from("<I", data, part.commands[0x80000034][0] + 8)[0]
        imports = struct.unpack_from("<I", data, table + 8)[0]
        return patched(data, table + imports, "<B", ordinal & 0xFF)
    start, size = struct.unpack_from("<II", data, part.commands[0x80000022][0] + 16)
    at = next(at for at in range(start, start + size) if data[at] & 0xF0 == 0x10)
    return patched(data, at, "<B", 0x30 | ordinal & 0xF if ordinal < 0 else 0x10 | ordinal)


def first_binding(data):
    return next(mach_o.Slice(data).bindings())


def with_path(data, path):
    """`path` written over the program's first long text."""
    at = re.search(rb"[\x20-\x7e]{90,}", data).start()
    return data[:at] + path + b"\0" + data[at + len(path) + 1 :]


def without_signature(data):
    start = struct.unpack_from("<I", data, command(data, 0x1D) + 8)[0]
    return patched(data, command(data, 0x1D), "<I", 0x29)[:start]


def segment(data, name):
    return next(at for at in mach_o.Slice(data).commands[0x19] if data[at + 8 : at + 24].rstrip(b"\0") == name)


def universal(parts, skew=0, align=14):
    """A universal file, as llvm-lipo lays it out."""
    header, body, at = struct.pack(">II", 0xCAFEBABE, len(parts)), b"", 0x4000
    for part in parts:
        cputype, subtype = struct.unpack_from("<II", part, 4)
        header += struct.pack(">5I", cputype, subtype, at + skew, len(part), align)
        body = body.ljust(at - 0x4000, b"\0") + part
        at = 0x4000 + -(-len(body) // 0x4000) * 0x4000
    return header.ljust(0x4000, b"\0") + body


def binary_cases(good):
    """(what is broken, the faults it must raise, the broken file, the architectures that are asked for)"""
    build = command(good, 0x32)
    libraries = mach_o.Slice(good).commands[0xC]
    undefined = symbol_entry(good, lambda kind: kind & 0xEE == 0)
    defined = symbol_entry(good, lambda kind: kind & 0xEE == 0x0E)
    intel = signed(patched(good, 4, "<I", 0x01000007))
    objc = good.index(b"/usr/lib/libSystem.B.dylib")
    arm, both = ("arm64",), ("arm64", "x86_64")
    yield "nothing", set(), signed(good), arm
    yield "nothing, signed by the linker", set(), good, arm
    yield "nothing, universal", set(), universal([intel, signed(good)]), both
    yield "one architecture of two", {"architectures"}, signed(good), both
    yield "an architecture too many", {"architectures"}, universal([intel, signed(good)]), arm
    yield "a misplaced architecture", {"malformed", "architectures"}, universal([intel, signed(good)], skew=16), both
    yield "pages too small for arm64", {"malformed", "architectures"}, universal([signed(good)], align=12), arm
    mislabelled = patched(universal([intel, signed(good)]), 8, ">I", 0x0100000C)
    yield "a mislabelled architecture", {"malformed", "architectures"}, mislabelled, both
    text, data, zero = (segment(good, name) for name in (b"__TEXT", b"__DATA_CONST", b"__PAGEZERO"))
    yield "code that can be written", {"segments"}, signed(patched(good, text + 60, "<I", 7)), arm
    yield "data between two pages", {"segments"}, signed(patched(good, data + 24, "<Q", 0x100001000)), arm
    yield "a segment beyond the end", {"segments"}, signed(patched(good, data + 40, "<Q", 1 << 32)), arm
    yield "a segment that does not fit", {"segments"}, signed(patched(good, data + 32, "<Q", 0)), arm
    yield "no page zero", {"segments"}, signed(patched(good, zero + 8, "16s", b"__OTHER")), arm
    yield "not position-independent", {"pie"}, signed(with_flags(good, remove=0x200000)), arm
    yield "flat namespace", {"two-level"}, signed(with_flags(good, remove=0x80)), arm
    yield "executable stack", {"stack"}, signed(with_flags(good, add=0x20000)), arm
    yield "a library instead of a program", {"executable"}, signed(patched(good, 12, "<I", 6)), arm
    yield "another dynamic linker", {"executable"}, signed(good.replace(b"/usr/lib/dyld\0", b"/usr/lib/dylo\0")), arm
    yield "for iOS", {"platform"}, signed(patched(good, build + 8, "<I", 2)), arm
    yield "a newer minimum", {"minos"}, signed(patched(good, build + 12, "<I", 0x0E0000)), arm
    yield "an old SDK", {"sdk"}, signed(patched(good, build + 16, "<I", 0x0A0000)), arm
    yield "a strange library", {"library"}, signed(patched(good, objc, "26s", b"/usr/lib/libSystem.X.dylib")), arm
    service, iokit = (
        f"/System/Library/Frameworks/{name}.framework/Versions/A/{name}".encode()
        for name in ("ServiceManagement", "IOKit")
    )
    unserved = good.replace(service, iokit.ljust(len(service), b"\0"))
    yield "a framework whose classes are missed", {"library"}, signed(unserved), arm
    yield "a weak library", {"library"}, signed(patched(good, libraries[0], "<I", 0x80000018)), arm
    yield "a library search path", {"rpath", "executable"}, signed(with_rpath(good)), arm
    yield "a flat look-up in the table", {"binding"}, signed(patched(good, undefined + 7, "<B", 0xFE)), arm
    yield "a flat look-up by dyld", {"binding"}, signed(rebound(good, -2)), arm
    yield "a weak look-up by dyld", {"binding"}, signed(rebound(good, -3)), arm
    if len(libraries) > 1:
        other = first_binding(good)[1] % len(libraries) + 1
        yield "a symbol with two homes", {"binding"}, signed(rebound(good, other)), arm
    yield "no such library", {"binding"}, signed(rebound(good, len(libraries) + 1)), arm
    yield "the project's folder", {"path"}, signed(with_path(good, str(expected.ROOT).encode() + b"/src/main.rs")), arm
    renamed = good.replace(expected.AUTOSAVE_NAME.encode(), expected.AUTOSAVE_NAME.upper().encode())
    yield "another name for the icon", {"autosave-name"}, signed(renamed), arm
    yield "notifications of another age", {"deprecated"}, signed(with_path(good, b"NSUserNotificationCenter")), arm
    notify = good.replace(b"/usr/lib/libiconv.2.dylib\0", b"/usr/lib/libnotify.dylib\0".ljust(26, b"\0"))
    yield "the system's libnotify", {"library"}, signed(notify), arm
    yield "a registry", {"path"}, signed(with_path(good, b"/Users/x/.cargo/registry/src/a.rs")), arm
    yield "debug symbols", {"path"}, signed(patched(good, defined + 4, "<B", 0x64)), arm
    yield "no signature", {"segments", "signature"}, without_signature(good), arm
    yield "a changed byte", {"page-hash"}, flipped(signed(good), 0x8000), arm
    yield "bytes after the signature", {"signature"}, signed(good) + bytes(16), arm
    yield "too large", {"size", "signature"}, signed(good) + bytes(expected.MAX_PROGRAM_BYTES), arm
    yield "half a file", {"malformed", "segments", "signature"}, good[: len(good) // 2], arm
    yield "a short header", {"malformed", "architectures"}, good[:20], arm
    yield "no binary at all", {"malformed", "architectures"}, b"#!/bin/sh\n" * 40, arm
    directory = signed(good).index(struct.pack(">I", 0xFADE0C02))
    limit = struct.unpack_from(">I", signed(good), directory + 32)[0]
    short = patched(signed(good), directory + 32, ">I", limit - PAGE)
    yield "a signature of less than all", {"signature", "page-hash"}, short, arm
    yield "a signature without hashes", {"signature"}, patched(signed(good), directory + 28, ">I", 0), arm
    yield "no code directory", {"signature"}, patched(signed(good), directory, ">I", 0), arm


def with_rpath(data):
    """The LC_MAIN made into an LC_RPATH: the only command of that size that is not needed to read the rest."""
    data = bytearray(data)
    at = command(bytes(data), 0x80000028)
    struct.pack_into("<III12s", data, at, 0x8000001C, 24, 12, b"@loader_path")
    return bytes(data)


def flipped(data, offset):
    return data[:offset] + bytes([data[offset] ^ 1]) + data[offset + 1 :]


def app_cases():
    """(what is broken, the faults it must raise, how to break it, whether it is sealed again)"""
    yield "nothing", set(), lambda app: None, True
    for key in expected.INFO_PLIST:
        # without an identifier the signature's own has nothing to agree with
        faults = {"info-plist", "seal"} if key == "CFBundleIdentifier" else {"info-plist"}
        yield f"no {key}", faults, lambda app, key=key: app.edit_info(lambda info: info.pop(key)), True
    yield "a Dock icon", {"info-plist"}, lambda app: app.edit_info(lambda info: info.update(LSUIElement=False)), True
    yield "no region", {"info-plist"}, lambda app: app.edit_info(lambda i: i.pop("CFBundleDevelopmentRegion")), True
    yield "no number", {"info-plist"}, lambda app: app.edit_info(lambda i: i.update(CFBundleVersion="1.0-b")), True
    plist = "Contents/Info.plist"

    def twice(app):
        path = app.path / plist
        path.write_text(path.read_text().replace("<dict>", "<dict><key>LSUIElement</key><true/>", 1))

    yield "a key that is there twice", {"info-plist"}, twice, True
    yield "a broken plist", {"info-plist", "seal"}, lambda app: (app.path / plist).write_text("<plist><dict>"), True
    yield "no plist", {"info-plist", "seal"}, lambda app: (app.path / plist).unlink(), False
    yield (
        "a changed plist",
        {"seal"},
        lambda app: (app.path / plist).write_bytes((app.path / plist).read_bytes() + b"\n"),
        False,
    )
    job = f"Contents/{expected.JOB_FILE}"
    yield "no job", {"job"}, lambda app: (app.path / job).unlink(), True
    yield "a broken job", {"job"}, lambda app: (app.path / job).write_text("<plist><dict>"), True
    yield "a changed job", {"seal"}, lambda app: (app.path / job).open("a").write("\n"), False
    restarted = {"KeepAlive": True}
    yield "a job that comes back after Quit", {"job"}, lambda app: app.job(expected.JOB | restarted), True
    watched = {"WatchPaths": ["/tmp"]}
    yield "a job with another trigger", {"job"}, lambda app: app.job(expected.JOB | watched), True
    strings = "Contents/Resources/zh-Hans.lproj/InfoPlist.strings"
    yield "no Chinese", {"localization"}, lambda app: (app.path / strings).unlink(), True
    yield "empty Chinese", {"localization"}, lambda app: (app.path / strings).write_text(""), True
    yield "changed Chinese", {"seal"}, lambda app: (app.path / strings).open("a").write("\n"), False
    yield "missing Chinese", {"seal", "localization"}, lambda app: (app.path / strings).unlink(), False
    yield "a stranger", {"seal"}, lambda app: (app.resources / "extra").write_text("x"), False
    large = bytes(expected.MAX_APP_BYTES)
    yield "too large in all", {"size"}, lambda app: (app.resources / "extra").write_bytes(large), True
    yield "a link", {"seal"}, lambda app: (app.resources / "extra").symlink_to("/etc/hosts"), False
    seal = "Contents/_CodeSignature/CodeResources"
    yield "no seal", {"seal"}, lambda app: (app.path / seal).unlink(), False
    yield "a changed seal", {"seal"}, lambda app: (app.path / seal).open("a").write("\n"), False
    for kinds, (_, purpose) in icon.ICONS.items():
        kept = {kind: picture for kind, picture in PICTURES.items() if kind not in kinds}
        yield f"no icon for {purpose}", {"icon"}, lambda app, kept=kept: app.icon(kept), True
    others = {kind: data for kind, data in PICTURES.items() if kind != "icp4"}
    # 256 times 1, in each of three colours: two runs
    elder, mask = others | {"is32": b"\xff\x01\xfb\x01" * 3}, {"s8mk": b"\xff" * 256}
    yield "no fault, an elder picture", set(), lambda app: app.icon(elder | mask), True
    yield "an elder picture without its mask", {"icon"}, lambda app: app.icon(elder), True
    yield "an elder picture that cannot be seen", {"icon"}, lambda app: app.icon(elder | {"s8mk": bytes(256)}), True
    short = others | {"is32": b"\xff\x01" * 3} | mask
    yield "an elder picture cut short", {"icon"}, lambda app: app.icon(short), True
    argb = b"ARGB" + b"\xff\x01\xfb\x01" * 4
    yield "no fault, colours with alpha", set(), lambda app: app.icon(others | {"ic04": argb}), True
    yield "too few colours with alpha", {"icon"}, lambda app: app.icon(others | {"ic04": argb[:-2]}), True
    for name, picture in {
        "a small icon": png(16),
        "an icon in which nothing is drawn": png(1024, bytes(4)),
        "an icon without all its rows": png(1024, rows=1000),
        "a damaged icon": flipped(PICTURES["ic10"], 60),
        "half a picture": PICTURES["ic10"][:-12],
        "something else than a picture": b"GIF89a" * 20,
    }.items():
        yield name, {"icon"}, lambda app, picture=picture: app.icon(PICTURES | {"ic10": picture}), True
    icns_file = "Contents/Resources/Gatelight.icns"
    yield "half an icon", {"icon"}, lambda app: (app.path / icns_file).write_bytes(icns(PICTURES)[:5000]), True
    yield "no icon", {"icon"}, lambda app: (app.path / icns_file).unlink(), True
    yield "no program", {"executable"}, lambda app: app.program.unlink(), False
    yield "not executable", {"executable"}, lambda app: app.program.chmod(0o644), False
    yield (
        "a changed program",
        {"page-hash"},
        lambda app: app.program.write_bytes(flipped(app.program.read_bytes(), 0x8000)),
        False,
    )
    yield "signed as another", {"seal"}, lambda app: app.seal(identifier="com.example.other"), False
    yield "signed by the linker", {"seal"}, lambda app: app.seal(flags=0x20002), False


def real_app_cases():
    def change(name, edit):
        return lambda app: (app / "Contents" / name).write_bytes(edit((app / "Contents" / name).read_bytes()))

    def longer(data):
        return data + b"\n"

    # inside the first architecture, behind the universal header
    yield "nothing", set(), lambda app: None
    yield "a changed program", {"page-hash"}, change("MacOS/gatelight", lambda data: flipped(data, 0x10000))
    yield "a changed plist", {"seal"}, change("Info.plist", longer)
    yield "a changed icon", {"seal", "icon"}, change("Resources/Gatelight.icns", longer)
    yield "changed strings", {"seal"}, change("Resources/en.lproj/InfoPlist.strings", longer)
    yield "a changed seal", {"seal"}, change("_CodeSignature/CodeResources", longer)
    yield "a stranger", {"seal"}, lambda app: (app / "Contents/Resources/extra").write_text("x")


def other_builds():
    """(how a second build differs, whether that is a fault, how to make it so)"""
    yield "in nothing", set(), lambda app: None
    yield "in a byte", {"same"}, lambda app: app.program.write_bytes(flipped(app.program.read_bytes(), 0x8000))
    yield "in length", {"same"}, lambda app: (app.contents / "Info.plist").open("a").write("\n")
    yield "in a file more", {"same"}, lambda app: (app.resources / "extra").write_text("x")
    yield "in a file less", {"same"}, lambda app: (app.resources / "Gatelight.icns").unlink()
    yield "in a mode", {"same"}, lambda app: app.program.chmod(0o700)


def main():
    faults = verify.inspect(pathlib.Path(sys.argv[1]), binary=True, architectures=("arm64",))
    if faults:
        print(f"{sys.argv[1]} has faults of its own, see verify: {faults[0][1]}", file=sys.stderr)
        return 1
    good = pathlib.Path(sys.argv[1]).read_bytes()
    wrong, count = [], 0

    def judge(name, codes, faults):
        nonlocal count
        count += 1
        faults = list(faults)
        found = {code for code, _ in faults}
        if found != codes:
            wrong.append(f"{name}: expected {sorted(codes)}, found {sorted(found)}: {faults[:3]}")

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        path = folder / "binary"
        for name, codes, data, architectures in binary_cases(good):
            path.write_bytes(data)
            path.chmod(0o755)
            judge(f"binary, {name}", codes, verify.inspect(path, binary=True, architectures=architectures))
        path.write_bytes(signed(good))
        expected.SINCE_MACOS[first_binding(good)[0]] = 99
        judge("binary, a symbol of a newer macOS", {"availability"}, verify.inspect(path, True, ("arm64",)))
        del expected.SINCE_MACOS[first_binding(good)[0]]
        for number, (name, codes, breaking, again) in enumerate(app_cases()):
            app = App(folder / str(number), good)
            breaking(app)
            if again:
                app.seal()
            judge(f"app, {name}", codes, verify.inspect(app.path, architectures=("arm64",)))
            shutil.rmtree(app.path)
        first = App(folder / "first", good)
        for number, (name, codes, changing) in enumerate(other_builds()):
            app = App(folder / f"other{number}", good)
            changing(app)
            judge(f"a second build, different {name}", codes, verify.differences(first.path, app.path))
        if len(sys.argv) > 2:
            for number, (name, codes, breaking) in enumerate(real_app_cases()):
                copy = folder / f"real{number}" / "Gatelight.app"
                shutil.copytree(sys.argv[2], copy, symlinks=True)
                breaking(copy)
                judge(f"real app, {name}", codes, verify.inspect(copy))

    for line in wrong:
        print(line, file=sys.stderr)
    print(f"{count} cases, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
