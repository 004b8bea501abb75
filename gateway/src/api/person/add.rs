//! `POST /api/v1/people`

use domain::person::Command;
use events::IssuerId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::identity::identity;
use crate::api::body::Body;
use crate::api::command::Asked;
use crate::api::guard::{PeopleWrite, Permitted};
use crate::api::text::{Email, Name, Subject, Tenant};
use crate::api::written::{Created, Written};
use crate::command::Said;
use crate::problem::Problem;

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddPerson {
    /// The identity provider that the person will sign in at.
    #[schema(value_type = uuid::Uuid)]
    issuer: IssuerId,
    /// Of an issuer with several tenants: which.
    #[serde(default)]
    tenant: Option<Tenant>,
    /// Who the person is there: `sub`, and at Entra ID `oid`. It is stored nowhere, but for a digest of it.
    subject: Subject,
    #[serde(default)]
    email: Option<Email>,
    #[serde(default)]
    name: Option<Name>,
}

/// Add a person
///
/// Somebody who has not signed in yet. Who signs in is added by that. Only an admin key of the installation may.
#[utoipa::path(
    post,
    path = "/api/v1/people",
    operation_id = "people_add",
    tag = "people",
    request_body = AddPerson,
    responses((status = 201, description = "Added", body = Written))
)]
pub async fn add(
    asked: Asked<Permitted<PeopleWrite>>,
    Body(request): Body<AddPerson>,
) -> Result<Created, Problem> {
    asked.by.admin.must_be_installation("add people")?;
    let api = asked.api.clone();
    let identity = identity(&api, request.issuer, request.tenant.as_ref(), &request.subject).await?;
    let order = asked.order_person("people.add", &request, &identity.digest).await?;
    let location = format!("/api/v1/people/{}", order.id());
    let said = Said {
        email: request.email.as_ref().map(|email| email.as_str().to_owned()),
        email_verified: false,
        name: request.name.as_ref().map(|name| name.as_str().to_owned()),
        picture: None,
    };
    let profile = order.profile(&said)?;
    let written = order.execute(Command::Add { identity, profile }).await?.written;
    Ok(Created { location, written })
}
