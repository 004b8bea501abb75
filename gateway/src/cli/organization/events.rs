//! `keyledger organizations events`

use clap::Args;

use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
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
    /// Print what happens from now on, one JSON value a line
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
            return history::follow(&mut session, &path, &self.choice, self.after).await;
        }
        history::list(&mut session, &path, &self.choice, &self.span, &self.paging).await
    }
}
