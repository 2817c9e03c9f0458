"""Mach-O files: load commands, dyld's binding tables, the symbol table.

Formats: <mach-o/loader.h>, <mach-o/fixup-chains.h>, <mach-o/fat.h>.
"""

import os
import pathlib
import re
import struct

from . import expected
from .faults import Malformed

ARCHITECTURES = {0x0100000C: "arm64", 0x01000007: "x86_64"}


def text(data, offset):
    """The NUL-terminated string at `offset`."""
    return data[offset : data.index(b"\0", offset)].decode("utf-8", "replace")


def version(packed):
    return f"{packed >> 16}.{packed >> 8 & 255}" + (f".{packed & 255}" if packed & 255 else "")


def uleb(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, at


class Slice:
    """One architecture of a Mach-O file."""

    def __init__(self, data):
        self.data = data
        magic, cputype, _, filetype, count, _, self.flags, _ = struct.unpack_from("<8I", data)
        if magic != 0xFEEDFACF:
            raise Malformed(f"not a 64-bit Mach-O file (magic {magic:#x})")
        self.arch = ARCHITECTURES.get(cputype, f"cpu {cputype:#x}")
        self.filetype = filetype
        self.libraries, self.rpaths, self.commands = [], [], {}
        at = 32
        for _ in range(count):
            command, size = struct.unpack_from("<II", data, at)
            if size < 8 or at + size > len(data):
                raise Malformed("a load command of impossible size")
            # LC_LOAD_DYLIB, its weak, re-exported, lazy and upward kinds
            if command in (0xC, 0x80000018, 0x8000001F, 0x20, 0x80000023):
                self.libraries.append((text(data, at + struct.unpack_from("<I", data, at + 8)[0]), command))
            elif command == 0x8000001C:
                self.rpaths.append(text(data, at + struct.unpack_from("<I", data, at + 8)[0]))
            self.commands.setdefault(command, []).append(at)
            at += size

    def linkedit(self, command):
        """The bytes that a linkedit_data_command points to, and where they begin; None without one."""
        if command not in self.commands:
            return None
        offset, size = struct.unpack_from("<II", self.data, self.commands[command][0] + 8)
        if offset + size > len(self.data):
            raise Malformed("a table beyond the end of the file")
        return self.data[offset : offset + size], offset

    def undefined(self):
        """(name, library ordinal) of each undefined symbol in the symbol table."""
        for at in self.commands.get(0x2, []):
            offset, count, strings, _ = struct.unpack_from("<4I", self.data, at + 8)
            for index in range(count):
                name, kind, _, description, _ = struct.unpack_from("<IBBHQ", self.data, offset + 16 * index)
                if not kind & 0xE0 and kind & 0x0E == 0 and kind & 1:
                    yield text(self.data, strings + name), description >> 8

    def debug_paths(self):
        """Names of stabs: the debug map would name object files of the build machine."""
        for at in self.commands.get(0x2, []):
            offset, count, strings, _ = struct.unpack_from("<4I", self.data, at + 8)
            for index in range(count):
                name, kind = struct.unpack_from("<IB", self.data, offset + 16 * index)
                if kind & 0xE0:
                    yield text(self.data, strings + name)

    def bindings(self):
        """(name, library ordinal) of each symbol that dyld binds: what really decides at the start."""
        table = self.linkedit(0x80000034)
        if table:
            yield from self._chained(table[0])
        for command in (0x22, 0x80000022):
            for at in self.commands.get(command, []):
                fields = struct.unpack_from("<10I", self.data, at + 8)
                for offset, size in (fields[2:4], fields[6:8]):
                    yield from self._opcodes(self.data[offset : offset + size])
                if fields[5]:
                    # weak binding looks a name up in every image
                    for name, _ in self._opcodes(self.data[fields[4] : fields[4] + fields[5]]):
                        yield name, -3

    @staticmethod
    def _chained(table):
        _, _, imports, symbols, count, form, packing = struct.unpack_from("<7I", table)
        if packing:
            raise Malformed("compressed fix-up symbols")
        for index in range(count):
            if form == 3:
                value = struct.unpack_from("<Q", table, imports + 16 * index)[0]
                ordinal, name, bits = value & 0xFFFF, value >> 32, 16
            else:
                value = struct.unpack_from("<I", table, imports + (4 if form == 1 else 8) * index)[0]
                ordinal, name, bits = value & 0xFF, value >> 9, 8
            # the last few ordinals are negative: 0, -1, -2 (flat), -3 (weak)
            yield text(table, symbols + name), ordinal - (1 << bits) if ordinal >= (1 << bits) - 15 else ordinal

    @staticmethod
    def _opcodes(stream):
        at, name, ordinal = 0, None, 0
        while at < len(stream):
            opcode, immediate = stream[at] & 0xF0, stream[at] & 0x0F
            at += 1
            if opcode == 0x10:
                ordinal = immediate
            elif opcode == 0x20:
                ordinal, at = uleb(stream, at)
            elif opcode == 0x30:
                ordinal = immediate - 16 if immediate else 0
            elif opcode == 0x40:
                name = text(stream, at)
                at += len(name.encode()) + 1
            elif opcode in (0x60, 0x70, 0x80, 0xA0):
                _, at = uleb(stream, at)
            elif opcode == 0xC0:
                _, at = uleb(stream, at)
                _, at = uleb(stream, at)
            if opcode in (0x90, 0xA0, 0xB0, 0xC0):
                yield name, ordinal


def slices(data):
    """Each architecture of a thin or universal file."""
    if data[:4] != b"\xca\xfe\xba\xbe":
        yield Slice(data)
        return
    for index in range(struct.unpack_from(">I", data, 4)[0]):
        cputype, _, offset, size, align = struct.unpack_from(">5I", data, 8 + 20 * index)
        least = 14 if ARCHITECTURES.get(cputype) == "arm64" else 12
        if offset % (1 << align) or align < least or offset + size > len(data):
            raise Malformed("a misplaced architecture")
        if struct.unpack_from("<I", data, offset + 4)[0] != cputype:
            raise Malformed("an architecture that is another one than the header says")
        yield Slice(data[offset : offset + size])


def check(faults, part):
    arch = part.arch
    faults.expect(part.filetype == 2, "executable", f"{arch}: file type {part.filetype}, not a program")
    faults.expect(part.flags & 0x200000, "pie", f"{arch}: not position-independent (MH_PIE)")
    faults.expect(part.flags & 0x80, "two-level", f"{arch}: not linked two-level (MH_TWOLEVEL)")
    faults.expect(not part.flags & 0x20000, "stack", f"{arch}: asks for an executable stack")
    faults.expect(0x80000028 in part.commands, "executable", f"{arch}: no LC_MAIN")
    linkers = [text(part.data, at + 12) for at in part.commands.get(0xE, [])]
    faults.expect(linkers == ["/usr/lib/dyld"], "executable", f"{arch}: dynamic linker {linkers}")
    _segments(faults, part)
    _versions(faults, part)
    _libraries(faults, part)
    _symbols(faults, part)
    _names(faults, part)
    _paths(faults, part)


def _segments(faults, part):
    """What the kernel asks of a program: pages of its architecture's size, none that can be written and run."""
    page = 0x4000 if part.arch == "arm64" else 0x1000
    names = []
    for at in part.commands.get(0x19, []):
        name = part.data[at + 8 : at + 24].rstrip(b"\0").decode("ascii", "replace")
        address, size, offset, length, most, now = struct.unpack_from("<4Q2I", part.data, at + 24)
        names.append(name)
        aligned = address % page == 0 and offset % page == 0
        faults.expect(aligned, "segments", f"{part.arch}: {name} does not begin on a page of {page} bytes")
        faults.expect(
            length <= size or name == "__LINKEDIT",
            "segments",
            f"{part.arch}: {name} is longer in the file than in memory",
        )
        inside = offset + length <= len(part.data)
        faults.expect(inside, "segments", f"{part.arch}: {name} reaches beyond the end of the file")
        for access in (most, now):
            faults.expect(access & 6 != 6, "segments", f"{part.arch}: {name} can be written and run")
    for name in ("__PAGEZERO", "__TEXT", "__LINKEDIT"):
        faults.expect(names.count(name) == 1, "segments", f"{part.arch}: {names.count(name)} segments {name}")


def _versions(faults, part):
    found = part.commands.get(0x32, [])
    if len(found) != 1:
        faults.add("minos", f"{part.arch}: {len(found)} build versions (LC_BUILD_VERSION)")
        return
    platform, minimum, sdk = struct.unpack_from("<III", part.data, found[0] + 8)
    faults.expect(platform == 1, "platform", f"{part.arch}: platform {platform}, not macOS")
    faults.expect(
        version(minimum) == expected.MINIMUM_MACOS,
        "minos",
        f"{part.arch}: minimum macOS {version(minimum)}, Cargo.toml says {expected.MINIMUM_MACOS}",
    )
    faults.expect(sdk >= minimum, "sdk", f"{part.arch}: SDK {version(sdk)}, older than the minimum macOS")


def _libraries(faults, part):
    for name, command in part.libraries:
        faults.expect(
            name in expected.EXPECTED_LIBRARIES, "library", f"{part.arch}: loads {name}, which is not expected"
        )
        faults.expect(command == 0xC, "library", f"{part.arch}: {name} is loaded in an unusual way ({command:#x})")
    names = [name for name, _ in part.libraries]
    for name in sorted(expected.NEEDED_LIBRARIES - set(names)):
        faults.add("library", f"{part.arch}: does not load {name}, whose classes it asks for")
    faults.expect(len(names) == len(set(names)), "library", f"{part.arch}: a library is named twice")
    for path in part.rpaths:
        faults.add("rpath", f"{part.arch}: searches {path} for libraries")


def _symbols(faults, part):
    table, bound = list(part.undefined()), list(part.bindings())
    faults.expect(bound, "binding", f"{part.arch}: binds nothing, so the binding tables were not understood")
    for name, ordinal in dict.fromkeys(table + bound):
        if not 1 <= ordinal <= len(part.libraries):
            how = {0xFE: "flat", -2: "flat", -3: "weak"}.get(ordinal, f"ordinal {ordinal}")
            faults.add("binding", f"{part.arch}: {name} is bound to no named library ({how})")
        since = expected.SINCE_MACOS.get(name, 0)
        faults.expect(
            since <= float(expected.MINIMUM_MACOS),
            "availability",
            f"{part.arch}: {name} needs a macOS newer than {expected.MINIMUM_MACOS}",
        )
    # dyld goes by the bindings, tools by the table: they must not differ
    homes = {}
    for name, ordinal in table + bound:
        homes.setdefault(name, set()).add(ordinal)
    for name, ordinals in homes.items():
        faults.expect(len(ordinals) == 1, "binding", f"{part.arch}: {name} is bound to several libraries")


def _names(faults, part):
    """Names that are looked up at run time, and so are no symbols."""
    faults.expect(
        expected.AUTOSAVE_NAME.encode() in part.data,
        "autosave-name",
        f"{part.arch}: does not hold the icon's name {expected.AUTOSAVE_NAME}",
    )
    faults.expect(
        expected.DEPRECATED_CLASS.encode() not in part.data,
        "deprecated",
        f"{part.arch}: names {expected.DEPRECATED_CLASS}",
    )


def _paths(faults, part):
    home = pathlib.Path.home()
    machine = {str(expected.ROOT), str(home / ".cargo"), str(home / ".rustup"), os.environ.get("CARGO_HOME", "")}
    machine |= {"/usr/src/rustc", "/usr/lib/llvm", "/.cargo/registry/", "/.rustup/toolchains/", "MacOSX.sdk"}
    for path in sorted(machine - {""}):
        at = part.data.find(path.encode())
        if at >= 0:
            start = part.data.rfind(b"\0", 0, at) + 1
            around = re.split(rb"[^\x20-\x7e]", part.data[max(start, at - 60) : at + 120])
            shown = next((piece for piece in around if path.encode() in piece), path.encode()).decode()
            faults.add("path", f"{part.arch}: names a path of the build machine: {shown}")
    for name in part.debug_paths():
        faults.add("path", f"{part.arch}: holds debug symbols: {name}")
        break
