//! What the bench is told.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};

/// Measures Keyledger against its floors.
///
/// With nothing said it takes every row and writes docs/benchmarks.md, docs/benchmarks.json, the chart and README's figures of
/// the checkout that it is started in. With any option that changes what is taken it writes nothing, but where `--write`
/// says.
#[derive(Parser, Clone, Debug)]
#[command(name = "bench", max_term_width = 110)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Option<Command>,
    /// These rows alone, by their names and separated by commas; `--list` tells them
    #[arg(long, value_delimiter = ',', value_name = "ROWS")]
    pub only: Vec<String>,
    /// Names the rows
    #[arg(long)]
    pub list: bool,
    /// Fewer and shorter rounds, smaller logs: at most 5 minutes on a machine of its own
    #[arg(long)]
    pub quick: bool,
    /// How often floor and ours are taken in turn, 1 to 1,000 [5; quick: 3]
    #[arg(long, value_parser = within(1, 1_000), allow_negative_numbers = true)]
    rounds: Option<usize>,
    /// How long one round of a rate takes, 0.1 to 3,600 [5; quick: 1]
    #[arg(long, value_parser = seconds, allow_negative_numbers = true)]
    seconds: Option<f64>,
    /// Keys in the log while requests are measured, 1 to 10,000,000 [100,000]
    #[arg(long, value_parser = within(1, 10_000_000), allow_negative_numbers = true)]
    keys: Option<usize>,
    /// Keys of the rows about a long log, 1 to 10,000,000 [1,000,000; quick: 100,000]
    #[arg(long, value_parser = within(1, 10_000_000), allow_negative_numbers = true)]
    many: Option<usize>,
    /// Revocations that are timed, each way, 1 to 100,000 [1,000; quick: 200]
    #[arg(long, value_parser = within(1, 100_000), allow_negative_numbers = true)]
    revocations: Option<usize>,
    /// Connections that the load generator keeps busy, 1 to 10,000 [64]
    #[arg(long, value_parser = within(1, 10_000), allow_negative_numbers = true)]
    connections: Option<usize>,
    /// Threads of the public listener, of nginx and of the bare server, 1 to 256 [one a core]
    #[arg(long, value_parser = within(1, 256), allow_negative_numbers = true)]
    threads: Option<usize>,
    /// The binary that is measured [the one beside this bench]
    #[arg(long, value_name = "FILE")]
    keyledger: Option<PathBuf>,
    /// Builds anew what `./run` builds, without what was built before: many minutes
    #[arg(long)]
    pub cold: bool,
    /// Where `--cold` builds: in a new folder in this one, which is removed [where temporary files are]
    #[arg(long, value_name = "DIR", requires = "cold")]
    pub cold_in: Option<PathBuf>,
    /// Keeps Keyledger under the load of the one row that `--only` names until Ctrl-C, for a profiler
    #[arg(long)]
    pub hold: bool,
    /// Writes into this folder: of a checkout its docs and README's figures, of any other three files
    #[arg(long, value_name = "DIR")]
    pub write: Option<PathBuf>,
    /// Says whether these arguments are right, and measures nothing
    #[arg(long, hide = true)]
    pub judge: bool,
}

#[derive(Subcommand, Clone, Debug)]
pub enum Command {
    /// The bare server that stands for what a request costs without anything: the bench starts it by itself
    #[command(hide = true)]
    FloorServer {
        #[arg(long)]
        listen: SocketAddr,
        #[arg(long)]
        threads: usize,
    },
    /// Tells the resident bytes of a plain map of so many digests: the bench starts it by itself
    #[command(hide = true)]
    FloorMap {
        #[arg(long)]
        entries: usize,
    },
}

impl Arguments {
    pub fn window(&self) -> Duration {
        Duration::from_secs_f64(self.seconds.unwrap_or(if self.quick { 1.0 } else { 5.0 }))
    }

    pub fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 3 } else { 5 })
    }

    pub fn keys(&self) -> usize {
        self.keys.unwrap_or(100_000)
    }

    pub fn many(&self) -> usize {
        self.many.unwrap_or(if self.quick { 100_000 } else { 1_000_000 })
    }

    pub fn revocations(&self) -> usize {
        self.revocations.unwrap_or(if self.quick { 200 } else { 1_000 })
    }

    pub fn connections(&self) -> usize {
        self.connections.unwrap_or(64)
    }

    pub fn threads(&self) -> usize {
        self.threads.unwrap_or_else(cores)
    }

    /// The measured binary.
    pub fn binary(&self) -> PathBuf {
        self.keyledger.clone().unwrap_or_else(|| {
            let this = std::env::current_exe().expect("this program's path");
            this.with_file_name("keyledger")
        })
    }

    /// Whether the measured binary is there, in words if not.
    pub fn has_binary(&self) -> Result<(), String> {
        let binary = self.binary();
        match (binary.is_file(), &self.keyledger) {
            (true, _) => Ok(()),
            (false, Some(_)) => Err(format!("--keyledger {}: there is no such file", binary.display())),
            (false, None) => Err(format!("{} is not built: `just bench` builds it", binary.display())),
        }
    }

    /// What of `--cold` and `--hold` goes together with what; rows are judged where they are known.
    pub fn go_together(&self) -> Result<(), String> {
        if self.hold && self.write.is_some() {
            return Err("--hold measures nothing, so --write has nothing to write".to_owned());
        }
        if self.keyledger.is_some() {
            self.has_binary()?;
        }
        if self.cold && !std::path::Path::new("Cargo.lock").is_file() {
            return Err(
                "--cold builds the checkout that it is started in, and this folder is none".to_owned()
            );
        }
        match &self.cold_in {
            Some(folder) if !folder.is_dir() => {
                Err(format!("--cold-in {}: there is no such folder", folder.display()))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The options that change what is taken, as they would be said: none of them, and it is a full run. `--cold` takes
    /// a row more and changes no other.
    pub fn changed(&self) -> Vec<String> {
        let mut changed = Vec::new();
        if !self.only.is_empty() {
            changed.push(format!("--only {}", self.only.join(",")));
        }
        if self.quick {
            changed.push("--quick".to_owned());
        }
        let numbers = [
            ("--rounds", self.rounds, 5),
            ("--keys", self.keys, 100_000),
            ("--many", self.many, 1_000_000),
            ("--revocations", self.revocations, 1_000),
            ("--connections", self.connections, 64),
            ("--threads", self.threads, cores()),
        ];
        for (name, value, usual) in numbers {
            // What `--quick` would lower says something by being said.
            if let Some(value) = value.filter(|value| self.quick || *value != usual) {
                changed.push(format!("{name} {value}"));
            }
        }
        if let Some(seconds) = self.seconds.filter(|seconds| self.quick || *seconds != 5.0) {
            changed.push(format!("--seconds {seconds}"));
        }
        if let Some(binary) = &self.keyledger {
            changed.push(format!("--keyledger {}", binary.display()));
        }
        changed
    }

    /// How it was called, but for where it writes.
    pub fn called(&self) -> String {
        let cold = if self.cold { Some("--cold".to_owned()) } else { None };
        std::iter::once("just bench".to_owned())
            .chain(self.changed())
            .chain(cold)
            .collect::<Vec<_>>()
            .join(" ")
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn within(least: usize, most: usize) -> impl Fn(&str) -> Result<usize, String> + Clone {
    move |text| match text.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        Ok(_) | Err(_) => Err(format!("say a whole number from {least} to {most}")),
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if (0.1..=3_600.0).contains(&number) => Ok(number),
        Ok(_) | Err(_) => Err("say a number from 0.1 to 3600".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Arguments, String> {
        let words = std::iter::once("bench").chain(words.iter().copied());
        Arguments::try_parse_from(words).map_err(|error| error.to_string())
    }

    #[test]
    fn a_number_out_of_its_range_is_refused_with_the_range() {
        for option in ["--rounds", "--keys", "--many", "--revocations", "--connections", "--threads"] {
            for number in ["0", "-1", "99999999999999999999", "many", ""] {
                let refused = parsed(&[option, number]).unwrap_err();
                assert!(refused.contains("say a whole number from 1 to "), "{refused}");
            }
        }
        for number in ["0", "-1", "nan", "inf", "3601"] {
            let refused = parsed(&["--seconds", number]).unwrap_err();
            assert!(refused.contains("say a number from 0.1 to 3600"), "{refused}");
        }
    }

    #[test]
    fn what_is_said_and_changes_nothing_is_a_full_run() {
        let full = ["--rounds", "5", "--seconds", "5", "--keys", "100000", "--connections", "64", "--cold"];
        assert_eq!(parsed(&full).unwrap().changed(), Vec::<String>::new());
        assert_eq!(parsed(&full).unwrap().called(), "just bench --cold");
        let changed =
            parsed(&["--quick", "--many", "7", "--only", "verify,proxy", "--seconds", "0.5"]).unwrap();
        assert_eq!(changed.called(), "just bench --only verify,proxy --quick --many 7 --seconds 0.5");
    }
}
