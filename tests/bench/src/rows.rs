//! The rows: each a file of its own that says what is measured, against what, and what the aim is.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use events::clock::{Clock, SystemClock};

use crate::arguments::Arguments;
use crate::bench::Bench;
use crate::floor::nginx;
use crate::process;
use crate::report::{self, Destination};

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
mod row;
mod sign;
mod tokens;
mod validate;
mod verify;

pub use cold::profile;
pub use row::{Better, Row, verdict};

/// Keys of which the aims of a long log speak.
const MANY: usize = 1_000_000;

type Taking<'a> = Pin<Box<dyn Future<Output = Vec<Row>> + 'a>>;
type Take = for<'a> fn(&'a Bench) -> Taking<'a>;

/// What can be taken by a name.
struct Known {
    name: &'static str,
    take: Take,
    /// Its floor is nginx.
    nginx: bool,
    /// It is a rate, which `--hold` can keep up.
    held: bool,
}

const fn known(name: &'static str, take: Take) -> Known {
    Known { name, take, nginx: false, held: false }
}

const fn rate(name: &'static str, nginx: bool, take: Take) -> Known {
    Known { name, take, nginx, held: true }
}

/// Every row by its name.
const ROWS: &[Known] = &[
    known("validate", |bench| Box::pin(validate::take(bench))),
    known("sign", |bench| Box::pin(sign::take(bench))),
    rate("verify", false, |bench| Box::pin(verify::take(bench))),
    rate("proxy", true, |bench| Box::pin(proxy::take(bench))),
    known("tokens", |bench| Box::pin(tokens::take(bench))),
    known("access", |bench| Box::pin(access::take(bench))),
    known("list", |bench| Box::pin(list::take(bench))),
    rate("stream", true, |bench| Box::pin(bodies::stream(bench))),
    rate("large-answer", true, |bench| Box::pin(bodies::answer(bench))),
    rate("large-request", true, |bench| Box::pin(bodies::request(bench))),
    Known { name: "crowd", take: |bench| Box::pin(crowd::take(bench)), nginx: true, held: false },
    known("open-streams", |bench| Box::pin(open_streams::take(bench))),
    known("revocation", |bench| Box::pin(revocation::take(bench))),
    known("issue", |bench| Box::pin(issue::take(bench))),
    known("directory", |bench| Box::pin(directory::take(bench))),
    known("read-models", |bench| Box::pin(read_models::take(bench))),
    known("cold", |bench| Box::pin(cold::take(bench))),
];

pub fn names() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.name)
}

/// What is to be taken, and where it is written: judged.
pub struct Job {
    pub arguments: Arguments,
    rows: Vec<&'static Known>,
    /// `None`: nowhere.
    destination: Option<Destination>,
}

impl Job {
    /// Judges the arguments before anything is started, and tries the destination: what is wrong, in words.
    pub fn of(arguments: Arguments) -> Result<Self, String> {
        arguments.go_together()?;
        let rows = chosen(&arguments)?;
        let destination = match &arguments.write {
            Some(folder) => Some(Destination::named(folder).map_err(|why| format!("--write {why}"))?),
            None if arguments.changed().is_empty() && !arguments.hold => {
                let tried = Destination::checkout(Path::new("."));
                Some(tried.map_err(|why| {
                    format!(
                        "a full run writes into the checkout that it is started in: {why}; or say --write DIR"
                    )
                })?)
            }
            None => None,
        };
        Ok(Self { arguments, rows, destination })
    }

    /// Whether what is measured and what it is measured against are there.
    pub fn can_be_done(&self) -> Result<(), String> {
        self.arguments.has_binary()?;
        let needs = self.rows.iter().find(|row| row.nginx);
        match needs {
            Some(row) if !nginx::is_there() => Err(format!(
                "there is no nginx, which {} is measured against: run `scripts/setup --bench` and `source .tools/env`, \
                 or leave it out with --only",
                row.name
            )),
            Some(_) | None => Ok(()),
        }
    }
}

/// Takes the rows and writes them. An error says what could not be written.
pub async fn run(job: &Job) -> Result<(), String> {
    let bench = Bench::new(job.arguments.clone());
    let (start, load) = (SystemClock.instant(), process::load());
    let mut rows = Vec::new();
    for row in &job.rows {
        println!("{}: load average {}", row.name, process::load());
        let taken = (row.take)(&bench).await;
        taken.iter().for_each(Row::print);
        rows.extend(taken);
    }
    let took = SystemClock.instant() - start;
    println!("all of it took {} s", took.as_secs());
    let Some(destination) = &job.destination else {
        println!("nothing was written: this was no full run, and no --write DIR said where");
        return Ok(());
    };
    let report = report::Report::of(&job.arguments, &rows, took, &load);
    match report.write(destination) {
        Ok(written) => {
            println!("written: {}", written.join(", "));
            Ok(())
        }
        // So that nothing of the run is lost.
        Err(why) => {
            println!("{report}");
            Err(format!("nothing was written ({why}); what would have been stands above"))
        }
    }
}

fn chosen(arguments: &Arguments) -> Result<Vec<&'static Known>, String> {
    let named = |name: &String| ROWS.iter().find(|row| row.name == name);
    if let Some(unknown) = arguments.only.iter().find(|name| named(name).is_none()) {
        let all: Vec<&str> = names().collect();
        return Err(format!("--only: there is no row {unknown:?}, but {}", all.join(", ")));
    }
    if arguments.hold {
        let held: Vec<&str> = ROWS.iter().filter(|row| row.held).map(|row| row.name).collect();
        let one = match &arguments.only[..] {
            [one] => named(one).filter(|row| row.held),
            _ => None,
        };
        let one =
            one.ok_or_else(|| format!("--hold wants one rate: --only with one of {}", held.join(", ")))?;
        return Ok(vec![one]);
    }
    let wanted =
        |row: &&Known| arguments.only.is_empty() || arguments.only.iter().any(|only| only == row.name);
    Ok(ROWS.iter().filter(wanted).collect())
}

/// Work that waits for nothing, on a thread of its own: whoever tells the bench to end is heard meanwhile.
async fn apart(work: impl FnOnce() -> Vec<Row> + Send + 'static) -> Vec<Row> {
    tokio::task::spawn_blocking(work).await.expect("the measurement ends in order")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn refused(words: &[&str]) -> String {
        let words = std::iter::once("bench").chain(words.iter().copied());
        Job::of(Arguments::parse_from(words)).err().unwrap_or_default()
    }

    #[test]
    fn what_can_not_be_done_is_refused_in_words() {
        for (words, part) in [
            (&["--only", "nothing"][..], "there is no row \"nothing\", but validate, "),
            (&["--only", "verify,"], "there is no row \"\""),
            (&["--hold"], "--hold wants one rate"),
            (&["--hold", "--only", "cold"], "--hold wants one rate"),
            (&["--hold", "--only", "verify,proxy"], "one of verify, proxy, stream"),
            (&["--hold", "--only", "verify", "--write", "."], "nothing to write"),
            (&["--keyledger", "/nowhere", "--only", "verify"], "there is no such file"),
            (&["--write", "/nowhere"], "--write /nowhere: there is no such folder"),
            (&["--cold", "--cold-in", "/nowhere"], "--cold"),
        ] {
            let refused = refused(words);
            assert!(refused.contains(part), "{words:?}: {refused}");
        }
        assert_eq!(refused(&["--quick"]), "");
        assert_eq!(refused(&["--hold", "--only", "proxy"]), "");
    }
}
