//! Runs a command while a PostgreSQL with a migrated template database is there, then ends what it started.
//!
//! `with-servers cargo nextest run` spares each test the start of a server of its own.

use std::process::ExitCode;
use std::time::Duration;

use events::clock::SystemRandom;
use gateway::dev::postgres::{PostgresOptions, PostgresServer};
use keyledger_tests::servers::{SHARED, make_template};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

/// How long the command may take to end once it has been told to.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<ExitCode> {
    let mut words = std::env::args_os().skip(1);
    let Some(program) = words.next() else {
        return Err(std::io::Error::other("usage: with-servers COMMAND [ARGUMENT…]"));
    };
    gateway::crypto::install();
    let directory = tempfile::Builder::new().prefix("keyledger-tests-").tempdir()?;
    let options = PostgresOptions {
        directory: directory.path().join("postgres"),
        max_connections: 300,
        durable: false,
    };
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let server = PostgresServer::start(&options, &SystemRandom).await.map_err(std::io::Error::other)?;
    make_template(&server.url()).await;

    let mut child = Command::new(program).args(words).env(SHARED, server.url()).kill_on_drop(true).spawn()?;
    let status = tokio::select! {
        status = child.wait() => Some(status?),
        // A terminal has told the command as well.
        _ = interrupt.recv() => tokio::time::timeout(PATIENCE, child.wait()).await.ok().transpose()?,
        _ = terminate.recv() => None,
    };
    drop(child);
    server.stop().await;
    directory.close()?;
    let code = status.and_then(|status| status.code()).and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
