//! Keyledger measured against its floors: each row beside what the same work costs without Keyledger, taken in the
//! same run, the rounds of both interleaved. Nothing here asserts a time: a row says what was seen, and whether its
//! aim holds.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement that can't go on ends, and what it prints is what it is for"
)]

mod arguments;
mod bench;
mod floor;
mod installation;
mod keys;
mod load;
mod process;
mod report;
mod rows;
mod statistics;

use clap::Parser;

use arguments::{Arguments, Command};

fn main() {
    let arguments = Arguments::parse();
    match arguments.command {
        Some(Command::FloorServer { listen, threads }) => return floor::server::run(listen, threads),
        Some(Command::FloorMap { entries }) => return floor::map::run(entries),
        None => {}
    }
    gateway::crypto::install();
    process::may_open_many_files();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(rows::run(arguments));
}
