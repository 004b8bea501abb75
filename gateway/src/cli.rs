//! The command line. `serve`, `dev`, `bootstrap`, `nats setup`, `secrets`, `backup`, `restore`, `projections`, `drains` and `exports` run parts
//! of the product; `events` reads the log as the read-only auditor; all else speaks the admin API with an admin key, like any other client of it.
//!
//! Exit codes: 0 done, 1 refused, 2 a wrong command line, 3 not reachable or not ready, 4 done and not proven to
//! hold everywhere (`--wait fleet`), 5 it answers and is degraded (`status --check`). What was asked for goes to standard output, all else to standard error. A key
//! is never a flag: it would stand in `ps`.

use std::collections::HashMap;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::CompleteEnv;

mod access;
mod approval;
mod audit;
mod backup;
mod client;
mod complete;
mod connection;
mod consent;
mod drain;
mod error;
mod events;
mod export;
mod fleet;
mod grant;
mod invitation;
mod issuer;
mod key;
mod length;
mod list;
mod member;
mod nats;
mod oauth;
mod oauth_client;
mod organization;
mod outlet;
mod output;
mod person;
mod place;
mod preset;
mod process;
mod projection;
mod recorded;
mod secret;
mod server;
mod shell;
mod signer;
mod snapshot;
mod status;
mod token_key;
mod wait;
mod webhook;
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
    Nats(nats::Nats),
    /// Copy the event log and the vaults into a folder
    Backup(backup::Backup),
    /// Put a backup into an empty NATS server
    Restore(backup::Restore),
    /// Look after PostgreSQL's read models, which come from the event log
    #[command(subcommand)]
    Projections(projection::Projections),
    /// Look after the drains of the configuration, by which a SIEM is told what happens
    #[command(subcommand)]
    Drains(drain::Drains),
    /// Look after the exports of the configuration, which copy the event log into files
    #[command(subcommand)]
    Exports(export::Exports),
    /// Keep what nodes start from, instead of the whole event log
    #[command(subcommand)]
    Snapshots(snapshot::Snapshots),
    /// Issue, change and list API keys
    #[command(subcommand)]
    Keys(key::Keys),
    /// Register, change and list MCP servers
    #[command(subcommand)]
    Servers(server::Servers),
    /// Register webhooks, and see what they were sent
    #[command(subcommand)]
    Webhooks(webhook::Webhooks),
    /// Add, show and end people
    #[command(subcommand)]
    People(person::People),
    /// Say what people are in an organization
    #[command(subcommand)]
    Members(member::Members),
    /// Invite people to an organization
    #[command(subcommand)]
    Invitations(invitation::Invitations),
    /// Say where people sign in: OpenID Connect, Microsoft Entra ID
    #[command(subcommand)]
    Issuers(issuer::Issuers),
    /// See how clients get in by OAuth
    #[command(subcommand)]
    Oauth(oauth::Oauth),
    /// Show what clients may do by somebody's right, and end it
    #[command(subcommand)]
    Grants(grant::Grants),
    /// Show what people let clients do, and withdraw it
    #[command(subcommand)]
    Consents(consent::Consents),
    /// Register OAuth clients, and see, disable and remove those that there are
    #[command(subcommand)]
    Clients(oauth_client::Clients),
    /// Say which OAuth clients people of an organization may use
    #[command(subcommand)]
    Approvals(approval::Approvals),
    /// Show the redirect addresses of well-known OAuth clients
    #[command(subcommand)]
    Presets(preset::Presets),
    /// Create, change and list organizations
    #[command(subcommand)]
    Organizations(organization::Organizations),
    /// Show and rotate the keys that sign events and heads of the log
    #[command(subcommand)]
    Signers(signer::Signers),
    /// Show and rotate the keys that sign access tokens
    #[command(subcommand)]
    TokenKeys(token_key::TokenKeys),
    /// Renew what lies in the vaults: peppers, identity, session, snapshot and sign-in keys, and their master keys
    #[command(subcommand)]
    Secrets(secret::Secrets),
    /// Read the event log as JSON lines
    #[command(subcommand)]
    Events(events::Events),
    /// Read who read and tried what through the admin API
    #[command(subcommand)]
    Access(access::Access),
    /// Evidence for an audit: reports, and proofs that are checked offline
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Cosign the checkpoints of logs that only grow, as an independent process
    Witness(witness::Witness),
    /// Show how the installation stands
    Status(status::Status),
    /// Show the processes of the installation, or forget one that has died
    Fleet(fleet::Fleet),
    /// Completion for your shell, and man pages
    #[command(subcommand)]
    Shell(shell::Shell),
}

/// What a process was started with.
pub type Environment = HashMap<String, String>;

/// Of this process, as far as it is text.
pub fn environment() -> Environment {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Answers a shell that completes a command line (`COMPLETE=bash`, and so on), and ends; or does nothing. Called before
/// there is a second thread: it takes the variable out of the environment.
pub fn complete() {
    CompleteEnv::with_factory(Cli::command).complete();
}

/// Runs a command line, its first argument being the program's name.
pub fn run(args: impl IntoIterator<Item = OsString>, environment: &Environment) -> ExitCode {
    let mut output = Output::standard();
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too, for standard output.
            let code = if error.use_stderr() { 2 } else { 0 };
            let _ = without_password(error).print();
            return ExitCode::from(code);
        }
    };
    let done = cli.command.run(environment, &mut output);
    ExitCode::from(exit_code(done, &mut output))
}

/// A command line that was refused, for people. What stands before a URL's host may be a password, and is not repeated.
fn without_password(mut error: clap::Error) -> clap::Error {
    for kind in [ContextKind::InvalidValue, ContextKind::InvalidArg, ContextKind::InvalidSubcommand] {
        let Some(ContextValue::String(text)) = error.get(kind) else { continue };
        if let (Some((before, rest)), true) = (text.split_once("://"), text.contains('@')) {
            let after = rest.rsplit_once('@').map_or("", |(_, after)| after);
            let shown = format!("{before}://...@{after}");
            error.insert(kind, ContextValue::String(shown));
        }
    }
    error
}

/// What came of a command, told and as an exit code.
fn exit_code(done: Result<(), CliError>, output: &mut Output) -> u8 {
    match done {
        Ok(()) => 0,
        // Whoever reads a stream has read enough of it; all else goes on to its verdict (`Output`).
        Err(CliError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => 0,
        Err(error) => {
            output.error(&error);
            error.exit_code()
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
            Self::Drains(drains) => block_on(drains.run(environment, output)),
            Self::Exports(exports) => block_on(exports.run(environment, output)),
            Self::Snapshots(snapshots) => snapshots.run(environment, output),
            Self::Keys(keys) => block_on(keys.run(environment, output)),
            Self::Servers(servers) => block_on(servers.run(environment, output)),
            Self::Webhooks(webhooks) => block_on(webhooks.run(environment, output)),
            Self::People(people) => block_on(people.run(environment, output)),
            Self::Members(members) => block_on(members.run(environment, output)),
            Self::Invitations(invitations) => block_on(invitations.run(environment, output)),
            Self::Issuers(issuers) => block_on(issuers.run(environment, output)),
            Self::Oauth(oauth) => block_on(oauth.run(environment, output)),
            Self::Grants(grants) => block_on(grants.run(environment, output)),
            Self::Consents(consents) => block_on(consents.run(environment, output)),
            Self::Clients(clients) => block_on(clients.run(environment, output)),
            Self::Approvals(approvals) => block_on(approvals.run(environment, output)),
            Self::Presets(presets) => block_on(presets.run(environment, output)),
            Self::Organizations(organizations) => block_on(organizations.run(environment, output)),
            Self::Signers(signers) => block_on(signers.run(environment, output)),
            Self::TokenKeys(token_keys) => block_on(token_keys.run(environment, output)),
            Self::Secrets(secrets) => secrets.run(environment, output),
            Self::Events(events) => block_on(events.run(environment, output)),
            Self::Access(access) => block_on(access.run(environment, output)),
            Self::Audit(audit) => audit.run(environment, output),
            Self::Status(status) => block_on(status.run(environment, output)),
            Self::Fleet(fleet) => block_on(fleet.run(environment, output)),
            Self::Shell(shell) => shell.run(environment, output),
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
