//! `keyledger issuers test`

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::OfIssuer;
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::{Output, text};

#[derive(Debug, Args)]
pub struct Test {
    #[command(flatten)]
    issuer: OfIssuer,
    #[command(flatten)]
    connection: Connection,
}

impl Test {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let session = self.connection.open(environment, output)?;
        let path = format!("{}/test", self.issuer.path(&session).await?);
        let found = session.client.write(Method::POST, &path, &json!({})).await?;
        if session.json {
            session.output.json(&found)?;
        } else {
            let steps = found.get("steps").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            for step in steps {
                let (name, outcome) = (text(step, "step"), text(step, "outcome"));
                session.output.line(format!("{name:<11} {outcome:<9} {}", text(step, "told")))?;
            }
        }
        if found.get("passed") == Some(&Value::Bool(true)) {
            Ok(())
        } else {
            Err(CliError::Degraded("nobody could sign in at it now".to_owned()))
        }
    }
}
