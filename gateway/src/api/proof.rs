//! `GET /api/v1/fleet/proof`: whether the fleet has a command, for who did not wait for it, or waits on.

use axum::Json;
use axum::extract::State;
use events::Position;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::ApiState;
use super::bounds::Seat;
use super::guard::Admin;
use super::query::Query;
use super::wait::{Asker, PositionFrom, Wait, WaitTimeout};
use crate::fleet;
use crate::problem::Problem;

pub const PATH: &str = "/api/v1/fleet/proof";

pub fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(proof))
}

/// What is proven of a command, member by member.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FleetProof {
    /// Every member of the fleet has applied the command, or is fenced. What it changed holds everywhere.
    pub complete: bool,
    /// How many of the members may still answer as before the command.
    pub unproven: u32,
    pub members: Vec<MemberProof>,
    /// However long one waits, it will not be complete; `note` says why.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub never: bool,
    /// Why it is not complete, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What is proven of one process that answers for keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MemberProof {
    /// Of this run of the process.
    pub id: Uuid,
    /// What its operator calls it; told to keys of the installation alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub state: MemberState,
    /// How long after the command, or after the question, it was seen to be proven; absent: not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_seconds: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemberState {
    /// It has applied the command.
    Applied,
    /// It has not been heard for so long that it answers for no key until it has caught up.
    Fenced,
    /// It may still answer as before the command.
    Unproven,
}

impl From<fleet::MemberState> for MemberState {
    fn from(state: fleet::MemberState) -> Self {
        match state {
            fleet::MemberState::Applied => Self::Applied,
            fleet::MemberState::Fenced => Self::Fenced,
            fleet::MemberState::Unproven => Self::Unproven,
        }
    }
}

#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ProofQuery {
    /// The `position` that the command answered.
    #[param(value_type = String)]
    position: Position,
    /// `unproven` of the answer before: the next comes as soon as it is another. Without it the answer comes when
    /// it is complete, or when the time has passed.
    unproven: Option<usize>,
    /// How long it waits at most.
    #[param(value_type = Option<f64>, minimum = 0.001, maximum = 25, default = 10)]
    wait_timeout_seconds: Option<WaitTimeout>,
}

/// Whether the fleet has a command
///
/// Any admin key may ask. It waits as a command with `wait=fleet` does, and can be asked again.
#[utoipa::path(
    get,
    path = "/api/v1/fleet/proof",
    operation_id = "fleet_proof",
    tag = "status",
    params(ProofQuery),
    responses((status = 200, description = "What is proven, complete or not", body = FleetProof))
)]
async fn proof(
    State(api): State<ApiState>,
    admin: Admin,
    seat: Seat,
    Query(query): Query<ProofQuery>,
) -> Result<Json<FleetProof>, Problem> {
    let ProofQuery { position, unproven, wait_timeout_seconds } = query;
    api.may_come(&position).await.map_err(|problem| problem.at("?position"))?;
    let asker = Asker::of(&admin);
    // Its share of the reads is for who reads.
    drop(admin);
    let wait = Wait::new(seat, wait_timeout_seconds);
    let another = |proof: &fleet::Proof| unproven.is_some_and(|before| before != proof.unproven);
    Ok(Json(api.prove(asker, &wait, &position, PositionFrom::Named, another).await))
}
