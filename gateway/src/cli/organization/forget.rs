//! `keyledger organizations forget`

use clap::Args;
use http::Method;
use serde_json::json;

use crate::cli::Environment;
use crate::cli::complete;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::place::organization_id;
use crate::cli::wait::Waiting;

#[derive(Debug, Args)]
pub struct Forget {
    /// By slug or id
    #[arg(add = complete::organizations())]
    organization: String,
    /// Its slug once more: nothing brings back what is forgotten
    #[arg(long, value_name = "SLUG")]
    confirm: String,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Forget {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let id = organization_id(&session, &self.organization).await?;
        let path = format!("/api/v1/organizations/{id}/forget");
        let body = json!({ "slug": self.confirm });
        session.command(&self.waiting, Method::POST, &path, &body, "forgotten").await
    }
}
