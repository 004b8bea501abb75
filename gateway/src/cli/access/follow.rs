//! `keyledger access follow`

use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::Choice;
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::Output;

/// How often it is asked, when nothing comes.
const EVERY: Duration = Duration::from_secs(2);

#[derive(Debug, Args)]
pub struct Follow {
    /// Begin after this place (`position` in JSON), or at `start`; without it with what comes from now on
    #[arg(long, value_name = "POSITION", default_value = "now")]
    after: String,
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    connection: Connection,
}

impl Follow {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let session = self.connection.open(environment, output)?;
        let path = self.choice.path(&session).await?;
        let mut after = self.after;
        loop {
            let mut query = self.choice.query();
            query.extend([("after", after.clone()), ("limit", "200".to_owned())]);
            let page = session.client.get(&path, &query).await?;
            for record in page["items"].as_array().into_iter().flatten() {
                session.output.json_line(record)?;
            }
            if let Some(position) = page["position"].as_str() {
                position.clone_into(&mut after);
            }
            if page["more"] != Value::Bool(true) {
                tokio::time::sleep(EVERY).await;
            }
        }
    }
}
