//! `keyledger webhooks`

use clap::{Args, Subcommand};
use events::WebhookId;

use super::Environment;
use super::complete;
use super::connection::Session;
use super::error::CliError;
use super::output::{Column, Output, text, words};
use super::place::OfOwner;

mod change;
mod create;
mod dead;
mod deliveries;
mod list;
mod plain;
mod replay;
mod retry;
mod secret;
mod show;

#[derive(Debug, Subcommand)]
pub enum Webhooks {
    /// Register a webhook; its secret is shown once
    Create(create::Create),
    /// List webhooks
    List(list::List),
    /// Show a webhook and how its deliveries stand
    Show(show::Show),
    /// Change a webhook's name, URL or types of events
    Change(change::Change),
    /// Send a webhook nothing until it is resumed
    Pause(plain::WithReason),
    /// Go on with a webhook that was paused, or whose endpoint was gone
    Resume(plain::Plain),
    /// Remove a webhook, for ever
    Remove(plain::WithReason),
    /// Give a webhook another secret, shown once; the one before signs beside it for a while
    RotateSecret(secret::Rotate),
    /// Have a webhook's newest secret sign alone, from now on
    EndOverlap(plain::Plain),
    /// Send a webhook a test
    Test(plain::Test),
    /// Show what a webhook was sent, attempt by attempt
    Deliveries(deliveries::Deliveries),
    /// List the messages that were given up
    Dead(dead::Dead),
    /// Send messages that were given up again
    Resend(dead::Resend),
    /// Try messages that wait for their next attempt at once
    Retry(retry::Retry),
    /// Send again what happened after a position
    Replay(replay::Replay),
}

impl Webhooks {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::Create(command) => command.run(environment, output).await,
            Self::List(command) => command.run(environment, output).await,
            Self::Show(command) => command.run(environment, output).await,
            Self::Change(command) => command.run(environment, output).await,
            Self::Pause(command) => command.pause(environment, output).await,
            Self::Resume(command) => command.resume(environment, output).await,
            Self::Remove(command) => command.remove(environment, output).await,
            Self::RotateSecret(command) => command.run(environment, output).await,
            Self::EndOverlap(command) => command.end_overlap(environment, output).await,
            Self::Test(command) => command.run(environment, output).await,
            Self::Deliveries(command) => command.run(environment, output).await,
            Self::Dead(command) => command.run(environment, output).await,
            Self::Resend(command) => command.run(environment, output).await,
            Self::Retry(command) => command.run(environment, output).await,
            Self::Replay(command) => command.run(environment, output).await,
        }
    }
}

/// Which webhook.
#[derive(Debug, Args)]
pub struct OfWebhook {
    /// The webhook's id
    #[arg(add = complete::webhooks())]
    webhook: WebhookId,
    #[command(flatten)]
    of: OfOwner,
}

impl OfWebhook {
    /// The webhook's path in the API.
    async fn path(&self, session: &Session<'_>) -> Result<String, CliError> {
        Ok(format!("{}/{}", self.of.webhooks(session).await?, self.webhook))
    }
}

const COLUMNS: &[Column] = &[
    Column { head: "ID", cell: |item| text(item, "id") },
    Column { head: "NAME", cell: |item| text(item, "name") },
    Column { head: "STATE", cell: |item| text(item, "state") },
    Column { head: "WAITING", cell: |item| text(&item["deliveries"], "waiting") },
    Column { head: "DEAD", cell: |item| text(&item["deliveries"], "dead") },
    Column { head: "TYPES", cell: |item| words(item, "types") },
];
