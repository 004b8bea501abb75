//! `POST /api/v1/organizations/{organization}/invitations`

use axum::Json;
use axum::response::Response;
use domain::invitation::{Command, Create, Invitation};
use domain::key::secret::{PlainKey, Prefix};
use events::clock::uuid_v7;
use events::sealed::Field;
use events::{InvitationId, Role, ScopeSet, SecretId, Subject, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::body::Body;
use crate::api::command::Asked;
use crate::api::guard::{Allowed, InvitationsWrite};
use crate::api::member::every_server;
use crate::api::moment::Moment;
use crate::api::organization::OrganizationPath;
use crate::api::text::{Email, Name};
use crate::api::written::{Written, created};
use crate::problem::Problem;

/// Where nobody says otherwise: seven days.
const LIFETIME_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateInvitation {
    /// `owner`, `admin`, `developer`, `auditor` or `viewer`. It is given by who holds all of its scopes.
    #[schema(value_type = String, example = "developer")]
    role: Role,
    /// What of MCP servers clients may be granted for the member; absent: everything (`mcp:*`).
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    scopes: Option<ScopeSet>,
    /// Not later than 30 days from now; absent: seven days.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Moment>,
    /// Whom it is meant for. It decides nothing: whoever has the link may use it.
    #[serde(default)]
    email: Option<Email>,
    /// What it is called, for those who look after invitations.
    #[serde(default)]
    name: Option<Name>,
}

/// An invitation that was created.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedInvitation {
    #[serde(flatten)]
    written: Written,
    /// To be sent to whom it is meant for: shown in this one answer and kept nowhere. Its part after `#` is the secret,
    /// which browsers send to nobody; the page asks for it. Absent when the command was carried out before.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// Why there is no link.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'static str>,
}

const NOTICE: &str = "This invitation is created already, and its link is not shown a second time: withdraw it and create another.";

/// Invite somebody
///
/// Who has the link may become a member with this role, once, until it ends. The link is shown in this answer and never
/// again, also not to the same `Idempotency-Key`; no mail is sent.
#[utoipa::path(
    post,
    path = "/api/v1/organizations/{organization}/invitations",
    operation_id = "invitations_create",
    tag = "invitations",
    params(OrganizationPath),
    request_body = CreateInvitation,
    responses(
        (status = 201, description = "Created", body = CreatedInvitation),
        (status = 200, description = "Created before, under the same Idempotency-Key", body = CreatedInvitation)
    )
)]
pub async fn create(
    asked: Asked<Allowed<InvitationsWrite, OrganizationPath>>,
    Body(request): Body<CreateInvitation>,
) -> Result<Response, Problem> {
    let (api, organization) = (asked.api.clone(), asked.by.at.organization);
    let scopes = request.scopes.clone().map_or_else(every_server, Ok)?;
    let later = Timestamp::from_unix_millis(api.clock.now().unix_millis() + LIFETIME_MS);
    let expires_at = request.expires_at.map(|Moment(at)| at).or(later).ok_or_else(Problem::internal)?;
    let order = asked
        .order_new::<Invitation, _>("invitations.create", &request, |id| {
            Subject::invitation(organization, InvitationId::new(id))
        })
        .await?;
    let prefix: Prefix = PREFIX.parse().map_err(|_| Problem::internal())?;
    let secret = PlainKey::draw(&prefix, &*api.random);
    let create = Create {
        role: request.role,
        scopes,
        secret_id: SecretId::new(uuid_v7(&*api.clock, &*api.random)),
        digest: api.peppers.issuing().digest(&secret.parsed()),
        expires_at,
        email: order.seal_some(Field::Email, request.email.as_ref().map(Email::as_str))?,
        name: order.seal_some(Field::Name, request.name.as_ref().map(Name::as_str))?,
    };
    let address = format!("/api/v1/organizations/{organization}/invitations/{}", order.id());
    let executed = order.execute(Command::Create(Box::new(create))).await?;
    let expires_at = executed.state.known().map_or(expires_at, |known| known.expires_at);
    let written = executed.written;
    let (link, notice) = if written.changed && !written.replayed {
        (Some(format!("{}/invitations/accept#{}", api.settings.accounts_url, secret.expose())), None)
    } else {
        (None, Some(NOTICE))
    };
    let replayed = written.replayed;
    Ok(created(replayed, &address, Json(CreatedInvitation { written, link, expires_at, notice })))
}

/// An invitation's secret has a key's form, so that a typo is told, and scanners know one that leaked.
const PREFIX: &str = "kl_invite";
