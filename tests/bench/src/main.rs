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
mod tokens;

use std::process::ExitCode;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use arguments::{Arguments, Command};
use rows::Job;

/// As clap has it.
const WRONG_ARGUMENTS: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command {
        Some(Command::FloorServer { listen, threads }) => {
            floor::server::run(listen, threads);
            return ExitCode::SUCCESS;
        }
        Some(Command::FloorMap { entries }) => {
            floor::map::run(entries);
            return ExitCode::SUCCESS;
        }
        None => {}
    }
    if arguments.list {
        rows::names().for_each(|name| println!("{name}"));
        return ExitCode::SUCCESS;
    }
    let only_judged = arguments.judge;
    let job = match Job::of(arguments) {
        Ok(_) if only_judged => return ExitCode::SUCCESS,
        Ok(job) => job,
        Err(why) => return failed(WRONG_ARGUMENTS, &why),
    };
    match job.can_be_done() {
        Ok(()) => measure(&job),
        Err(why) => failed(1, &why),
    }
}

fn failed(code: u8, why: &str) -> ExitCode {
    eprintln!("bench: {why}");
    ExitCode::from(code)
}

/// Everything that is started or written meanwhile is gone afterwards, also when it is told to end.
fn measure(job: &Job) -> ExitCode {
    gateway::crypto::install();
    process::may_open_many_files();
    // Servers, the fleet and the floors have theirs in it.
    let folder = tempfile::Builder::new().prefix("keyledger-bench-").tempdir().expect("a temporary folder");
    tempfile::env::override_temp_dir(folder.path()).expect("nobody did so before");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let code = runtime.block_on(async {
        tokio::select! {
            code = Box::pin(told_to_end(job.arguments.hold)) => code,
            done = Box::pin(rows::run(job)) => match done {
                Ok(()) => ExitCode::SUCCESS,
                Err(why) => failed(1, &why),
            },
        }
    });
    // What is measured within this process is not waited for.
    runtime.shutdown_background();
    if let Err(error) = folder.close() {
        eprintln!("bench: a temporary folder is left: {error}");
    }
    code
}

/// Ctrl-C or SIGTERM. Ctrl-C is how holding a load ends.
async fn told_to_end(holds: bool) -> ExitCode {
    let mut interrupted = signal(SignalKind::interrupt()).expect("a signal's stream");
    let mut terminated = signal(SignalKind::terminate()).expect("a signal's stream");
    let number = tokio::select! {
        _ = interrupted.recv() => 2,
        _ = terminated.recv() => 15,
    };
    if holds && number == 2 {
        return ExitCode::SUCCESS;
    }
    eprintln!("bench: told to end: what was started is stopped, and nothing was written");
    ExitCode::from(128 + number)
}
