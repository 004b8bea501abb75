//! Whom the requests are about.

use keyledger_tests::spine::{Key, Organization, Server, Spine, text};
use keyledger_tests::wire::Ask;
use serde_json::json;

use super::{clients, grants, issuers, people};

pub struct Victim {
    pub organization: Organization,
    pub server: Server,
    pub key: Key,
    pub installation_key: String,
    pub webhook: String,
    pub installation_webhook: String,
    /// A member.
    pub person: String,
    /// By which that one signs in.
    pub identity: String,
    /// None yet.
    pub newcomer: String,
    pub invitation: String,
    pub issuer: String,
    pub installation_issuer: String,
    pub clients: [String; 4],
    /// What a client may do by the key's right, and what was consented to for it.
    pub grant: String,
    pub consent: String,
    /// A member of the fleet that is silent.
    pub member: String,
}

pub async fn victim(spine: &Spine) -> Victim {
    let organization = spine.organization("victim").await;
    let server = spine.register(&organization, "tools", "https://upstream.example/mcp").await;
    let key = spine.key_with(&organization, json!({"name": "Known to no other", "scopes": ["mcp:*"]})).await;
    let ask = Ask::post(
        "/api/v1/installation/keys",
        &json!({"name": "Known to no other", "scopes": ["admin:keys:read"]}),
    );
    let installation_key = spine.write(ask).await["id"].as_str().unwrap().to_owned();
    let hook = json!({"name": "Known to no other", "url": "https://upstream.example/hook"});
    let installation_webhook = spine.write(Ask::post("/api/v1/installation/webhooks", &hook)).await;
    let webhook = spine.write(Ask::post(organization.path("webhooks"), &hook)).await;
    let known = issuers::body("known");
    let installation_issuer = spine.write(Ask::post("/api/v1/installation/issuers", &known)).await;
    let issuer = spine.write(Ask::post(organization.path("issuers"), &known)).await;
    let read = format!("{}?at_least={}", organization.path("issuers"), text(&issuer, "position"));
    spine.admin(Ask::get(read)).await.expect(200);
    let (issuer, installation_issuer) = (text(&issuer, "id"), text(&installation_issuer, "id"));
    let read = format!("{}?at_least={}", organization.path("webhooks"), text(&webhook, "position"));
    spine.admin(Ask::get(read)).await.expect(200);
    let (webhook, installation_webhook) = (text(&webhook, "id"), text(&installation_webhook, "id"));
    let clients = clients::some(spine, &organization).await;
    let people = people::some(spine, &organization, &installation_issuer).await;
    let (grant, consent) = grants::some(spine, &organization, &key).await;
    // Silent for so long that no command waits for it.
    let record = json!({"lease_millis": 1, "max_staleness_millis": 1});
    let member = spine.silent_node("silent", &record).await;
    Victim {
        organization,
        server,
        key,
        installation_key,
        webhook,
        installation_webhook,
        person: people.person,
        identity: people.identity,
        newcomer: people.newcomer,
        invitation: people.invitation,
        issuer,
        installation_issuer,
        clients,
        grant,
        consent,
        member,
    }
}
