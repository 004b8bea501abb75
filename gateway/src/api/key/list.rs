//! `GET …/keys`

use axum::extract::State;
use events::AggregateType;
use projections::Projection;
use projections::postgres::key;

use super::KeysPath;
use super::view::Key;
use crate::api::ApiState;
use crate::api::guard::{Allowed, KeysRead, OwnedPath};
use crate::api::query::{ListQuery, Page, Query};
use crate::api::reads::Found;
use crate::problem::Problem;

/// List keys
///
/// Newest first, revoked ones included.
#[utoipa::path(
    get,
    path = "/keys",
    operation_id = "keys_list",
    tag = "keys",
    params(ListQuery),
    responses((status = 200, description = "A page of keys", body = Page<Key>))
)]
pub async fn list(
    State(api): State<ApiState>,
    Allowed { at, .. }: Allowed<KeysRead, KeysPath>,
    Query(query): Query<ListQuery>,
) -> Result<Found<Page<Key>>, Problem> {
    let page = query.page()?;
    let rows = api.read(Projection::Keys, query.at_least, |pool| key::list(pool, at.owner(), &page)).await?;
    api.exists_if(!rows.found.items.is_empty(), &at).await?;
    let waiting = api.waiting(Projection::Keys, at.owner(), AggregateType::Key).await?;
    Ok(rows.map(|rows| Page::of(rows, |row| Key::of(&api, row)).with_waiting(waiting)))
}
