//! `GET …/keys/{key}`

use axum::extract::State;
use projections::Projection;
use projections::postgres::key;
use projections::postgres::names::{Ids, Names};

use super::KeyPath;
use super::view::Key;
use crate::api::ApiState;
use crate::api::guard::{Allowed, KeysRead, OwnedPath};
use crate::api::query::{Query, ReadQuery};
use crate::api::reads::Found;
use crate::problem::Problem;

/// Show a key
#[utoipa::path(
    get,
    path = "/keys/{key}",
    operation_id = "keys_get",
    tag = "keys",
    params(KeyPath, ReadQuery),
    responses((status = 200, description = "The key", body = Key))
)]
pub async fn get(
    State(api): State<ApiState>,
    Allowed { admin, at, .. }: Allowed<KeysRead, KeyPath>,
    Query(query): Query<ReadQuery>,
) -> Result<Found<Key>, Problem> {
    let known = || api.directory.key(at.key).is_some_and(|entry| entry.owner == at.owner());
    let (owner, id, reader) = (at.owner(), at.key, admin.owner());
    let read = |pool| async move {
        let Some(row) = key::get(pool, owner, id).await? else { return Ok(None) };
        let names = Names::read(pool, reader, Ids::of_actors([&row.issued_by])).await?;
        Ok(Some((row, names)))
    };
    let found = api.read_one(Projection::Keys, query.at_least, known, read).await?;
    Ok(found.required()?.map(|(row, names)| Key::of(&api, &names, row)))
}
