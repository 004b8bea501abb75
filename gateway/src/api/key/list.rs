//! `GET …/keys`

use axum::Json;
use axum::extract::State;
use projections::Projection;
use projections::postgres::key;

use super::view::Key;
use super::{InstallationPath, KeysPlace};
use crate::api::ApiState;
use crate::api::guard::{Allowed, KeysRead};
use crate::api::organization::OrganizationPath;
use crate::api::query::{ListQuery, Page, Query};
use crate::problem::Problem;

/// List an organization's keys
///
/// Newest first, revoked ones included.
#[utoipa::path(
    get,
    path = "/api/v1/organizations/{organization}/keys",
    operation_id = "keys_list",
    tag = "keys",
    params(OrganizationPath, ListQuery),
    responses((status = 200, description = "A page of keys", body = Page<Key>))
)]
pub async fn list(
    State(api): State<ApiState>,
    allowed: Allowed<KeysRead, OrganizationPath>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Key>>, Problem> {
    run(&api, &allowed.at, query).await
}

/// List the installation's own keys
///
/// Newest first, revoked ones included.
#[utoipa::path(
    get,
    path = "/api/v1/installation/keys",
    operation_id = "installation_keys_list",
    tag = "installation keys",
    params(ListQuery),
    responses((status = 200, description = "A page of keys", body = Page<Key>))
)]
pub async fn list_installation(
    State(api): State<ApiState>,
    allowed: Allowed<KeysRead, InstallationPath>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Key>>, Problem> {
    run(&api, &allowed.at, query).await
}

async fn run(api: &ApiState, at: &impl KeysPlace, query: ListQuery) -> Result<Json<Page<Key>>, Problem> {
    let page = query.page()?;
    let rows = api.read(Projection::Keys, query.at_least, |pool| key::list(pool, at.owner(), &page)).await?;
    api.exists_if(!rows.items.is_empty(), at).await?;
    Ok(Json(Page::of(rows, |row| Key::of(api, row))))
}
