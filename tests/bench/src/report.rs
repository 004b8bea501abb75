//! What was seen, written down: docs/benchmarks.md for people, docs/benchmarks.json for machines, and a chart.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde::Serialize;

use crate::arguments::Arguments;
use crate::rows::Row;
use crate::statistics::{Spread, short};

mod chart;

/// A row of docs/benchmarks.json: medians alone.
#[derive(Serialize)]
struct Line<'a> {
    row: &'a str,
    unit: &'a str,
    floor: Option<f64>,
    ours: Option<f64>,
    ratio: Option<f64>,
    aim: &'a str,
    holds: Option<bool>,
}

/// Between these two lines the page is the bench's; what is written around them stays.
const BEGIN: &str = "<!-- Written by `just bench`: from here -->";
const END: &str = "<!-- to here. -->";

/// `load` is the machine's load average before.
pub fn write(root: &Path, arguments: &Arguments, rows: &[Row], took: Duration, load: &str) {
    let docs = root.join("docs");
    let lines: Vec<Line<'_>> = rows.iter().map(line).collect();
    let mut json = serde_json::to_string_pretty(&lines).expect("JSON");
    json.push('\n');
    put(&docs.join("benchmarks.json"), &json);
    put(&docs.join("benchmarks.svg"), &chart::svg(rows));
    let page = docs.join("benchmarks.md");
    let text = std::fs::read_to_string(&page).expect("docs/benchmarks.md, around what the bench writes");
    let (before, rest) = text.split_once(BEGIN).expect("the page says where the bench writes");
    let (_, after) = rest.split_once(END).expect("the page says where the bench stops");
    let body = body(arguments, rows, took, load);
    put(&page, &format!("{before}{BEGIN}\n\n{body}\n{END}{after}"));
}

fn put(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

fn line(row: &Row) -> Line<'_> {
    // What comes after three decimals says nothing.
    let rounded = |value: f64| value.is_finite().then(|| (value * 1e3).round() / 1e3);
    let median = |spread: Option<Spread>| spread.and_then(|it| rounded(it.median));
    Line {
        row: &row.row,
        unit: row.unit,
        floor: median(row.floor),
        ours: median(row.ours),
        ratio: row.ratio.and_then(rounded),
        aim: row.aim,
        holds: row.holds,
    }
}

fn body(arguments: &Arguments, rows: &[Row], took: Duration, load: &str) -> String {
    let mut text = format!(
        "Taken {} in {} minutes with {}: {} rounds, {} s each where a rate is measured. Load average before: {load}; \
         beside other work rates and times are worse than a machine of one's own shows. {}\n\n",
        said("date", &["-u", "+%Y-%m-%d"]),
        short(took.as_secs_f64() / 60.0),
        if arguments.quick { "`just bench --quick`" } else { "`just bench`" },
        arguments.rounds(),
        arguments.window().as_secs_f64(),
        machine(arguments),
    );
    text += "| work | unit | floor | ours | ratio | aim | |\n|---|---|---|---|---|---|---|\n";
    for row in rows {
        let spread = |spread: Option<Spread>| spread.map_or_else(String::new, |it| it.to_string());
        let ratio = row.ratio.map_or_else(String::new, short);
        let (floor, ours) = (spread(row.floor), spread(row.ours));
        let (work, unit, aim, verdict) = (&row.row, row.unit, row.aim, row.verdict());
        let _ = writeln!(text, "| {work} | {unit} | {floor} | {ours} | {ratio} | {aim} | {verdict} |");
    }
    text += "\nA number is the median of the rounds, with the lowest and the highest.\n";
    let noted = rows.iter().filter(|row| !row.notes.is_empty());
    for (at, row) in noted.enumerate() {
        if at == 0 {
            text += "\n## What else was seen\n\n";
        }
        let _ = writeln!(text, "- {}: {}.", row.row, row.notes.join("; "));
    }
    text
}

/// On what it ran.
fn machine(arguments: &Arguments) -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let model = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let (kernel, rust) = (said("uname", &["-sr"]), said("rustc", &["--version"]));
    let nats = std::env::var("KEYLEDGER_NATS_SERVER").unwrap_or_else(|_| "nats-server".to_owned());
    let postgres = std::env::var("KEYLEDGER_POSTGRES_BIN").unwrap_or_default();
    let postgres = Path::new(&postgres).join("postgres");
    let profile = arguments.binary().parent().and_then(|folder| Some(folder.file_name()?.to_owned()));
    let profile = profile.unwrap_or_default().to_string_lossy().into_owned();
    let size = std::fs::metadata(arguments.binary()).map_or(0, |it| it.len()) as f64 / 1e6;
    format!(
        "On {cores} cores ({}), {kernel}; {rust}; {}; {}; {}; load generator, floors and Keyledger share the cores. \
         The measured binary is of the profile `{profile}` and has {} MB.",
        model.unwrap_or("unknown"),
        said(&nats, &["--version"]),
        said(&postgres.to_string_lossy(), &["--version"]),
        said("nginx", &["-v"]),
        short(size)
    )
}

/// The first line of what a program says.
fn said(program: &str, arguments: &[&str]) -> String {
    let Ok(output) = Command::new(program).args(arguments).output() else { return format!("no {program}") };
    let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    String::from_utf8_lossy(&text).lines().next().unwrap_or_default().trim().to_owned()
}
