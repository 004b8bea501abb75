//! `keyledger access list`

use clap::Args;
use events::Timestamp;
use serde_json::Value;

use super::Choice;
use crate::cli::Environment;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::events::start::Moment;
use crate::cli::length::Length;
use crate::cli::list::Pages;
use crate::cli::output::{Column, Output, named, text};

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    choice: Choice,
    /// At this time or later (2026-11-24T08:00:00Z)
    #[arg(long, value_name = "TIME", conflicts_with = "last")]
    from: Option<Moment>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    to: Option<Moment>,
    /// In the last 30s, 15m, 1h, 7d
    #[arg(long, value_name = "TIME")]
    last: Option<Length>,
    #[command(flatten)]
    pages: Pages,
    #[command(flatten)]
    connection: Connection,
}

const COLUMNS: &[Column] = &[
    Column { head: "TIME", cell: |item| text(item, "time") },
    Column { head: "TYPE", cell: |item| text(item, "type") },
    Column { head: "WHO", cell: |item| named(item, "actor", "actor_name") },
    Column { head: "FROM", cell: |item| text(item, "address") },
    Column { head: "WHAT", cell: what },
    Column { head: "CAME TO", cell: came_to },
];

fn what(item: &Value) -> String {
    let mut route = text(item, "route");
    for (name, id) in item["ids"].as_object().into_iter().flatten() {
        let id = id.as_str().unwrap_or_default();
        let shown =
            item["names"][name].as_str().map_or_else(|| id.to_owned(), |called| format!("{id} ({called})"));
        route = route.replace(&format!("{{{name}}}"), &shown);
    }
    if route.is_empty() { route } else { format!("{} {route}", text(item, "method")) }
}

fn came_to(item: &Value) -> String {
    let words = ["problem", "reason"].map(|name| text(item, name));
    let mut words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
    if let Some(count) = item["count"].as_u64() {
        words.push(format!("{count} times"));
    }
    words.join(", ")
}

impl List {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        let path = self.choice.path(&session).await?;
        let from = self.from.map(|Moment(at)| at).or(self.last.map(Length::ago));
        let mut query = self.choice.query();
        let times = [("since", from), ("until", self.to.map(|Moment(at)| at))];
        query.extend(
            times.into_iter().filter_map(|(name, at): (_, Option<Timestamp>)| Some((name, at?.to_string()))),
        );
        self.pages.show(&mut session, &path, COLUMNS, &query).await
    }
}
