//! `GET /api/v1/status`: how this node, the log and the read models stand.

use axum::Json;
use axum::extract::State;
use events::log::Stored;
use events::{EventId, LogId, Read, Timestamp};
use projections::directory::gate::GateStatus;
use projections::parked::{self, Parked};
use projections::postgres::ReadModelError;
use projections::{checkpoint, checkpoint::Checkpoint};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::ApiState;
use super::guard::{Admin, Permitted, StatusRead};
use super::problem::Problem;

pub fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(status))
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// Of the gateway.
    pub version: String,
    pub node: NodeStatus,
    pub log: LogStatus,
    pub read_models: ReadModelsStatus,
}

/// What this node serves from.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct NodeStatus {
    /// It goes on with what it knows, older than it should be (`freshness.on_stale = "serve"`).
    pub serving_stale: bool,
    /// Since it was known to be complete; `null`: never yet.
    pub age_seconds: Option<f64>,
    /// Positive: the log's clock is ahead.
    pub clock_offset_millis: i64,
    /// How many events of the log are in its memory.
    pub applied: u64,
    /// How many of the log's events it has not applied.
    pub lag_events: Option<u64>,
    pub organizations: u64,
    pub servers: u64,
    pub keys: u64,
    /// Objects of which an event can't be read by this version: refused.
    pub closed: u64,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct LogStatus {
    pub id: Option<Uuid>,
    pub reachable: bool,
    /// The sequence of the newest event; `null`: not reachable.
    pub last_sequence: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ReadModelsStatus {
    pub reachable: bool,
    /// The sequence up to which every event is in them.
    pub applied: Option<u64>,
    /// When the log stored that event.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub applied_at: Option<Timestamp>,
    pub lag_events: Option<u64>,
    /// They hold events that the log has lost, or another log's: why. They follow nothing until they are
    /// rebuilt.
    pub diverged: Option<String>,
    /// Events that can't be read by this version, and what follows of their aggregates.
    pub parked: Option<u64>,
    /// The first of them.
    pub first_parked: Vec<ParkedEvent>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ParkedEvent {
    pub sequence: u64,
    pub subject: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub schema_version: u32,
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
    let (gate, last) = (api.gate.status(), last_sequence(&api).await);
    Ok(Json(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        log: LogStatus { id: gate.log.map(|log| log.uuid()), reachable: last.is_some(), last_sequence: last },
        node: node(&api, &gate, last),
        read_models: read_models(&api, last).await,
    }))
}

fn node(api: &ApiState, gate: &GateStatus, last: Option<u64>) -> NodeStatus {
    let counts = api.directory.counts();
    NodeStatus {
        serving_stale: gate.serving_stale,
        age_seconds: gate.age_seconds,
        clock_offset_millis: gate.clock_offset_millis,
        applied: gate.applied,
        lag_events: last.map(|last| last.saturating_sub(gate.applied)),
        organizations: counts.organizations as u64,
        servers: counts.servers as u64,
        keys: counts.keys as u64,
        closed: counts.closed as u64,
    }
}

async fn last_sequence(api: &ApiState) -> Option<u64> {
    match tokio::time::timeout(api.settings.read_timeout, api.log.info()).await {
        Ok(Ok(info)) => Some(info.last_sequence),
        Ok(Err(_)) | Err(_) => None,
    }
}

async fn read_models(api: &ApiState, last: Option<u64>) -> ReadModelsStatus {
    let found = api.read(None, |pool| async move {
        Ok::<_, ReadModelError>((checkpoint::read(pool).await?, parked::list(pool).await?))
    });
    match found.await {
        Ok((checkpoint, parked)) => {
            let diverged = match &checkpoint {
                Some(checkpoint) => diverged(api, checkpoint).await,
                None => None,
            };
            ReadModelsStatus { diverged, ..standing(checkpoint.as_ref(), parked, last) }
        }
        Err(_) => ReadModelsStatus {
            reachable: false,
            applied: None,
            applied_at: None,
            lag_events: None,
            diverged: None,
            parked: None,
            first_parked: Vec::new(),
        },
    }
}

fn standing(checkpoint: Option<&Checkpoint>, parked: Parked, last: Option<u64>) -> ReadModelsStatus {
    let applied = checkpoint.map_or(0, |checkpoint| checkpoint.sequence);
    let first_parked = parked.first.into_iter().take(20).map(|event| ParkedEvent {
        sequence: event.sequence,
        subject: event.subject.to_string(),
        kind: event.kind,
        schema_version: event.schema_version,
        reason: event.reason,
    });
    ReadModelsStatus {
        reachable: true,
        applied: Some(applied),
        applied_at: checkpoint.map(|checkpoint| checkpoint.stored_at),
        lag_events: last.map(|last| last.saturating_sub(applied)),
        diverged: None,
        parked: Some(parked.count),
        first_parked: first_parked.collect(),
    }
}

/// Reads the event at the checkpoint back: a restored backup or a lost tail of the log shows nowhere else in a
/// process that has just started.
async fn diverged(api: &ApiState, checkpoint: &Checkpoint) -> Option<String> {
    let Checkpoint { log, sequence, event, .. } = checkpoint;
    let found = tokio::time::timeout(api.settings.read_timeout, api.log.message(*sequence)).await;
    match found {
        Ok(Ok(None)) => Some(format!("built from another log: this one has no event {sequence}")),
        Ok(Ok(Some(stored))) if event_of(&stored, *log) != *event => {
            Some(format!("built from another log: another event stands at {sequence}"))
        }
        // No answer: `log` tells of that.
        Ok(Ok(Some(_)) | Err(_)) | Err(_) => None,
    }
}

fn event_of(stored: &Stored, log: LogId) -> Option<EventId> {
    match stored.read(log) {
        Read::Event(recorded) => Some(recorded.envelope.id),
        Read::Unreadable(unreadable) => Some(unreadable.envelope.id),
        Read::Foreign(_) => None,
    }
}
