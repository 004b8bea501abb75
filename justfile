# Everyday commands. `just` alone lists them.

_list:
    @just --list --unsorted

# Set up, build optimised, start Keyledger with a demo
run *arguments:
    ./run {{ arguments }}

# Every test, or those with this in their name
test *arguments:
    ./test {{ arguments }}

# What a change must pass
ci:
    .ci/run

# The tests of one crate that need no servers of the tests crate, fast
unit crate *filter:
    cargo nextest run --package {{ crate }} {{ filter }}

# Formatting and lints
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- --deny warnings

# Format everything
fmt:
    cargo fmt --all

# Accept what the snapshot tests saw: OpenAPI, CLI help, refusal tables. Read the diff before committing it
snapshots:
    INSTA_UPDATE=always ./test

# Licences, advisories and sources of the dependencies (cargo-deny)
deny:
    cargo deny check

# Lines that tests reach, as HTML in target/llvm-cov/html (cargo-llvm-cov comes from PyPI)
coverage *arguments:
    scripts/setup --coverage
    source .tools/env && \
    eval "$(cargo llvm-cov show-env --export-prefix)" && \
    cargo llvm-cov clean --workspace && \
    ./test {{ arguments }} && \
    cargo llvm-cov report --html

set shell := ["bash", "-euo", "pipefail", "-c"]
