//! `keyledger servers show`

use clap::Args;

use super::LINES;
use crate::cli::Environment;
use crate::cli::complete;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::list::Reading;
use crate::cli::output::Output;
use crate::cli::place::{OfOrganization, server_id};

#[derive(Debug, Args)]
pub struct Show {
    /// By slug or id
    #[arg(add = complete::servers())]
    server: String,
    #[command(flatten)]
    of: OfOrganization,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    connection: Connection,
}

impl Show {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = self.of.path(&session).await?;
        let id = server_id(&session, &path, &self.server).await?;
        let found = session.client.get(&format!("{path}/servers/{id}"), &self.reading.query()).await?;
        session.show(LINES, &found)
    }
}
