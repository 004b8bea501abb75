//! Commands: sent once, answered by what changed and where it stands in the log.

use http::Method;
use serde_json::Value;

use super::connection::Session;
use super::error::CliError;

impl Session<'_> {
    /// Sends a command and says what came of it.
    pub async fn command(
        &mut self,
        method: Method,
        path: &str,
        body: &Value,
        done: &str,
    ) -> Result<(), CliError> {
        let written = self.client.write(method, path, body).await?;
        self.written(&written, done)
    }

    pub fn written(&mut self, written: &Value, done: &str) -> Result<(), CliError> {
        if self.json {
            return self.output.json(written);
        }
        let id = written.get("id").and_then(Value::as_str).unwrap_or_default();
        if written.get("changed") == Some(&Value::Bool(false)) {
            return self.output.line(format!("{id}: it was so already"));
        }
        self.output.line(format!("{id}: {done}"))
    }
}

/// `{}` with the members that are there.
pub fn members(members: impl IntoIterator<Item = (&'static str, Option<Value>)>) -> Value {
    Value::Object(members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
}
