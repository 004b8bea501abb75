//! What the bench is told.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};

/// Measures Keyledger against its floors.
#[derive(Parser, Debug)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Option<Command>,
    /// These rows alone, by their names and separated by commas; `--list` tells them
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<String>,
    /// Names the rows
    #[arg(long)]
    pub list: bool,
    /// Fewer and shorter rounds, smaller logs: at most 5 minutes
    #[arg(long)]
    pub quick: bool,
    /// How often floor and ours are taken in turn [5; quick: 3]
    #[arg(long)]
    rounds: Option<usize>,
    /// How long one round of a rate takes [5; quick: 1]
    #[arg(long)]
    seconds: Option<f64>,
    /// Keys in the log while requests are measured [100,000]
    #[arg(long)]
    keys: Option<usize>,
    /// Keys of the rows about a long log [1,000,000; quick: 100,000]
    #[arg(long)]
    many: Option<usize>,
    /// Revocations that are timed, each way [1,000; quick: 200]
    #[arg(long)]
    revocations: Option<usize>,
    /// Connections that the load generator keeps busy
    #[arg(long, default_value_t = 64)]
    pub connections: usize,
    /// Threads of the public listener, of nginx and of the bare server; 0: one a core
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// The binary that is measured; without it the one beside this bench
    #[arg(long)]
    pub keyledger: Option<PathBuf>,
    /// Builds anew what `./run` builds, without what was built before: many minutes
    #[arg(long)]
    pub cold: bool,
    /// Keeps Keyledger under the load of the named row (a rate, such as proxy) until Ctrl-C, for a profiler
    #[arg(long)]
    pub hold: bool,
    /// Writes docs/benchmarks.md, docs/benchmarks.json and the chart of this checkout, when all rows were taken
    #[arg(long)]
    pub write: Option<PathBuf>,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// The bare server that stands for what a request costs without anything: the bench starts it by itself
    FloorServer {
        #[arg(long)]
        listen: SocketAddr,
        #[arg(long)]
        threads: usize,
    },
    /// Tells the resident bytes of a plain map of so many digests: the bench starts it by itself
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

    pub fn threads(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }

    /// The measured binary.
    pub fn binary(&self) -> PathBuf {
        let binary = self.keyledger.clone().unwrap_or_else(|| {
            let this = std::env::current_exe().expect("this program's path");
            this.with_file_name("keyledger")
        });
        assert!(binary.exists(), "{} is not built: `just bench` builds it", binary.display());
        binary
    }
}
