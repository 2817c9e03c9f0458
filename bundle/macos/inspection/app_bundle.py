"""The .app: Info.plist, the sealed resources, the localized names, and the program inside."""

import hashlib
import os
import plistlib
import re
import struct
import xml.etree.ElementTree as ElementTree

from . import icon, mach_o, signature
from .expected import BUNDLE, INFO_PLIST, JOB, JOB_FILE, LOCALIZATIONS, MAX_APP_BYTES, MAX_PROGRAM_BYTES
from .faults import Malformed


def check_binary(faults, path, architectures):
    """Checks a program with these architectures; returns its parts."""
    data = path.read_bytes()
    faults.expect(len(data) < MAX_PROGRAM_BYTES, "size", f"{len(data)} bytes, {MAX_PROGRAM_BYTES} are the limit")
    faults.expect(os.access(path, os.X_OK), "executable", f"{path} is not executable")
    parts = []
    try:
        for part in mach_o.slices(data):
            parts.append(part)
            mach_o.check(faults, part)
    except (Malformed, struct.error, IndexError, ValueError) as error:
        faults.add("malformed", f"{path}: {error}")
    found = sorted(part.arch for part in parts)
    faults.expect(
        found == sorted(architectures), "architectures", f"architectures {found}, expected {sorted(architectures)}"
    )
    return parts


def check_signatures(faults, parts, **sealed):
    for part in parts:
        try:
            signature.check(faults, part, **sealed)
        except (Malformed, struct.error, IndexError, ValueError) as error:
            faults.add("signature", f"{part.arch}: {error}")


def check(faults, app, architectures):
    contents = app / "Contents"
    raw = _read(faults, contents / "Info.plist", "info-plist")
    info = _info(faults, raw)
    sealed = _read(faults, contents / "_CodeSignature/CodeResources", "seal")
    program = contents / "MacOS" / INFO_PLIST["CFBundleExecutable"]
    if program.is_file():
        parts = check_binary(faults, program, architectures)
        check_signatures(faults, parts, identifier=info.get("CFBundleIdentifier", ""), info=raw, resources=sealed)
    else:
        faults.add("executable", f"{program} is missing")
    total = sum(path.stat().st_size for path in app.rglob("*") if path.is_file())
    faults.expect(total < MAX_APP_BYTES, "size", f"{total} bytes in all, {MAX_APP_BYTES} are the limit")
    _job(faults, contents / JOB_FILE)
    _resources(faults, contents, sealed, program)
    pictures = _read(faults, contents / "Resources" / INFO_PLIST["CFBundleIconFile"], "icon")
    if pictures is not None:
        icon.check(faults, pictures)
    _localizations(faults, contents / "Resources")


def _read(faults, path, code):
    if path.is_file():
        return path.read_bytes()
    faults.add(code, f"{path} is missing")
    return None


def _info(faults, raw):
    if raw is None:
        return {}
    try:
        info = plistlib.loads(raw)
        keys = [element.text for element in ElementTree.fromstring(raw).find("dict").findall("key")]
    except Exception as error:  # plistlib raises whatever its parser does
        faults.add("info-plist", f"Info.plist: {error}")
        return {}
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        faults.add("info-plist", f"Info.plist: {key} is there twice")
    for key, value in INFO_PLIST.items():
        faults.expect(
            info.get(key) == value, "info-plist", f"Info.plist: {key} is {info.get(key)!r}, expected {value!r}"
        )
    faults.expect(
        info.get("CFBundleDevelopmentRegion") in ("en", "English"),
        "info-plist",
        f"Info.plist: development region {info.get('CFBundleDevelopmentRegion')!r}",
    )
    number = info.get("CFBundleVersion")
    faults.expect(
        isinstance(number, str) and re.fullmatch(r"\d+(\.\d+){0,2}", number),
        "info-plist",
        f"Info.plist: CFBundleVersion {number!r} is not one to three numbers",
    )
    return info


def _job(faults, path):
    """launchd's job: what starts the app at login and after a crash."""
    raw = _read(faults, path, "job")
    if raw is None:
        return
    try:
        job = plistlib.loads(raw)
    except Exception as error:
        faults.add("job", f"{path.name}: {error}")
        return
    for key in sorted(JOB.keys() | job.keys()):
        faults.expect(
            job.get(key) == JOB.get(key),
            "job",
            f"{path.name}: {key} is {job.get(key)!r}, expected {JOB.get(key)!r}",
        )


def _resources(faults, contents, sealed, program):
    """Every file is in the seal with its right hash, and nothing is there that is not."""
    try:
        listed = plistlib.loads(sealed or b"")["files2"]
    except Exception as error:
        faults.add("seal", f"CodeResources: {error}")
        return
    present = set()
    for path in contents.rglob("*"):
        name = path.relative_to(contents).as_posix()
        if path.is_symlink():
            faults.add("seal", f"{name} is a symbolic link")
        elif path.is_file() and name.split("/")[0] != "_CodeSignature" and name != "Info.plist" and path != program:
            present.add(name)
    for name in sorted(present - set(listed)):
        # PkgInfo is left out by every signer, as Info.plist is
        faults.expect(name == "PkgInfo", "seal", f"{name} is not sealed")
    for name, entry in sorted(listed.items()):
        if name not in present:
            faults.add("seal", f"{name} is sealed, but missing")
            continue
        digest = entry.get("hash2") if isinstance(entry, dict) else None
        actual = hashlib.sha256((contents / name).read_bytes()).digest()
        faults.expect(digest == actual, "seal", f"{name} was changed after it was sealed")


def _localizations(faults, resources):
    for language in LOCALIZATIONS:
        strings = _read(faults, resources / f"{language}.lproj/InfoPlist.strings", "localization")
        if strings is None:
            continue
        found = dict(re.findall(r'^(\w+) = "((?:[^"\\]|\\.)*)";$', strings.decode("utf-8", "replace"), re.M))
        for key, value in BUNDLE["osx"]["localizations"][language].items():
            faults.expect(found.get(key) == value, "localization", f"{language}: {key} is {found.get(key)!r}")
