//! The admin API's outer bounds: how many requests at once, how long each, and what is counted of them.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, Method};
use tracing::Instrument;

use super::ApiState;
use super::command::outcome_unknown;
use super::problem::Problem;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Answers within the bounds, whatever the handler does.
pub async fn within(State(api): State<ApiState>, request: Request, next: Next) -> Response {
    let id = events::clock::uuid_v7(&*api.clock, &*api.random);
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let span = tracing::info_span!("api", %id, %method, route);
    let started = api.clock.instant();
    let mut response = bounded(&api, request, next).instrument(span.clone()).await;
    let took = api.clock.instant().duration_since(started);
    let status = response.status();
    span.in_scope(|| tracing::info!(status = status.as_u16(), seconds = took.as_secs_f64(), "answered"));
    let labels = [("method", known(&method)), ("route", route), ("status", status.as_u16().to_string())];
    metrics::counter!("keyledger_api_requests_total", &labels).increment(1);
    metrics::histogram!("keyledger_api_request_seconds", &labels).record(took.as_secs_f64());
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        headers.insert(REQUEST_ID, id);
    }
    // Answers hold names, scopes and once a secret: for the asker alone.
    headers.insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(http::header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn bounded(api: &ApiState, request: Request, next: Next) -> Response {
    let Ok(_permit) = Arc::clone(&api.requests).try_acquire_owned() else {
        return Problem::busy().into_response();
    };
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    match tokio::time::timeout(api.settings.request_timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) if reads => Problem::timed_out().into_response(),
        Err(_) => outcome_unknown().into_response(),
    }
}

/// The method as a label: few values, whatever clients send.
fn known(method: &Method) -> String {
    let known = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    if known.contains(method) { method.to_string() } else { "other".to_owned() }
}
