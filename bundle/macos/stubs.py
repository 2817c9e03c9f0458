#!/usr/bin/env python3
"""Writes the .tbd stubs of the stub SDK: which system library holds which symbol.

The symbols of libSystem come from ziglang's libSystem.tbd. All others come from what the crates declare: a function or
static in an `extern "C"` block belongs to the library that the block's #[link] names, or else to the one library that its
crate links; an Objective-C class belongs to the framework of the objc2 crate that declares it. A symbol with no home is an
"undefined symbol" at the link, which is two-level: nothing is left to be looked up by name alone.

usage: cargo metadata … | stubs.py LIBSYSTEM_TBD SDK
       stubs.py --self-test
"""

import collections
import json
import pathlib
import re
import sys
import tempfile

TARGETS = "[ x86_64-macos, arm64-macos ]"

# Where a library that is no framework lies on a Mac. (Install names as `otool -L` prints them.)
DYLIBS = {
    "libSystem": "/usr/lib/libSystem.B.dylib",
    "libobjc": "/usr/lib/libobjc.A.dylib",
    "libiconv": "/usr/lib/libiconv.2.dylib",
    "libsqlite3": "/usr/lib/libsqlite3.dylib",
    "libproc": "/usr/lib/libproc.dylib",
}
# Every framework's binary is version A, but for these two.
FRAMEWORK_VERSION = {"AppKit": "C", "Foundation": "C"}

# Frameworks that crates name for other systems of Apple's.
NOT_ON_MACOS = {"UIKit"}

# The one library that a crate links, where its sources do not say: its build script does.
BUILD_SCRIPT_LINKS = {"libsqlite3-sys": "libsqlite3"}

# What nobody declares: the compiler refers to it.
UNDECLARED = {"CoreFoundation": ["___CFConstantStringClassReference"]}
LIBOBJC_CLASSES = {"NSObject", "Protocol"}
# Toll-free bridged and elder classes lie in CoreFoundation; Foundation, which declares them, re-exports it.
COREFOUNDATION_CLASSES = set(
    "NSArray NSMutableArray NSData NSMutableData NSDate NSDictionary NSMutableDictionary NSException NSInvocation "
    "NSLocale NSMethodSignature NSNull NSSet NSMutableSet NSOrderedSet NSMutableOrderedSet NSTimeZone NSTimer NSURL "
    "NSCalendar NSCharacterSet NSMutableCharacterSet NSInputStream NSOutputStream NSUserDefaults".split()
)

ATTRIBUTES = r"(?P<attributes>(?:#\[(?:[^\[\]]|\[[^\]]*\])*\]\s*)*)"
BLOCK = re.compile(ATTRIBUTES + r'(?:unsafe\s+)?(?:\bextern(?:\s+"C(?:-unwind)?")?|extern_c(?:_unwind)?!)\s*\{')
DECLARATION = re.compile(
    r'(?:link_name\s*=\s*"(?P<link_name>[^"]+)"[^;{}]*?)?'
    r"\b(?:fn\s+(?P<function>[A-Za-z_]\w*)|static\s+(?:mut\s+)?(?P<variable>[A-Za-z_]\w*)\s*:)"
)
LINK = re.compile(r'\blink\s*\(\s*name\s*=\s*"([^"]+)"(?:\s*,\s*kind\s*=\s*"(\w+)")?')
CLASS = re.compile(r"\bextern_class!\s*[({]((?:[^;]|;(?!\s*[)}]))*?)\bpub struct (\w+)", re.S)
CLASS_NAME = re.compile(r'#\[name\s*=\s*"([^"]+)"\]')
COMMENT = re.compile(r"//[^\n]*")


def library(name, kind):
    """The stub's name for what #[link] names, or None for what is no library of macOS."""
    if kind == "framework":
        return None if name in NOT_ON_MACOS else name
    dylib = "lib" + name
    return dylib if dylib in DYLIBS else None


def block_end(source, start):
    """The end of the block whose brace was opened just before `start`."""
    depth = 1
    for brace in re.compile(r"[{}]").finditer(source, start):
        depth += 1 if brace.group() == "{" else -1
        if depth == 0:
            return brace.start()
    return len(source)


def declared(crate, directory):
    """Yields (symbol, library, weight) for all that a crate's sources declare; heavier is surer. With None for a symbol:
    the crate links that library."""
    sources = []
    for path in sorted(directory.rglob("*.rs")):
        # tests and examples are not linked
        if {"tests", "examples", "benches", "target"}.isdisjoint(path.relative_to(directory).parts):
            text = path.read_text(errors="replace")
            if "extern" in text:
                sources.append(COMMENT.sub("", text))
    links = collections.Counter()
    for source in sources:
        for block in BLOCK.finditer(source):
            for name, kind in LINK.findall(block["attributes"]):
                if library(name, kind):
                    links[library(name, kind)] += 1
    for name in links:
        yield None, name, 0
    if crate == "objc2":  # it also links Foundation, for NSObject, but declares the runtime alone
        own = "libobjc"
    elif crate in BUILD_SCRIPT_LINKS:
        own = BUILD_SCRIPT_LINKS[crate]
    else:
        own = next(iter(links)) if len(links) == 1 else None
    # objc2's framework crates are generated from the SDK's own headers
    trust = 4 if crate.startswith("objc2") else 0
    for source in sources:
        for block in BLOCK.finditer(source):
            named = [library(*link) for link in LINK.findall(block["attributes"])]
            home = next((name for name in named if name), None)
            if home is None and named:
                continue  # it links something that is not macOS's
            home, weight = (home, 2) if home else (own, 1)
            if home is None:
                continue
            for match in DECLARATION.finditer(source, block.end(), block_end(source, block.end())):
                symbol = match["link_name"] or match["function"] or match["variable"]
                yield "_" + symbol, home, weight + trust
        if own and crate.startswith("objc2-"):
            for before, name in CLASS.findall(source):
                renamed = CLASS_NAME.findall(before)
                yield "class " + (renamed[-1] if renamed else name), own, trust


def homes(packages, system):
    """symbol → the library that holds it; of several candidates the surest; and all libraries that are linked."""
    best = {}
    linked = set()
    for package in packages:
        if package["name"] == "libc":
            continue  # libSystem's stub knows better
        for symbol, home, weight in declared(package["name"], pathlib.Path(package["manifest_path"]).parent):
            if symbol is None:
                linked.add(home)
            elif symbol not in system and weight > best.get(symbol, ("", 0))[1]:
                best[symbol] = (home, weight)
    found = {symbol: home for symbol, (home, _) in best.items()}
    for home, symbols in UNDECLARED.items():
        for symbol in symbols:
            if symbol not in system:
                found[symbol] = home
    for name in COREFOUNDATION_CLASSES:
        found["class " + name] = "CoreFoundation"
    for name in LIBOBJC_CLASSES:
        found["class " + name] = "libobjc"
    for symbol in ("_iconv", "_iconv_open", "_iconv_close"):
        found[symbol] = "libiconv"
    return found, linked


def system_stub(text):
    """ziglang's libSystem.tbd, with architectures that LLVM 22 knows.

    It names arm64e.x1, which makes LLVM refuse the file; and arm64e symbols serve arm64 programs on a Mac, since both
    load the same libSystem."""

    def targets(match):
        kept = []
        for target in re.findall(r"[\w.]+-\w+", match[2]):
            target = re.sub(r"^arm64e(\.x1)?-", "arm64-", target)
            if target.endswith("-macos") and target not in kept:
                kept.append(target)
        return f"{match[1]}[ {', '.join(kept) or 'x86_64-macos'} ]"

    return re.sub(r"(targets:\s*)\[([^\]]*)\]", targets, text)


def system_symbols(text):
    """All that libSystem exports."""
    found = set()
    for listed in re.findall(r"symbols:\s*\[([^\]]*)\]", text):
        found.update(re.findall(r"[A-Za-z_$][\w$.]*", listed))
    return found


def stub(install_name, symbols):
    classes = sorted(symbol.removeprefix("class ") for symbol in symbols if symbol.startswith("class "))
    plain = sorted(symbol for symbol in symbols if not symbol.startswith("class "))
    text = f"--- !tapi-tbd\ntbd-version:     4\ntargets:         {TARGETS}\ninstall-name:    '{install_name}'\n"
    if symbols:
        text += f"exports:\n  - targets:         {TARGETS}\n"
    if plain:
        text += "    symbols:         [ " + ", ".join(f"'{symbol}'" for symbol in plain) + " ]\n"
    if classes:
        text += "    objc-classes:    [ " + ", ".join(classes) + " ]\n"
    return text + "...\n"


def self_test():
    """Each way in which a crate declares a symbol, and some that must not count."""
    crates = {
        "objc2-app-kit": """
            #[link(name = "AppKit", kind = "framework")] extern "C" {}
            extern "C" { #[cfg(feature = "a")] pub static NSImageNameUser: &'static NSString; }
            extern_class!(
                #[unsafe(super(NSObject))] #[derive(Debug)]
                #[name = "NSRenamed"]
                pub struct Renamed;
            );
            extern_class!( pub struct NSMenu; );
            pub extern "C-unwind" fn defined_here() { fn inner() {} }
        """,
        "objc2": """
            #[cfg_attr(not(feature = "x"), link(name = "objc", kind = "dylib"))] extern "C" {}
            #[cfg_attr(target_vendor = "apple", link(name = "Foundation", kind = "framework"))] extern "C" {}
            extern_c_unwind! { pub fn objc_msgSend(); }
        """,
        "several": """
            #[link(name = "Carbon", kind = "framework")]
            unsafe extern "C" { fn TISCopy(a: u8) -> u8; #[link_name = "Other$INODE64"] fn other(); }
            #[link(name = "CoreVideo", kind = "framework")] extern {}
            #[link(name = "UIKit", kind = "framework")] extern "C" { fn UIThing(); }
            #[link(name = "user32")] extern "system" { fn MessageBox(); }
            #[link(name = "gtk-3")] extern "C" { fn gtk_init(); }
            extern "C" { fn homeless(); fn write(fd: i32); } // fn commented();
        """,
        "libsqlite3-sys": 'unsafe extern "C" { pub fn sqlite3_open(a: *const i8) -> i32; }',
        "own": 'extern "C" { fn nobody_knows(); }',
    }
    with tempfile.TemporaryDirectory() as folder:
        packages = []
        for name, source in crates.items():
            path = pathlib.Path(folder, name, "src", "lib.rs")
            path.parent.mkdir(parents=True)
            path.write_text(source)
            packages.append({"name": name, "manifest_path": str(path.parent.parent / "Cargo.toml")})
        found, linked = homes(packages, {"_write"})
    expected = {
        "_NSImageNameUser": "AppKit",
        "class NSRenamed": "AppKit",
        "class NSMenu": "AppKit",
        "_objc_msgSend": "libobjc",
        "_TISCopy": "Carbon",
        "_Other$INODE64": "Carbon",
        "_sqlite3_open": "libsqlite3",
        "class NSObject": "libobjc",
        "class NSArray": "CoreFoundation",
        "_iconv": "libiconv",
        "_write": None,
        "_homeless": None,
        "_UIThing": None,
        "_MessageBox": None,
        "_gtk_init": None,
        "_commented": None,
        "_nobody_knows": None,
        "_defined_here": None,
        "_inner": None,
    }
    for symbol, home in expected.items():
        assert found.get(symbol) == home, f"{symbol}: {found.get(symbol)}, expected {home}"
    assert {"AppKit", "Carbon", "CoreVideo", "libobjc"} <= linked and "UIKit" not in linked, linked
    text = "targets: [ arm64e.x1-macos, arm64e-macos, arm64-ios, x86_64-macos ]\nsymbols: [ _a, '_b$X' ]"
    assert "targets: [ arm64-macos, x86_64-macos ]" in system_stub(text), system_stub(text)
    assert system_symbols(text) == {"_a", "_b$X"}


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return
    tbd, sdk = map(pathlib.Path, sys.argv[1:])
    packages = json.load(sys.stdin)["packages"]
    system = system_stub(tbd.read_text())
    lib = sdk / "usr/lib"
    (lib / "libSystem.tbd").write_text(system)
    for alias in ("libSystem.B", "libc", "libm", "libpthread", "libdl"):
        (lib / f"{alias}.tbd").symlink_to("libSystem.tbd")
    held = collections.defaultdict(set)
    found, linked = homes(packages, system_symbols(system))
    for symbol, home in found.items():
        held[home].add(symbol)
    # the linker wants a file for each library named to it, even where nothing of it is used
    for name in linked | {"libobjc", "libiconv", "Cocoa"}:
        held.setdefault(name, set())
    held.pop("libSystem", None)
    for home, symbols in sorted(held.items()):
        if home in DYLIBS:
            install_name, path = DYLIBS[home], lib / f"{home}.tbd"
        else:
            version = FRAMEWORK_VERSION.get(home, "A")
            install_name = f"/System/Library/Frameworks/{home}.framework/Versions/{version}/{home}"
            path = sdk / f"System/Library/Frameworks/{home}.framework/{home}.tbd"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(stub(install_name, symbols))
        print(f"{install_name}: {len(symbols)} symbols", file=sys.stderr)


if __name__ == "__main__":
    main()
