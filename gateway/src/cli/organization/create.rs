//! `keyledger organizations create`

use clap::Args;
use http::Method;
use serde_json::json;

use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::wait::Waiting;

#[derive(Debug, Args)]
pub struct Create {
    /// Stands in the addresses of its servers, for ever
    slug: String,
    /// What people call it; without it the slug
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Create {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let name = self.name.as_ref().unwrap_or(&self.slug);
        let body = json!({ "slug": self.slug, "name": name });
        session.command(&self.waiting, Method::POST, "/api/v1/organizations", &body, "created").await
    }
}
