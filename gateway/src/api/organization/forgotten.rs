//! `GET /api/v1/organizations/{organization}/forgotten`

use axum::Json;
use axum::extract::State;
use events::{Owner, Position, Subject, Timestamp};
use projections::postgres::PageQuery;
use projections::postgres::history::{self, Order};
use projections::{Projection, forgotten};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::OrganizationPath;
use crate::api::ApiState;
use crate::api::command;
use crate::api::guard::{Allowed, OrganizationsRead};
use crate::problem::Problem;

/// That an organization is forgotten: by whom, and what of it is erased at this moment.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Certificate {
    pub organization: Uuid,
    pub slug: String,
    /// The event that says so; `keyledger events prove` proves it.
    pub event: Uuid,
    #[schema(value_type = Option<String>)]
    pub position: Option<Position>,
    #[schema(value_type = String, format = DateTime)]
    pub forgotten_at: Timestamp,
    /// Who did it, such as `key:<id>`.
    pub actor: String,
    /// The key under which its texts are sealed in the log.
    pub sealing_key: String,
    /// Whether the vault has deleted that key, as it says now.
    pub key_deleted: bool,
    /// Each read model, and whether it has erased what people wrote, and the rows of before.
    pub read_models: Vec<Erased>,
    /// Whether all of it is so.
    pub complete: bool,
    /// What this can't speak of.
    pub remains: String,
    #[schema(value_type = String, format = DateTime)]
    pub checked_at: Timestamp,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Erased {
    pub projection: String,
    pub erased: bool,
    /// Whether PostgreSQL was told to let go of the rows as they were (`VACUUM`).
    pub vacuumed: bool,
}

const FORGOTTEN: &str = "organization.forgotten";

const REMAINS: &str = "Copies that were made before: a backup that holds the vault opens the texts of its log until it is \
     destroyed, and PostgreSQL's own backups hold them in clear text. On the servers' disks: a cluster of NATS has the sealed key in its \
     Raft logs until they are compacted, and a vault that was set up with deletions denied has it in its block file until \
     that is compacted; it opens with the master key alone. PostgreSQL's files have the texts in freed pages until they are \
     written over (`keyledger projections rebuild --all` writes all tables anew), and its write-ahead log until it is \
     recycled. Slugs, ids, scopes and times are never sealed, and stay.";

/// Tell what is forgotten
///
/// 404 while the organization is not forgotten.
#[utoipa::path(
    get,
    path = "/api/v1/organizations/{organization}/forgotten",
    operation_id = "organizations_forgotten",
    tag = "organizations",
    params(OrganizationPath),
    responses((status = 200, description = "What is erased by now", body = Certificate))
)]
pub async fn certificate(
    State(api): State<ApiState>,
    allowed: Allowed<OrganizationsRead, OrganizationPath>,
) -> Result<Json<Certificate>, Problem> {
    let id = allowed.at.organization;
    let entry = api.directory.organization(id).ok_or_else(Problem::not_found)?;
    let subject = Subject::organization(id);
    let newest = PageQuery::new(1, None);
    let read = |pool| history::of_aggregate(pool, &subject, Order::NewestFirst, &newest);
    let rows = api.read(Projection::History, api.gate.position(), read).await?.found;
    let row = rows.items.into_iter().find(|row| row.kind == FORGOTTEN);
    let row = row.ok_or_else(Problem::not_found)?;
    let erased = api.read(Projection::History, None, |pool| forgotten::erased_in(pool, id)).await?.found;
    let read_models: Vec<Erased> = Projection::ALL
        .into_iter()
        .map(|projection| {
            let done = erased.iter().find(|done| done.projection == projection);
            let vacuumed = done.is_some_and(|done| done.vacuumed);
            Erased { projection: projection.to_string(), erased: done.is_some(), vacuumed }
        })
        .collect();
    let deleted = api.commands.sealing_key_is_deleted(Owner::Organization(id)).await;
    let key_deleted = deleted.map_err(|error| command::vault(&error))?;
    Ok(Json(Certificate {
        organization: id.uuid(),
        slug: entry.slug.to_string(),
        event: row.event.uuid(),
        position: api.position(row.sequence),
        forgotten_at: row.time,
        actor: row.actor.to_string(),
        sealing_key: row.data.get("sealing_key").and_then(Value::as_str).unwrap_or_default().to_owned(),
        key_deleted,
        complete: key_deleted && read_models.iter().all(|model| model.erased && model.vacuumed),
        read_models,
        remains: REMAINS.to_owned(),
        checked_at: api.clock.now(),
    }))
}
