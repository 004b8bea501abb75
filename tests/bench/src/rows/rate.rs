//! Requests a second, and what a request costs the processes that answer it: a floor and ours in turn.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::arguments::Arguments;
use crate::load::{Load, Until};
use crate::process;
use crate::statistics::{Spread, short};

/// Somebody who answers.
pub struct Side {
    pub name: &'static str,
    pub address: SocketAddr,
    /// Whose processor time counts.
    pub processes: Vec<u32>,
    pub requests: Arc<[Bytes]>,
    pub connections: usize,
}

/// What the rounds came to.
pub struct Seen {
    pub name: &'static str,
    pub per_second: Spread,
    /// Microseconds of processor time a request.
    pub cost: Spread,
    /// The 99th percentile in microseconds.
    pub p99: Spread,
    pub failed: u64,
}

const WARM_UP: Duration = Duration::from_millis(500);

/// Takes both sides in turn.
pub async fn in_turn(arguments: &Arguments, sides: &[Side]) -> Vec<Seen> {
    let mut seen: Vec<Vec<(f64, f64, f64, u64)>> = sides.iter().map(|_| Vec::new()).collect();
    for side in sides {
        side.load().run(Until::Elapsed(WARM_UP)).await;
    }
    for _ in 0..arguments.rounds() {
        for (side, seen) in sides.iter().zip(&mut seen) {
            let before = process::processor_time(&side.processes);
            let measured = side.load().run(Until::Elapsed(arguments.window())).await;
            let used = process::processor_time(&side.processes) - before;
            let all = (measured.answers + measured.failed).max(1);
            let cost = used.as_secs_f64() * 1e6 / all as f64;
            seen.push((measured.per_second(), cost, measured.percentile(0.99), measured.failed));
        }
    }
    let of = |(side, rounds): (&Side, &Vec<(f64, f64, f64, u64)>)| Seen {
        name: side.name,
        per_second: Spread::of(&rounds.iter().map(|round| round.0).collect::<Vec<_>>()),
        cost: Spread::of(&rounds.iter().map(|round| round.1).collect::<Vec<_>>()),
        p99: Spread::of(&rounds.iter().map(|round| round.2).collect::<Vec<_>>()),
        failed: rounds.iter().map(|round| round.3).sum(),
    };
    sides.iter().zip(&seen).map(of).collect()
}

/// Keeps a side under load until the bench is told to end.
pub async fn hold(arguments: &Arguments, side: &Side) {
    println!("{} is under load; its processes are {:?}. Ctrl-C ends it.", side.name, side.processes);
    let load = side.load();
    loop {
        let measured = load.run(Until::Elapsed(arguments.window())).await;
        println!("{}/s, {} failed", short(measured.per_second()), measured.failed);
    }
}

/// Whether every request was answered as it should be, at whichever side: a rate of failures is none.
pub fn all_answered(seen: &[Seen]) -> bool {
    seen.iter().all(|side| side.failed == 0)
}

impl Side {
    fn load(&self) -> Load {
        let requests = Arc::clone(&self.requests);
        Load { to: self.address, requests, connections: self.connections }
    }
}

impl Seen {
    /// What is worth telling beside the rate.
    pub fn note(&self) -> String {
        let failed = if self.failed == 0 { String::new() } else { format!(", {} FAILED", self.failed) };
        format!(
            "{}: {} us of CPU a request, p99 {} ms{failed}",
            self.name,
            short(self.cost.median),
            short(self.p99.median / 1_000.0)
        )
    }
}
