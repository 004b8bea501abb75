//! Commands: sent once, answered by what changed and where it stands in the log, and followed where that was
//! asked for.

use http::Method;
use serde_json::Value;

use super::connection::Session;
use super::error::CliError;
use super::wait::Waiting;

impl Session<'_> {
    /// Sends a command and says what came of it.
    pub async fn command(
        &mut self,
        waiting: &Waiting,
        method: Method,
        path: &str,
        body: &Value,
        done: &str,
    ) -> Result<(), CliError> {
        self.command_shown(waiting, method, path, body, |session, written| session.written(written, done))
            .await
    }

    /// The same for a command whose answer people are shown in a way of its own. That comes before the waiting;
    /// JSON comes after it, with what is proven then.
    pub async fn command_shown(
        &mut self,
        waiting: &Waiting,
        method: Method,
        path: &str,
        body: &Value,
        show: impl FnOnce(&mut Self, &Value) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        let begun = waiting.begin()?;
        let mut written = self.client.write(method, &waiting.path(path), body).await?;
        if !self.json {
            show(self, &written)?;
            let warnings = written.get("warnings").and_then(Value::as_array).into_iter().flatten();
            for warning in warnings.filter_map(Value::as_str) {
                self.output.note(format!("warning: {warning}"));
            }
        }
        let proven = match begun {
            None => Ok(()),
            Some(begun) => begun.follow(self, &mut written).await,
        };
        if self.json {
            self.output.json(&written)?;
        }
        proven
    }

    fn written(&mut self, written: &Value, done: &str) -> Result<(), CliError> {
        let id = written.get("id").and_then(Value::as_str).unwrap_or_default();
        if written.get("changed") == Some(&Value::Bool(false)) {
            return self.output.line(format!("{id}: it was so already"));
        }
        self.output.line(format!("{id}: {done}"))?;
        let found = written.get("found").and_then(|found| found.get("detail"));
        for (name, member) in [
            ("upstream", found),
            ("clients use", written.get("url")),
            ("its tokens are for", written.get("audience")),
        ] {
            if let Some(text) = member.and_then(Value::as_str) {
                self.output.line(format!("{name}: {text}"))?;
            }
        }
        Ok(())
    }
}

/// `{}` with the members that are there.
pub fn members(members: impl IntoIterator<Item = (&'static str, Option<Value>)>) -> Value {
    Value::Object(members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
}
