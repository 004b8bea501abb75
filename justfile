# Everyday commands. `just` alone lists them.

_list:
    @{{ just_executable() }} --list --unsorted

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

# Write the generated reference anew: OpenAPI, command line; the chart and README's figures from docs/benchmarks.json. Read the diff before committing it
reference:
    KEYLEDGER_WRITE_REFERENCE=1 cargo nextest run --package keyledger --package keyledger-bench the_committed

# Licences, advisories and sources of the dependencies (cargo-deny)
deny:
    scripts/setup --deny
    source .tools/env && cargo deny check

# What is in the program (of one target, such as aarch64-unknown-linux-gnu), as a CycloneDX bill of materials in target/keyledger.cdx.json
sbom target="x86_64-unknown-linux-gnu":
    mkdir -p target
    scripts/sbom {{ target }} >target/keyledger.cdx.json.new || { rm target/keyledger.cdx.json.new; exit 1; }
    mv target/keyledger.cdx.json.new target/keyledger.cdx.json

# The share of the lines that tests reach, at least 85%, and HTML in target/llvm-cov/html (cargo-llvm-cov comes from PyPI)
coverage *arguments:
    scripts/coverage {{ arguments }}

# Keyledger beside its floors, into docs/benchmarks.md. With `--quick` (at most 5 minutes on a machine of its own), `--only verify,proxy`, … nothing is written but where `--write DIR` says; `--list`, `--help`
bench *arguments:
    scripts/bench {{ arguments }}

# MCP's conformance suite against the reference server, directly and through a gateway, into docs/conformance.md. `--authorization`: the authorization server's scenarios too
conformance *arguments:
    scripts/setup --conformance
    source .tools/env && \
    cargo build --locked --package keyledger && \
    tests/conformance/run "${CARGO_TARGET_DIR:-target}/debug/keyledger" --write docs/conformance.md {{ arguments }}

# Every fuzz target, or those with one of these names, for its share of so many minutes
fuzz minutes *names:
    scripts/fuzz {{ minutes }} {{ names }}

# Add the golden files and schemas of new events, and write anew what is made of the schemas: types, documents
golden:
    cargo test --quiet --package keyledger-events --test golden -- --ignored

set shell := ["bash", "-euo", "pipefail", "-c"]
