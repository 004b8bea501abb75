//! The log's checkpoint and tiles (C2SP tlog-tiles) below `/tlog`, for whoever proves something of the log or keeps
//! watch over it. Hashes tell nothing of what they are of, so they are anybody's who reaches this listener; entries are
//! the events themselves, and take an installation's key that may read events (decision 0018).

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use events::tlog::TilePath;
use http::{HeaderName, HeaderValue, header};

use super::ApiState;
use super::guard::{EventsRead, Permitted};
use crate::checkpoints::{Keeper, KeeperError};
use crate::problem::{Kind, Problem};

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");
/// A tile never changes.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const FOR_ITS_READER: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");
const SHORTLY: HeaderValue = HeaderValue::from_static("no-cache");

pub fn routes() -> Router<ApiState> {
    Router::new()
        .route("/tlog/checkpoint", get(checkpoint))
        .route("/tlog/tile/entries/{*tile}", get(entries))
        .route("/tlog/tile/{*tile}", get(hashes))
}

async fn checkpoint(State(api): State<ApiState>) -> Result<Response, Problem> {
    let newest = keeper(&api)?.newest().ok_or_else(|| {
        Problem::new(Kind::NotReady, "No checkpoint of the log is signed here yet; ask again.").retry_after(1)
    })?;
    Ok(answer(TEXT, SHORTLY, newest))
}

async fn hashes(State(api): State<ApiState>, Path(tile): Path<String>) -> Result<Response, Problem> {
    let Ok(TilePath::Hashes(tile)) = format!("tile/{tile}").parse() else { return Err(Problem::not_found()) };
    let bytes = keeper(&api)?.hashes(tile).await.map_err(unread)?.ok_or_else(Problem::not_found)?;
    Ok(answer(BYTES, FOR_EVER, bytes))
}

async fn entries(
    State(api): State<ApiState>,
    allowed: Permitted<EventsRead>,
    Path(tile): Path<String>,
) -> Result<Response, Problem> {
    allowed.admin.must_be_installation("read the entries of the whole log")?;
    let Ok(TilePath::Entries(tile)) = format!("tile/entries/{tile}").parse() else {
        return Err(Problem::not_found());
    };
    let bytes = keeper(&api)?.entries(tile).await.map_err(unread)?.ok_or_else(Problem::not_found)?;
    Ok(answer(BYTES, FOR_ITS_READER, bytes))
}

fn keeper(api: &ApiState) -> Result<&Arc<Keeper>, Problem> {
    api.checkpoints.as_ref().ok_or_else(Problem::not_found)
}

fn unread(error: KeeperError) -> Problem {
    match error {
        KeeperError::Busy => {
            Problem::new(Kind::Busy, "Other tiles are being read from the log; ask again.").retry_after(1)
        }
        KeeperError::Unavailable(_) => {
            Problem::new(Kind::Unavailable, "The tile could not be read from the log; ask again.")
                .retry_after(1)
        }
        error @ (KeeperError::Contradiction(_) | KeeperError::TooLong { .. }) => {
            tracing::error!(%error, "a tile is not served");
            Problem::internal()
        }
    }
}

fn answer(kind: HeaderValue, cached: HeaderValue, body: impl Into<Body>) -> Response {
    let headers: [(HeaderName, HeaderValue); 2] =
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, cached)];
    (headers, body.into()).into_response()
}
