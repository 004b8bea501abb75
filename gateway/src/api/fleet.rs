//! `/api/v1/fleet`: the processes of the installation, as this one knows them.

use std::collections::BTreeMap;
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use events::{Shard, Timestamp};
use projections::directory::gate::OnStale;
use projections::lease::Lease;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::ApiState;
use super::guard::{Admin, Permitted, StatusRead};
use super::seconds::{of_millis, of_signed_millis, seconds};
use super::status::info;
use crate::fleet::{Member, member};
use crate::problem::Problem;

mod forget;

pub fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(fleet)).routes(routes!(forget::forget))
}

/// The processes of the installation.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct FleetStatus {
    /// How long ago it was last confirmed that all members are in here; `null`: not yet by this process.
    pub confirmed_age_seconds: Option<f64>,
    /// The sequence of the log's newest event; `null`: it can't be reached.
    pub last_sequence: Option<u64>,
    /// Those that have not ended, the longest-lived first.
    pub members: Vec<FleetMember>,
    /// What the workers share.
    pub leases: Vec<FleetLease>,
}

/// One process.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct FleetMember {
    /// Of this run of it.
    pub id: Uuid,
    pub state: Standing,
    /// How long ago this process last heard of it; `null`: never, its record was there before.
    pub heard_age_seconds: Option<f64>,
    /// `null`: a record that this version can't read.
    #[serde(flatten)]
    pub record: Option<FleetRecord>,
}

/// Whether a member is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Heard within its lease.
    Live,
    /// Not heard within its lease. It may still answer with what it knows.
    Silent,
    /// Silent for so long that it answers for no key until it has caught up.
    Fenced,
}

impl From<member::MemberStanding> for Standing {
    fn from(standing: member::MemberStanding) -> Self {
        match standing {
            member::MemberStanding::Live => Self::Live,
            member::MemberStanding::Silent => Self::Silent,
            member::MemberStanding::Fenced => Self::Fenced,
        }
    }
}

/// A share of the workers' work.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct FleetLease {
    /// Of what it is: a projection, or `snapshots`.
    pub name: String,
    /// The worker's, a new one at each start; `null`: nobody holds it.
    pub holder: Option<Uuid>,
    /// What people call the worker: the name of a member.
    pub holder_name: Option<String>,
    /// That member's id; `null`: no one member of that name is known.
    pub member: Option<Uuid>,
    /// Whether it is there: a lease ends some time after its holder.
    pub member_state: Option<Standing>,
    /// Since when it holds it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
}

/// What a process says of itself, or said when it was last heard.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct FleetRecord {
    pub name: String,
    /// Of `node`, `control`, `worker`.
    pub roles: Vec<String>,
    /// Of the gateway.
    pub version: String,
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// Whether it answers for keys.
    pub ready: bool,
    /// Why not.
    pub reason: Option<String>,
    /// What it does not do, ready as it is.
    pub lacks: Option<String>,
    /// The sequence up to which it has applied the log; `null`: it keeps no directory.
    pub applied: Option<u64>,
    pub lag_events: Option<u64>,
    /// Since it was known to be complete, as it said when it was last heard; `null`: never yet.
    pub age_seconds: Option<f64>,
    /// Positive: the log's clock is ahead.
    pub clock_offset_seconds: f64,
    /// The newest version that it reads of each kind of event.
    pub reads: BTreeMap<String, u32>,
    /// What it does when it has not been known to be complete for `max_staleness_seconds`.
    #[schema(value_type = String)]
    pub on_stale: OnStale,
    pub max_staleness_seconds: f64,
    pub lease_seconds: f64,
}

/// Who is there
///
/// Only an admin key of the installation may ask.
#[utoipa::path(
    get,
    path = "/api/v1/fleet",
    operation_id = "fleet",
    tag = "status",
    responses((status = 200, description = "The processes of the installation", body = FleetStatus))
)]
async fn fleet(
    State(api): State<ApiState>,
    permitted: Permitted<StatusRead>,
) -> Result<Json<FleetStatus>, Problem> {
    let admin: &Admin = &permitted.admin;
    admin.must_be_installation("ask who is in the fleet")?;
    let last = info(&api).await.map(|info| info.last_sequence);
    let (now, as_of) = (api.clock.instant(), api.fleet.complete_as_of());
    Ok(Json(FleetStatus {
        confirmed_age_seconds: as_of.map(|as_of| seconds(now.saturating_duration_since(as_of))),
        last_sequence: last,
        members: members(&api, last),
        leases: leases(&api),
    }))
}

/// Who has not ended, where the log ends at `last`.
pub(super) fn members(api: &ApiState, last: Option<u64>) -> Vec<FleetMember> {
    let (now, as_of) = (api.clock.instant(), api.fleet.complete_as_of());
    api.fleet.roster().into_iter().map(|member| view(member, last, now, as_of)).collect()
}

/// What the workers share, and which member holds it.
pub(super) fn leases(api: &ApiState) -> Vec<FleetLease> {
    let (now, as_of) = (api.clock.instant(), api.fleet.complete_as_of());
    let roster = api.fleet.roster();
    api.fleet.leases().into_iter().map(|held| lease(held, &roster, now, as_of)).collect()
}

fn view(member: Member, last: Option<u64>, now: Instant, as_of: Option<Instant>) -> FleetMember {
    let heard = member.silent_for(now);
    let state = member.standing(now, as_of).into();
    let record = member.record.map(|record| {
        let applied = record.frontier.as_ref().map(|frontier| frontier.sequence(Shard::ZERO));
        FleetRecord {
            name: record.name,
            roles: record.roles.iter().map(|role| role.as_str().to_owned()).collect(),
            version: record.version,
            started_at: record.started_at,
            ready: record.ready,
            reason: record.reason,
            lacks: record.lacks,
            applied,
            lag_events: last.zip(applied).map(|(last, applied)| last.saturating_sub(applied)),
            age_seconds: record.fresh_age_millis.map(of_millis),
            clock_offset_seconds: of_signed_millis(record.clock_offset_millis),
            reads: record.reads,
            on_stale: record.on_stale,
            max_staleness_seconds: of_millis(record.max_staleness_millis),
            lease_seconds: of_millis(record.lease_millis),
        }
    });
    FleetMember { id: member.id, state, heard_age_seconds: heard.map(seconds), record }
}

fn lease(
    (name, lease): (String, Lease),
    roster: &[Member],
    now: Instant,
    as_of: Option<Instant>,
) -> FleetLease {
    // Given back, it still tells who held it last.
    let Some(holder) = lease.holder else {
        return FleetLease {
            name,
            holder: None,
            holder_name: None,
            member: None,
            member_state: None,
            since: None,
        };
    };
    // One that was started anew under its name may have left its record behind: the newest is meant.
    let of_name = roster.iter().filter(|member| member.name() == lease.name);
    let member = of_name.max_by_key(|member| member.changed_at);
    FleetLease {
        name,
        holder: Some(holder),
        member: member.map(|member| member.id),
        member_state: member.map(|member| member.standing(now, as_of).into()),
        holder_name: Some(lease.name),
        since: Some(lease.since),
    }
}
