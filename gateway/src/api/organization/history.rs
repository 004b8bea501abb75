//! `GET /api/v1/organizations/{organization}/history`

use axum::extract::State;
use events::Subject;
use projections::Projection;
use projections::postgres::history;

use super::OrganizationPath;
use crate::api::ApiState;
use crate::api::guard::{Allowed, OrganizationsRead};
use crate::api::history::{HistoryQuery, RecordedEvent};
use crate::api::query::{Page, Query};
use crate::api::reads::Found;
use crate::problem::Problem;

/// List what happened to an organization
///
/// Newest first, unless `order` says otherwise.
#[utoipa::path(
    get,
    path = "/api/v1/organizations/{organization}/history",
    operation_id = "organizations_history",
    tag = "organizations",
    params(OrganizationPath, HistoryQuery),
    responses((status = 200, description = "A page of events", body = Page<RecordedEvent>))
)]
pub async fn history(
    State(api): State<ApiState>,
    allowed: Allowed<OrganizationsRead, OrganizationPath>,
    Query(query): Query<HistoryQuery>,
) -> Result<Found<Page<RecordedEvent>>, Problem> {
    let (page, subject) = (query.page()?, Subject::organization(allowed.at.organization));
    let read = async |pool| {
        let rows = history::of_aggregate(pool, &subject, query.order.into(), &page).await?;
        rows.told(pool, allowed.admin.owner()).await
    };
    let rows = api.read(Projection::History, query.at_least, read).await?;
    api.exists_if(!rows.found.items.is_empty(), &allowed.at).await?;
    Ok(rows.map(|rows| Page::of(rows, |row| RecordedEvent::of(&api, row, &[]))))
}
