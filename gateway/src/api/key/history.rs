//! `GET …/keys/{key}/history`

use axum::Json;
use axum::extract::State;
use events::Subject;
use projections::Projection;
use projections::postgres::history::{self, Order};
use projections::postgres::key;

use super::{InstallationKeyPath, KeyPath, KeyPlace};
use crate::api::ApiState;
use crate::api::guard::{Allowed, KeysRead};
use crate::api::history::RecordedEvent;
use crate::api::query::{ListQuery, Page, Query};
use crate::problem::Problem;

/// List what happened to a key
///
/// Oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/organizations/{organization}/keys/{key}/history",
    operation_id = "keys_history",
    tag = "keys",
    params(KeyPath, ListQuery),
    responses((status = 200, description = "A page of events", body = Page<RecordedEvent>))
)]
pub async fn history(
    State(api): State<ApiState>,
    allowed: Allowed<KeysRead, KeyPath>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<RecordedEvent>>, Problem> {
    run(&api, &allowed.at, query).await
}

/// List what happened to an installation key
///
/// Oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/installation/keys/{key}/history",
    operation_id = "installation_keys_history",
    tag = "installation keys",
    params(InstallationKeyPath, ListQuery),
    responses((status = 200, description = "A page of events", body = Page<RecordedEvent>))
)]
pub async fn history_installation(
    State(api): State<ApiState>,
    allowed: Allowed<KeysRead, InstallationKeyPath>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<RecordedEvent>>, Problem> {
    run(&api, &allowed.at, query).await
}

async fn run(
    api: &ApiState,
    at: &impl KeyPlace,
    query: ListQuery,
) -> Result<Json<Page<RecordedEvent>>, Problem> {
    let (page, subject) = (query.page()?, Subject::key(at.owner(), at.key()));
    let read = |pool| history::of_aggregate(pool, &subject, Order::OldestFirst, &page);
    let rows = api.read(Projection::History, query.at_least, read).await?;
    if rows.items.is_empty() {
        let key = api.read(Projection::Keys, None, |pool| key::get(pool, at.owner(), at.key())).await?;
        key.ok_or_else(Problem::not_found)?;
    }
    Ok(Json(Page::of(rows, |row| RecordedEvent::of(api, row))))
}
