//! The routes of webhooks, of an organization and of the installation.

use serde_json::{Value, json};

use super::{Endpoint, Foreign, Victim, endpoint, name, none, reason};

fn webhook(_: &Victim) -> Option<Value> {
    Some(json!({"name": "New", "url": "https://new.example/hook"}))
}

fn empty(_: &Victim) -> Option<Value> {
    Some(json!({}))
}

/// In an order in which each works for who may send it.
pub const TABLE: &[Endpoint] = &[
    endpoint("GET", "/api/v1/organizations/{organization}/webhooks", none, Foreign::NotFound),
    endpoint("GET", "/api/v1/installation/webhooks", none, Foreign::NotFound),
    endpoint("POST", "/api/v1/organizations/{organization}/webhooks", webhook, Foreign::NotFound),
    endpoint("POST", "/api/v1/installation/webhooks", webhook, Foreign::NotFound),
    endpoint("GET", "/api/v1/organizations/{organization}/webhooks/{webhook}", none, Foreign::NotFound),
    endpoint("GET", "/api/v1/installation/webhooks/{webhook}", none, Foreign::NotFound),
    endpoint("PATCH", "/api/v1/organizations/{organization}/webhooks/{webhook}", name, Foreign::NotFound),
    endpoint("PATCH", "/api/v1/installation/webhooks/{webhook}", name, Foreign::NotFound),
    endpoint(
        "POST",
        "/api/v1/organizations/{organization}/webhooks/{webhook}/pause",
        reason,
        Foreign::NotFound,
    ),
    endpoint("POST", "/api/v1/installation/webhooks/{webhook}/pause", reason, Foreign::NotFound),
    endpoint(
        "POST",
        "/api/v1/organizations/{organization}/webhooks/{webhook}/resume",
        none,
        Foreign::NotFound,
    ),
    endpoint("POST", "/api/v1/installation/webhooks/{webhook}/resume", none, Foreign::NotFound),
    endpoint(
        "POST",
        "/api/v1/organizations/{organization}/webhooks/{webhook}/secret",
        none,
        Foreign::NotFound,
    ),
    endpoint("POST", "/api/v1/installation/webhooks/{webhook}/secret", none, Foreign::NotFound),
    endpoint(
        "DELETE",
        "/api/v1/organizations/{organization}/webhooks/{webhook}/secret/previous",
        none,
        Foreign::NotFound,
    ),
    endpoint("DELETE", "/api/v1/installation/webhooks/{webhook}/secret/previous", none, Foreign::NotFound),
    endpoint("POST", "/api/v1/organizations/{organization}/webhooks/{webhook}/test", none, Foreign::NotFound),
    endpoint("POST", "/api/v1/installation/webhooks/{webhook}/test", none, Foreign::NotFound),
    endpoint(
        "GET",
        "/api/v1/organizations/{organization}/webhooks/{webhook}/deliveries",
        none,
        Foreign::NotFound,
    ),
    endpoint("GET", "/api/v1/installation/webhooks/{webhook}/deliveries", none, Foreign::NotFound),
    endpoint("GET", "/api/v1/organizations/{organization}/webhooks/{webhook}/dead", none, Foreign::NotFound),
    endpoint("GET", "/api/v1/installation/webhooks/{webhook}/dead", none, Foreign::NotFound),
    endpoint(
        "POST",
        "/api/v1/organizations/{organization}/webhooks/{webhook}/dead/resend",
        none,
        Foreign::NotFound,
    ),
    endpoint("POST", "/api/v1/installation/webhooks/{webhook}/dead/resend", none, Foreign::NotFound),
    endpoint(
        "POST",
        "/api/v1/organizations/{organization}/webhooks/{webhook}/retry",
        none,
        Foreign::NotFound,
    ),
    endpoint("POST", "/api/v1/installation/webhooks/{webhook}/retry", none, Foreign::NotFound),
    endpoint(
        "POST",
        "/api/v1/organizations/{organization}/webhooks/{webhook}/replay",
        empty,
        Foreign::NotFound,
    ),
    endpoint("POST", "/api/v1/installation/webhooks/{webhook}/replay", empty, Foreign::NotFound),
    endpoint("DELETE", "/api/v1/organizations/{organization}/webhooks/{webhook}", reason, Foreign::NotFound),
    endpoint("DELETE", "/api/v1/installation/webhooks/{webhook}", reason, Foreign::NotFound),
];
