//! `GET /api/v1/people/{person}/sessions`

use axum::Json;
use axum::extract::State;
use events::{Timestamp, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::PersonPath;
use crate::api::ApiState;
use crate::api::guard::{Allowed, PeopleRead};
use crate::problem::{Kind, Problem};

/// A person's sessions, newest first.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Sessions {
    pub items: Vec<HeldSession>,
}

/// A browser at which the person is signed in.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct HeldSession {
    pub id: Uuid,
    /// At which the person signed in.
    pub issuer: Uuid,
    pub issuer_slug: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub begun_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub ends_at: Timestamp,
}

/// List a person's sessions
///
/// Those that count, newest first: at most 50, since one more ends the oldest. `POST /api/v1/people/{person}/sign-out` ends all
/// of them.
#[utoipa::path(
    get,
    path = "/api/v1/people/{person}/sessions",
    operation_id = "people_sessions",
    tag = "people",
    params(PersonPath),
    responses((status = 200, description = "The sessions", body = Sessions))
)]
pub async fn list(
    State(api): State<ApiState>,
    Allowed { at, .. }: Allowed<PeopleRead, PersonPath>,
) -> Result<Json<Sessions>, Problem> {
    if api.directory.person(at.person).is_none() {
        return Err(Problem::not_found());
    }
    Ok(Json(Sessions { items: held(&api, at.person).await? }))
}

/// From where they lie.
pub async fn held(api: &ApiState, person: UserId) -> Result<Vec<HeldSession>, Problem> {
    let unknown = || {
        Problem::new(Kind::SessionsUnavailable, "Where sessions lie does not answer. Ask again.")
            .retry_after(2)
    };
    let passing = api.passing.as_ref().ok_or_else(unknown)?;
    let told = passing.sessions_of(person, api.clock.now()).await.map_err(|error| {
        tracing::warn!(%error, "a person's sessions can't be told");
        unknown()
    })?;
    let session = |told: crate::passing::sessions::Told| HeldSession {
        id: told.id,
        issuer: told.issuer.uuid(),
        issuer_slug: api.directory.issuer(told.issuer).map(|issuer| issuer.slug.to_string()),
        begun_at: told.begun_at,
        ends_at: told.ends_at,
    };
    Ok(told.into_iter().filter(|told| told.stands(&api.directory, person)).map(session).collect())
}
