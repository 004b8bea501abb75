//! The house rules that a compiler does not check: who depends on whom, which library lives where, how long a
//! file may be, and which files every noun has.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on panics")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand, Package};
use events::AggregateType;

/// Each room and the rooms that it may depend on.
const EDGES: &[(&str, &[&str])] = &[
    ("keyledger-events", &[]),
    ("keyledger-domain", &["keyledger-events"]),
    ("keyledger-projections", &["keyledger-events"]),
    // Its modules are private, and so their fuzz targets stand in it.
    (
        "keyledger",
        &[
            "keyledger-events",
            "keyledger-domain",
            "keyledger-projections",
            "keyledger-fuzz",
            "keyledger-issuer",
        ],
    ),
    ("keyledger-fuzz", &["keyledger-events", "keyledger-domain", "keyledger-projections"]),
    // Knows the clock alone.
    ("keyledger-issuer", &["keyledger-events"]),
    (
        "keyledger-tests",
        &["keyledger-events", "keyledger-domain", "keyledger-projections", "keyledger", "keyledger-issuer"],
    ),
    (
        "keyledger-bench",
        &["keyledger-events", "keyledger-domain", "keyledger-projections", "keyledger", "keyledger-tests"],
    ),
];

/// Free to use any library: they look at everything from outside.
const EXEMPT: &[&str] = &["keyledger-tests", "keyledger-bench", "keyledger-issuer"];

/// The floors of `gateway`, the lowest first: a module names those of lower floors, and none of its own floor but itself.
const FLOORS: &[&[&str]] = &[
    &["shares", "crypto", "current", "files", "order", "outgoing", "record", "unseen"],
    &["config", "vault", "upstream", "mcp", "problem"],
    &["telemetry", "store", "identity", "access_token", "issuers", "witness", "outlet"],
    &["attempts"],
    &["listener", "fleet", "request", "command", "passing"],
    &[
        "access",
        "snapshots",
        "webhooks",
        "signers",
        "token_keys",
        "granting",
        "checkpoints",
        "backup",
        "bootstrap",
        "verify",
        "health",
        "drains",
        "exports",
    ],
    &["audit", "oauth"],
    &["api"],
    &["public"],
    &["serve"],
    &["dev"],
    &["cli"],
];

/// Each library with a home: the places that may name it.
const HOMES: &[(&str, &[&str])] = &[
    ("cqrs-es", &["domain/src/cqrs", "domain/src/dispatch/tests"]),
    (
        "sqlx",
        &[
            "projections/src/postgres",
            "projections/src/checkpoint",
            "projections/src/forgotten",
            "projections/src/forgotten",
            "projections/src/parked",
            "projections/src/rebuild",
            "projections/src/runner",
        ],
    ),
    (
        "axum",
        &[
            "gateway/src/api",
            "gateway/src/health",
            "gateway/src/listener",
            "gateway/src/oauth",
            "gateway/src/dev/demo",
            "gateway/src/dev/provider",
            "gateway/src/witness",
        ],
    ),
    ("askama", &["gateway/src/oauth/pages"]),
    ("hyper", &["gateway/src"]),
    ("hyper-util", &["gateway/src"]),
    ("hyper-rustls", &["gateway/src"]),
    ("moka", &["projections/src", "gateway/src"]),
    (
        "async-nats",
        &[
            "events/src/log/jetstream",
            "gateway/src/store",
            "gateway/src/dev",
            "gateway/src/serve",
            "gateway/src/cli/events",
        ],
    ),
];

const LONGEST: usize = 400;
/// Files that may be longer, each with its reason.
const LONG: &[(&str, &str)] = &[];

#[test]
fn no_room_depends_on_a_room_above_it() {
    let metadata = metadata();
    let rooms: BTreeSet<String> = members(&metadata).map(|package| package.name.to_string()).collect();
    let named: BTreeSet<String> = EDGES.iter().map(|(room, _)| (*room).to_owned()).collect();
    assert_eq!(rooms, named, "EDGES names every member of the workspace and no other");
    for package in members(&metadata) {
        let (_, allowed) = EDGES.iter().find(|(room, _)| *room == package.name.as_str()).unwrap();
        // All kinds: a dev-dependency is an edge as well.
        for dependency in &package.dependencies {
            let is_room = rooms.contains(&dependency.name);
            assert!(
                !is_room || allowed.contains(&dependency.name.as_str()),
                "{} depends on {}: what both need belongs into a room below both",
                package.name,
                dependency.name
            );
        }
    }
}

#[test]
fn no_module_of_the_gateway_names_one_that_is_not_below_it() {
    let sources = sources(&root());
    let floor = |module: &str| FLOORS.iter().position(|floor| floor.contains(&module));
    let mut seen = BTreeSet::new();
    for (path, text) in &sources {
        let Some(inside) = path.strip_prefix("gateway/src/") else { continue };
        let module = inside.split('/').next().unwrap().trim_end_matches(".rs");
        if matches!(module, "lib" | "main") {
            continue;
        }
        let here = floor(module).unwrap_or_else(|| panic!("{module} has no floor: FLOORS says which"));
        seen.insert(module);
        for other in named_modules(text) {
            let there = floor(&other).unwrap_or_else(|| panic!("{path} names {other:?}, which has no floor"));
            assert!(
                there < here || other == module,
                "{path} names {other}, which is not on a floor below {module}'s: what both need belongs below both"
            );
        }
    }
    let named: BTreeSet<&str> = FLOORS.iter().flat_map(|floor| floor.iter().copied()).collect();
    assert_eq!(seen, named, "FLOORS names every module of the gateway once and no other");
    assert_eq!(named.len(), FLOORS.iter().map(|floor| floor.len()).sum::<usize>());
}

#[test]
fn a_library_is_named_in_its_home_alone() {
    let metadata = metadata();
    let root = root();
    for (library, homes) in HOMES {
        for package in members(&metadata).filter(|package| !EXEMPT.contains(&package.name.as_str())) {
            let folder = relative(package.manifest_path.parent().unwrap().as_std_path(), &root);
            let depends = package.dependencies.iter().any(|dependency| dependency.name == *library);
            let is_home = homes.iter().any(|home| home.starts_with(&format!("{folder}/")));
            assert!(!depends || is_home, "{} depends on {library}, whose home is {homes:?}", package.name);
        }
        let import = library.replace('-', "_");
        for (path, text) in sources(&root).iter().filter(|(path, _)| !path.starts_with("tests/")) {
            let at_home = homes.iter().any(|home| path.starts_with(home));
            assert!(at_home || !names(text, &import), "{path} names {library}, whose home is {homes:?}");
        }
    }
}

#[test]
fn the_events_crate_speaks_to_nats_only_when_asked() {
    let metadata = metadata();
    let events = members(&metadata).find(|package| package.name.as_str() == "keyledger-events").unwrap();
    let nats = events.dependencies.iter().find(|dependency| dependency.name == "async-nats").unwrap();
    assert!(nats.optional, "teams that only read events need no NATS client");
    assert!(events.features.get("default").is_none_or(Vec::is_empty));
}

#[test]
fn every_room_has_the_workspaces_lints() {
    let metadata = metadata();
    for package in members(&metadata) {
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap();
        assert!(
            manifest.contains("[lints]\nworkspace = true\n"),
            "{}: [lints] workspace = true",
            package.name
        );
        for file in ["clippy.toml", ".clippy.toml", "rustfmt.toml"] {
            let own = package.manifest_path.parent().unwrap().join(file);
            assert!(!own.exists(), "{own} would replace the workspace's, not add to it");
        }
    }
}

#[test]
fn no_file_is_too_long() {
    let sources = sources(&root());
    for (path, text) in &sources {
        let lines = text.lines().count();
        let excepted = LONG.iter().any(|(long, _)| long == path);
        assert!(lines <= LONGEST || excepted, "{path} has {lines} lines: split it by its ideas");
        assert!(lines > LONGEST || !excepted, "{path} has {lines} lines: it needs no exception any more");
    }
    for (long, _) in LONG {
        assert!(sources.contains_key(*long), "{long} is an exception, and is not there");
    }
}

#[test]
fn modules_are_named_for_what_they_hold() {
    for path in sources(&root()).keys() {
        for part in Path::new(path).with_extension("").iter().filter_map(|part| part.to_str()) {
            let vague = ["mod", "util", "utils", "common", "helper", "helpers", "misc"].contains(&part);
            assert!(!vague, "{path}: {part:?} says nothing; `key.rs` + `key/`, named for the one idea");
        }
    }
}

#[test]
fn the_ban_on_ambient_time_and_chance_is_lifted_in_one_place() {
    const LIFT: &str = concat!("clippy::", "disallowed_methods");
    for (path, text) in sources(&root()) {
        let may = path == "events/src/clock.rs" || path.starts_with("tests/");
        assert!(may || !text.contains(LIFT), "{path}: take an `events::clock::Clock`, a `Random`, a JoinSet");
    }
}

#[test]
fn every_event_version_that_is_written_has_a_golden_file_and_a_schema() {
    let root = root();
    let written: BTreeSet<String> = events::Event::WRITTEN
        .iter()
        .map(|(kind, version)| {
            let (noun, verb) = kind.split_once('.').unwrap_or_else(|| panic!("{kind} is `noun.verb`"));
            format!("{noun}/{verb}.v{version}.json")
        })
        .collect();
    for path in &written {
        for folder in ["events/golden", "events/schemas"] {
            let file = root.join(folder).join(path);
            assert!(file.is_file(), "{} is missing: `just golden` adds it", file.display());
        }
    }
}

/// The files of a noun. The compiler asks here for each that is added.
fn files(noun: &AggregateType) -> Vec<String> {
    let in_events = format!("events/src/{noun}.rs");
    let in_domain = || {
        let own =
            ["command", "decide", "refusal", "tests"].map(|file| format!("domain/src/{noun}/{file}.rs"));
        own.into_iter().chain([format!("domain/src/{noun}.rs")])
    };
    let served = || {
        [
            format!("projections/src/directory/{noun}.rs"),
            format!("projections/src/postgres/{noun}.rs"),
            format!("gateway/src/api/{noun}.rs"),
            format!("gateway/src/api/{noun}/problem.rs"),
            format!("gateway/src/cli/{noun}.rs"),
        ]
    };
    match noun {
        // What others claim: no command is about it.
        AggregateType::Slug => vec![in_events],
        // What an operator does by `bootstrap` and `recover`, and nobody lists.
        AggregateType::Installation => in_domain().chain([in_events]).collect(),
        AggregateType::Organization
        | AggregateType::Server
        | AggregateType::Key
        | AggregateType::Person
        | AggregateType::Member
        | AggregateType::Invitation
        | AggregateType::Issuer => in_domain().chain(served()).chain([in_events]).collect(),
        // No node holds any: workers send by the read models.
        AggregateType::Webhook => {
            let on_nodes = format!("projections/src/directory/{noun}.rs");
            let files = in_domain().chain(served()).chain([in_events]);
            files.filter(|file| *file != on_nodes).collect()
        }
        // They stand together on a node, and the command line has a client of its own: what it is to the API.
        AggregateType::Client | AggregateType::Approval | AggregateType::Consent | AggregateType::Grant => {
            let (alone, together) = (
                format!("projections/src/directory/{noun}.rs"),
                format!("projections/src/directory/granted/{noun}.rs"),
            );
            let files = in_domain().chain(served()).chain([in_events, together]);
            let files = files.filter(|file| *file != alone);
            files.map(|file| file.replace("cli/client.rs", "cli/oauth_client.rs")).collect()
        }
        AggregateType::Unknown(_) => Vec::new(),
    }
}

#[test]
fn every_noun_has_its_files() {
    let root = root();
    let missing: Vec<_> =
        AggregateType::KNOWN.iter().flat_map(files).filter(|path| !root.join(path).is_file()).collect();
    assert!(missing.is_empty(), "a noun opens the same file in each room; missing: {missing:#?}");
}

fn metadata() -> Metadata {
    let manifest = root().join("Cargo.toml");
    MetadataCommand::new()
        .manifest_path(manifest)
        .no_deps()
        .other_options(vec!["--offline".into()])
        .exec()
        .unwrap()
}

fn members(metadata: &Metadata) -> impl Iterator<Item = &Package> {
    metadata.packages.iter().filter(|package| metadata.workspace_members.contains(&package.id))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap().to_string_lossy().into_owned()
}

/// Every Rust file of the rooms, by its path from the root.
fn sources(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders: Vec<PathBuf> =
        ["events", "domain", "projections", "gateway", "tests"].iter().map(|room| root.join(room)).collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.insert(relative(&path, root), std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    assert!(found.len() > 50, "the sources were looked for in the wrong place");
    found
}

/// The modules of the crate's root that code (not a comment) names, as `crate::one`.
fn named_modules(text: &str) -> BTreeSet<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let is_word = |letter: &char| letter.is_alphanumeric() || *letter == '_';
    let after = code.flat_map(|line| line.split("crate::").skip(1));
    // `crate::{one, two}` would be an empty name, which has no floor.
    after.map(|name| name.chars().take_while(is_word).collect()).collect()
}

/// Whether code (not a comment) names the crate: `import::` or `use import`.
fn names(text: &str, import: &str) -> bool {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    code.flat_map(|line| line.match_indices(import).map(move |(at, _)| (line, at))).any(|(line, at)| {
        let before = line[..at].chars().next_back();
        let after = &line[at + import.len()..];
        let whole = !before.is_some_and(is_word) && !after.chars().next().is_some_and(is_word);
        whole
            && (after.starts_with("::")
                || line.trim_start().starts_with("use ")
                || line.contains("extern crate"))
    })
}

#[test]
fn naming_a_crate_is_seen_in_code_and_not_in_comments_or_other_names() {
    assert!(names("use hyper::Request;", "hyper"));
    assert!(names("    let x = hyper::body::Incoming;", "hyper"));
    assert!(names("use hyper as h;", "hyper"));
    assert!(!names("// hyper::body", "hyper"));
    assert!(!names("use hyper_util::rt;", "hyper"));
    assert!(!names("let sqlx = 1;", "sqlx"));
}
