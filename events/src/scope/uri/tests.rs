use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use url::Url;

use super::*;

#[test]
fn a_dot_segment_is_seen_in_every_spelling() {
    for uri in [
        "notes/../secrets",
        "file:///notes/..",
        "file:///notes/./a",
        "notes/%2e%2E/secrets",
        "notes/.%2e/secrets",
        "notes/%252e./secrets",
        "notes/%2%65%2e/secrets",
        "notes%2f..%2Fsecrets",
        "notes\\..\\secrets",
        "notes%5c..%5csecrets",
        "notes/..?x",
        "notes/..#x",
        "notes/..;x/secrets",
        "notes/.\t./secrets",
        "notes/.%09./secrets",
        "file:../secrets",
        // Spaces and what lies below them, raw and encoded, at the end and within.
        "app://data/public/.. ",
        "app://data/public/..\u{1f}",
        "app://data/public/..%20",
        "app://data/public/..%1f",
        "app://data/public/..%2520",
        "app://data/public/ ..",
        "app://data/public/. ./secret",
        "app://data/public/%20..%20/secret",
        "app://data/public/%01.%02.%03/secret",
        // What languages trim beyond ASCII.
        "app://data/public/..\u{85}",
        "app://data/public/..\u{a0}",
        "app://data/public/..%c2%a0",
        "app://data/public/..\u{1680}",
        "app://data/public/..\u{2003}",
        "app://data/public/..\u{2028}",
        "app://data/public/..\u{202f}",
        "app://data/public/..\u{205f}",
        "app://data/public/..\u{3000}",
        "app://data/public/\u{feff}../secret",
        "app://data/public/..\u{0}.md",
        "app://data/public/..%00.md",
        // Four digits, overlong and full-width forms, and what a code page makes of others.
        "app://data/public/%u002e%u002e/secret",
        "app://data/public/%U002E./secret",
        "app://data/public/%25u002e./secret",
        "app://data/public/%uff0e%uff0e/secret",
        "app://data/public/%ud800",
        "app://data/public/%c0%ae%c0%ae/secret",
        "app://data/public/%e0%80%ae./secret",
        "app://data/public/..%c0%afsecret",
        "app://data/public/%ed%a0%80",
        "app://data/public/%ff",
        "app://data/public/\u{ff0e}\u{ff0e}/secret",
        "app://data/public/%ef%bc%8e%ef%bc%8e/secret",
        "app://data/public/..\u{ff0f}secret",
        "app://data/public/..\u{ff3c}secret",
        "app://data/public/\u{ff05}2e./secret",
        "app://data/public/%\u{ff12}e./secret",
        "app://data/public/\u{2025}/secret",
        "app://data/public/\u{2024}\u{2024}/secret",
        "app://data/public/\u{fe52}\u{fe52}/secret",
        "app://data/public/..\u{2215}secret",
        "app://data/public/..\u{2216}secret",
    ] {
        assert!(may_lead_elsewhere(uri), "{uri:?}");
    }
}

#[test]
fn other_names_are_left_alone() {
    for uri in [
        "",
        "notes/a.md",
        "notes/...",
        "notes/.git/a",
        "notes/a..b",
        "notes/100%",
        "notes/%2",
        "notes/%u00",
        "notes/50%usable",
        "notes/a name with spaces.md",
        "notes/caf%C3%A9.md",
        "notes/資料（１）．md",
        "notes/a\u{2026}",
    ] {
        assert!(!may_lead_elsewhere(uri), "{uri:?}");
    }
}

/// What URL parsers, decoders and file systems disagree on.
const PIECES: &[&str] = &[
    "..",
    ".",
    "/",
    "\\",
    "a",
    "secret",
    "?",
    "#",
    ";",
    ":",
    "@",
    " ",
    "\t",
    "\n",
    "\r",
    "\u{1f}",
    "\u{0}",
    "\u{7f}",
    "%",
    "%2",
    "%2e",
    "%2E",
    "%252e",
    "%20",
    "%09",
    "%00",
    "%1f",
    "%2f",
    "%5c",
    "%3f",
    "%23",
    "%25",
    "%u002e",
    "%c0%ae",
    "e",
    "2",
    "\u{ff0e}",
    "\u{ff0f}",
    "%ef%bc%8e",
    "é",
    "\u{feff}",
    "\u{a0}",
];

fn tail() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(PIECES), 0..7).prop_map(|pieces| pieces.concat())
}

/// The path that a server works with: decoded, both slashes alike, dot segments resolved.
fn resolved(path: &str) -> Vec<String> {
    let mut segments = Vec::new();
    for segment in path.split(['/', '\\']) {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(other.to_owned()),
        }
    }
    segments
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// By the WHATWG parser, which browsers and Node have, and once more after decoding as servers do: what a prefix
    /// lets through lies below it.
    #[test]
    fn what_passes_stays_below_the_prefix(tail in tail(), scheme in proptest::sample::select(&["app", "https", "file"][..])) {
        let host = if scheme == "file" { "" } else { "data" };
        let uri = format!("{scheme}://{host}/public/{tail}");
        if !may_lead_elsewhere(&uri) {
            let path = Url::parse(&uri).map(|url| url.path().to_owned());
            prop_assume!(path.is_ok());
            let mut path = path.unwrap();
            for _ in 0..3 {
                let segments = resolved(&path);
                prop_assert!(segments.starts_with(&["public".to_owned()]), "{uri:?} is {path}");
                path = percent_decode_str(&path).decode_utf8_lossy().into_owned();
            }
        }
    }
}
