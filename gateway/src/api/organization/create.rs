//! `POST /api/v1/organizations`

use axum::extract::State;
use domain::command_id::create_id;
use domain::organization::{Command, Organization};
use events::{AggregateType, OrganizationId, Owner, Slug, Subject};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::problem;
use crate::api::ApiState;
use crate::api::body::Body;
use crate::api::command::Ordered;
use crate::api::guard::{OrganizationsWrite, Permitted};
use crate::api::idempotency::IdempotencyKey;
use crate::api::problem::Problem;
use crate::api::text::Name;
use crate::api::written::{Created, Written};

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateOrganization {
    /// Stands in the addresses of the organization's servers, for ever: 1 to 63 lower-case letters, digits
    /// and single hyphens between them.
    #[schema(value_type = String, example = "acme", max_length = 63)]
    slug: Slug,
    name: Name,
}

/// Create an organization
///
/// Only an admin key of the installation may.
#[utoipa::path(
    post,
    path = "/api/v1/organizations",
    operation_id = "organizations_create",
    tag = "organizations",
    request_body = CreateOrganization,
    responses((status = 201, description = "Created", body = Written))
)]
pub async fn create(
    State(api): State<ApiState>,
    permitted: Permitted<OrganizationsWrite>,
    idempotency: IdempotencyKey,
    Body(request): Body<CreateOrganization>,
) -> Result<Created, Problem> {
    let admin = &permitted.admin;
    admin.must_be_installation("create organizations")?;
    let command = api.command_id(admin, Owner::Installation, &idempotency);
    let id = OrganizationId::new(create_id(command, &AggregateType::Organization));
    let ordered = Ordered {
        admin,
        owner: Owner::Organization(id),
        idempotency: &idempotency,
        operation: "organizations.create",
        place: &[],
        request: &request,
    };
    let order = api.order_creation(command, id, &request.slug, ordered).await?;
    let subject = Subject::organization(id);
    let create = Command::Create {
        slug: request.slug.clone(),
        name: order.seal(&subject, "name", request.name.as_str())?,
    };
    let done = order.execute::<Organization>(subject, create, problem).await?;
    Ok(Created { location: format!("/api/v1/organizations/{id}"), written: Written::new(id.uuid(), &done) })
}
