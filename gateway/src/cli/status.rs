//! `keyledger status`

use clap::Args;
use serde_json::Value;
use url::Url;

use super::Environment;
use super::connection::Connection;
use super::error::CliError;
use super::output::{Column, Output, text};
use crate::unseen::one_line;

mod process;

#[derive(Debug, Args)]
pub struct Status {
    /// Ask one process instead, at its metrics listener (`listen.metrics`): with no key, and also while control is not ready
    #[arg(long, value_name = "URL")]
    process: Option<Url>,
    /// Say only what is wrong. Exit code 0: nothing; 5: it answers and is degraded; 3: not reachable or not ready
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    connection: Connection,
}

const CARD: &[Column] = &[
    Column { head: "version", cell: |item| text(item, "version") },
    Column { head: "log", cell: |item| at(item, &["log", "id"]) },
    Column { head: "log: reachable", cell: |item| at(item, &["log", "reachable"]) },
    Column { head: "log: newest event", cell: |item| at(item, &["log", "last_sequence"]) },
    Column { head: "log: unproven", cell: |item| at(item, &["log", "unproven"]) },
    Column { head: "process: applied", cell: |item| at(item, &["node", "applied"]) },
    Column { head: "process: events behind", cell: |item| at(item, &["node", "lag_events"]) },
    Column { head: "process: known complete, seconds ago", cell: age },
    Column { head: "process: serving stale", cell: |item| at(item, &["node", "serving_stale"]) },
    Column {
        head: "process: clock offset, seconds",
        cell: |item| at(item, &["node", "clock_offset_seconds"]),
    },
    Column { head: "organizations", cell: |item| at(item, &["node", "organizations"]) },
    Column { head: "servers", cell: |item| at(item, &["node", "servers"]) },
    Column { head: "keys", cell: |item| at(item, &["node", "keys"]) },
    Column { head: "closed", cell: |item| at(item, &["node", "closed"]) },
    Column { head: "read models: reachable", cell: |item| at(item, &["read_models", "reachable"]) },
    Column { head: "read models: problem", cell: |item| at(item, &["read_models", "problem"]) },
    Column { head: "read models: applied", cell: |item| at(item, &["read_models", "applied"]) },
    Column { head: "read models: events behind", cell: |item| at(item, &["read_models", "lag_events"]) },
    Column { head: "parked events", cell: |item| at(item, &["read_models", "parked"]) },
];

const PROJECTIONS: &[Column] = &[
    Column { head: "PROJECTION", cell: |item| text(item, "name") },
    Column { head: "APPLIED", cell: |item| text(item, "applied") },
    Column { head: "BEHIND", cell: |item| text(item, "lag_events") },
    Column { head: "PARKED", cell: |item| text(item, "parked") },
    Column { head: "DIVERGED", cell: |item| text(item, "diverged") },
];

const WITNESSES: &[Column] = &[
    Column { head: "WITNESS", cell: |item| text(item, "name") },
    Column { head: "STATE", cell: |item| text(item, "state") },
    Column { head: "COSIGNED", cell: |item| text(item, "cosigned") },
    Column { head: "AT", cell: |item| text(item, "cosigned_at") },
    Column { head: "WHY", cell: |item| text(item, "problem") },
];

const PARKED: &[Column] = &[
    Column { head: "PARKED", cell: |item| text(item, "sequence") },
    Column { head: "IN", cell: |item| text(item, "projection") },
    Column { head: "EVENT", cell: |item| text(item, "type") },
    Column { head: "VERSION", cell: |item| text(item, "schema_version") },
    Column { head: "SUBJECT", cell: |item| text(item, "subject") },
    Column { head: "WHY", cell: |item| text(item, "reason") },
];

const OUTLETS: &[Column] = &[
    Column { head: "NAME", cell: |item| text(item, "name") },
    Column { head: "AT", cell: |item| text(item, "applied") },
    Column { head: "BEHIND", cell: |item| text(item, "lag_events") },
    Column { head: "STANDS STILL SINCE", cell: |item| text(item, "problem_since") },
    Column { head: "WHY", cell: |item| text(item, "problem") },
];

impl Status {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        if let Some(url) = &self.process {
            let ca_file = self.connection.ca_file(environment);
            return self.of_process(&process::ask(url, ca_file.as_deref()).await?, output);
        }
        let session = self.connection.open(environment, output)?;
        let status = session.client.get("/api/v1/status", &[]).await?;
        if self.check {
            return check(&status["degraded"], session.json, session.output);
        }
        if session.json {
            return session.output.json(&status);
        }
        session.output.card(CARD, &status)?;
        for lack in words(&status["degraded"]) {
            session.output.line(format!("degraded: {lack}"))?;
        }
        if let Some(projections) = status["read_models"]["projections"].as_array().filter(|it| !it.is_empty())
        {
            session.output.line("")?;
            session.output.table(PROJECTIONS, projections)?;
        }
        for (what, member) in [("DRAINS", "drains"), ("EXPORTS", "exports")] {
            if let Some(outlets) = status[member].as_array().filter(|it| !it.is_empty()) {
                session.output.line(format!("\n{what}"))?;
                session.output.table(OUTLETS, outlets)?;
            }
        }
        if let Some(witnesses) = status["witnesses"].as_array().filter(|it| !it.is_empty()) {
            session.output.line("")?;
            session.output.table(WITNESSES, witnesses)?;
        }
        match status["read_models"]["first_parked"].as_array() {
            Some(parked) if !parked.is_empty() => {
                session.output.line("")?;
                session.output.table(PARKED, parked)
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl Status {
    fn of_process(&self, found: &Value, output: &mut Output) -> Result<(), CliError> {
        if self.check {
            if let Some(reason) = found["reason"].as_str() {
                return Err(CliError::Unavailable(format!("not ready: {}", one_line(reason))));
            }
            return check(&found["lacks"], self.connection.json, output);
        }
        if self.connection.json {
            return output.json(found);
        }
        output.card(process::CARD, found)?;
        for (columns, member) in [(process::CONNECTIONS, "nats"), (process::PROJECTIONS, "projections")] {
            if let Some(items) = found[member].as_array().filter(|it| !it.is_empty()) {
                output.line("")?;
                output.table(columns, items)?;
            }
        }
        Ok(())
    }
}

/// What is wrong, and the exit code that says whether anything is.
fn check(degraded: &Value, json: bool, output: &mut Output) -> Result<(), CliError> {
    let lacks = words(degraded);
    if json {
        output.json(&serde_json::json!({ "degraded": lacks }))?;
    } else {
        lacks.iter().try_for_each(|lack| output.line(one_line(lack)))?;
    }
    match lacks.len() {
        0 => Ok(()),
        1 => Err(CliError::Degraded("it is degraded".to_owned())),
        more => Err(CliError::Degraded(format!("it is degraded in {more} ways"))),
    }
}

fn words(degraded: &Value) -> Vec<&str> {
    match degraded {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

fn age(item: &Value) -> String {
    item["node"]["age_seconds"].as_f64().map_or_else(|| "-".to_owned(), |age| format!("{age:.1}"))
}

fn at(item: &Value, path: &[&str]) -> String {
    let Some((last, before)) = path.split_last() else { return String::new() };
    let parent = before.iter().try_fold(item, |item, member| item.get(member));
    parent.map_or_else(|| "-".to_owned(), |parent| text(parent, last))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::Gone;
    use super::*;

    #[test]
    fn a_check_says_what_is_wrong_and_ends_with_a_code_for_it() {
        let checked =
            |degraded: Value| check(&degraded, false, &mut Output::to(std::io::sink(), std::io::sink()));
        checked(json!([])).unwrap();
        checked(Value::Null).unwrap();
        let one = checked(json!("PostgreSQL does not answer")).unwrap_err();
        let two = checked(json!(["one", "another"])).unwrap_err();
        assert_eq!((one.exit_code(), two.exit_code()), (5, 5));
        assert_eq!(two.to_string(), "it is degraded in 2 ways");
        for as_json in [false, true] {
            let unread = check(&json!("one"), as_json, &mut Output::to(Gone, std::io::sink()));
            assert_eq!(unread.unwrap_err().exit_code(), 5);
        }
    }
}
