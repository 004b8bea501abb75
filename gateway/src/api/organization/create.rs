//! `POST /api/v1/organizations`

use domain::organization::Command;
use events::Slug;
use events::sealed::Field;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::body::Body;
use crate::api::command::Asked;
use crate::api::guard::{OrganizationsWrite, Permitted};
use crate::api::text::Name;
use crate::api::written::{Created, Written};
use crate::problem::Problem;

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
    asked: Asked<Permitted<OrganizationsWrite>>,
    Body(request): Body<CreateOrganization>,
) -> Result<Created, Problem> {
    asked.by.admin.must_be_installation("create organizations")?;
    let order = asked.order_organization("organizations.create", &request, &request.slug).await?;
    let location = format!("/api/v1/organizations/{}", order.id());
    let name = order.seal(Field::Name, request.name.as_str())?;
    let written = order.execute(Command::Create { slug: request.slug, name }).await?.written;
    Ok(Created { location, written })
}
