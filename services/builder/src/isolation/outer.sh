#!/bin/sh
# The outer half of a build's isolation: enters the cgroups, makes the namespaces, and dies with the worker that started it.
# Not the file system that the build sees: that is inner.sh.
#
# usage: outer.sh CGROUP... -- INNER WORKSPACE FIRST_ID ID_COUNT [FROM TO]... -- COMMAND...
# Standard input is a pipe that the worker holds: its end is the worker's end. All output goes to standard output.
set -eu
exec 2>&1

while [ "$1" != -- ]; do
    echo $$ >"$1/cgroup.procs"
    shift
done
shift
inner=$1
shift

exec 3<&0 </dev/null
unshare --mount --propagation private --pid --fork --kill-child=KILL --net --uts --ipc \
    sh -c "$inner" inner "$@" 3<&- &
child=$!
# When unshare dies, the kernel kills its child, which is the first process of the PID namespace, and so all of it.
{
    read -r _ <&3 || :
    kill -KILL "$child"
} >/dev/null 2>&1 &
watch=$!
exec 3<&-

status=0
wait "$child" || status=$?
kill "$watch" 2>/dev/null || :
exit "$status"
