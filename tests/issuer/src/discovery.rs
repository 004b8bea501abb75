//! What each provider says of itself (OpenID Connect Discovery §3), and its public keys.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, Uri, header};
use serde_json::{Map, Value, json};

use crate::behaviour::{Endpoint, lay};
use crate::parameters::Parameters;
use crate::person::Person;
use crate::realm::{Realm, Version};
use crate::state::Shared;

pub(crate) async fn document(State(shared): State<Arc<Shared>>, uri: Uri) -> Response {
    let parameters = Parameters::parse(uri.query().unwrap_or_default());
    if let Some(fault) = shared.meet(Endpoint::Discovery, uri.path(), &parameters).await {
        return fault;
    }
    let realm = Realm::of(uri.path());
    let state = shared.state();
    if !is_known(&realm, &state.people) {
        return unknown();
    }
    let mut document = described(&realm, &shared);
    lay(&state.behaviour.discovery, &mut document);
    Json(document).into_response()
}

pub(crate) async fn keys(State(shared): State<Arc<Shared>>, uri: Uri) -> Response {
    let parameters = Parameters::parse(uri.query().unwrap_or_default());
    if let Some(fault) = shared.meet(Endpoint::Keys, uri.path(), &parameters).await {
        return fault;
    }
    let realm = Realm::of(uri.path());
    let state = shared.state();
    if !is_known(&realm, &state.people) {
        return unknown();
    }
    // Entra ID's version 1 names no issuers of keys.
    let issuer = match &realm {
        Realm::Entra { version: Version::V2, .. } => Some(realm.issuer(&shared.base, &shared.sts, None)),
        Realm::Entra { version: Version::V1, .. } | Realm::OpenId => None,
    };
    let set = state.keys.set(shared.algorithm(&realm), issuer.as_deref());
    ([(header::CACHE_CONTROL, "max-age=86400")], Json(set)).into_response()
}

/// A tenant is one that somebody is of.
pub(crate) fn is_known(realm: &Realm, people: &[Person]) -> bool {
    realm.tenant().is_none_or(|tenant| people.iter().any(|person| person.is_of(tenant)))
}

fn unknown() -> Response {
    let description = "AADSTS90002: Tenant was not found. Check to make sure you have the correct tenant ID.";
    let body = json!({"error": "invalid_tenant", "error_description": description, "error_codes": [90002]});
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

fn described(realm: &Realm, shared: &Shared) -> Map<String, Value> {
    let base = &shared.base;
    let mut document = json!({
        "issuer": realm.issuer(base, &shared.sts, None),
        "authorization_endpoint": realm.authorization_endpoint(base),
        "token_endpoint": realm.token_endpoint(base),
        "jwks_uri": realm.keys(base),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "id_token_signing_alg_values_supported": [shared.algorithm(realm).name()],
        "token_endpoint_auth_methods_supported":
            ["client_secret_post", "private_key_jwt", "client_secret_basic"],
    });
    let more = if realm.is_entra() {
        // As Entra ID does, it says nothing of PKCE, which it knows.
        json!({
            "subject_types_supported": ["pairwise"],
            "userinfo_endpoint": format!("{base}/graph/v1.0/oidc/userinfo"),
            "tenant_region_scope": "EU",
            "cloud_instance_name": "microsoftonline.com",
            "msgraph_host": "graph.microsoft.com",
        })
    } else {
        json!({
            "subject_types_supported": ["public"],
            "userinfo_endpoint": format!("{base}/userinfo"),
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
        })
    };
    let mut members = Map::new();
    for part in [&mut document, &mut more.clone()] {
        if let Some(part) = part.as_object_mut() {
            members.append(part);
        }
    }
    members
}
