//! docs/attacks.md against the sources: each row names a test that there is, and what it tries stands in it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on panics")]

use std::path::Path;

/// Stated in the README.
const LEAST: usize = 80;

/// `[name](../path)`.
fn link(cell: &str) -> Option<(&str, &str)> {
    cell.strip_prefix('[')?.strip_suffix(')')?.split_once("](../")
}

/// What stands between backticks.
fn literals(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_attack_that_is_listed_is_tried() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let table = std::fs::read_to_string(root.join("docs/attacks.md")).unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| attack |"));
    let mut tried = 0;
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [attack, answered, test] = cells[..] else { panic!("not three cells: {row}") };
        let (name, path) = link(test).unwrap_or_else(|| panic!("no test: {row}"));
        let source =
            std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        let at = source.find(&format!("fn {name}(")).unwrap_or_else(|| panic!("{path} has no {name}"));
        let before = source[..at].trim_end_matches("async ").trim_end();
        let attribute = before.lines().last().unwrap_or_default();
        assert!(
            attribute.contains("test") && attribute.starts_with("#[") || before.ends_with("#[test]"),
            "{name}"
        );
        let literals = literals(attack);
        assert!(!literals.is_empty() && !answered.is_empty(), "what is tried, and what is answered: {row}");
        for literal in literals {
            assert!(source.contains(literal), "{literal} does not stand in {path}");
        }
        tried += 1;
    }
    assert!(tried >= LEAST, "{tried} attacks");
}
