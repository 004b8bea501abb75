//! `GET …/keys/{key}/history`

use axum::extract::State;
use events::Subject;
use projections::Projection;
use projections::postgres::history;
use projections::postgres::key;

use super::KeyPath;
use crate::api::ApiState;
use crate::api::guard::{Allowed, KeysRead, OwnedPath};
use crate::api::history::{HistoryQuery, RecordedEvent};
use crate::api::query::{Page, Query};
use crate::api::reads::Found;
use crate::problem::Problem;

/// List what happened to a key
///
/// Newest first, unless `order` says otherwise.
#[utoipa::path(
    get,
    path = "/keys/{key}/history",
    operation_id = "keys_history",
    tag = "keys",
    params(KeyPath, HistoryQuery),
    responses((status = 200, description = "A page of events", body = Page<RecordedEvent>))
)]
pub async fn history(
    State(api): State<ApiState>,
    Allowed { admin, at, .. }: Allowed<KeysRead, KeyPath>,
    Query(query): Query<HistoryQuery>,
) -> Result<Found<Page<RecordedEvent>>, Problem> {
    let (page, subject) = (query.page()?, Subject::key(at.owner(), at.key));
    let read = async |pool| {
        let rows = history::of_aggregate(pool, &subject, query.order.into(), &page).await?;
        rows.told(pool, admin.owner()).await
    };
    let rows = api.read(Projection::History, query.at_least, read).await?;
    if rows.found.items.is_empty() {
        let known = || api.directory.key(at.key).is_some_and(|entry| entry.owner == at.owner());
        let read = |pool| key::get(pool, at.owner(), at.key);
        api.read_one(Projection::Keys, None, known, read).await?.required()?;
    }
    Ok(rows.map(|rows| Page::of(rows, |row| RecordedEvent::of(&api, row, &[]))))
}
