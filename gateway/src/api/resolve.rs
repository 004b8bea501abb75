//! `GET /api/v1/resolve`: slugs to ids, from this node's memory. Commands by slug need no read model.

use axum::Json;
use axum::extract::State;
use events::client::Uri;
use events::{ClientId, OrganizationId, Owner, ServerId, Slug};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::ApiState;
use super::guard::Admin;
use super::query::Query;
use crate::problem::Problem;

/// Where it is served.
pub const PATH: &str = "/api/v1/resolve";

pub fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(resolve))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Names {
    /// The organization, by slug or id.
    #[param(value_type = String)]
    organization: Named,
    /// One of its MCP servers, by slug.
    #[param(value_type = Option<String>)]
    server: Option<Slug>,
    /// The URL of a client's metadata document.
    #[param(value_type = Option<String>)]
    document: Option<Uri>,
}

/// An organization as people name it.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
enum Named {
    Id(OrganizationId),
    Slug(Slug),
}

impl TryFrom<String> for Named {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match Uuid::try_parse(&text) {
            // In the one form that ids are written in; other forms may be slugs.
            Ok(id) if id.to_string() == text => Ok(Self::Id(OrganizationId::new(id))),
            Ok(_) | Err(_) => text.parse().map(Self::Slug).map_err(|error| format!("{error}")),
        }
    }
}

/// What is named.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Resolved {
    pub organization: Uuid,
    /// Absent when none was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<Uuid>,
    /// By which the client of that document is known, or will be. Absent when none was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Uuid>,
}

/// Resolve slugs to ids
///
/// From memory, also while the read models can't be reached or are behind. Any admin key may ask about what it
/// reaches; removed servers keep their slugs.
#[utoipa::path(
    get,
    path = "/api/v1/resolve",
    operation_id = "resolve",
    tag = "organizations",
    params(Names),
    responses((status = 200, description = "The ids", body = Resolved))
)]
async fn resolve(
    State(api): State<ApiState>,
    admin: Admin,
    Query(names): Query<Names>,
) -> Result<Json<Resolved>, Problem> {
    if let Some(resolved) = find(&api, &admin, &names) {
        return Ok(Json(resolved));
    }
    api.catch_up().await;
    find(&api, &admin, &names).map(Json).ok_or_else(Problem::not_found)
}

fn find(api: &ApiState, admin: &Admin, names: &Names) -> Option<Resolved> {
    let organization = match &names.organization {
        Named::Id(id) => api.directory.organization(*id)?.id,
        Named::Slug(slug) => api.directory.organization_by_slug(slug.as_str())?.id,
    };
    if !admin.reaches(Owner::Organization(organization)) {
        return None;
    }
    let server = |slug: &Slug| Some(api.directory.server(organization, slug.as_str())?.id);
    let server: Option<ServerId> = match &names.server {
        Some(slug) => Some(server(slug)?),
        None => None,
    };
    let client = names.document.as_ref().map(|url| ClientId::of_document(url).uuid());
    Some(Resolved { organization: organization.uuid(), server: server.map(|id| id.uuid()), client })
}
