//! `keyledger organizations events`

use clap::Args;

use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::events::answer::Format;
use crate::cli::events::history::{self, Choice, Span};
use crate::cli::list::Paging;
use crate::cli::output::Output;
use crate::cli::place::OfOrganization;

#[derive(Debug, Args)]
pub struct Events {
    #[command(flatten)]
    of: OfOrganization,
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    span: Span,
    /// Print what happens from now on, a line each
    #[arg(long, conflicts_with_all = ["from", "to", "last", "cursor", "limit", "order", "at_least"])]
    follow: bool,
    /// With --follow: begin after this place (`position` in JSON), or at `start`
    #[arg(
        long,
        value_name = "POSITION",
        requires = "follow",
        default_value = "now",
        hide_default_value = true
    )]
    after: String,
    /// How each is written, instead of as a table; with --follow a line each as it comes, JSON where none is named
    #[arg(long, value_enum, conflicts_with = "json")]
    format: Option<Format>,
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    connection: Connection,
}

impl Events {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = format!("{}/events", self.of.path(&session).await?);
        if self.follow {
            let format = self.format.unwrap_or(Format::Jsonl);
            return history::follow(&mut session, &path, &self.choice, self.after, format).await;
        }
        history::list(&mut session, &path, &self.choice, &self.span, &self.paging, self.format).await
    }
}
