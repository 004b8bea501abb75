//! `keyledger keys metadata`

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use crate::api;
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::place::OfKey;
use crate::cli::wait::Waiting;

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub struct Metadata {
    #[command(flatten)]
    key: OfKey,
    /// A JSON object, in place of all that was noted
    #[arg(value_name = "JSON", value_parser = object, group = "what")]
    metadata: Option<Value>,
    /// Note nothing any more
    #[arg(long, group = "what")]
    none: bool,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Metadata {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = format!("{}/metadata", self.key.path(&session).await?);
        session
            .command(
                &self.waiting,
                Method::PUT,
                &path,
                &json!({ "metadata": self.metadata }),
                "its metadata is set",
            )
            .await
    }
}

/// As the API takes it: here its numbers are still as they were written.
pub fn object(text: &str) -> Result<Value, String> {
    serde_json::from_str::<api::Metadata>(text)
        .map(|metadata| metadata.as_value())
        .map_err(|error| error.to_string())
}
