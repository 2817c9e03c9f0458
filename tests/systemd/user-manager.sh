#!/bin/sh
# Starts a real `systemd --user` for a test: as an unprivileged uid, in a mount namespace and control groups of its own.
#
#   unshare --mount --propagation private -- user-manager.sh UID FOLDER GROUP
#
# Never as root: a user manager that may do so moves every process of its control group into one of its own. That is why
# this script refuses uid 0, goes into a fresh group before it gives up its rights, and looks again after it did.
set -eu
uid=$1 folder=$2 group=$3
[ "$uid" -gt 1000 ] || { echo "refused: uid $uid"; exit 90; }

# The groups: the named hierarchy of systemd on hybrid systems, the unified one.
inside=0
for root in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
    [ -e "$root/cgroup.procs" ] || continue
    mkdir "$root/$group" 2>/dev/null || { echo "no control group at $root"; exit 91; }
    chown -R "$uid:$uid" "$root/$group"
    echo $$ > "$root/$group/cgroup.procs" || { echo "cannot enter $root/$group"; exit 92; }
    inside=1
done
[ "$inside" = 1 ] || { echo "no control groups here"; exit 93; }
# every hierarchy that systemd uses must have us in the group, and nobody else
while IFS=: read -r _ name path; do
    case $name in '' | name=systemd) [ "$path" = "/$group" ] || { echo "still in $path"; exit 94; } ;; esac
done < /proc/self/cgroup

# What a user manager looks for of its system: private to this namespace.
mount -t tmpfs -o mode=755 tmpfs /run || { echo "no mount namespace of our own"; exit 95; }
mkdir -p /run/systemd/system

exec setpriv --reuid "$uid" --regid "$uid" --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs \
    env -i "HOME=$folder/home" "XDG_RUNTIME_DIR=$folder/run" PATH=/usr/bin:/bin LC_ALL=C SYSTEMD_LOG_TARGET=console \
    /bin/sh -c '[ "$(id -u)" -gt 1000 ] && [ "$(id -u)" = "$1" ] && exec /lib/systemd/systemd --user --unit=basic.target' \
    sh "$uid"
