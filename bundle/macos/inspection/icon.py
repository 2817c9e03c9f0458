"""The .icns file: every picture, of its size, and drawn."""

import struct
import zlib

# Every picture of the icon, by its type's name in the .icns: (pixels, what it is for).
ICONS = {
    ("icp4", "ic04", "is32"): (16, "16 pt"),
    ("ic11",): (32, "16 pt @2x"),
    ("icp5", "ic05", "il32"): (32, "32 pt"),
    ("ic12",): (64, "32 pt @2x"),
    ("ic07", "it32"): (128, "128 pt"),
    ("ic13",): (256, "128 pt @2x"),
    ("ic08",): (256, "256 pt"),
    ("ic14",): (512, "256 pt @2x"),
    ("ic09",): (512, "512 pt"),
    ("ic10",): (1024, "512 pt @2x"),
}
# Pictures that are PNG files are decoded; ARGB ones, which only these two types may be, are the elder types' colours with alpha.
ICON_ARGB = {"ic04", "ic05"}
# The elder types are colours without transparency, which is a picture of its own.
ICON_MASKS = {"is32": "s8mk", "il32": "l8mk", "it32": "t8mk"}


def check(faults, data):
    if data[:4] != b"icns" or len(data) < 8 or struct.unpack_from(">I", data, 4)[0] != len(data):
        faults.add("icon", "the icon is no whole .icns file")
        return
    entries, at = {}, 8
    while at + 8 <= len(data):
        kind, size = struct.unpack_from(">4sI", data, at)
        if size < 8 or at + size > len(data):
            faults.add("icon", "the icon is truncated")
            return
        entries[kind.decode("ascii", "replace")] = data[at + 8 : at + size]
        at += size
    for kinds, (pixels, purpose) in ICONS.items():
        kind = next((kind for kind in kinds if kind in entries), None)
        picture = entries.get(kind)
        if kind in ICON_MASKS:
            mask = entries.get(ICON_MASKS[kind], b"")
            faults.expect(len(mask) == pixels * pixels, "icon", f"the icon for {purpose} has no mask of its size")
            faults.expect(any(mask), "icon", f"the icon for {purpose} is wholly transparent")
            colours = unpacked(picture[4:] if kind == "it32" else picture)
            faults.expect(
                colours == 3 * pixels * pixels, "icon", f"the icon for {purpose} has {colours} bytes of colour"
            )
        elif picture is None:
            faults.add("icon", f"the icon has no picture for {purpose}")
        else:
            fault = picture_fault(kind, picture, pixels)
            faults.expect(fault is None, "icon", f"the icon for {purpose}: {fault}")


def unpacked(data):
    """How many bytes an elder picture's runs make: below 128 so many and one follow as they are, above the next is repeated."""
    at = made = 0
    while at < len(data):
        count = data[at]
        made += count - 125 if count >= 128 else count + 1
        at += 2 if count >= 128 else count + 2
    return made


def picture_fault(kind, data, pixels):
    """What is wrong with a picture of the icon, or None."""
    if kind in ICON_ARGB and data[:4] == b"ARGB":
        made = unpacked(data[4:])
        return None if made == 4 * pixels * pixels else f"{made} bytes of colour"
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        return "neither a PNG file nor colours"
    at, rows, kinds = 8, b"", []
    while at + 12 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + size]
        if data[at + 8 + size : at + 12 + size] != struct.pack(">I", zlib.crc32(name + body)):
            return f"the part {name.decode('ascii', 'replace')} is damaged"
        kinds.append(name)
        if name == b"IHDR":
            width, height, depth, colour, *_ = struct.unpack(">IIBBBBB", body)
        elif name == b"IDAT":
            rows += body
        at += 12 + size
    if kinds[:1] != [b"IHDR"] or kinds[-1:] != [b"IEND"]:
        return "cut short"
    if (width, height) != (pixels, pixels):
        return f"{width} x {height} pixels, not {pixels}"
    try:
        rows = zlib.decompress(rows)
    except zlib.error as error:
        return str(error)
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour, 0)
    if len(rows) != height * (1 + -(-width * depth * channels // 8)):
        return "it has too few or too many rows"
    return None if any(rows) else "nothing is drawn in it"
