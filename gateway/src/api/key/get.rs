//! `GET …/keys/{key}`

use axum::extract::State;
use projections::Projection;
use projections::postgres::key;

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
    Allowed { at, .. }: Allowed<KeysRead, KeyPath>,
    Query(query): Query<ReadQuery>,
) -> Result<Found<Key>, Problem> {
    let known = || api.directory.key(at.key).is_some_and(|entry| entry.owner == at.owner());
    let row = api
        .read_one(Projection::Keys, query.at_least, known, |pool| key::get(pool, at.owner(), at.key))
        .await?;
    Ok(row.required()?.map(|row| Key::of(&api, row)))
}
