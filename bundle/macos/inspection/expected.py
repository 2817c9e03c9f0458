"""What a Gatelight.app has to be: Cargo.toml says most of it."""

import pathlib
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
MANIFEST = tomllib.loads((ROOT / "Cargo.toml").read_text())
BUNDLE = MANIFEST["package"]["metadata"]["bundle"]

# two architectures of about 7 MB: a program that grows past this has taken in something that was not meant
MAX_PROGRAM_BYTES = 14_500_000
# the icon of 0.3 MB, the signature
MAX_APP_BYTES = MAX_PROGRAM_BYTES + 500_000
MINIMUM_MACOS = BUNDLE["osx"]["minimum_system_version"]

# All that Gatelight may load: libraries of the system, by the names under which they lie on a Mac. Which crate brings which:
# tao, muda and tray-icon most frameworks, mac-usernotifications the last two, rusqlite SQLite; the rest is Rust's and
# Objective-C's.
FRAMEWORKS = "/System/Library/Frameworks"
EXPECTED_LIBRARIES = {
    f"{FRAMEWORKS}/AppKit.framework/Versions/C/AppKit",
    f"{FRAMEWORKS}/ApplicationServices.framework/Versions/A/ApplicationServices",
    f"{FRAMEWORKS}/Carbon.framework/Versions/A/Carbon",
    f"{FRAMEWORKS}/CoreFoundation.framework/Versions/A/CoreFoundation",
    f"{FRAMEWORKS}/CoreGraphics.framework/Versions/A/CoreGraphics",
    f"{FRAMEWORKS}/CoreVideo.framework/Versions/A/CoreVideo",
    f"{FRAMEWORKS}/Foundation.framework/Versions/C/Foundation",
    f"{FRAMEWORKS}/Security.framework/Versions/A/Security",
    f"{FRAMEWORKS}/ServiceManagement.framework/Versions/A/ServiceManagement",
    f"{FRAMEWORKS}/CoreLocation.framework/Versions/A/CoreLocation",
    f"{FRAMEWORKS}/UserNotifications.framework/Versions/A/UserNotifications",
    "/usr/lib/libsqlite3.dylib",
    "/usr/lib/libSystem.B.dylib",
    "/usr/lib/libiconv.2.dylib",
    "/usr/lib/libobjc.A.dylib",
}

# Those whose classes are looked up by name at run time, so that no symbol would tell that they are missing.
NEEDED_LIBRARIES = {
    f"{FRAMEWORKS}/AppKit.framework/Versions/C/AppKit",
    f"{FRAMEWORKS}/Foundation.framework/Versions/C/Foundation",
    f"{FRAMEWORKS}/ServiceManagement.framework/Versions/A/ServiceManagement",
    f"{FRAMEWORKS}/UserNotifications.framework/Versions/A/UserNotifications",
}

# SQLite functions that the system's library has only from that macOS on (12: 3.37, 13: 3.39.5, 14: 3.43.2, 15: 3.43.2 and
# later), by the release of SQLite that brought them (sqlite.org/changes.html). dyld refuses to start a program that misses
# one.
SINCE_MACOS = {
    "_sqlite3_changes64": 12,
    "_sqlite3_total_changes64": 12,
    "_sqlite3_autovacuum_pages": 12,
    "_sqlite3_error_offset": 13,
    "_sqlite3_db_name": 13,
    "_sqlite3_value_encoding": 14,
    "_sqlite3_is_interrupted": 14,
    "_sqlite3_stmt_explain": 14,
    "_sqlite3_get_clientdata": 99,
    "_sqlite3_set_clientdata": 99,
    "_sqlite3_setlk_timeout": 99,
    "_sqlite3_set_errmsg": 99,
}

# The name under which macOS remembers the icon's place: another one in a later release would lose it (AUTOSAVE_NAME in
# src/ui/menu_bar/visibility.rs).
AUTOSAVE_NAME = "GatelightStatusItem"

# Removed in a future macOS, and nothing here calls it: mac-notification-sys, which notify-rust wants, would bring it.
# libnotify is no expected library either.
DEPRECATED_CLASS = "NSUserNotification"

# launchd's job, by its path in the .app: SMAppService looks for it there, and the name of the file must be that of the label
# (developer.apple.com/documentation/servicemanagement/smappservice/agent(plistname:)). JOB in src/app/instance.rs.
JOB_LABEL = f"{BUNDLE['identifier']}.agent"
JOB_FILE = f"Library/LaunchAgents/{JOB_LABEL}.plist"
JOB = {
    "Label": JOB_LABEL,
    "BundleProgram": "Contents/MacOS/gatelight",
    "RunAtLoad": True,
    "KeepAlive": {"SuccessfulExit": False},
    "LimitLoadToSessionType": "Aqua",
    "ProcessType": "Interactive",
}

LOCALIZATIONS = sorted(BUNDLE["osx"]["localizations"])
STRINGS = BUNDLE["osx"]["localizations"]["en"]
INFO_PLIST = {
    "CFBundleName": BUNDLE["name"],
    "CFBundleDisplayName": BUNDLE["name"],
    "CFBundleIdentifier": BUNDLE["identifier"],
    "CFBundleExecutable": "gatelight",
    "CFBundleIconFile": "Gatelight.icns",
    "CFBundlePackageType": "APPL",
    "CFBundleInfoDictionaryVersion": "6.0",
    "CFBundleShortVersionString": MANIFEST["package"]["version"],
    "CFBundleSupportedPlatforms": ["MacOSX"],
    "CFBundleLocalizations": LOCALIZATIONS,
    "LSApplicationCategoryType": BUNDLE["category"],
    "LSHasLocalizedDisplayName": True,
    "LSMinimumSystemVersion": MINIMUM_MACOS,
    "LSUIElement": True,
    "NSAppSleepDisabled": True,
    "NSDesktopFolderUsageDescription": STRINGS["NSDesktopFolderUsageDescription"],
    "NSDocumentsFolderUsageDescription": STRINGS["NSDocumentsFolderUsageDescription"],
    "NSDownloadsFolderUsageDescription": STRINGS["NSDownloadsFolderUsageDescription"],
    "NSHighResolutionCapable": True,
    "NSHumanReadableCopyright": BUNDLE["copyright"],
    "NSNetworkVolumesUsageDescription": STRINGS["NSNetworkVolumesUsageDescription"],
    "NSRemovableVolumesUsageDescription": STRINGS["NSRemovableVolumesUsageDescription"],
    "NSSupportsAutomaticTermination": False,
    "NSSupportsSuddenTermination": False,
    "NSUserNotificationAlertStyle": "alert",
}
