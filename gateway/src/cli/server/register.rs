//! `keyledger servers register`

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
pub struct Register {
    /// Stands in the server's address and in scopes, for ever
    slug: String,
    /// Where it answers, such as https://tools.example.com/mcp
    #[arg(long, value_name = "URL")]
    upstream: String,
    /// What people call it; without it the slug
    #[arg(long)]
    name: Option<String>,
    /// Let no call pass until it is enabled
    #[arg(long)]
    disabled: bool,
    #[command(flatten)]
    of: OfOrganization,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Register {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = format!("{}/servers", self.of.path(&session).await?);
        let body = json!({
            "slug": self.slug,
            "name": self.name.as_ref().unwrap_or(&self.slug),
            "upstream": self.upstream,
            "enabled": !self.disabled,
        });
        session.command(&self.waiting, Method::POST, &path, &body, "registered").await
    }
}
