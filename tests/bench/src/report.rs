//! What was seen, written down: docs/benchmarks.md for people, docs/benchmarks.json for machines, a chart, and the figures
//! that README gives.

use std::fmt::{self, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::arguments::Arguments;
use crate::rows::Row;
use crate::statistics::{Spread, short};

mod chart;
mod destination;
mod line;
mod readme;

pub use destination::Destination;
use line::Line;

/// What is written, whole or not at all.
pub struct Report {
    /// What the page says between its marks.
    page: String,
    json: String,
    chart: String,
    /// What README says between its marks.
    readme: String,
}

impl Report {
    /// `load` is the machine's load average before.
    pub fn of(arguments: &Arguments, rows: &[Row], took: Duration, load: &str) -> Self {
        let lines: Vec<Line> = rows.iter().map(Line::of).collect();
        Self {
            page: page(arguments, rows, took, load),
            json: line::json(&lines),
            chart: chart::svg(&lines),
            readme: readme::figures(&lines),
        }
    }

    /// Names what it has written.
    pub fn write(&self, destination: &Destination) -> Result<Vec<String>, String> {
        destination.put(self)
    }
}

/// What can't be had again from what was printed before.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.page, self.json)
    }
}

fn page(arguments: &Arguments, rows: &[Row], took: Duration, load: &str) -> String {
    let mut text = format!(
        "Taken {} in {} minutes with `{}`: {} rounds, {} s each where a rate is measured. Load average before: {load}; \
         beside other work rates and times are worse than a machine of one's own shows. {}\n\n",
        said("date", &["-u", "+%Y-%m-%d"]),
        short(took.as_secs_f64() / 60.0),
        arguments.called(),
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
    text += "\nA number is the median of the rounds, with the lowest and the highest. One without these was taken once: it has no \
             spread, and\na percentile among them is of one series, whose length stands below.\n";
    let noted = rows.iter().filter(|row| !row.notes.is_empty());
    let mut notes: Vec<String> =
        noted.map(|row| format!("- {}: {}.\n", row.row, row.notes.join("; "))).collect();
    // Two figures of one piece of work may have the same to say.
    notes.dedup();
    if !notes.is_empty() {
        text += "\n## What else was seen\n\n";
        text.extend(notes);
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
    let profile = crate::rows::profile(&arguments.binary());
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

/// What the checkout holds is of one run, and says the same everywhere.
#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    fn committed(file: &str) -> String {
        std::fs::read_to_string(root().join(file)).unwrap()
    }

    fn lines() -> Vec<Line> {
        serde_json::from_str(&committed("docs/benchmarks.json")).unwrap()
    }

    /// Compares, or writes what was committed anew (`just reference`).
    fn is(file: &str, text: &str) {
        if std::env::var_os("KEYLEDGER_WRITE_REFERENCE").is_some() {
            std::fs::write(root().join(file), text).unwrap();
        }
        assert!(
            committed(file) == text,
            "{file} is not what docs/benchmarks.json gives: `just reference` mends it"
        );
    }

    #[test]
    fn the_committed_chart_and_readme_say_what_the_json_says() {
        let lines = lines();
        is("docs/benchmarks.json", &line::json(&lines));
        is("docs/benchmarks.svg", &chart::svg(&lines));
        let readme = committed("README.md");
        is("README.md", &destination::between(&readme, &readme::figures(&lines)).unwrap());
    }

    #[test]
    fn the_committed_table_says_what_the_json_says() {
        let page = committed("docs/benchmarks.md");
        let (_, rest) = page.split_once(destination::BEGIN).unwrap();
        let (written, _) = rest.split_once(destination::END).unwrap();
        let table: Vec<Vec<&str>> = written
            .lines()
            .filter(|line| line.starts_with("| "))
            .skip(1)
            .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
            .collect();
        let lines = lines();
        assert_eq!(table.len(), lines.len());
        for (cells, line) in table.iter().zip(&lines) {
            let figure = |value: Option<f64>| value.map_or_else(String::new, short);
            // Only what was taken more than once shows a spread.
            let median = |cell: &str, rounds: Option<usize>| {
                assert_eq!(
                    cell.contains(" to "),
                    rounds.is_some_and(|rounds| rounds > 1),
                    "{cell} of {}",
                    line.row
                );
                cell.split(" (").next().unwrap_or_default().to_owned()
            };
            let [row, unit, floor, ours, ratio, aim, verdict] = cells[..] else { panic!("{cells:?}") };
            assert_eq!(
                [
                    row,
                    unit,
                    &median(floor, line.floor_rounds),
                    &median(ours, line.ours_rounds),
                    ratio,
                    aim,
                    verdict
                ],
                [
                    &line.row,
                    &line.unit,
                    &figure(line.floor),
                    &figure(line.ours),
                    &figure(line.ratio),
                    &line.aim,
                    line.verdict()
                ]
            );
        }
    }
}
