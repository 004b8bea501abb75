//! `keyledger oauth attempts`

use clap::Args;
use serde_json::Value;

use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::length::Length;
use crate::cli::output::{Output, text};

#[derive(Debug, Args)]
pub struct Attempts {
    /// In the last 30s, 15m, 1h; a day is kept
    #[arg(long, value_name = "TIME", default_value = "1h")]
    since: Length,
    /// Only those that did not get in
    #[arg(long)]
    stopped: bool,
    /// Show at most so many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=200))]
    limit: u16,
    #[command(flatten)]
    connection: Connection,
}

impl Attempts {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let session = self.connection.open(environment, output)?;
        let query = [("since", self.since.ago().to_string()), ("limit", self.limit.to_string())];
        let mut found = session.client.get("/api/v1/oauth/attempts", &query).await?;
        if self.stopped
            && let Some(items) = found["items"].as_array_mut()
        {
            items.retain(|attempt| attempt["state"] == "stopped");
        }
        if session.json {
            return session.output.json(&found);
        }
        let none = Vec::new();
        let items = found["items"].as_array().unwrap_or(&none);
        if items.is_empty() {
            return session.output.line("no client tried to get in");
        }
        for attempt in items {
            for line in lines(attempt) {
                session.output.line(line)?;
            }
        }
        if found["more"] == true {
            session.output.note("there are older ones: ask with a higher --limit, or a shorter --since");
        }
        Ok(())
    }
}

/// An attempt, as people read it.
fn lines(attempt: &Value) -> Vec<String> {
    let or = |member: &str, none: &str| match text(attempt, member) {
        found if found.is_empty() => none.to_owned(),
        found => found,
    };
    let client = or("client", "a client without a name yet");
    let mut lines = vec![
        format!("{}  {client} -> {}", text(attempt, "last_at"), or("server", "no server named")),
        format!("  by {} from {}", or("agent", "an unnamed program"), or("from", "somewhere")),
        format!("  {}", way(attempt)),
    ];
    match attempt["state"].as_str() {
        Some("stopped") => {
            lines.push(format!("  missing: {}", text(attempt, "missing")));
            lines.push(format!("  likely:  {}", text(attempt, "cause")));
            lines.push(format!("  do:      {}", text(attempt, "advice")));
        }
        Some("in") => lines.push("  it is in".to_owned()),
        Some(_) | None => lines.push("  under way".to_owned()),
    }
    lines
}

/// Its steps in a row, each once for as long as it was repeated.
fn way(attempt: &Value) -> String {
    let none = Vec::new();
    let mut steps: Vec<String> = Vec::new();
    for step in attempt["steps"].as_array().unwrap_or(&none) {
        let refused = if step["refused"] == true { " (refused)" } else { "" };
        let name = format!("{}{refused}", text(step, "step"));
        if steps.last() != Some(&name) {
            steps.push(name);
        }
    }
    steps.join(" > ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_attempt_is_told_in_lines_with_what_to_do() {
        let step = |name: &str, refused: bool| json!({"step": name, "refused": refused});
        let attempt = json!({
            "last_at": "2026-12-01T10:00:00.000Z", "client": "c", "server": "acme/docs", "state": "stopped",
            "from": "192.0.2.0/24", "agent": "claude-code/2.1",
            "missing": "authorization", "cause": "No such address.", "advice": "Allow it.",
            "steps": [step("challenge", false), step("challenge", false), step("authorization", true)],
        });
        assert_eq!(
            lines(&attempt),
            [
                "2026-12-01T10:00:00.000Z  c -> acme/docs",
                "  by claude-code/2.1 from 192.0.2.0/24",
                "  challenge > authorization (refused)",
                "  missing: authorization",
                "  likely:  No such address.",
                "  do:      Allow it.",
            ]
        );
        assert!(lines(&json!({"state": "in"})).contains(&"  it is in".to_owned()));
    }
}
