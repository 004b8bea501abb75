//! `GET …/keys`

use axum::extract::State;
use events::AggregateType;
use projections::Projection;
use projections::postgres::key;
use projections::postgres::names::{Ids, Names};

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
    Allowed { admin, at, .. }: Allowed<KeysRead, KeysPath>,
    Query(query): Query<ListQuery>,
) -> Result<Found<Page<Key>>, Problem> {
    let page = query.page()?;
    let (owner, reader) = (at.owner(), admin.owner());
    let rows = api.read(Projection::Keys, query.at_least, async |pool| {
        let rows = key::list(pool, owner, &page).await?;
        let ids = Ids::of_actors(rows.items.iter().map(|row| &row.issued_by));
        Ok((rows, Names::read(pool, reader, ids).await?))
    });
    let rows = rows.await?;
    api.exists_if(!rows.found.0.items.is_empty(), &at).await?;
    let waiting = api.waiting(Projection::Keys, at.owner(), AggregateType::Key).await?;
    Ok(rows.map(|(rows, names)| Page::of(rows, |row| Key::of(&api, &names, row)).with_waiting(waiting)))
}
