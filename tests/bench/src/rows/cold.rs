//! A cold `./run`: what it costs to build what is run, without anything built before; and how large the binary is.

use std::path::Path;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;

use super::{Better, Row};
use crate::bench::Bench;
use crate::process;
use crate::statistics::Spread;

const ROW: &str = "cold ./run: the build of the profile release, downloads aside";
/// Unit, aim and what it says in numbers.
const PROCESSOR: (&str, &str, f64) = ("CPU minutes", "at most 14", 14.0);
const WALL: (&str, &str, f64) = ("wall minutes", "under 8", 8.0);

/// Seconds of wall time, of user and of system time go to the file `$1`; what cargo says goes where this bench's errors go.
const TIMED: &str = r#"exec 3>&2; TIMEFORMAT='%R %U %S'
{ time cargo build --release --locked --package keyledger 2>&3; } 2>"$1""#;

pub async fn take(bench: &Bench) -> Vec<Row> {
    let arguments = &bench.arguments;
    let mut rows = if arguments.cold {
        built(arguments.cold_in.as_deref()).await
    } else {
        let why = "it takes many minutes: `just bench --cold` takes it";
        [PROCESSOR, WALL].map(|(unit, aim, _)| Row::not_taken(ROW, unit, aim, why.to_owned())).into()
    };
    let binary = arguments.binary();
    let size = std::fs::metadata(&binary).map_or(f64::NAN, |it| it.len() as f64 / 1e6);
    let name = format!("size of the binary, profile {}", profile(&binary));
    let note = "what deploy/Dockerfile builds; `./run` builds the profile release, whose binary is larger";
    rows.push(row(name, "MB", size, "under 35 MB", size < 35.0, note.to_owned()));
    rows
}

/// The folder that cargo has put it in is its profile's.
pub fn profile(binary: &Path) -> String {
    let folder = binary.parent().and_then(Path::file_name);
    folder.unwrap_or_default().to_string_lossy().into_owned()
}

/// Cargo and the compilers that it has started, which would outlive it. `None`: it has ended by itself.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Nobody is left of it: the better.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Builds the checkout that the bench was started in.
async fn built(within: Option<&Path>) -> Vec<Row> {
    let mut folder = tempfile::Builder::new();
    let folder = folder.prefix("keyledger-bench-cold-");
    let target = within.map_or_else(|| folder.tempdir(), |within| folder.tempdir_in(within));
    let target = target.expect("a folder to build in");
    let times = target.path().join("times");
    println!("  building in {}", target.path().display());
    let mut command = Command::new("bash");
    command.args(["-c", TIMED, "bash"]).arg(&times).env("CARGO_TARGET_DIR", target.path());
    let mut child = command.kill_on_drop(true).process_group(0).spawn().expect("bash runs");
    let mut group = Group(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
    let status = child.wait().await.expect("it can be waited for");
    group.0 = None;
    if !status.success() {
        let why = format!("the build failed ({status}); what it said stands above the rows");
        return [PROCESSOR, WALL].map(|(unit, aim, _)| Row::not_taken(ROW, unit, aim, why.clone())).into();
    }
    let told = std::fs::read_to_string(&times).expect("bash tells the times");
    let seconds: Vec<f64> = told.split_whitespace().filter_map(|number| number.parse().ok()).collect();
    let [wall, user, system] = seconds[..] else { panic!("no times in {told:?}") };
    let note = || format!("load average when it ended: {}", process::load());
    let (processor, wall) = ((user + system) / 60.0, wall / 60.0);
    vec![
        row(ROW.to_owned(), PROCESSOR.0, processor, PROCESSOR.1, processor <= PROCESSOR.2, note()),
        row(ROW.to_owned(), WALL.0, wall, WALL.1, wall < WALL.2, note()),
    ]
}

fn row(row: String, unit: &'static str, seen: f64, aim: &'static str, holds: bool, note: String) -> Row {
    Row {
        row,
        unit,
        better: Better::Less,
        floor: None,
        ours: Some(Spread::of(&[seen])),
        ratio: None,
        aim,
        holds: Some(holds),
        notes: vec![note],
    }
}
