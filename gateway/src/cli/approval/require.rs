//! `keyledger approvals require` and `waive`

use clap::Args;
use http::Method;
use serde_json::json;

use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::place::OfOrganization;
use crate::cli::wait::Waiting;

#[derive(Debug, Args)]
pub struct Require {
    #[command(flatten)]
    of: OfOrganization,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Require {
    pub async fn run(
        self,
        required: bool,
        environment: &Environment,
        output: &mut Output,
    ) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = format!("{}/client-approval", self.of.path(&session).await?);
        let done = if required {
            "its people may use approved clients alone"
        } else {
            "its people may use any client"
        };
        let body = json!({ "required": required });
        session.command(&self.waiting, Method::PUT, &path, &body, done).await
    }
}
