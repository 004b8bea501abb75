//! What was read and tried, as records tell it: `/api/v1/access` of the whole installation, and the same of one
//! organization. Two ways to read them: a list, newest first, and what comes after a place, oldest first.

use axum::Json;
use axum::extract::State;
use events::{OrganizationId, Owner};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ApiState;
use super::guard::{AccessRead, Allowed, Permitted};
use super::organization::OrganizationPath;
use super::query::Query;
use crate::access::{Reader, Recorder};
use crate::problem::{Kind, Problem};

mod choice;
mod page;

use choice::{AccessQuery, Place};
use page::AccessPage;

/// Where records go and come from.
#[derive(Clone)]
pub struct AccessLog {
    pub recorder: Recorder,
    pub reader: Reader,
}

pub fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(of_organization))
}

/// List what was read and tried anywhere
///
/// Who read what people wrote, whose commands were refused, which keys were let in and which were not. Newest first; with
/// `after`, what comes after that place, oldest first: each answer says the `position` to go on from. Records are kept for
/// a time (`access.max_age_days`, `access.max_bytes`). For keys of the installation.
#[utoipa::path(
    get,
    path = "/api/v1/access",
    operation_id = "access",
    tag = "access",
    params(AccessQuery),
    responses((status = 200, description = "A page of records", body = AccessPage))
)]
pub async fn list(
    State(api): State<ApiState>,
    Permitted { admin, .. }: Permitted<AccessRead>,
    Query(query): Query<AccessQuery>,
) -> Result<Json<AccessPage>, Problem> {
    admin.must_be_installation("read who read and tried what anywhere")?;
    answer(&api, admin.owner(), None, query).await
}

/// List what was read and tried in an organization
///
/// What its own keys did, and what the installation's did in it; as `/api/v1/access`. Addresses are those of its own keys.
#[utoipa::path(
    get,
    path = "/api/v1/organizations/{organization}/access",
    operation_id = "organizations_access",
    tag = "access",
    params(OrganizationPath, AccessQuery),
    responses((status = 200, description = "A page of records", body = AccessPage))
)]
pub async fn of_organization(
    State(api): State<ApiState>,
    allowed: Allowed<AccessRead, OrganizationPath>,
    Query(query): Query<AccessQuery>,
) -> Result<Json<AccessPage>, Problem> {
    api.exists_if(false, &allowed.at).await?;
    answer(&api, allowed.admin.owner(), Some(allowed.at.organization), query).await
}

async fn answer(
    api: &ApiState,
    owner: Owner,
    about: Option<OrganizationId>,
    query: AccessQuery,
) -> Result<Json<AccessPage>, Problem> {
    let reader = &api.access.as_ref().ok_or_else(|| unread(&"none are kept here"))?.reader;
    let limit = usize::from(query.limit.get());
    let place = query.place()?;
    let choice = query.choice(about);
    let found = match place {
        Place::Before(before) => reader.before(before, limit, &choice).await.map(Some),
        Place::Start => reader.after(0, limit, &choice).await,
        Place::Now => {
            let newest = reader.newest().await.map_err(|error| unread(&error))?;
            reader.after(newest, limit, &choice).await
        }
        Place::After(after) => reader.after(after, limit, &choice).await,
    };
    let found = found.map_err(|error| unread(&error))?.ok_or_else(|| {
        let said = "There is no record at this place: it is another stream's. Begin at `start`.";
        Problem::invalid("?after", said)
    })?;
    Ok(Json(page::told(api, reader, owner, about, found, matches!(place, Place::Before(_))).await?))
}

fn unread(error: &dyn std::fmt::Display) -> Problem {
    tracing::warn!(%error, "records of access can't be read");
    Problem::new(
        Kind::AccessUnavailable,
        "The records of who read and tried what can't be reached. Ask again; where that goes on, has `keyledger nats setup` \
         made the stream KL_ACCESS?",
    )
    .retry_after(2)
}
