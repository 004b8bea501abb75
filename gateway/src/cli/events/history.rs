//! What happened as the admin API tells it, texts included: a list, or as it comes. Of the whole installation here, of
//! one organization in `keyledger organizations events`.

use clap::{Args, ValueEnum};
use events::Timestamp;
use serde_json::Value;

use super::answer::Format;
use super::start::Moment;
use crate::cli::Environment;
use crate::cli::connection::{Connection, Session};
use crate::cli::error::CliError;
use crate::cli::length::Length;
use crate::cli::list::Paging;
use crate::cli::output::{Output, text};
use crate::cli::recorded::COLUMNS;

const PATH: &str = "/api/v1/events";

/// Which events.
#[derive(Debug, Args)]
pub struct Choice {
    /// Only events of these types, such as key.issued,key.revoked; key.* is all of a key's
    #[arg(long = "type", value_name = "TYPE,…")]
    kinds: Option<String>,
    /// Only what this actor did, such as key:ID or system:bootstrap
    #[arg(long, value_name = "ACTOR")]
    actor: Option<String>,
    /// Only what happened to this, such as key:ID, or to all of a type: server
    #[arg(long, value_name = "OBJECT")]
    object: Option<String>,
}

/// Of which time, and in which order.
#[derive(Debug, Args)]
pub struct Span {
    /// Stored at this time or later, by the log's clock (2026-11-24T08:00:00Z)
    #[arg(long, value_name = "TIME", conflicts_with = "last")]
    from: Option<Moment>,
    /// Stored before this time
    #[arg(long, value_name = "TIME")]
    to: Option<Moment>,
    /// Stored in the last 30s, 15m, 1h, 7d
    #[arg(long, value_name = "TIME")]
    last: Option<Length>,
    #[command(flatten)]
    order: Ordered,
}

/// In which order.
#[derive(Debug, Args)]
pub struct Ordered {
    /// Which comes first
    #[arg(long, value_enum, default_value_t)]
    order: Order,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Order {
    #[default]
    Newest,
    Oldest,
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    span: Span,
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
pub struct Follow {
    /// Begin after this place (`position` in JSON), or at `start`; without it with what happens from now on
    #[arg(long, value_name = "POSITION", default_value = "now")]
    after: String,
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    connection: Connection,
}

impl Choice {
    fn query(&self) -> Vec<(&'static str, String)> {
        let given = [("type", &self.kinds), ("actor", &self.actor), ("object", &self.object)];
        given.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect()
    }
}

impl Span {
    fn query(&self) -> Vec<(&'static str, String)> {
        let from = self.from.map(|Moment(at)| at).or(self.last.map(Length::ago));
        let mut query: Vec<_> = [("since", from), ("until", self.to.map(|Moment(at)| at))]
            .into_iter()
            .filter_map(|(name, at): (_, Option<Timestamp>)| Some((name, at?.to_string())))
            .collect();
        query.extend(self.order.query());
        query
    }
}

impl Ordered {
    pub fn query(&self) -> Option<(&'static str, String)> {
        (self.order == Order::Oldest).then(|| ("order", "oldest_first".to_owned()))
    }
}

impl List {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        list(&mut session, PATH, &self.choice, &self.span, &self.paging, None).await
    }
}

impl Follow {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let mut session = self.connection.open(environment, output)?;
        follow(&mut session, PATH, &self.choice, self.after, Format::Jsonl).await
    }
}

pub async fn list(
    session: &mut Session<'_>,
    path: &str,
    choice: &Choice,
    span: &Span,
    paging: &Paging,
    format: Option<Format>,
) -> Result<(), CliError> {
    let choice = [choice.query(), span.query()].concat();
    let Some(format) = format else { return paging.show_chosen(session, path, COLUMNS, &choice).await };
    // Before anything is asked: a format that can't be written is told at once.
    format.begin(session.output)?;
    let items = paging.items(session, path, &choice).await?;
    items.iter().try_for_each(|event| format.write(event, session.output))
}

/// A line for each event, as it comes, until it is told to end.
pub async fn follow(
    session: &mut Session<'_>,
    path: &str,
    choice: &Choice,
    mut after: String,
    format: Format,
) -> Result<(), CliError> {
    format.begin(session.output)?;
    let mut held_up = false;
    loop {
        let mut query = choice.query();
        query.extend([
            ("after", after.clone()),
            ("wait_seconds", "25".to_owned()),
            ("limit", "200".to_owned()),
        ]);
        let page = session.client.get(path, &query).await?;
        for event in page.get("items").and_then(Value::as_array).into_iter().flatten() {
            format.write(event, session.output)?;
        }
        for it in page.get("unreadable").and_then(Value::as_array).into_iter().flatten() {
            session.output.note(format!(
                "message {} on {} is no event, and nobody obeys it: {}. `keyledger events verify` finds what else is wrong",
                text(it, "sequence"),
                text(it, "subject"),
                text(it, "reason"),
            ));
        }
        let is_held_up = page.get("held_up").and_then(Value::as_bool).unwrap_or_default();
        if is_held_up && !held_up {
            session.output.note(
                "an event can't be read by this version: what comes after it waits. `keyledger projections parked list` \
                 shows which, and why",
            );
        }
        held_up = is_held_up;
        if let Some(position) = page.get("position").and_then(Value::as_str) {
            position.clone_into(&mut after);
        }
    }
}
