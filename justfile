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

# Write the generated reference anew: OpenAPI, command line. Read the diff before committing it
reference:
    KEYLEDGER_WRITE_REFERENCE=1 cargo nextest run --package keyledger the_committed

# Licences, advisories and sources of the dependencies (cargo-deny)
deny:
    scripts/setup --deny
    source .tools/env && cargo deny check

# What is in the program, as a CycloneDX bill of materials in target/keyledger.cdx.json
sbom:
    mkdir -p target
    scripts/sbom >target/keyledger.cdx.json

# Lines that tests reach, as HTML in target/llvm-cov/html (cargo-llvm-cov comes from PyPI)
coverage *arguments:
    scripts/setup --coverage
    source .tools/env && \
    eval "$(cargo llvm-cov show-env --export-prefix)" && \
    cargo llvm-cov clean --workspace && \
    ./test {{ arguments }} && \
    cargo llvm-cov report --html

# Keyledger beside its floors, into docs/benchmarks.md. `--quick`: at most 5 minutes; `--only verify,proxy`: those rows, and nothing is written; `--list`
bench *arguments:
    scripts/setup --bench
    source .tools/env && \
    cargo build --profile dist --locked --package keyledger --package keyledger-bench && \
    "${CARGO_TARGET_DIR:-target}/dist/bench" --write . {{ arguments }}

# Every fuzz target, or those with one of these names, for its share of so many minutes
fuzz minutes *names:
    scripts/fuzz {{ minutes }} {{ names }}

# Add the golden files and schemas of new events, and write anew what is made of the schemas: types, documents
golden:
    cargo test --quiet --package keyledger-events --test golden -- --ignored

set shell := ["bash", "-euo", "pipefail", "-c"]
