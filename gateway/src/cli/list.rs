//! Lists: as many pages as are asked for, as one table or one JSON value.

use clap::Args;
use serde_json::{Value, json};

use super::connection::Session;
use super::error::CliError;
use super::output::Column;

/// What every list takes.
#[derive(Debug, Args)]
pub struct Paging {
    #[command(flatten)]
    pages: Pages,
    #[command(flatten)]
    reading: Reading,
}

/// How much of a list.
#[derive(Debug, Args)]
pub struct Pages {
    /// Show at most so many
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// Go on where an earlier list ended (`next` in its JSON)
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

/// What every read takes.
#[derive(Debug, Args)]
pub struct Reading {
    /// Wait, a bounded time, until the answer includes a write (`position` in its JSON)
    #[arg(long, value_name = "POSITION")]
    at_least: Option<String>,
}

impl Reading {
    pub fn query(&self) -> Vec<(&'static str, String)> {
        self.at_least.iter().map(|position| ("at_least", position.clone())).collect()
    }
}

/// What the API has of a list.
struct Found {
    items: Vec<Value>,
    next: Option<String>,
    /// Ids of those that are missing, or outdated.
    waiting: Vec<Value>,
}

/// The most that the API gives at once.
const PAGE: u32 = 200;

impl Paging {
    pub async fn show(
        &self,
        session: &mut Session<'_>,
        path: &str,
        columns: &[Column],
    ) -> Result<(), CliError> {
        self.show_chosen(session, path, columns, &[]).await
    }

    /// The same of those that are asked for.
    pub async fn show_chosen(
        &self,
        session: &mut Session<'_>,
        path: &str,
        columns: &[Column],
        choice: &[(&'static str, String)],
    ) -> Result<(), CliError> {
        self.pages.show(session, path, columns, &[&self.reading.query(), choice].concat()).await
    }

    /// Those that are asked for, for whoever writes them in a way of its own.
    pub async fn items(
        &self,
        session: &mut Session<'_>,
        path: &str,
        choice: &[(&'static str, String)],
    ) -> Result<Vec<Value>, CliError> {
        let choice = [&self.reading.query(), choice].concat();
        let found = self.pages.found(session, path, &choice).await?;
        self.pages.note(session, &found);
        Ok(found.items)
    }
}

impl Pages {
    /// Those that are asked for.
    pub async fn show(
        &self,
        session: &mut Session<'_>,
        path: &str,
        columns: &[Column],
        choice: &[(&'static str, String)],
    ) -> Result<(), CliError> {
        let found = self.found(session, path, choice).await?;
        if session.json {
            let Found { items, next, waiting } = found;
            return session.output.json(&json!({ "items": items, "next": next, "waiting": waiting }));
        }
        session.output.table(columns, &found.items)?;
        self.note(session, &found);
        Ok(())
    }

    async fn found(
        &self,
        session: &mut Session<'_>,
        path: &str,
        choice: &[(&'static str, String)],
    ) -> Result<Found, CliError> {
        let found = self.fetch(session, path, choice).await?;
        session.note_age();
        if found.items.is_empty() && !choice.is_empty() {
            session.output.note("nothing matched");
        }
        Ok(found)
    }

    /// What of the list is not shown.
    fn note(&self, session: &mut Session<'_>, Found { next, waiting, .. }: &Found) {
        if !waiting.is_empty() {
            let ids: Vec<_> = waiting.iter().filter_map(Value::as_str).collect();
            session.output.note(format!(
                "missing here, or shown as before, since events of theirs wait to be taken in: {}",
                ids.join(", ")
            ));
        }
        if next.is_some() {
            session.output.note(format!("there are more: --limit takes more than {}", self.limit));
        }
    }

    async fn fetch(
        &self,
        session: &Session<'_>,
        path: &str,
        choice: &[(&'static str, String)],
    ) -> Result<Found, CliError> {
        let mut items = Vec::new();
        let mut next = self.cursor.clone();
        loop {
            let wanted = self.limit.saturating_sub(u32::try_from(items.len()).unwrap_or(u32::MAX));
            let mut query = choice.to_vec();
            query.push(("limit", wanted.min(PAGE).to_string()));
            query.extend(next.take().map(|cursor| ("cursor", cursor)));
            let mut page = session.client.get(path, &query).await?;
            if let Some(Value::Array(page)) = page.get_mut("items").map(Value::take) {
                items.extend(page);
            }
            next = page.get("next").and_then(Value::as_str).map(str::to_owned);
            if next.is_none() || items.len() >= self.limit as usize {
                let waiting = page.get_mut("waiting").map(Value::take);
                let waiting = waiting.as_ref().and_then(Value::as_array).cloned().unwrap_or_default();
                return Ok(Found { items, next, waiting });
            }
        }
    }
}
