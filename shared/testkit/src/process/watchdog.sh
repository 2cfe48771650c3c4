#!/bin/sh
# Kills the process groups it was told of once its standard input ends, which is when the process that started it is gone.
# Lines: `guard GROUP`, `release GROUP`.
groups=
while read -r verb group; do
    case $verb in
    guard) groups="$groups $group" ;;
    release)
        rest=
        for other in $groups; do
            [ "$other" = "$group" ] || rest="$rest $other"
        done
        groups=$rest
        ;;
    esac
done
for group in $groups; do
    # The form with -s: dash takes the -- of the other for a process.
    kill -s KILL -- "-$group" 2>/dev/null
done
