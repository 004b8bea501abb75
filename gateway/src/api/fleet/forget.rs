//! `DELETE /api/v1/fleet/members/{member}`

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::api::ApiState;
use crate::api::command::unavailable;
use crate::api::guard::{Permitted, StatusWrite};
use crate::api::query::Query;
use crate::fleet::forget::ForgetError;
use crate::problem::{Kind, Problem};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct MemberPath {
    /// The member's id, of this run of the process.
    member: Uuid,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ForgetMember {
    /// `true`: whoever asks is sure that the process has ended. Needed for a member that is not fenced; of one that
    /// lives on, `wait=fleet` would claim what is not so until it has joined anew. One that was heard within its lease is
    /// refused all the same.
    #[serde(default)]
    has_ended: bool,
}

/// A member that is in the fleet no more.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Forgotten {
    pub id: Uuid,
    pub name: String,
}

/// Forget a member of the fleet
///
/// One that has died: no `wait=fleet` waits for it any more. Only an admin key of the installation may do it; it is
/// recorded in the gateway's own log and makes no event.
#[utoipa::path(
    delete,
    path = "/api/v1/fleet/members/{member}",
    operation_id = "fleet_forget",
    tag = "status",
    params(MemberPath, ForgetMember),
    responses((status = 200, description = "Forgotten", body = Forgotten))
)]
pub async fn forget(
    State(api): State<ApiState>,
    permitted: Permitted<StatusWrite>,
    path: Result<Path<MemberPath>, PathRejection>,
    Query(query): Query<ForgetMember>,
) -> Result<Json<Forgotten>, Problem> {
    let admin = &permitted.admin;
    admin.must_be_installation("forget a member of the fleet")?;
    let Ok(Path(MemberPath { member: id })) = path else { return Err(no_such_member()) };
    let bucket = api.members.as_ref().ok_or_else(unavailable)?;
    let member = api.fleet.forget(bucket, id, query.has_ended).await?;
    let name = member.name().to_owned();
    tracing::warn!(member = %id, name, by = %admin.actor(), has_ended = query.has_ended, "a member of the fleet was forgotten");
    Ok(Json(Forgotten { id, name }))
}

fn no_such_member() -> Problem {
    Problem::new(
        Kind::NotFound,
        "No process of the fleet has this id. It may have been forgotten, or have left by itself; \
         `GET /api/v1/fleet` (`keyledger fleet`) tells who is in it.",
    )
}

impl From<ForgetError> for Problem {
    fn from(error: ForgetError) -> Self {
        match error {
            ForgetError::Unknown => no_such_member(),
            ForgetError::MayAnswer { .. } => Self::new(
                Kind::MemberMayAnswer,
                format!(
                    "{error}, and may let keys in by what it knew then. End its process, or be sure that it has ended, \
                     and ask again with `has_ended=true`."
                ),
            ),
            ForgetError::Lives { .. } => Self::new(
                Kind::MemberMayAnswer,
                format!(
                    "{error}: it is not forgotten. End its process (SIGTERM; `systemctl stop` of its unit), and it leaves by \
                     itself. One that has just died is forgotten once its lease has passed: ask again then."
                ),
            ),
            ForgetError::Renewed => Self::new(
                Kind::MemberMayAnswer,
                "The member has renewed its record just now: its process lives. End that first.",
            ),
            ForgetError::Bucket(cause) => {
                tracing::warn!(error = %cause, "a member could not be forgotten");
                unavailable()
            }
        }
    }
}
