//! `GET /api/v1/status`: how this node, the log and the read models stand.

use axum::Json;
use axum::extract::State;
use events::Timestamp;
use events::log::StreamInfo;
use projections::checkpoint::{self, Checkpoint};
use projections::directory::gate::GateStatus;
use projections::parked::{self, Parked};
use projections::postgres::place::{self, PlaceKind, PlaceRow};
use projections::postgres::{self, Denied, Pool, ReadModelError};
use projections::{Projection, origin};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::ApiState;
use super::fleet;
use super::guard::{Admin, Permitted, StatusRead};
use super::seconds::of_signed_millis;
use crate::checkpoints::{Standing, WitnessState};
use crate::problem::Problem;

mod degraded;

pub fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(status))
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// Of the gateway.
    pub version: String,
    /// What is not as it should be, in words; empty: nothing that this process knows of.
    pub degraded: Vec<String>,
    pub node: NodeStatus,
    pub log: LogStatus,
    pub read_models: ReadModelsStatus,
    /// Those that this process hands the log's checkpoints to (`checkpoints.witnesses`).
    pub witnesses: Vec<WitnessStatus>,
    /// Who is told what happens; empty also where PostgreSQL is not reachable.
    pub drains: Vec<OutletStatus>,
    /// Where the log is copied to; empty also where PostgreSQL is not reachable.
    pub exports: Vec<OutletStatus>,
}

/// A drain or an export.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct OutletStatus {
    pub name: String,
    /// The sequence up to which every event is handed over.
    pub applied: u64,
    /// When the log stored that event.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub applied_at: Option<Timestamp>,
    pub lag_events: Option<u64>,
    /// Why it stands still.
    pub problem: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub problem_since: Option<Timestamp>,
}

/// What this node serves from.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct NodeStatus {
    /// It goes on with what it knows, older than it should be (`freshness.on_stale = "serve"`).
    pub serving_stale: bool,
    /// Since it was known to be complete; `null`: never yet.
    pub age_seconds: Option<f64>,
    /// Positive: the log's clock is ahead.
    pub clock_offset_seconds: f64,
    /// How many events of the log are in its memory.
    pub applied: u64,
    /// How many of the log's events it has not applied.
    pub lag_events: Option<u64>,
    pub organizations: u64,
    pub servers: u64,
    pub keys: u64,
    /// Objects of which an event can't be read or may not be obeyed: refused.
    pub closed: u64,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct WitnessStatus {
    /// Of its key.
    pub name: String,
    pub url: String,
    /// `unasked`, `cosigns`, `away`, `put_back` (it knows less than it has cosigned before), `before_a_loss` (it keeps what
    /// an operator has accepted as lost) or `contradicts`.
    #[schema(value_type = String)]
    pub state: WitnessState,
    /// How many messages the newest checkpoint is of that carries its word.
    pub cosigned: Option<u64>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub cosigned_at: Option<Timestamp>,
    /// What is wrong.
    pub problem: Option<String>,
}

impl From<Standing> for WitnessStatus {
    fn from(standing: Standing) -> Self {
        let Standing { name, url, state, cosigned, cosigned_at, problem } = standing;
        Self { name, url, state, cosigned, cosigned_at, problem }
    }
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct LogStatus {
    pub id: Option<Uuid>,
    pub reachable: bool,
    /// The sequence of the newest event; `null`: not reachable.
    pub last_sequence: Option<u64>,
    /// Why its leader's answer proves nothing, such as that it hears no majority of the log's servers; `null`:
    /// it does, or there is no answer. While it lasts, this node grows older.
    pub unproven: Option<String>,
}

/// Of all projections together; `projections` tells of each.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ReadModelsStatus {
    /// Whether PostgreSQL answers.
    pub reachable: bool,
    /// Why nothing is known of them, or not all of them can be read, and what to do.
    pub problem: Option<String>,
    /// The sequence up to which every event is in all of them.
    pub applied: Option<u64>,
    /// When the log stored that event.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub applied_at: Option<Timestamp>,
    pub lag_events: Option<u64>,
    /// They hold events that the log has lost, or another log's: why. They follow nothing until they are
    /// rebuilt.
    pub diverged: Option<String>,
    /// Events that can't be taken in, and what follows of their aggregates. One that waits in two projections
    /// counts twice.
    pub parked: Option<u64>,
    /// The first of them.
    pub first_parked: Vec<ParkedEvent>,
    pub projections: Vec<ProjectionStatus>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ProjectionStatus {
    /// `organizations`, `servers`, `keys` or `history`.
    pub name: String,
    /// The sequence up to which every event is in it.
    pub applied: u64,
    /// When the log stored that event.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub applied_at: Option<Timestamp>,
    pub lag_events: Option<u64>,
    pub diverged: Option<String>,
    pub parked: u64,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ParkedEvent {
    /// Where it waits.
    pub projection: String,
    pub sequence: u64,
    pub subject: String,
    /// `null`, here and below: it can't be read.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub schema_version: Option<u32>,
    pub reason: String,
}

/// How it stands
///
/// Counts are the installation's: only an admin key of the installation may ask.
#[utoipa::path(
    get,
    path = "/api/v1/status",
    operation_id = "status",
    tag = "status",
    responses((status = 200, description = "How it stands", body = Status))
)]
async fn status(
    State(api): State<ApiState>,
    permitted: Permitted<StatusRead>,
) -> Result<Json<Status>, Problem> {
    let admin: &Admin = &permitted.admin;
    admin.must_be_installation("ask how the installation stands")?;
    let (gate, info) = (api.gate.status(), info(&api).await);
    let last = info.as_ref().map(|info| info.last_sequence);
    // The history is everybody's: no projection is waited for.
    let (found, rights) = tokio::join!(api.read(Projection::History, None, find), rights(&api));
    let found = found.map(|answer| answer.found);
    let (found, places) = match found {
        Ok((found, places)) => (Ok(found), places),
        Err(problem) => (Err(problem.detail), Vec::new()),
    };
    let mut status = Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        degraded: Vec::new(),
        log: LogStatus {
            id: gate.log.map(|log| log.uuid()),
            reachable: info.is_some(),
            last_sequence: last,
            unproven: info.filter(|info| !info.is_proof()).map(|info| info.quorum.to_string()),
        },
        node: node(&api, &gate, last),
        read_models: read_models(&api, found, rights, last).await,
        witnesses: api
            .checkpoints
            .as_ref()
            .map(|keeper| keeper.witnesses().into_iter().map(WitnessStatus::from).collect())
            .unwrap_or_default(),
        drains: outlets(&places, PlaceKind::Drain, last),
        exports: outlets(&places, PlaceKind::Export, last),
    };
    let aging = api.gate.aging();
    status.degraded = degraded::degraded(&status, aging, &fleet::members(&api, last), &fleet::leases(&api));
    Ok(Json(status))
}

fn node(api: &ApiState, gate: &GateStatus, last: Option<u64>) -> NodeStatus {
    let counts = api.directory.counts();
    NodeStatus {
        serving_stale: gate.serving_stale,
        age_seconds: gate.age_seconds,
        clock_offset_seconds: of_signed_millis(gate.clock_offset_millis),
        applied: gate.applied,
        lag_events: last.map(|last| last.saturating_sub(gate.applied)),
        organizations: counts.organizations as u64,
        servers: counts.servers as u64,
        keys: counts.keys as u64,
        closed: counts.closed as u64,
    }
}

pub(super) async fn info(api: &ApiState) -> Option<StreamInfo> {
    tokio::time::timeout(api.settings.read_timeout, api.log.info()).await.ok()?.ok()
}

/// At most this many parked events are shown.
const SHOWN: usize = 20;

/// A projection's place, and what waits in it.
type Found = (Projection, Option<Checkpoint>, Parked);

fn outlets(places: &[PlaceRow], kind: PlaceKind, last: Option<u64>) -> Vec<OutletStatus> {
    let of_kind = places.iter().filter(|row| row.kind == kind);
    let status = of_kind.map(|row| OutletStatus {
        name: row.name.clone(),
        applied: row.handed.sequence,
        applied_at: row.handed.stored_at,
        lag_events: last.map(|last| last.saturating_sub(row.handed.sequence)),
        problem: row.problem.clone(),
        problem_since: row.problem_since,
    });
    status.collect()
}

/// Which tables may not be read, and whether there was an answer.
async fn rights(api: &ApiState) -> (bool, Option<Denied>) {
    let Some(pool) = &api.reads else { return (false, None) };
    match tokio::time::timeout(api.settings.read_timeout, postgres::refused(pool)).await {
        Ok(Ok(denied)) => (true, denied),
        Ok(Err(_)) | Err(_) => (false, None),
    }
}

async fn read_models(
    api: &ApiState,
    found: Result<Vec<Found>, String>,
    (answers, denied): (bool, Option<Denied>),
    last: Option<u64>,
) -> ReadModelsStatus {
    let reachable = answers || found.is_ok();
    let refused = denied.map(|denied| format!("PostgreSQL refuses: {denied}"));
    let found = match found {
        Ok(found) => found,
        Err(problem) => {
            return ReadModelsStatus {
                reachable,
                problem: refused.or(Some(problem)),
                applied: None,
                applied_at: None,
                lag_events: None,
                diverged: None,
                parked: None,
                first_parked: Vec::new(),
                projections: Vec::new(),
            };
        }
    };
    let mut projections = Vec::new();
    for (projection, checkpoint, parked) in &found {
        let applied = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.sequence);
        projections.push(ProjectionStatus {
            name: projection.to_string(),
            applied,
            applied_at: checkpoint.as_ref().map(|checkpoint| checkpoint.stored_at),
            lag_events: last.map(|last| last.saturating_sub(applied)),
            diverged: match checkpoint {
                Some(checkpoint) => diverged(api, checkpoint).await,
                None => None,
            },
            parked: parked.count,
        });
    }
    let behind = projections.iter().min_by_key(|projection| projection.applied);
    ReadModelsStatus {
        reachable,
        problem: refused,
        applied: behind.map(|behind| behind.applied),
        applied_at: behind.and_then(|behind| behind.applied_at),
        lag_events: behind.and_then(|behind| behind.lag_events),
        diverged: projections.iter().find_map(|projection| projection.diverged.clone()),
        parked: Some(projections.iter().map(|projection| projection.parked).sum()),
        first_parked: found.into_iter().flat_map(first_parked).take(SHOWN).collect(),
        projections,
    }
}

async fn find(pool: &Pool) -> Result<(Vec<Found>, Vec<PlaceRow>), ReadModelError> {
    let mut found = Vec::new();
    for (projection, checkpoint) in checkpoint::all(pool).await? {
        found.push((projection, checkpoint, parked::list(pool, projection).await?));
    }
    let mut places = place::all(pool, PlaceKind::Drain).await?;
    places.extend(place::all(pool, PlaceKind::Export).await?);
    Ok((found, places))
}

fn first_parked((projection, _, parked): Found) -> impl Iterator<Item = ParkedEvent> {
    parked.first.into_iter().map(move |event| ParkedEvent {
        projection: projection.to_string(),
        sequence: event.sequence,
        subject: event.subject.to_string(),
        kind: event.kind,
        schema_version: event.schema_version,
        reason: event.reason,
    })
}

/// Reads the event at the checkpoint back: a restored backup or a lost tail of the log shows nowhere else in a
/// process that has just started. Without an answer nothing is said; `log` tells of that.
async fn diverged(api: &ApiState, checkpoint: &Checkpoint) -> Option<String> {
    let against = origin::against(&*api.log, checkpoint);
    let found = tokio::time::timeout(api.settings.read_timeout, against).await;
    found.ok()?.ok()?
}
