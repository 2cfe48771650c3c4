#!/usr/bin/env bash
# Runs one private dockerd until standard input ends, then removes every trace of it: containers, processes, bridge, cgroups,
# directory. Its caller holds the other end of standard input, so it happens too when the caller is killed.
#
#   supervise.sh DIRECTORY DOCKERD
#
# DIRECTORY is the daemon's own and holds its daemon.json; DIRECTORY/etc/docker takes the place of /etc/docker. The socket is
# DIRECTORY/docker.sock, the log DIRECTORY/dockerd.log. Exits 1 and says so when the daemon ended by itself or something stayed.
set -uo pipefail

directory=$(realpath "$1") || exit 1
dockerd=$2

# Making a bridge takes its number, so no two daemons share a subnet, and no bridge of another daemon is touched.
bridge=
for ((number = 0; number < 256; number++)); do
    subnet=10.213.$number
    ip -4 -oneline address show | grep -qF " $subnet." && continue
    if ip link add "plimsoll$number" type bridge 2>/dev/null; then
        bridge=plimsoll$number
        break
    fi
done
if [[ -z $bridge ]]; then
    echo "no bridge could be made: is this run as root, and are there bridges plimsoll0 to plimsoll255 to delete?" >&2
    exit 1
fi

failures=0

# The cgroups of this daemon's containers, in whichever hierarchies there are.
control_groups() {
    find /sys/fs/cgroup -maxdepth 2 -type d -name "$bridge"
}

# The processes in them.
contained() {
    control_groups | while read -r group; do
        # A group that goes in between is no failure.
        find "$group" -name cgroup.procs -exec cat {} + 2>/dev/null
    done | sort -u
}

# The processes of the daemon's own that are in none: its containerd and the shims name its directory.
attached() {
    # The text comes from a file, so that this grep is not among what it finds.
    grep -lasF -f <(printf '%s' "$directory/exec/") /proc/[0-9]*/cmdline | cut -d / -f 3
}

running() { kill -0 "$1" 2>/dev/null; }

# Kills the processes that come in, one a line.
kill_all() {
    local process
    while read -r process; do
        # One that ended in between is no failure.
        kill -KILL "$process" 2>/dev/null
    done
}

stop() {
    local until=$((SECONDS + 10))
    trap '' TERM INT HUP
    # Told to stop first, so that the daemon does not start again what is killed; then killed, because a container whose first
    # process ignores SIGTERM would hold the daemon for ten seconds each.
    kill -TERM "$daemon" 2>/dev/null
    while running "$daemon" && ((SECONDS < until)); do
        contained | kill_all
        sleep 0.02
    done
    kill -KILL "$daemon" 2>/dev/null
    wait "$daemon" 2>/dev/null
    until=$((SECONDS + 10))
    while [[ -n $(contained; attached) ]] && ((SECONDS < until)); do
        { contained; attached; } | kill_all
        sleep 0.02
    done
    if [[ -n $(contained; attached) ]]; then
        echo "processes of the daemon under $directory could not be killed: $(contained; attached)" >&2
        failures=1
    fi
    ip link delete "$bridge" || failures=1
    control_groups | while read -r group; do
        find "$group" -depth -type d -exec rmdir {} +
    done || failures=1
    # The daemon's mounts were in its own mount namespace and went with its last process.
    rm -rf --one-file-system -- "$directory" || failures=1
    exit "$failures"
}

ip address add "$subnet.1/24" dev "$bridge"

# Own mount namespace: no mount of the daemon is seen outside, and what daemons share by their built-in paths (key and plugin
# specifications, plugin sockets, shim sockets) is its own.
private=$(
    cat <<'SCRIPT'
set -e
for shared in /etc/docker /run/docker /run/containerd; do
    mkdir -p "$shared" "$1$shared"
    mount --bind "$1$shared" "$shared"
done
shift
exec "$@"
SCRIPT
)
unshare --mount --propagation private -- bash -c "$private" private "$directory" \
    "$dockerd" --config-file "$directory/daemon.json" --data-root "$directory/data" --exec-root "$directory/exec" \
    --pidfile "$directory/dockerd.pid" --host "unix://$directory/docker.sock" \
    --bridge "$bridge" --cgroup-parent "/$bridge" --exec-opt native.cgroupdriver=cgroupfs \
    --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false \
    </dev/null >"$directory/dockerd.log" 2>&1 &
daemon=$!
trap stop TERM INT HUP

# Until the input ends, or the daemon does.
while running "$daemon"; do
    read -r -t 0.2 _ || (($? > 128)) || stop
done
echo "dockerd ended by itself; its log ends:" >&2
tail -n 12 "$directory/dockerd.log" >&2
failures=1
stop
