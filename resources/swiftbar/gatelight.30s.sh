#!/bin/sh
# <xbar.title>Gatelight</xbar.title>
# <xbar.desc>A light for every Hermes Gateway profile.</xbar.desc>
# <xbar.dependencies>gatelight</xbar.dependencies>
# <swiftbar.hideRunInTerminal>true</swiftbar.hideRunInTerminal>
# Copy it into the plug-in folder of SwiftBar or xbar and make it executable (chmod +x); 30s in its name is how often it runs.

# programs of the desktop have no PATH of a shell
PATH="$HOME/.cargo/bin:/opt/homebrew/bin:/usr/local/bin:/Applications/Gatelight.app/Contents/MacOS:$PATH"
exec gatelight status --swiftbar
