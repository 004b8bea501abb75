//! A list of events by time, and what every answer looks like.

use events::{Owner, Timestamp};
use projections::Projection;
use projections::parked::ParkedEvent;
use projections::postgres::history::{self, EventQuery, Loss};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::RecordedEvent;
use super::choice::ListOfEvents;
use super::place::FeedPlace;
use crate::api::ApiState;
use crate::api::query::Page;
use crate::api::reads::Found;
use crate::problem::Problem;

/// A page of a list, or of the feed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct EventPage {
    pub items: Vec<RecordedEvent>,
    /// Of a list: send it as `cursor` for the next page; absent on the last one. Opaque. A page may have fewer items than
    /// were asked for, or none, and others follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Of the feed: send it as `after` for what comes next, now or in years. Opaque.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub position: Option<FeedPlace>,
    /// Of the feed: there may be more at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// Of the feed: an event after `position` can't be read by this version, and what comes after it waits, so that
    /// nobody misses it. `keyledger projections parked list` shows an operator which, and why.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held_up: bool,
    /// Of the feed: messages up to `position` that no version will ever take for events, and what follows of their objects.
    /// Nobody obeys them, and the object is closed from there on. Whatever the filter, and beside `items`: they are in
    /// the log's order by `sequence`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<UnreadableEvent>,
}

impl EventPage {
    pub fn is_empty(&self) -> bool {
        self.items.is_empty() && self.unreadable.is_empty()
    }
}

/// A message on an event's place that is none: no writer signed it, or it was stored once more, or too late.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct UnreadableEvent {
    pub sequence: u64,
    /// Where it lies: what it would be about.
    pub subject: String,
    /// What it says of itself; `null`, here and below: that can't be read.
    pub id: Option<Uuid>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub stored_at: Timestamp,
    /// Why it is none, in words.
    pub reason: String,
    /// Its place for `after`. Opaque.
    #[schema(value_type = Option<String>)]
    pub position: Option<FeedPlace>,
}

impl UnreadableEvent {
    pub fn of(api: &ApiState, parked: ParkedEvent, losses: &[Loss]) -> Self {
        Self {
            sequence: parked.sequence,
            subject: parked.subject.to_string(),
            id: parked.event.map(|event| event.uuid()),
            kind: parked.kind,
            stored_at: parked.stored_at,
            reason: parked.reason,
            position: api.position(parked.sequence).map(|position| FeedPlace::of(position, losses)),
        }
    }
}

pub async fn list(
    api: &ApiState,
    reader: Owner,
    about: Option<Owner>,
    ListOfEvents { filter, order, page, at_least }: ListOfEvents,
) -> Result<Found<EventPage>, Problem> {
    let which = EventQuery { about, filter, order };
    let read = async |pool| {
        let told = history::list(pool, &which, &page).await?.told(pool, reader).await?;
        Ok((told, history::losses(pool).await?))
    };
    let rows = api.read(Projection::History, at_least, read).await?;
    Ok(rows.map(|(rows, losses)| {
        let Page { items, next, waiting: _ } = Page::of(rows, |row| RecordedEvent::of(api, row, &losses));
        EventPage { items, next, position: None, more: false, held_up: false, unreadable: Vec::new() }
    }))
}
