//! The routes of people, members and invitations.

use keyledger_tests::spine::{Organization, Spine, text};
use keyledger_tests::wire::Ask;
use serde_json::{Value, json};

use super::{Endpoint, Foreign, Victim, endpoint, none, reason};

const PERSON: &str = "/api/v1/people/{person}";
const MEMBERS: &str = "/api/v1/organizations/{organization}/members";
const MEMBER: &str = "/api/v1/organizations/{organization}/members/{person}";
const INVITATIONS: &str = "/api/v1/organizations/{organization}/invitations";
const INVITATION: &str = "/api/v1/organizations/{organization}/invitations/{invitation}";

fn person(victim: &Victim) -> Option<Value> {
    Some(json!({"issuer": victim.installation_issuer, "subject": "new"}))
}

fn another(victim: &Victim) -> Option<Value> {
    Some(json!({"issuer": victim.installation_issuer, "subject": "another"}))
}

fn newcomer(victim: &Victim) -> Option<Value> {
    Some(json!({"person": victim.newcomer, "role": "viewer"}))
}

fn role(_: &Victim) -> Option<Value> {
    Some(json!({"role": "developer"}))
}

fn confirmed(victim: &Victim) -> Option<Value> {
    Some(json!({"id": victim.person}))
}

/// In an order in which each works for who may send it.
pub const TABLE: &[Endpoint] = &[
    endpoint("GET", "/api/v1/people", none, Foreign::InstallationOnly),
    endpoint("POST", "/api/v1/people", person, Foreign::InstallationOnly),
    endpoint("GET", PERSON, none, Foreign::NotFound),
    endpoint("POST", "/api/v1/people/{person}/suspend", reason, Foreign::NotFound),
    endpoint("POST", "/api/v1/people/{person}/resume", reason, Foreign::NotFound),
    endpoint("POST", "/api/v1/people/{person}/sign-out", none, Foreign::NotFound),
    endpoint("GET", "/api/v1/people/{person}/sessions", none, Foreign::NotFound),
    endpoint("POST", "/api/v1/people/{person}/identities", another, Foreign::NotFound),
    endpoint("DELETE", "/api/v1/people/{person}/identities/{identity}", none, Foreign::NotFound),
    endpoint("GET", MEMBERS, none, Foreign::NotFound),
    endpoint("POST", MEMBERS, newcomer, Foreign::NotFound),
    endpoint("GET", MEMBER, none, Foreign::NotFound),
    endpoint("PATCH", MEMBER, role, Foreign::NotFound),
    endpoint("DELETE", MEMBER, reason, Foreign::NotFound),
    endpoint("GET", INVITATIONS, none, Foreign::NotFound),
    endpoint("POST", INVITATIONS, role, Foreign::NotFound),
    endpoint("GET", INVITATION, none, Foreign::NotFound),
    endpoint("DELETE", INVITATION, reason, Foreign::NotFound),
    endpoint("POST", "/api/v1/people/{person}/end", reason, Foreign::NotFound),
    endpoint("POST", "/api/v1/people/{person}/forget", confirmed, Foreign::NotFound),
];

pub struct People {
    /// A member.
    pub person: String,
    pub identity: String,
    /// Somebody who is none.
    pub newcomer: String,
    pub invitation: String,
}

/// All as lists show them.
pub async fn some(spine: &Spine, organization: &Organization, issuer: &str) -> People {
    let add = async |subject: &str| {
        let person = json!({"issuer": issuer, "subject": subject, "name": "Known to no other"});
        spine.write(Ask::post("/api/v1/people", &person)).await
    };
    let (person, newcomer) = (text(&add("member").await, "id"), text(&add("newcomer").await, "id"));
    let member = json!({"person": person, "role": "viewer"});
    spine.write(Ask::post(organization.path("members"), &member)).await;
    let invitation = json!({"role": "viewer", "name": "Known to no other"});
    let invitation = spine.write(Ask::post(organization.path("invitations"), &invitation)).await;
    let at_least = text(&invitation, "position");
    for list in ["/api/v1/people".to_owned(), organization.path("members"), organization.path("invitations")]
    {
        spine.admin(Ask::get(format!("{list}?at_least={at_least}"))).await.expect(200);
    }
    let shown = spine.admin(Ask::get(format!("/api/v1/people/{person}"))).await.expect(200).json();
    let identity = text(&shown["holds"]["identities"][0], "digest");
    People { person, identity, newcomer, invitation: text(&invitation, "id") }
}
