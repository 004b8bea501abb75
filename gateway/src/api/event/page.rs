//! A list of events by time, and what every answer looks like.

use events::{Owner, Position};
use projections::Projection;
use projections::postgres::history::{self, EventQuery};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::RecordedEvent;
use super::choice::ListOfEvents;
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
    pub position: Option<Position>,
    /// Of the feed: there may be more at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// Of the feed: an event after `position` can't be read by this version, and what comes after it waits, so that
    /// nobody misses it. `keyledger projections parked list` shows an operator which, and why.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held_up: bool,
}

pub async fn list(
    api: &ApiState,
    about: Option<Owner>,
    ListOfEvents { filter, order, page, at_least }: ListOfEvents,
) -> Result<Found<EventPage>, Problem> {
    let which = EventQuery { about, filter, order };
    let rows = api.read(Projection::History, at_least, |pool| history::list(pool, &which, &page)).await?;
    Ok(rows.map(|rows| {
        let Page { items, next, waiting: _ } = Page::of(rows, |row| RecordedEvent::of(api, row));
        EventPage { items, next, position: None, more: false, held_up: false }
    }))
}
