"""Embedded code signatures: code directories and their page hashes.

Formats: xnu's <kern/cs_blobs.h>, Apple TN3126 and TN2206.
"""

import hashlib
import struct

from .faults import Malformed
from .mach_o import text


class Signature:
    """An embedded signature's blobs."""

    def __init__(self, table):
        magic, _, count = struct.unpack_from(">III", table)
        if magic != 0xFADE0CC0:
            raise Malformed(f"not a signature (magic {magic:#x})")
        self.blobs = {}
        for index in range(count):
            slot, offset = struct.unpack_from(">II", table, 12 + 8 * index)
            self.blobs[slot] = table[offset : offset + struct.unpack_from(">I", table, offset + 4)[0]]

    def directories(self):
        """Each code directory: the primary one and those of other hash types."""
        for slot, blob in sorted(self.blobs.items()):
            if slot == 0 or 0x1000 <= slot < 0x1005:
                yield CodeDirectory(blob)


class CodeDirectory:
    HASHES = {1: hashlib.sha1, 2: hashlib.sha256}

    def __init__(self, blob):
        magic, _, self.version, self.flags, self.hashes, identifier, self.special, self.pages, self.limit = (
            struct.unpack_from(">9I", blob)
        )
        if magic != 0xFADE0C02:
            raise Malformed("not a code directory")
        self.blob = blob
        self.size, self.kind, _, page = struct.unpack_from("4B", blob, 36)
        self.page = 1 << page
        self.identifier = text(blob, identifier)

    def hash(self, data):
        if self.kind not in self.HASHES:
            raise Malformed(f"hash type {self.kind}")
        return self.HASHES[self.kind](data).digest()[: self.size]

    def slot(self, index):
        """The hash of page `index`, or of special slot -1 (Info.plist), -2, -3 (resources)…"""
        at = self.hashes + index * self.size
        return self.blob[at : at + self.size]


def check(faults, part, identifier=None, info=None, resources=None):
    """Checks the embedded signature; `identifier`, `info`, `resources` only for the program of an .app."""
    arch = part.arch
    found = part.linkedit(0x1D)
    if not found:
        faults.add("signature", f"{arch}: not signed; an arm64 Mac kills what is not")
        return
    table, start = found
    faults.expect(start + len(table) == len(part.data), "signature", f"{arch}: bytes follow the signature")
    signature = Signature(table)
    directories = list(signature.directories())
    faults.expect(directories, "signature", f"{arch}: no code directory")
    faults.expect(any(d.kind == 2 for d in directories), "signature", f"{arch}: no SHA-256 code directory")
    for directory in directories:
        if directory.limit != start:
            faults.add("signature", f"{arch}: covers {directory.limit} bytes, the signature begins at {start}")
        pages = -(-directory.limit // directory.page)
        faults.expect(directory.pages == pages, "signature", f"{arch}: {directory.pages} page hashes for {pages} pages")
        for index in range(min(directory.pages, pages)):
            end = min((index + 1) * directory.page, directory.limit)
            if directory.hash(part.data[index * directory.page : end]) != directory.slot(index):
                faults.add("page-hash", f"{arch}: page {index} does not match its hash")
        # 2 requirements, 5 and 7 entitlements: blobs beside the directory
        for slot in (2, 5, 7):
            blob = signature.blobs.get(slot)
            if blob is not None:
                matches = slot <= directory.special and directory.slot(-slot) == directory.hash(blob)
                faults.expect(matches, "signature", f"{arch}: blob {slot} does not match its hash")
        if identifier is None:
            continue
        faults.expect(
            directory.identifier == identifier,
            "seal",
            f"{arch}: signed as {directory.identifier}, the bundle is {identifier}",
        )
        faults.expect(not directory.flags & 0x20000, "seal", f"{arch}: signed by the linker alone: nothing is sealed")
        for slot, content, name in ((1, info, "Info.plist"), (3, resources, "CodeResources")):
            sealed = slot <= directory.special and content is not None
            if not sealed or directory.slot(-slot) != directory.hash(content):
                faults.add("seal", f"{arch}: {name} is not sealed, or was changed since")
