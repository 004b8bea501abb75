//! The rows: each a file of its own that says what is measured, against what, and what the aim is.

use std::future::Future;
use std::pin::Pin;

use events::clock::{Clock, SystemClock};
use serde::Serialize;

use crate::arguments::Arguments;
use crate::bench::Bench;
use crate::process;
use crate::report;
use crate::statistics::{Spread, short};

mod access;
mod bodies;
mod cold;
mod crowd;
mod directory;
mod issue;
mod list;
mod open_streams;
mod proxy;
mod rate;
mod read_models;
mod revocation;
mod sign;
mod validate;
mod verify;

/// A measured row.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Which work.
    pub row: String,
    pub unit: &'static str,
    pub floor: Option<Spread>,
    pub ours: Option<Spread>,
    /// Ours beside the floor, as the aim counts it.
    pub ratio: Option<f64>,
    pub aim: &'static str,
    /// `None`: it was not taken.
    pub holds: Option<bool>,
    /// What else was seen; of a row that was not taken, why.
    pub notes: Vec<String>,
}

type Taking<'a> = Pin<Box<dyn Future<Output = Vec<Row>> + 'a>>;
type Take = for<'a> fn(&'a Bench) -> Taking<'a>;

/// Every row by its name.
const ROWS: &[(&str, Take)] = &[
    ("validate", |bench| Box::pin(validate::take(bench))),
    ("sign", |bench| Box::pin(sign::take(bench))),
    ("verify", |bench| Box::pin(verify::take(bench))),
    ("proxy", |bench| Box::pin(proxy::take(bench))),
    ("access", |bench| Box::pin(access::take(bench))),
    ("list", |bench| Box::pin(list::take(bench))),
    ("stream", |bench| Box::pin(bodies::stream(bench))),
    ("large-answer", |bench| Box::pin(bodies::answer(bench))),
    ("large-request", |bench| Box::pin(bodies::request(bench))),
    ("crowd", |bench| Box::pin(crowd::take(bench))),
    ("open-streams", |bench| Box::pin(open_streams::take(bench))),
    ("revocation", |bench| Box::pin(revocation::take(bench))),
    ("issue", |bench| Box::pin(issue::take(bench))),
    ("directory", |bench| Box::pin(directory::take(bench))),
    ("read-models", |bench| Box::pin(read_models::take(bench))),
    ("cold", |bench| Box::pin(cold::take(bench))),
];

pub async fn run(arguments: Arguments) {
    if arguments.list {
        ROWS.iter().for_each(|(name, _)| println!("{name}"));
        return;
    }
    let bench = Bench::new(arguments);
    let (start, load) = (SystemClock.instant(), process::load());
    let mut rows = Vec::new();
    for (name, take) in chosen(&bench.arguments) {
        println!("{name}: load average {}", process::load());
        let taken = take(&bench).await;
        taken.iter().for_each(Row::print);
        rows.extend(taken);
    }
    let took = SystemClock.instant() - start;
    println!("all of it took {} s", took.as_secs());
    // A few rows are no report.
    if let Some(root) = &bench.arguments.write
        && bench.arguments.only.is_empty()
    {
        report::write(root, &bench.arguments, &rows, took, &load);
    }
}

fn chosen(arguments: &Arguments) -> Vec<&'static (&'static str, Take)> {
    let known = |name: &String| ROWS.iter().any(|(row, _)| row == name);
    if let Some(unknown) = arguments.only.iter().find(|name| !known(name)) {
        panic!("there is no row {unknown}: --list names them");
    }
    let wanted = |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|only| only == name);
    ROWS.iter().filter(|(name, _)| wanted(name)).collect()
}

impl Row {
    /// One that could not be taken.
    pub fn not_taken(row: &str, aim: &'static str, why: String) -> Self {
        let (floor, ours, ratio, holds) = (None, None, None, None);
        Self { row: row.to_owned(), unit: "", floor, ours, ratio, aim, holds, notes: vec![why] }
    }

    fn print(&self) {
        let spread = |spread: Option<Spread>| spread.map_or_else(|| "-".to_owned(), |it| it.to_string());
        let (row, unit, aim) = (&self.row, self.unit, self.aim);
        println!("  {row} [{unit}]");
        println!("    floor {}   ours {}", spread(self.floor), spread(self.ours));
        let ratio = self.ratio.map_or_else(|| "-".to_owned(), short);
        println!("    ratio {ratio}   aim {aim}: {}", self.verdict());
        self.notes.iter().for_each(|note| println!("    {note}"));
    }

    pub fn verdict(&self) -> &'static str {
        self.holds.map_or("not taken", |holds| if holds { "holds" } else { "missed" })
    }
}
