//! The command line. `serve`, `dev`, `bootstrap`, `nats setup`, `backup`, `restore` and `projections` run parts of the
//! product; `events` reads the log as the read-only auditor; all else speaks the admin API with an admin key, like any other client of it.
//!
//! Exit codes: 0 done, 1 refused, 2 a wrong command line, 3 not reachable or not ready, 4 done and not proven to
//! hold everywhere (`--wait fleet`). What was asked for goes to standard output, all else to standard error. A key
//! is never a flag: it would stand in `ps`.

use std::collections::HashMap;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod audit;
mod backup;
mod client;
mod connection;
mod error;
mod events;
mod fleet;
mod key;
mod list;
mod organization;
mod output;
mod place;
mod process;
mod projection;
mod recorded;
mod server;
mod signer;
mod snapshot;
mod status;
mod wait;
mod witness;
mod write;

use error::CliError;
use output::Output;

/// An event-sourced auth gateway for MCP servers.
#[derive(Debug, Parser)]
#[command(name = "keyledger", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run this process's roles: request path, admin API, projections
    Serve(process::Serve),
    /// Run all of it on this machine, with private servers, a demo MCP server and a first key
    Dev(process::Dev),
    /// Draw the first secrets and the first admin key; once for an installation
    Bootstrap(process::Bootstrap),
    /// Prepare the NATS server
    #[command(subcommand)]
    Nats(process::Nats),
    /// Copy the event log and the vaults into a folder
    Backup(backup::Backup),
    /// Put a backup into an empty NATS server
    Restore(backup::Restore),
    /// Look after PostgreSQL's read models, which come from the event log
    #[command(subcommand)]
    Projections(projection::Projections),
    /// Keep what nodes start from, instead of the whole event log
    #[command(subcommand)]
    Snapshots(snapshot::Snapshots),
    /// Issue, change and list API keys
    #[command(subcommand)]
    Keys(key::Keys),
    /// Register, change and list MCP servers
    #[command(subcommand)]
    Servers(server::Servers),
    /// Create, change and list organizations
    #[command(subcommand)]
    Organizations(organization::Organizations),
    /// Show and rotate the keys that sign events and heads of the log
    #[command(subcommand)]
    Signers(signer::Signers),
    /// Read the event log as JSON lines
    #[command(subcommand)]
    Events(events::Events),
    /// Evidence for an audit: reports, and proofs that are checked offline
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Cosign the checkpoints of logs that only grow, as an independent process
    Witness(witness::Witness),
    /// Show how the installation stands
    Status(status::Status),
    /// Show the processes of the installation, or forget one that has died
    Fleet(fleet::Fleet),
}

/// What a process was started with.
pub type Environment = HashMap<String, String>;

/// Runs a command line, its first argument being the program's name.
pub fn run(args: impl IntoIterator<Item = OsString>, environment: &Environment) -> ExitCode {
    let mut output = Output::standard();
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too, for standard output.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    match cli.command.run(environment, &mut output) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads has read enough.
        Err(CliError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            output.error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

impl Command {
    fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::Serve(serve) => serve.run(environment),
            Self::Dev(dev) => dev.run(environment),
            Self::Bootstrap(bootstrap) => bootstrap.run(environment, output),
            Self::Nats(nats) => nats.run(environment, output),
            Self::Witness(witness) => witness.run(output),
            Self::Backup(backup) => backup.run(environment, output),
            Self::Restore(restore) => restore.run(environment, output),
            Self::Projections(projections) => projections.run(environment, output),
            Self::Snapshots(snapshots) => snapshots.run(environment, output),
            Self::Keys(keys) => block_on(keys.run(environment, output)),
            Self::Servers(servers) => block_on(servers.run(environment, output)),
            Self::Organizations(organizations) => block_on(organizations.run(environment, output)),
            Self::Signers(signers) => block_on(signers.run(environment, output)),
            Self::Events(events) => block_on(events.run(environment, output)),
            Self::Audit(audit) => audit.run(environment, output),
            Self::Status(status) => block_on(status.run(environment, output)),
            Self::Fleet(fleet) => block_on(fleet.run(environment, output)),
        }
    }
}

/// A short-lived command's runtime: one thread.
fn block_on<T>(future: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    crate::crypto::install();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::Unavailable(format!("no runtime: {error}")))?
        .block_on(future)
}

#[cfg(test)]
mod tests;
