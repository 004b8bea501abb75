//! `keyledger webhooks create`

use clap::Args;
use http::Method;
use serde_json::Value;

use super::secret::show;
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::place::OfOwner;
use crate::cli::wait::Waiting;
use crate::cli::write::members;

#[derive(Debug, Args)]
pub struct Create {
    /// What people call it
    name: String,
    /// Where events are sent to; a file that holds the URL with @FILE, where it holds a token
    #[arg(long, value_name = "URL")]
    url: String,
    /// Which events, such as key.issued or key.*; can be given more than once, without it all
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    #[command(flatten)]
    of: OfOwner,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Create {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = self.of.webhooks(&session).await?;
        let body = members([
            ("name", Some(self.name.into())),
            ("url", Some(url(&self.url)?.into())),
            ("types", (!self.types.is_empty()).then(|| Value::from(self.types))),
        ]);
        session.command_shown(&self.waiting, Method::POST, &path, &body, show).await
    }
}

/// As it was given, or what the file holds: a token in a URL is not for `ps`.
pub fn url(given: &str) -> Result<String, CliError> {
    let Some(file) = given.strip_prefix('@') else { return Ok(given.to_owned()) };
    let read = std::fs::read_to_string(file);
    let read = read.map_err(|error| CliError::Usage(format!("--url: {file} can't be read: {error}")))?;
    Ok(read.trim().to_owned())
}
