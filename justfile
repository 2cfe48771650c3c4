# The project's commands. `./just` runs them on a machine that has no `just` yet.

set shell := ["bash", "-euo", "pipefail", "-c"]

# Puts the parts that the set-up found or installed where tests and programs look for them.
parts := "source target/dev/env"

# What can be run
[private]
default:
    @{{ just_executable() }} --justfile {{ quote(justfile()) }} --list --unsorted

# Install what demo and tests need and the machine lacks
setup:
    @deploy/dev/setup.sh

# Play the whole story on real parts, and fail at the first claim that does not hold
demo: setup
    {{ parts }}; cargo build --quiet --locked --package cli --bin plimsoll
    {{ parts }}; cargo run --quiet --locked --package tests --bin demo

# Check everything: format, lints, unit and integration tests
test: setup check-fmt lint
    # The flows start the programs themselves.
    {{ parts }}; cargo build --workspace --bins --locked
    {{ parts }}; cargo test --workspace --locked

# What continuous integration runs
ci:
    .ci/run

# Start Plimsoll with everything it needs
up *ARGUMENTS: setup
    {{ parts }}; cargo run --quiet --locked --package cli --bin plimsoll -- up {{ ARGUMENTS }}

# Build all programs
build: setup
    cargo build --workspace --locked

# Measure: the benchmark of this name under tests/; `bench lint` takes a folder of real definitions
bench NAME *ARGUMENTS: setup
    deploy/dev/peers.sh
    {{ parts }}; cargo build --release --workspace --bins --locked
    {{ parts }}; source target/dev/peers/env; cargo bench --locked --package tests --bench {{ NAME }} -- {{ ARGUMENTS }}

# Run what takes longer than a test: `soak chaos` fails everything at random for ten minutes, `--seed N`, `--minutes M`
soak NAME *ARGUMENTS: setup
    {{ parts }}; cargo build --workspace --bins --locked
    {{ parts }}; cargo run --quiet --locked --package tests --bin {{ NAME }} -- {{ ARGUMENTS }}

# Give made-up texts to parser, expansion, rewriting, references and patches: one target or all, so many seconds each
fuzz TARGET="all" SECONDS="600":
    tests/fuzz/run {{ TARGET }} {{ SECONDS }}

# Compare the parser with the official one and the rules with hadolint, on files made from a seed and on given ones: `--seed N`, files, folders
test-differential *ARGUMENTS:
    deploy/dev/peers.sh
    source target/dev/peers/env; cargo test --quiet --locked --package differential --features peers
    source target/dev/peers/env; cargo run --quiet --locked --package differential --bin parser -- {{ ARGUMENTS }}
    source target/dev/peers/env; cargo run --quiet --locked --package differential --bin lint -- {{ ARGUMENTS }}

# Format the Rust code
fmt:
    cargo fmt --all

# Whether the Rust code is formatted
check-fmt:
    cargo fmt --all --check

# Lint Rust code and shell scripts, warnings denied
lint: lint-scripts
    cargo clippy --workspace --all-targets --locked -- --deny warnings

# Lint the shell scripts: every file whose first line names a shell
lint-scripts:
    git ls-files --cached --others --exclude-standard \
        | xargs --delimiter '\n' awk 'FNR == 1 && /^#!.*[\/ ](ba|da)?sh( |$)/ { print FILENAME } { nextfile }' \
        | xargs --delimiter '\n' --no-run-if-empty shellcheck
