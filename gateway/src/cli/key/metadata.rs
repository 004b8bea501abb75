//! `keyledger keys metadata`

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::place::OfOwner;
use crate::cli::wait::Waiting;

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub struct Metadata {
    /// The key's id
    key: String,
    /// A JSON object, in place of all that was noted
    #[arg(value_name = "JSON", value_parser = object, group = "what")]
    metadata: Option<Value>,
    /// Note nothing any more
    #[arg(long, group = "what")]
    none: bool,
    #[command(flatten)]
    of: OfOwner,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    connection: Connection,
}

impl Metadata {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = format!("{}/{}/metadata", self.of.keys(&session).await?, self.key);
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

pub fn object(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(object @ Value::Object(_)) => Ok(object),
        Ok(_) => Err("a JSON object is asked for, such as {\"team\":\"docs\"}".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
