//! A cold `./run`: what it costs to build what is run, without anything built before; and how large the binary is.

use std::process::Command;

use super::Row;
use crate::bench::Bench;
use crate::statistics::{Spread, short};

const ROW: &str = "cold ./run: the build, downloads aside";

/// Tells seconds of wall time, of user and of system time on its last line.
const TIMED: &str =
    "TIMEFORMAT='%R %U %S'; time cargo build --release --locked --package keyledger 2>/dev/null";

pub async fn take(bench: &Bench) -> Vec<Row> {
    let mut rows = if bench.arguments.cold { built() } else { Vec::new() };
    if rows.is_empty() {
        let why = "it takes many minutes: `just bench --cold` takes it".to_owned();
        rows.push(Row::not_taken(ROW, "at most 14 CPU minutes, under 8 wall", why));
    }
    let size = std::fs::metadata(bench.arguments.binary()).map_or(f64::NAN, |it| it.len() as f64 / 1e6);
    rows.push(row("size of the binary", "MB", size, "under 35 MB", 35.0));
    rows
}

fn built() -> Vec<Row> {
    let target = tempfile::tempdir().expect("a temporary folder");
    let timed = Command::new("bash").args(["-c", TIMED]).env("CARGO_TARGET_DIR", target.path()).output();
    let timed = timed.expect("bash runs");
    assert!(timed.status.success(), "cargo builds in the current directory");
    let told = String::from_utf8_lossy(&timed.stderr).into_owned();
    let seconds: Vec<f64> =
        told.lines().last().unwrap_or_default().split(' ').filter_map(|number| number.parse().ok()).collect();
    let [wall, user, system] = seconds[..] else { panic!("no times in {told:?}") };
    vec![
        row(ROW, "CPU minutes", (user + system) / 60.0, "at most 14", 14.0),
        row(ROW, "minutes", wall / 60.0, "under 8", 8.0),
    ]
}

fn row(row: &str, unit: &'static str, seen: f64, aim: &'static str, most: f64) -> Row {
    Row {
        row: row.to_owned(),
        unit,
        floor: None,
        ours: Some(Spread::of(&[seen])),
        ratio: None,
        aim,
        holds: Some(seen <= most),
        notes: vec![format!(
            "load average when it ended: {} ({} {unit})",
            crate::process::load(),
            short(seen)
        )],
    }
}
