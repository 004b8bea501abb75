//! By what a person signs in: `POST /api/v1/people/{person}/identities` and `DELETE …/identities/{identity}`.
//!
//! An identity is named by issuer, tenant and subject, as an issuer's tokens have it, and never by an address: whoever could
//! have one written into a token would become somebody else.

use axum::Json;
use domain::person::{Command, Person};
use events::issuer::Protocol;
use events::person::{Identity, IdentityDigest};
use events::{IssuerId, Owner, Subject as Place, TenantId, UserId};
use projections::directory::IssuerState;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::PersonPath;
use crate::api::ApiState;
use crate::api::body::Body;
use crate::api::command::{Asked, Object, told, vault};
use crate::api::guard::{Allowed, OwnedPath, PeopleWrite};
use crate::api::text::{Subject, Tenant};
use crate::api::written::Written;
use crate::problem::Problem;
use crate::vault::Identities;

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkIdentity {
    /// The identity provider that the person signs in at.
    #[schema(value_type = uuid::Uuid)]
    issuer: IssuerId,
    /// Of an issuer with several tenants: which.
    #[serde(default)]
    tenant: Option<Tenant>,
    /// Who the person is there: `sub`, and at Entra ID `oid`. It is stored nowhere, but for a digest of it.
    subject: Subject,
}

/// A person's identity in a path.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct IdentityPath {
    /// The person's id.
    #[param(value_type = uuid::Uuid)]
    person: UserId,
    /// Its digest, as `holds.identities` of the person shows it.
    #[param(value_type = String)]
    identity: IdentityDigest,
}

impl OwnedPath for IdentityPath {
    fn owner(&self) -> Owner {
        Owner::Installation
    }
}

impl Object for IdentityPath {
    type Aggregate = Person;

    fn id(&self) -> Uuid {
        self.person.uuid()
    }

    fn subject(&self) -> Place {
        Place::person(self.person)
    }

    fn ids(&self) -> Vec<String> {
        vec![self.person.to_string(), self.identity.to_string()]
    }
}

/// Link an identity to a person
///
/// The person signs in by it as well, from now on and for as long as it is not unlinked: name it as its issuer does. One that
/// was somebody's already is refused, for ever. Only an admin key of the installation may.
#[utoipa::path(
    post,
    path = "/api/v1/people/{person}/identities",
    operation_id = "people_link",
    tag = "people",
    params(PersonPath),
    request_body = LinkIdentity,
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn link(
    asked: Asked<Allowed<PeopleWrite, PersonPath>>,
    Body(request): Body<LinkIdentity>,
) -> Result<Json<Written>, Problem> {
    let LinkIdentity { issuer, tenant, subject } = &request;
    let identity = identity(&asked.api, *issuer, tenant.as_ref(), subject).await?;
    asked.order("people.link", &request).await?.carry_out(Command::AddIdentity { identity }).await
}

/// Unlink an identity from a person
///
/// Nobody signs in by it any more, and it becomes nobody else's. Sessions that began at its issuer end, unless another identity
/// of the person's is of the same one; grants end where no issuer that the person still signs in at counts. Only an admin key of the
/// installation may.
#[utoipa::path(
    delete,
    path = "/api/v1/people/{person}/identities/{identity}",
    operation_id = "people_unlink",
    tag = "people",
    params(IdentityPath),
    responses((status = 200, description = "Done", body = Written))
)]
pub async fn unlink(asked: Asked<Allowed<PeopleWrite, IdentityPath>>) -> Result<Json<Written>, Problem> {
    let IdentityPath { person, identity } = asked.by.at.clone();
    let found = asked.api.commands.identity_of(person, identity).await;
    // One that is none of the person's, or no more, is unlinked already; so a command that is sent again is told so.
    let none = Identity { issuer: IssuerId::new(Uuid::nil()), digest: identity };
    let identity = found.map_err(told::<domain::person::Refusal>)?.unwrap_or(none);
    asked.order("people.unlink", &()).await?.carry_out(Command::RemoveIdentity { identity }).await
}

/// Who somebody is at an issuer that is there.
pub async fn identity(
    api: &ApiState,
    issuer: IssuerId,
    tenant: Option<&Tenant>,
    subject: &Subject,
) -> Result<Identity, Problem> {
    if api.directory.issuer(issuer).is_none() {
        // Another process may have registered it a moment ago.
        api.catch_up().await;
    }
    let entry = api.directory.issuer(issuer).filter(|entry| entry.state != IssuerState::Removed);
    let entry = entry.ok_or_else(|| {
        Problem::invalid(
            "issuer",
            "There is no such issuer. `keyledger issuers list` shows those that there are.",
        )
    })?;
    let tenant = match (&entry.settings.protocol, tenant) {
        (Protocol::OpenId { .. }, None) => None,
        (Protocol::OpenId { .. }, Some(_)) => {
            return Err(Problem::invalid("tenant", "This issuer has no tenants: leave it out."));
        }
        (Protocol::Entra { tenants, .. }, given) => {
            let known = given.and_then(|given| given.as_str().parse::<TenantId>().ok());
            let known = known.filter(|tenant| tenants.contains(tenant));
            let known = known.ok_or_else(|| {
                Problem::invalid(
                    "tenant",
                    "This issuer has several tenants, and nobody is known without theirs: name one that it lists.",
                )
            })?;
            Some(known.to_string())
        }
    };
    let identities = Identities::of(&api.control, &*api.random).await.map_err(|error| vault(&error))?;
    Ok(identities.identity(issuer, tenant.as_deref(), subject.as_str()))
}
