//! The routes of grants and consents.

use keyledger_tests::spine::{Key, Organization, Spine, text};

use super::{Endpoint, Foreign, endpoint, none, reason};
use crate::granted::{Connecting, listed};

const GRANT: &str = "/api/v1/organizations/{organization}/grants/{grant}";

/// In an order in which each works for who may send it.
pub const TABLE: &[Endpoint] = &[
    endpoint("GET", "/api/v1/organizations/{organization}/grants", none, Foreign::NotFound),
    endpoint("GET", GRANT, none, Foreign::NotFound),
    endpoint("POST", "/api/v1/organizations/{organization}/grants/{grant}/end", reason, Foreign::NotFound),
    endpoint("GET", "/api/v1/organizations/{organization}/consents", none, Foreign::NotFound),
    endpoint(
        "POST",
        "/api/v1/organizations/{organization}/consents/{consent}/withdraw",
        reason,
        Foreign::NotFound,
    ),
];

/// What a client was let do by a key's right, as lists show it.
pub async fn some(spine: &Spine, organization: &Organization, key: &Key) -> (String, String) {
    Connecting::new(spine, &format!("/mcp/{}/tools", organization.slug)).await.by_key(&key.secret).await;
    let one = async |noun: &str| text(&listed(spine, &organization.path(noun)).await[0], "id");
    (one("grants").await, one("consents").await)
}
