//! Metadata and keys at the addresses where clients look for them (RFC 8414 §3.1, OpenID Connect Discovery §4.1, and the
//! forms that clients try with a server's path in them).

use axum::extract::State;
use axum::response::Response;
use http::header::{CACHE_CONTROL, HeaderValue};
use http::{StatusCode, Uri};
use projections::directory::{TokenKeyEntry, TokenKeyState};
use serde_json::{Value, json};

use super::metadata::path;
use super::state::Accounts;
use super::{noted, web};
use crate::attempts::Stage;
use crate::request::resource::Address;

pub async fn metadata(State(accounts): State<Accounts>, uri: Uri) -> Response {
    noted::is(Stage::ServerMetadata);
    let below = [path::OAUTH, path::OPENID].into_iter().find_map(|root| uri.path().strip_prefix(root));
    if let Some(address) = below.and_then(Address::of_path) {
        noted::server(&address);
    }
    let mut response = web::json(StatusCode::OK, accounts.metadata.clone());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    web::readable(response)
}

/// The keys that access tokens are signed with, those that will be among them (RFC 7517 §5). Nodes need no fetch: the log
/// tells them the same.
pub async fn keys(State(accounts): State<Accounts>) -> Response {
    let keys = accounts.directory.token_keys();
    let live = keys.iter().filter(|key| key.state == TokenKeyState::Published);
    let set = json!({ "keys": live.map(|key| jwk(key)).collect::<Vec<_>>() });
    let mut response = web::json(StatusCode::OK, set.to_string());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    web::readable(response)
}

/// RFC 7518 §6.2.1.
fn jwk(key: &TokenKeyEntry) -> Value {
    json!({
        "kty": "EC",
        "crv": "P-256",
        "alg": key.algorithm.as_str(),
        "use": "sig",
        "kid": key.id.to_string(),
        "x": key.x.to_string(),
        "y": key.y.to_string(),
    })
}
