//! `keyledger consents list`

use clap::{Args, ValueEnum};

use super::COLUMNS;
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::grant::Choice;
use crate::cli::list::Paging;
use crate::cli::output::Output;
use crate::cli::place::OfOrganization;

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    of: OfOrganization,
    #[command(flatten)]
    choice: Choice,
    /// Only those that stand so
    #[arg(long, value_enum)]
    state: Option<State>,
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum State {
    Given,
    Withdrawn,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl List {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let organization = self.of.path(&session).await?;
        let choice = self.choice.query(&session, &organization, self.state.map(State::as_str)).await?;
        self.paging.show_chosen(&mut session, &format!("{organization}/consents"), COLUMNS, &choice).await
    }
}
