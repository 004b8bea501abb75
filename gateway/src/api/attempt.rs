//! `/api/v1/oauth/attempts`: how clients got in, or didn't, and what was missing.

use axum::Json;
use axum::extract::State;
use events::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::ApiState;
use super::guard::{ClientsRead, Permitted};
use super::moment::Moment;
use super::query::{Limit, Query};
use crate::attempts::{Attempt, Came, Facts, Step, gather};
use crate::problem::{Kind, Problem};
use crate::store::attempts::KEPT;

pub fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AttemptsQuery {
    /// Steps at this moment or later; a day ago at most, which is what it is without it.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Moment>,
    /// How many attempts at most: 1 to 200.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
}

/// The newest attempts.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AttemptsList {
    pub items: Vec<OauthAttempt>,
    /// There are older ones since then.
    pub more: bool,
}

/// One client's way from the first 401 to the first call.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct OauthAttempt {
    #[schema(value_type = String, format = DateTime)]
    pub began_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub last_at: Timestamp,
    /// `client_id`, once it has said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// `organization/server`, as in the server's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The network that the client asked from: 24 bits of IPv4, 48 of IPv6. Behind a proxy, the proxy's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What it calls itself (`User-Agent`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Where the code goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect: Option<String>,
    pub state: AttemptState,
    /// Of one that stopped: the step that is missing, the likely cause, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// In order; of more than 64 the first and the last.
    pub steps: Vec<AttemptStep>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttemptState {
    /// It calls.
    In,
    /// Its last step is less than two minutes old.
    UnderWay,
    Stopped,
}

/// A step that was taken, or refused.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AttemptStep {
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// `challenge` (the 401), `resource_metadata`, `server_metadata`, `registration`, `authorization`, `sign_in`, `consent`,
    /// `token`, `call`.
    pub step: String,
    pub refused: bool,
    /// What was answered to what was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Uuid>,
}

/// See how clients got in, or didn't
///
/// Each client's way through the 401, metadata, registration, authorization, sign-in, consent, token and first call, as all
/// processes saw it, with the step that is missing and its likely cause. The newest first; kept for a day. A help and no
/// proof: what there is no room for is dropped. For keys of the installation.
#[utoipa::path(
    get,
    path = "/api/v1/oauth/attempts",
    operation_id = "oauth_attempts",
    tag = "oauth",
    params(AttemptsQuery),
    responses((status = 200, description = "The newest attempts", body = AttemptsList))
)]
pub async fn list(
    State(api): State<ApiState>,
    Permitted { admin, .. }: Permitted<ClientsRead>,
    Query(query): Query<AttemptsQuery>,
) -> Result<Json<AttemptsList>, Problem> {
    admin.must_be_installation("see how clients got in")?;
    let reader = api.attempts.as_ref().ok_or_else(|| unread(&"none are kept here"))?;
    let now = api.clock.now();
    let kept = i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX);
    let oldest = Timestamp::from_unix_millis(now.unix_millis().saturating_sub(kept));
    let oldest = oldest.unwrap_or(Timestamp::UNIX_EPOCH);
    let since = query.since.map_or(oldest, |Moment(since)| since.max(oldest));
    let window = reader.since(since).await.map_err(|error| unread(&error))?;
    let facts = Facts { issuer: &api.settings.accounts_url, registers: api.settings.registers };
    let mut attempts = gather(window.steps, now, &facts);
    let more = window.is_cut || attempts.len() > usize::from(query.limit.get());
    attempts.truncate(usize::from(query.limit.get()));
    Ok(Json(AttemptsList { items: attempts.into_iter().map(OauthAttempt::of).collect(), more }))
}

impl OauthAttempt {
    fn of(attempt: Attempt) -> Self {
        let (began_at, last_at) = (attempt.began(), attempt.last());
        let Attempt { steps, client, server, redirect, visitor, came } = attempt;
        let (state, missing, advice) = match came {
            Came::In => (AttemptState::In, None, None),
            Came::UnderWay => (AttemptState::UnderWay, None, None),
            Came::Stopped { missing, advice } => (AttemptState::Stopped, Some(missing), Some(advice)),
        };
        let (cause, advice) = advice.map(|advice| (advice.cause, advice.advice)).unzip();
        Self {
            began_at,
            last_at,
            client,
            server,
            from: visitor.from,
            agent: visitor.agent,
            redirect,
            state,
            missing: missing.map(|stage| stage.as_str().to_owned()),
            cause,
            advice,
            steps: steps.into_iter().map(AttemptStep::of).collect(),
        }
    }
}

impl AttemptStep {
    fn of(step: Step) -> Self {
        Self {
            at: step.at,
            step: step.stage.as_str().to_owned(),
            refused: step.why.is_some(),
            said: step.said,
            from: step.visitor.from,
            agent: step.visitor.agent,
            grant: step.grant.map(|grant| grant.uuid()),
        }
    }
}

fn unread(error: &dyn std::fmt::Display) -> Problem {
    tracing::warn!(%error, "how clients got in can't be read");
    Problem::new(
        Kind::AttemptsUnavailable,
        "What is known of clients that try to get in can't be reached. Ask again; where that goes on, has `keyledger nats \
         setup` made the stream KL_ATTEMPTS?",
    )
    .retry_after(2)
}
