//! `POST …/keys`

use axum::Json;
use axum::response::Response;
use domain::key::secret::PlainKey;
use domain::key::{Command, Issue, Key};
use events::clock::uuid_v7;
use events::key::{Environment, KeyOwner};
use events::sealed::Field;
use events::{KeyId, Owner, ScopeSet, SecretId, Subject, UserId};
use projections::directory::{MemberState, PersonState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::KeysPath;
use crate::api::ApiState;
use crate::api::body::Body;
use crate::api::command::{Asked, Executed};
use crate::api::guard::{Allowed, KeysWrite, OwnedPath};
use crate::api::metadata::Metadata;
use crate::api::moment::Moment;
use crate::api::text::Name;
use crate::api::written::{Written, created};
use crate::problem::Problem;

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueKey {
    name: Name,
    /// All `mcp:` or all management (`admin:`, `keys:verify`); management scopes only those that the asking
    /// key holds itself.
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 100, example = json!(["mcp:docs:tools:search"]))]
    scopes: ScopeSet,
    /// For whom the key speaks; absent: for the organization, or for the installation.
    #[serde(default)]
    owner: Option<OwnerOfKey>,
    /// What the key is for, by its owner's word; no decision rests on it.
    #[serde(default)]
    environment: EnvironmentOfKey,
    /// Refused before, to the millisecond; absent: valid at once.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    not_before: Option<Moment>,
    /// Refused from then on, to the millisecond; absent: never expires.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Moment>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

/// For whom a key of an organization speaks.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum OwnerOfKey {
    /// The organization itself.
    Organization,
    /// A person.
    User {
        #[schema(value_type = uuid::Uuid)]
        id: UserId,
    },
    /// A program that acts under a name of its own.
    Service {
        #[schema(value_type = uuid::Uuid)]
        id: UserId,
    },
}

#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EnvironmentOfKey {
    #[default]
    Live,
    Test,
}

/// A key that was issued.
#[derive(Debug, Serialize, ToSchema)]
pub struct IssuedKey {
    #[serde(flatten)]
    written: Written,
    /// The key itself: shown in this one answer and kept nowhere. Absent when the command was carried out
    /// before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    secret: Option<Secret>,
    /// What the key starts with.
    prefix: String,
    /// Its last four characters.
    last_four: String,
    /// Why there is no secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'static str>,
}

const NOTICE: &str =
    "This key is issued already, and its secret is not shown a second time: revoke it and issue anew.";

/// Issue a key
///
/// The secret is shown in this answer and never again, also not to the same `Idempotency-Key`. A key of the
/// installation has management scopes only, and reaches every organization.
#[utoipa::path(
    post,
    path = "/keys",
    operation_id = "keys_issue",
    tag = "keys",
    request_body = IssueKey,
    responses(
        (status = 201, description = "Issued", body = IssuedKey),
        (status = 200, description = "Issued before, under the same Idempotency-Key", body = IssuedKey)
    )
)]
pub async fn issue(
    asked: Asked<Allowed<KeysWrite, KeysPath>>,
    Body(request): Body<IssueKey>,
) -> Result<Response, Problem> {
    let (api, owner, issued_by) = (asked.api.clone(), asked.by.at.owner(), asked.by.admin.actor());
    let address = asked.by.at.address();
    if let Some(OwnerOfKey::User { id }) = &request.owner {
        may_hold(&api, owner, *id)?;
    }
    let order =
        asked.order_new::<Key, _>("keys.issue", &request, |id| Subject::key(owner, KeyId::new(id))).await?;
    let secret = PlainKey::draw(&api.settings.prefix, &*api.random);
    let parsed = secret.parsed();
    let metadata = request.metadata.as_ref().map(Metadata::to_text);
    let issue = Issue {
        secret_id: SecretId::new(uuid_v7(&*api.clock, &*api.random)),
        digest: api.peppers.issuing().digest(&parsed),
        prefix: parsed.prefix().to_owned(),
        last_four: parsed.last_four().to_owned(),
        owner: key_owner(owner, request.owner.as_ref()),
        environment: request.environment.into(),
        not_before: request.not_before.map(|Moment(at)| at),
        expires_at: request.expires_at.map(|Moment(at)| at),
        scopes: request.scopes.clone(),
        issued_by,
        name: order.seal(Field::Name, request.name.as_str())?,
        metadata: order.seal_some(Field::Metadata, metadata.as_deref())?,
    };
    let address = format!("{address}/{}", order.id());
    let mut executed = order.execute(Command::Issue(Box::new(issue))).await?;
    executed.written.warnings = super::warnings(&api.directory, owner, &request.scopes);
    answer(&address, executed, secret)
}

fn answer(address: &str, executed: Executed<Key>, secret: PlainKey) -> Result<Response, Problem> {
    let Executed { state, written } = executed;
    let known = state.known().ok_or_else(Problem::internal)?;
    // Only this very call's event holds this secret's digest.
    let own = written.changed && !written.replayed;
    let issued = IssuedKey {
        written,
        secret: own.then_some(Secret(secret)),
        prefix: known.prefix.clone(),
        last_four: known.last_four.clone(),
        notice: (!own).then_some(NOTICE),
    };
    Ok(created(!own, address, Json(issued)))
}

/// A key that speaks for a person works as long as the person is there, and a member of its organization.
fn may_hold(api: &ApiState, owner: Owner, person: UserId) -> Result<(), Problem> {
    let refuse = |why: &str| Err(Problem::invalid("owner.id", why));
    match api.directory.person(person).map(|entry| entry.state) {
        Some(PersonState::Active | PersonState::Suspended) => {}
        Some(PersonState::Ended | PersonState::Forgotten | PersonState::Closed) | None => {
            return refuse(
                "There is no person with this id, or the person is ended. `GET /api/v1/people` lists them.",
            );
        }
    }
    let member = owner.organization().and_then(|id| api.directory.member(id, person));
    match member.map(|entry| entry.state) {
        Some(MemberState::Active) => Ok(()),
        Some(MemberState::Removed | MemberState::Closed) | None => {
            refuse("The person is no member of this organization. Add them first (`POST …/members`).")
        }
    }
}

fn key_owner(owner: Owner, asked: Option<&OwnerOfKey>) -> KeyOwner {
    match (owner, asked) {
        (Owner::Installation, None) => KeyOwner::Installation,
        // For the installation's keys the domain refuses these.
        (Owner::Organization(_), None) | (_, Some(OwnerOfKey::Organization)) => KeyOwner::Organization,
        (_, Some(OwnerOfKey::User { id })) => KeyOwner::User { id: *id },
        (_, Some(OwnerOfKey::Service { id })) => KeyOwner::Service { id: *id },
    }
}

impl OwnerOfKey {
    /// `None`: the installation.
    pub fn of(owner: &KeyOwner) -> Option<Self> {
        match owner {
            KeyOwner::Installation => None,
            KeyOwner::Organization => Some(Self::Organization),
            KeyOwner::User { id } => Some(Self::User { id: *id }),
            KeyOwner::Service { id } => Some(Self::Service { id: *id }),
        }
    }
}

impl From<Environment> for EnvironmentOfKey {
    fn from(environment: Environment) -> Self {
        match environment {
            Environment::Live => Self::Live,
            Environment::Test => Self::Test,
        }
    }
}

impl From<EnvironmentOfKey> for Environment {
    fn from(environment: EnvironmentOfKey) -> Self {
        match environment {
            EnvironmentOfKey::Live => Self::Live,
            EnvironmentOfKey::Test => Self::Test,
        }
    }
}

/// The plain key on its way into the one answer that shows it.
#[derive(Debug)]
struct Secret(PlainKey);

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}
