//! `GET …/keys/{key}`

use axum::Json;
use axum::extract::State;
use projections::Projection;
use projections::postgres::key;

use super::view::Key;
use super::{InstallationKeyPath, KeyPath, KeyPlace};
use crate::api::ApiState;
use crate::api::guard::{Allowed, KeysRead};
use crate::api::query::{Query, ReadQuery};
use crate::problem::Problem;

/// Show a key
#[utoipa::path(
    get,
    path = "/api/v1/organizations/{organization}/keys/{key}",
    operation_id = "keys_get",
    tag = "keys",
    params(KeyPath, ReadQuery),
    responses((status = 200, description = "The key", body = Key))
)]
pub async fn get(
    State(api): State<ApiState>,
    allowed: Allowed<KeysRead, KeyPath>,
    Query(query): Query<ReadQuery>,
) -> Result<Json<Key>, Problem> {
    run(&api, &allowed.at, query).await
}

/// Show an installation key
#[utoipa::path(
    get,
    path = "/api/v1/installation/keys/{key}",
    operation_id = "installation_keys_get",
    tag = "installation keys",
    params(InstallationKeyPath, ReadQuery),
    responses((status = 200, description = "The key", body = Key))
)]
pub async fn get_installation(
    State(api): State<ApiState>,
    allowed: Allowed<KeysRead, InstallationKeyPath>,
    Query(query): Query<ReadQuery>,
) -> Result<Json<Key>, Problem> {
    run(&api, &allowed.at, query).await
}

async fn run(api: &ApiState, at: &impl KeyPlace, query: ReadQuery) -> Result<Json<Key>, Problem> {
    let known = || api.directory.key(at.key()).is_some_and(|entry| entry.owner == at.owner());
    let row = api
        .read_one(Projection::Keys, query.at_least, known, |pool| key::get(pool, at.owner(), at.key()))
        .await?;
    row.map(|row| Json(Key::of(api, row))).ok_or_else(Problem::not_found)
}
