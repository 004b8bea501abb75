//! What deploy/ asks Prometheus for is what there is, and what it tells people to read is there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use metrics_exporter_prometheus::PrometheusBuilder;

use super::{FAMILIES, Family, Kind};

/// Labels that Prometheus adds, or a histogram's.
const OTHERS: &[&str] = &["instance", "job", "le"];

fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(file(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The family of a series: a histogram has three.
fn family(series: &str) -> Option<&'static Family> {
    let is = |name: &str| FAMILIES.iter().find(|family| family.name == name);
    is(series).filter(|family| family.kind != Kind::Histogram).or_else(|| {
        let name = ["_bucket", "_sum", "_count"].iter().find_map(|part| series.strip_suffix(part))?;
        is(name).filter(|family| family.kind == Kind::Histogram)
    })
}

fn is_of_a_name(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'
}

/// The labels of a selector's braces.
fn labels(braces: &str) -> impl Iterator<Item = &str> {
    braces.split(',').map(|one| one.split(['=', '!']).next().unwrap_or_default().trim())
}

/// Each series that a text names, with the labels that are asked of it.
fn series(text: &str) -> Vec<(&str, Vec<&str>)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("keyledger_") {
        if text[..at].chars().next_back().is_some_and(|c| is_of_a_name(c) || c == '-') {
            continue;
        }
        let rest = &text[at..];
        let end = rest.find(|c| !is_of_a_name(c)).unwrap_or(rest.len());
        let braces = rest[end..].strip_prefix('{').and_then(|inside| inside.split('}').next());
        found.push((&rest[..end], braces.map(|inside| labels(inside).collect()).unwrap_or_default()));
    }
    found
}

/// The labels that a selector wants to be something, each with the values that it takes.
fn wanted(braces: &str) -> Vec<(String, Vec<String>)> {
    let wanted = braces.split(',').filter_map(|one| {
        let (label, value) = one.split_once("=~").or_else(|| one.split_once('='))?;
        let values = value.trim().trim_matches(['"', '\'']).split('|').map(str::to_owned);
        Some((label.trim().to_owned(), values.collect()))
    });
    wanted.collect()
}

/// Begun where their labels are known: with a server, before its first call, and with the API's routes. Tests there see to
/// it.
const BEGUN_LATER: &[&str] = &["keyledger_upstream_failures_total", "keyledger_api_requests_total"];

/// A counter that appears with 1 has not risen, for `increase` and `rate`: the first fault would alert nobody.
#[test]
fn every_counter_that_alerts_rest_on_begins_at_zero() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let shown = metrics::with_local_recorder(&recorder, || {
        crate::telemetry::families::describe();
        recorder.handle().render()
    });
    let has = |name: &str, label: Option<(&str, &str)>| {
        let labelled = label.map(|(label, value)| format!("{label}=\"{value}\""));
        shown.lines().any(|line| {
            let series = line.strip_suffix(" 0").and_then(|line| line.strip_prefix(name));
            series.is_some_and(|rest| match &labelled {
                Some(labelled) => rest.contains(labelled.as_str()),
                None => rest.is_empty() || rest.starts_with('{'),
            })
        })
    };
    let rules = read("deploy/prometheus/alerts.yml");
    let mut looked_at = 0;
    for (at, _) in rules.match_indices("keyledger_") {
        let rest = &rules[at..];
        let end = rest.find(|c| !is_of_a_name(c)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if !name.ends_with("_total") || BEGUN_LATER.contains(&name) {
            continue;
        }
        looked_at += 1;
        assert!(has(name, None), "{name} does not begin at 0");
        let braces = after.strip_prefix('{').and_then(|inside| inside.split('}').next()).unwrap_or_default();
        for (label, values) in wanted(braces) {
            for value in values {
                assert!(has(name, Some((&label, &value))), "{name} with {label}={value} does not begin at 0");
            }
        }
    }
    assert!(looked_at > 10, "the rules were not read");
}

/// What a text groups by.
fn grouped(text: &str) -> impl Iterator<Item = &str> {
    text.split("by (").skip(1).filter_map(|rest| rest.split(')').next()).flat_map(labels)
}

#[test]
fn what_alerts_and_dashboards_ask_for_is_there() {
    let dashboard: serde_json::Value = serde_json::from_str(&read("deploy/grafana/keyledger.json")).unwrap();
    let texts = [
        read("deploy/prometheus/alerts.yml"),
        // As it is without the quotes' escapes.
        strings(&dashboard).join("\n"),
        read("docs/operating/alerts.md"),
    ];
    let known: BTreeSet<_> =
        FAMILIES.iter().flat_map(|family| family.labels).chain(OTHERS).copied().collect();
    for text in &texts {
        for (name, labels) in series(text) {
            let of = family(name).or_else(|| FAMILIES.iter().find(|family| family.name == name));
            let Some(of) = of else { panic!("there is no metric {name}") };
            for label in labels {
                assert!(of.labels.contains(&label) || OTHERS.contains(&label), "{name} has no label {label}");
            }
        }
        for label in grouped(text) {
            assert!(known.contains(label), "no metric has a label {label}");
        }
    }
    for (name, _) in series(&texts[0]) {
        assert!(family(name).is_some(), "{name} is a histogram: its series end in _bucket, _sum or _count");
    }
}

fn strings(value: &serde_json::Value) -> Vec<&str> {
    match value {
        serde_json::Value::String(text) => vec![text],
        serde_json::Value::Array(items) => items.iter().flat_map(strings).collect(),
        serde_json::Value::Object(members) => members.values().flat_map(strings).collect(),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => Vec::new(),
    }
}

/// GitHub's anchor of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
}

#[test]
fn each_alert_has_its_section_and_what_it_names_is_there() {
    let (rules, guide) = (read("deploy/prometheus/alerts.yml"), read("docs/operating/alerts.md"));
    let after = |start: &'static str| {
        rules.lines().filter_map(move |line| line.trim().strip_prefix(start)).map(str::to_owned)
    };
    let alerts: Vec<_> = after("- alert: ").collect();
    let books: Vec<_> = after("runbook_url: ").collect();
    let expected: Vec<_> =
        alerts.iter().map(|name| format!("docs/operating/alerts.md#{}", anchor(name))).collect();
    assert_eq!(books, expected);
    assert_eq!(after("labels: { severity: ").count(), alerts.len());
    let sections = guide.lines().filter_map(|line| line.strip_prefix("### "));
    assert_eq!(sections.collect::<Vec<_>>(), alerts, "its sections are the alerts, in their order");
    // Where its links go.
    for link in guide.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        let (path, part) = link.split_once('#').unwrap_or((link, ""));
        let target = match path {
            "" => guide.clone(),
            path => read(&format!("docs/operating/{path}")),
        };
        assert!(part.is_empty() || anchors(&target).contains(part), "{link} leads nowhere");
    }
}

/// By Prometheus's own judge, where it is installed (Debian's package `prometheus` has it).
#[test]
fn promtool_accepts_the_rules_and_they_fire_as_they_should() {
    for arguments in [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]] {
        let ran = Command::new("promtool").args(arguments).current_dir(file("deploy/prometheus")).output();
        match ran {
            Ok(ran) => assert!(
                ran.status.success(),
                "{}{}",
                String::from_utf8_lossy(&ran.stdout),
                String::from_utf8_lossy(&ran.stderr)
            ),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => panic!("promtool: {error}"),
        }
    }
}
