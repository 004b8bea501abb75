//! The figures that README gives: of a few rows what docs/benchmarks.json says of them.

use std::fmt::Write as _;

use super::line::Line;
use crate::statistics::short;

/// How a row's name begins, its unit, and what its floor is.
const TOLD: &[(&str, &str, &str)] = &[
    ("proxied tools/call, ", "calls/s", "nginx, which checks nothing"),
    ("keys/verify over HTTP, ", "requests/s", "a bare server, which looks nothing up"),
    (
        "revocation acknowledged at one node to refused at all three, idle",
        "ms at p99",
        "a plain NATS message",
    ),
    (
        "revocation acknowledged at one node to refused at all three, under ",
        "ms at p99",
        "a plain NATS message",
    ),
    ("bring a directory of ", "s until the process is ready", "reading the same messages"),
];

pub fn figures(lines: &[Line]) -> String {
    let mut text =
        "| work | unit | ours | floor | ratio | aim | |\n|---|---|---|---|---|---|---|\n".to_owned();
    for (begins, unit, what) in TOLD {
        for line in lines.iter().filter(|line| line.row.starts_with(begins) && line.unit == *unit) {
            let figure = |value: Option<f64>| value.map_or_else(String::new, short);
            let (ours, floor, ratio) = (figure(line.ours), figure(line.floor), figure(line.ratio));
            let (row, aim, verdict) = (&line.row, &line.aim, line.verdict());
            let _ = writeln!(
                text,
                "| {row} | {unit} | {ours} | {floor} ({what}) | {ratio} | {aim} | {verdict} |"
            );
        }
    }
    text
}
