//! The routes of issuers, of an organization and of the installation.

use serde_json::{Value, json};

use super::{Endpoint, Foreign, Victim, endpoint, name, none, reason};

pub fn body(slug: &str) -> Value {
    json!({
        "slug": slug,
        "name": "Known to no other",
        "protocol": {"kind": "openid", "issuer": "https://upstream.example"},
        "settings": {"client_id": "keyledger"},
    })
}

fn issuer(_: &Victim) -> Option<Value> {
    Some(body("new"))
}

fn credential(_: &Victim) -> Option<Value> {
    Some(json!({"secret": "a client secret"}))
}

/// In an order in which each works for who may send it.
pub const TABLE: &[Endpoint] = &[
    endpoint("GET", "/api/v1/organizations/{organization}/issuers", none, Foreign::NotFound),
    endpoint("GET", "/api/v1/installation/issuers", none, Foreign::NotFound),
    endpoint("POST", "/api/v1/organizations/{organization}/issuers", issuer, Foreign::NotFound),
    endpoint("POST", "/api/v1/installation/issuers", issuer, Foreign::NotFound),
    endpoint("GET", "/api/v1/organizations/{organization}/issuers/{issuer}", none, Foreign::NotFound),
    endpoint("GET", "/api/v1/installation/issuers/{issuer}", none, Foreign::NotFound),
    endpoint("PATCH", "/api/v1/organizations/{organization}/issuers/{issuer}", name, Foreign::NotFound),
    endpoint("PATCH", "/api/v1/installation/issuers/{issuer}", name, Foreign::NotFound),
    endpoint(
        "PUT",
        "/api/v1/organizations/{organization}/issuers/{issuer}/credential",
        credential,
        Foreign::NotFound,
    ),
    endpoint("PUT", "/api/v1/installation/issuers/{issuer}/credential", credential, Foreign::NotFound),
    endpoint("POST", "/api/v1/organizations/{organization}/issuers/{issuer}/test", none, Foreign::NotFound),
    endpoint("POST", "/api/v1/installation/issuers/{issuer}/test", none, Foreign::NotFound),
    endpoint(
        "DELETE",
        "/api/v1/organizations/{organization}/issuers/{issuer}/credential",
        none,
        Foreign::NotFound,
    ),
    endpoint("DELETE", "/api/v1/installation/issuers/{issuer}/credential", none, Foreign::NotFound),
    endpoint("DELETE", "/api/v1/organizations/{organization}/issuers/{issuer}", reason, Foreign::NotFound),
    endpoint("DELETE", "/api/v1/installation/issuers/{issuer}", reason, Foreign::NotFound),
];
