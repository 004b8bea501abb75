//! `GET /api/v1/organizations/{organization}/events`

use axum::extract::State;
use events::Position;
use projections::Projection;
use projections::postgres::history::{self, EventQuery, Order};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::OrganizationPath;
use crate::api::ApiState;
use crate::api::guard::{Allowed, EventsRead, OwnedPath};
use crate::api::history::RecordedEvent;
use crate::api::moment::Moment;
use crate::api::query::{Limit, ListQuery, Page, Query};
use crate::api::reads::Found;
use crate::problem::Problem;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListEvents {
    /// Stored at this moment or later, by the log's clock.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Moment>,
    /// Stored before this moment.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Moment>,
    #[serde(default)]
    order: EventOrder,
    /// How many items at most: 1 to 200.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// `next` of the page before; nothing for the first page.
    #[param(max_length = 200)]
    cursor: Option<String>,
    /// The `position` of an earlier write: the answer waits, a bounded time, until it includes it.
    #[param(value_type = Option<String>)]
    at_least: Option<Position>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventOrder {
    #[default]
    NewestFirst,
    OldestFirst,
}

/// List what happened in an organization
///
/// The events of its servers and keys. What happened to the organization itself is its history.
#[utoipa::path(
    get,
    path = "/api/v1/organizations/{organization}/events",
    operation_id = "organizations_events",
    tag = "organizations",
    params(OrganizationPath, ListEvents),
    responses((status = 200, description = "A page of events", body = Page<RecordedEvent>))
)]
pub async fn list_events(
    State(api): State<ApiState>,
    allowed: Allowed<EventsRead, OrganizationPath>,
    Query(query): Query<ListEvents>,
) -> Result<Found<Page<RecordedEvent>>, Problem> {
    let ListEvents { since, until, order, limit, cursor, at_least } = query;
    let page = ListQuery { limit, cursor, at_least }.page()?;
    let order = match order {
        EventOrder::NewestFirst => Order::NewestFirst,
        EventOrder::OldestFirst => Order::OldestFirst,
    };
    let [since, until] = [since, until].map(|given| given.map(|Moment(at)| at));
    let which = EventQuery { owner: Some(allowed.at.owner()), since, until, order };
    let rows = api.read(Projection::History, at_least, |pool| history::list(pool, &which, &page)).await?;
    api.exists_if(!rows.found.items.is_empty(), &allowed.at).await?;
    Ok(rows.map(|rows| Page::of(rows, |row| RecordedEvent::of(&api, row))))
}
