#!/bin/sh
# The inner half of a build's isolation, run as the first process of its PID namespace: makes a root of its own with the programs
# of this machine read-only and nothing else of it, then runs the command in a user namespace in which root is nobody outside.
# Not the limits and not the life time: that is outer.sh.
#
# usage: inner.sh WORKSPACE FIRST_ID ID_COUNT [FROM TO]... -- COMMAND...
# WORKSPACE/build is /build inside and the only place that can be written; each FROM is seen read-only as TO.
# WORKSPACE/ready is written when all stands, so that a failure of the isolation is told from one of the command.
set -eu
workspace=$1 first=$2 count=$3
shift 3

root=$workspace/root
mount -t tmpfs -o mode=755,size=16m none "$root"
cd "$root"
for dir in usr bin sbin lib lib32 lib64 libx32; do
    if [ -L "/$dir" ]; then
        cp -P "/$dir" "$dir"
    elif [ -d "/$dir" ]; then
        mkdir "$dir"
        mount --bind -o ro "/$dir" "$dir"
    fi
done
mkdir -p etc/containers proc sys dev/shm tmp run var/tmp var/lib/containers root build old
chmod 1777 tmp var/tmp dev/shm
for file in ld.so.cache alternatives; do
    [ ! -e "/etc/$file" ] || cp -a "/etc/$file" etc/
done
echo root:x:0:0::/build/home:/bin/sh >etc/passwd
echo root:x:0: >etc/group
# What newuidmap and newgidmap allow; these are read here and not on the machine.
echo "root:$first:$count" >etc/subuid
echo "root:$first:$count" >etc/subgid
# Bases are given by the worker, which has checked them; nothing else can be reached.
echo '{"default":[{"type":"insecureAcceptAnything"}]}' >etc/containers/policy.json

mount -t proc -o nosuid,nodev,noexec proc proc
mount --rbind -o ro /sys sys
for node in null zero full random urandom tty; do
    : >"dev/$node"
    mount --bind "/dev/$node" "dev/$node"
done
mount --bind "$workspace/build" build
while [ "$1" != -- ]; do
    mkdir -p "./$2"
    mount --bind -o ro "$1" "./$2"
    shift 2
done
shift

# Opened before the machine's files go out of sight.
exec 4>"$workspace/ready"
pivot_root . old
cd /
umount -l old
rmdir old
echo ready >&4
exec 4>&-

# Not exec: this shell keeps the death signal that unshare set, which a change of user would clear.
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/build/home TMPDIR=/build/tmp LC_ALL=C.UTF-8 \
    unshare --user --map-users="$first,0,$count" --map-groups="$first,0,$count" --setuid 0 --setgid 0 \
    --mount --uts --ipc --net --cgroup "$@"
