//! The paths of the accounts listener, and what holds of each request.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use http::{Method, StatusCode};
use tracing::Instrument;

use super::error::OauthError;
use super::metadata::path;
use super::state::{Accounts, TIMEOUT};
use super::web::{self, Page};
use super::{
    account, authorize, consent, introspect, invitation, noted, par, register, revoke, sign_in, token,
    well_known,
};
use crate::attempts::Visitor;
use crate::problem::Problem;
use crate::telemetry;

/// Whether a path is ours: where one process is node and control, its public listener hands these over.
pub fn is_ours(path: &str) -> bool {
    let below =
        |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    ["/oauth", "/sign-in", "/sign-out", "/consent", "/invitations", "/account", path::OAUTH, path::OPENID]
        .into_iter()
        .any(below)
}

pub fn router(accounts: Accounts) -> Router {
    Router::new()
        .route(path::OAUTH, get(well_known::metadata))
        .route(&format!("{}/{{*rest}}", path::OAUTH), get(well_known::metadata))
        .route(path::OPENID, get(well_known::metadata))
        .route(&format!("{}/{{*rest}}", path::OPENID), get(well_known::metadata))
        .route(path::JWKS, get(well_known::keys))
        .route(path::AUTHORIZE, get(authorize::authorize).post(authorize::authorize))
        .route(path::TOKEN, post(token::token))
        .route(path::REVOKE, post(revoke::revoke))
        .route(path::INTROSPECT, post(introspect::introspect))
        .route("/sign-in", get(sign_in::page))
        .route("/sign-in/callback", get(sign_in::callback))
        .route("/sign-in/key", post(sign_in::by_key))
        .route("/sign-in/{issuer}", get(sign_in::start))
        .route("/sign-out", post(sign_in::out))
        .route("/consent", get(consent::page).post(consent::decide))
        .route("/invitations/accept", get(invitation::page).post(invitation::accept))
        .route("/account", get(account::page))
        .route("/account/grants/end", post(account::end_grant))
        .route("/account/sessions/end", post(account::end_sessions))
        .route(path::PAR, post(par::push))
        .route(path::REGISTER, post(register::register))
        .route(
            &format!("{}/{{id}}", path::REGISTER),
            get(register::manage).put(register::manage).delete(register::manage),
        )
        .fallback(any(nowhere))
        .layer(axum::middleware::from_fn_with_state(accounts.clone(), within))
        .with_state(accounts)
}

async fn nowhere() -> Page {
    Page::told(StatusCode::NOT_FOUND, "Nothing is here", "Nothing is served at this address.", None)
}

/// Bounds, headers, and what is counted.
async fn within(State(accounts): State<Accounts>, request: Request, next: Next) -> Response {
    let is_https = accounts.issuer.as_str().starts_with("https://");
    let started = accounts.clock.instant();
    let route = named(request.uri().path());
    let response = if request.method() == Method::OPTIONS && is_read_across(request.uri().path()) {
        web::preflight()
    } else {
        match accounts.slots.clone().try_acquire_owned() {
            // Where nobody can sign in, nothing speaks of it: clients would be led astray. Those that were let in while
            // somebody could are served on, as what they were granted by a key stands.
            _ if !accounts.directory.has_issuers() && !serves_on(&accounts, request.uri().path()) => {
                Problem::not_found().into_response()
            }
            Ok(_slot) if !accounts.is_fresh() && !is_metadata(request.uri().path()) => {
                OauthError::unavailable("this process does not know enough of the log at the moment")
                    .into_response()
            }
            Ok(_slot) => {
                let span = tracing::debug_span!("accounts", route);
                let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
                let peer = peer.map(|ConnectInfo(peer)| peer.ip());
                let visitor = Visitor::of(peer, request.headers());
                let answer = next.run(request).instrument(span);
                let answer = noted::told(accounts.attempts.as_ref(), visitor, answer);
                tokio::time::timeout(TIMEOUT, answer).await.unwrap_or_else(|_| {
                    OauthError::unavailable("the answer was not there in time").into_response()
                })
            }
            Err(_) => OauthError::unavailable("as many requests are under way as may be").into_response(),
        }
    };
    let took = accounts.clock.instant().saturating_duration_since(started);
    telemetry::record("keyledger_accounts_request_seconds", &[("route", route)], took);
    let status = telemetry::status_class(Some(response.status().as_u16()));
    telemetry::count("keyledger_accounts_requests_total", &[("route", route), ("status", status)]);
    web::guarded(response, is_https)
}

/// What scripts of other origins may ask: it looks at no cookie.
fn is_read_across(path: &str) -> bool {
    let below =
        |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    [path::OAUTH, path::OPENID, path::REGISTER, path::TOKEN, path::REVOKE, path::JWKS, path::PAR]
        .into_iter()
        .any(below)
}

/// What clients need that have a grant; of an installation at which nobody ever signed in there is none.
fn serves_on(accounts: &Accounts, path: &str) -> bool {
    let asks = matches!(named(path), "oauth_token" | "oauth_revoke" | "oauth_introspect" | "oauth_jwks");
    asks && !accounts.directory.token_keys().is_empty()
}

/// What needs no knowledge of anybody.
fn is_metadata(path: &str) -> bool {
    matches!(named(path), "oauth_metadata" | "oauth_jwks")
}

/// A path's name in metrics.
fn named(path: &str) -> &'static str {
    let below =
        |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let names = [
        (path::OAUTH, "oauth_metadata"),
        (path::OPENID, "oauth_metadata"),
        (path::AUTHORIZE, "oauth_authorize"),
        (path::PAR, "oauth_par"),
        (path::TOKEN, "oauth_token"),
        (path::REGISTER, "oauth_register"),
        (path::REVOKE, "oauth_revoke"),
        (path::INTROSPECT, "oauth_introspect"),
        (path::JWKS, "oauth_jwks"),
        ("/sign-in", "sign_in"),
        ("/sign-out", "sign_out"),
        ("/consent", "consent"),
        ("/invitations", "invitations"),
        ("/account", "account"),
    ];
    names.into_iter().find(|(root, _)| below(root)).map_or("other", |(_, name)| name)
}
