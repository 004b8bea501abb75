//! What happened, as the history tells it: `/api/v1/events` of the whole installation, and the same of one organization.
//! Three ways to read it: a list by time, the feed in the log's order after a place (which may wait for what comes), and
//! the feed as a stream. Sealed texts are open in it, and null once they are forgotten.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use events::Owner;
use http::HeaderMap;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ApiState;
use super::bounds::Seat;
use super::guard::{Admin, Allowed, EventsRead, OwnedPath, Permitted};
use super::history::RecordedEvent;
use super::organization::OrganizationPath;
use super::query::Query;
use crate::problem::Problem;

mod choice;
mod feed;
mod page;
mod place;
mod stream;

use choice::{Asked, EventsQuery};
use feed::Reader;
use page::EventPage;
pub use place::FeedPlace;

pub fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(of_organization))
}

/// List or follow what happened anywhere
///
/// Newest first, by time; with `after`, the feed: everything after that place, oldest first, in the log's order. Each of
/// its answers says the `position` to go on from, for ever, and `wait_seconds` has it wait for what comes. Asked for
/// `text/event-stream` it goes on as server-sent events, whose ids are positions (`Last-Event-ID`). For keys of the
/// installation.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    operation_id = "events",
    tag = "events",
    params(EventsQuery),
    responses((
        status = 200,
        description = "A page of events, or a stream of them",
        content((EventPage = "application/json"), (String = "text/event-stream"))
    ))
)]
pub async fn list(
    State(api): State<ApiState>,
    Permitted { admin, .. }: Permitted<EventsRead>,
    seat: Seat,
    headers: HeaderMap,
    Query(query): Query<EventsQuery>,
) -> Result<Response, Problem> {
    admin.must_be_installation("read what happened anywhere")?;
    answer(&api, None, admin, seat, query.asked(&headers)?).await
}

/// List or follow what happened in an organization
///
/// The organization's own events, and those of its servers and keys; as `/api/v1/events`.
#[utoipa::path(
    get,
    path = "/api/v1/organizations/{organization}/events",
    operation_id = "organizations_events",
    tag = "events",
    params(OrganizationPath, EventsQuery),
    responses((
        status = 200,
        description = "A page of events, or a stream of them",
        content((EventPage = "application/json"), (String = "text/event-stream"))
    ))
)]
pub async fn of_organization(
    State(api): State<ApiState>,
    allowed: Allowed<EventsRead, OrganizationPath>,
    seat: Seat,
    headers: HeaderMap,
    Query(query): Query<EventsQuery>,
) -> Result<Response, Problem> {
    let asked = query.asked(&headers)?;
    api.exists_if(false, &allowed.at).await?;
    answer(&api, Some(allowed.at.owner()), allowed.admin, seat, asked).await
}

async fn answer(
    api: &ApiState,
    about: Option<Owner>,
    admin: Admin,
    seat: Seat,
    asked: Asked,
) -> Result<Response, Problem> {
    match asked {
        Asked::List(list) => Ok(page::list(api, admin.owner(), about, list).await?.into_response()),
        Asked::Feed { filter, limit, after, wait } => {
            let mut reader = Reader::new(api, admin.owner(), about, filter, limit, after).await?;
            Ok(reader.within(&admin, &seat, wait).await?.into_response())
        }
        Asked::Stream { filter, limit, after } => {
            let reader = Reader::new(api, admin.owner(), about, filter, limit, after).await?;
            stream::answer(reader, admin, &seat)
        }
    }
}
