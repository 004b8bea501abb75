//! The routes of clients, of an organization and of the installation, of approvals and of presets.

use keyledger_tests::spine::{Organization, Spine, text};
use keyledger_tests::wire::Ask;
use serde_json::{Value, json};

use super::{Endpoint, Foreign, Victim, endpoint, name, none, reason};

fn body(_: &Victim) -> Option<Value> {
    Some(json!({
        "name": "Known to no other",
        "metadata": {"redirect_uris": ["https://upstream.example/callback"]},
    }))
}

fn required(_: &Victim) -> Option<Value> {
    Some(json!({"required": true}))
}

/// A client with its secret, of the organization and of the installation.
pub async fn some(spine: &Spine, organization: &Organization) -> [String; 4] {
    let mut found = Vec::new();
    for path in [organization.path("clients"), "/api/v1/clients".to_owned()] {
        let metadata = json!({"redirect_uris": ["https://upstream.example/callback"]});
        let body = json!({"name": "Known to no other", "metadata": metadata});
        let client = spine.write(Ask::post(path.as_str(), &body)).await;
        let read = format!("{path}?at_least={}", text(&client, "position"));
        spine.admin(Ask::get(read)).await.expect(200);
        found.extend([text(&client, "id"), text(&client, "secret_id")]);
    }
    found.try_into().unwrap()
}

/// The client that a path is about, and its secret.
pub fn of<'a>(victim: &'a Victim, path: &str) -> [&'a String; 2] {
    let [own, own_secret, client, secret] = &victim.clients;
    if path.starts_with("/api/v1/clients") { [client, secret] } else { [own, own_secret] }
}

/// In an order in which each works for who may send it.
pub const TABLE: &[Endpoint] = &[
    endpoint("GET", "/api/v1/presets", none, Foreign::Itself),
    endpoint("GET", "/api/v1/organizations/{organization}/clients", none, Foreign::NotFound),
    endpoint("GET", "/api/v1/clients", none, Foreign::NotFound),
    endpoint("POST", "/api/v1/organizations/{organization}/clients", body, Foreign::NotFound),
    endpoint("POST", "/api/v1/clients", body, Foreign::NotFound),
    endpoint("GET", "/api/v1/organizations/{organization}/clients/{client}", none, Foreign::NotFound),
    endpoint("GET", "/api/v1/clients/{client}", none, Foreign::NotFound),
    endpoint("PATCH", "/api/v1/organizations/{organization}/clients/{client}", name, Foreign::NotFound),
    endpoint("PATCH", "/api/v1/clients/{client}", name, Foreign::NotFound),
    endpoint(
        "POST",
        "/api/v1/organizations/{organization}/clients/{client}/secrets",
        none,
        Foreign::NotFound,
    ),
    endpoint("POST", "/api/v1/clients/{client}/secrets", none, Foreign::NotFound),
    endpoint(
        "DELETE",
        "/api/v1/organizations/{organization}/clients/{client}/secrets/{secret}",
        none,
        Foreign::NotFound,
    ),
    endpoint("DELETE", "/api/v1/clients/{client}/secrets/{secret}", none, Foreign::NotFound),
    endpoint(
        "POST",
        "/api/v1/organizations/{organization}/clients/{client}/disable",
        reason,
        Foreign::NotFound,
    ),
    endpoint("POST", "/api/v1/clients/{client}/disable", reason, Foreign::NotFound),
    endpoint(
        "POST",
        "/api/v1/organizations/{organization}/clients/{client}/enable",
        reason,
        Foreign::NotFound,
    ),
    endpoint("POST", "/api/v1/clients/{client}/enable", reason, Foreign::NotFound),
    endpoint("PUT", "/api/v1/organizations/{organization}/approvals/{client}", none, Foreign::NotFound),
    endpoint("GET", "/api/v1/organizations/{organization}/approvals", none, Foreign::NotFound),
    endpoint("PUT", "/api/v1/organizations/{organization}/client-approval", required, Foreign::NotFound),
    endpoint("DELETE", "/api/v1/organizations/{organization}/approvals/{client}", reason, Foreign::NotFound),
    endpoint("DELETE", "/api/v1/organizations/{organization}/clients/{client}", reason, Foreign::NotFound),
    endpoint("DELETE", "/api/v1/clients/{client}", reason, Foreign::NotFound),
];
