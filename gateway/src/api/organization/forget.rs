//! `POST /api/v1/organizations/{organization}/forget`

use axum::Json;
use domain::organization::Command;
use events::Owner;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::OrganizationPath;
use crate::api::body::Body;
use crate::api::command::Asked;
use crate::api::guard::{Allowed, OrganizationsWrite};
use crate::api::written::Written;
use crate::problem::Problem;

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Forget {
    /// The organization's slug, so that nobody forgets another one by its id.
    pub slug: String,
}

/// Forget an organization
///
/// For ever: what people wrote of it and of its keys and servers (names, metadata, reasons) is erased from the read models,
/// and the key that sealed it in the log is deleted. The events stay, and their proofs. It must be suspended
/// before. Only an admin key of the installation may.
#[utoipa::path(
    post,
    path = "/api/v1/organizations/{organization}/forget",
    operation_id = "organizations_forget",
    tag = "organizations",
    params(OrganizationPath),
    request_body = Forget,
    responses((status = 200, description = "Done; `GET …/forgotten` tells what is erased by now", body = Written))
)]
pub async fn forget(
    asked: Asked<Allowed<OrganizationsWrite, OrganizationPath>>,
    Body(request): Body<Forget>,
) -> Result<Json<Written>, Problem> {
    asked.by.admin.must_be_installation("forget organizations")?;
    let here = asked.api.directory.organization(asked.by.at.organization).ok_or_else(Problem::not_found)?;
    if here.slug.as_str() != request.slug {
        return Err(Problem::invalid(
            "slug",
            format!("This organization's slug is `{}`: send that one to forget it.", here.slug),
        ));
    }
    // Its own key can't vouch for a command that deletes it: a retry would find none.
    let order = asked.order_of(Owner::Installation, "organizations.forget", &request).await?;
    order.carry_out(Command::Forget).await
}
