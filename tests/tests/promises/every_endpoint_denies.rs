//! Every route of the OpenAPI document, tried with no key, with an MCP key, with a key that lacks the scope, and
//! with another organization's admin key, tells nothing and changes nothing. The table must name every route of
//! the document, and each of its requests works for who may send it, so that no refusal is for another reason.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use keyledger_tests::spine::Spine;
use keyledger_tests::wire::{Answer, Ask};
use serde_json::{Value, json};

mod clients;
mod grants;
mod issuers;
mod keys;
mod people;
mod victim;
mod webhooks;

use victim::{Victim, victim};

/// What a key of another organization, with every management scope, is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Foreign {
    /// The same 404 as for what does not exist.
    NotFound,
    /// Only the installation may, whoever asks.
    InstallationOnly,
    /// An answer about itself: its own organization, itself, or the document.
    Itself,
    /// "No such key", as for any text that is none.
    UnknownKey,
}

struct Endpoint {
    method: &'static str,
    /// As the document writes it.
    path: &'static str,
    body: fn(&Victim) -> Option<Value>,
    foreign: Foreign,
}

const fn endpoint(
    method: &'static str,
    path: &'static str,
    body: fn(&Victim) -> Option<Value>,
    foreign: Foreign,
) -> Endpoint {
    Endpoint { method, path, body, foreign }
}

fn none(_: &Victim) -> Option<Value> {
    None
}

fn reason(_: &Victim) -> Option<Value> {
    Some(json!({"reason": "a test"}))
}

fn name(_: &Victim) -> Option<Value> {
    Some(json!({"name": "Another name"}))
}

fn organization(_: &Victim) -> Option<Value> {
    Some(json!({"slug": "new-organization", "name": "New"}))
}

fn purpose(_: &Victim) -> Option<Value> {
    Some(json!({"purpose": "writer"}))
}

fn server(_: &Victim) -> Option<Value> {
    Some(json!({"slug": "new-server", "name": "New", "upstream": "https://new.example/mcp"}))
}

fn mcp_key(_: &Victim) -> Option<Value> {
    Some(json!({"name": "New", "scopes": ["mcp:*"]}))
}

fn management_key(_: &Victim) -> Option<Value> {
    Some(json!({"name": "New", "scopes": ["admin:keys:read"]}))
}

fn expiry(_: &Victim) -> Option<Value> {
    Some(json!({"expires_at": "2100-01-01T00:00:00Z"}))
}

fn mcp_scopes(_: &Victim) -> Option<Value> {
    Some(json!({"scopes": ["mcp:tools:tools:search"]}))
}

fn management_scopes(_: &Victim) -> Option<Value> {
    Some(json!({"scopes": ["admin:status:read"]}))
}

fn slug(victim: &Victim) -> Option<Value> {
    Some(json!({"slug": victim.organization.slug}))
}

fn metadata(_: &Victim) -> Option<Value> {
    Some(json!({"metadata": {"team": "docs"}}))
}

fn question(victim: &Victim) -> Option<Value> {
    Some(json!({"key": victim.key.secret}))
}

/// Any admin key may ask, about any position.
const PROOF: &str = "/api/v1/fleet/proof";
/// Any admin key may ask, about its own organization.
const RESOLVE: &str = "/api/v1/resolve";
/// No command: it makes no event.
const FORGET: &str = "/api/v1/fleet/members/{member}";

/// Every route. In an order in which each works for who may send it.
const TABLE: &[Endpoint] = &[
    endpoint("GET", "/api/v1/openapi.json", none, Foreign::Itself),
    endpoint("GET", "/api/v1/caller", none, Foreign::Itself),
    endpoint("GET", "/api/v1/status", none, Foreign::InstallationOnly),
    endpoint("GET", PROOF, none, Foreign::Itself),
    endpoint("GET", "/api/v1/fleet", none, Foreign::InstallationOnly),
    endpoint("DELETE", FORGET, none, Foreign::InstallationOnly),
    endpoint("GET", "/api/v1/signers", none, Foreign::InstallationOnly),
    endpoint("POST", "/api/v1/signers/rotate", purpose, Foreign::InstallationOnly),
    endpoint("GET", "/api/v1/token-keys", none, Foreign::InstallationOnly),
    endpoint("POST", "/api/v1/token-keys/rotate", none, Foreign::InstallationOnly),
    endpoint("GET", RESOLVE, none, Foreign::NotFound),
    endpoint("POST", "/api/v1/keys/verify", question, Foreign::UnknownKey),
    endpoint("GET", "/api/v1/organizations", none, Foreign::Itself),
    endpoint("POST", "/api/v1/organizations", organization, Foreign::InstallationOnly),
    endpoint("GET", "/api/v1/organizations/{organization}", none, Foreign::NotFound),
    endpoint("GET", "/api/v1/organizations/{organization}/history", none, Foreign::NotFound),
    endpoint("GET", "/api/v1/organizations/{organization}/events", none, Foreign::NotFound),
    endpoint("GET", "/api/v1/events", none, Foreign::InstallationOnly),
    endpoint("GET", "/api/v1/access", none, Foreign::InstallationOnly),
    endpoint("GET", "/api/v1/oauth/attempts", none, Foreign::InstallationOnly),
    endpoint("GET", "/api/v1/organizations/{organization}/access", none, Foreign::NotFound),
    endpoint("PUT", "/api/v1/organizations/{organization}/name", name, Foreign::NotFound),
    endpoint("POST", "/api/v1/organizations/{organization}/resume", none, Foreign::NotFound),
    endpoint("GET", "/api/v1/organizations/{organization}/servers", none, Foreign::NotFound),
    endpoint("POST", "/api/v1/organizations/{organization}/servers", server, Foreign::NotFound),
    endpoint("GET", "/api/v1/organizations/{organization}/servers/{server}", none, Foreign::NotFound),
    endpoint("PATCH", "/api/v1/organizations/{organization}/servers/{server}", name, Foreign::NotFound),
    endpoint("DELETE", "/api/v1/organizations/{organization}/servers/{server}", reason, Foreign::NotFound),
    // Nothing works after these.
    endpoint("POST", "/api/v1/organizations/{organization}/suspend", reason, Foreign::NotFound),
    endpoint("POST", "/api/v1/organizations/{organization}/forget", slug, Foreign::NotFound),
    endpoint("GET", "/api/v1/organizations/{organization}/forgotten", none, Foreign::NotFound),
];

/// Those of nouns with a table of their own before the others, after the last of which nothing works.
fn table() -> impl Iterator<Item = &'static Endpoint> {
    let nouns =
        [clients::TABLE, grants::TABLE, webhooks::TABLE, people::TABLE, issuers::TABLE, keys::TABLE, TABLE];
    nouns.into_iter().flatten()
}

const NOBODY: &str = "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b";

impl Endpoint {
    fn is_verify(&self) -> bool {
        self.path == "/api/v1/keys/verify"
    }

    fn at(&self, spine: &Spine) -> SocketAddr {
        if self.is_verify() { spine.public } else { spine.admin }
    }

    fn ask(&self, victim: &Victim) -> Ask {
        let is_installations = self.path.contains("/installation/");
        let of = |own, installations| if is_installations { installations } else { own };
        let key = of(&victim.key.id, &victim.installation_key);
        let webhook = of(&victim.webhook, &victim.installation_webhook);
        let issuer = of(&victim.issuer, &victim.installation_issuer);
        let [client, secret] = clients::of(victim, self.path);
        let Victim { organization, server, person, invitation, identity, grant, consent, .. } = victim;
        let others = [key, webhook, person, invitation, issuer, identity, grant, consent, client, secret];
        self.about(victim, &organization.id, &server.id, others.map(String::as_str))
    }

    /// The same about what does not exist.
    fn ask_about_nobody(&self, victim: &Victim) -> Ask {
        self.about(victim, NOBODY, NOBODY, [NOBODY; 10])
    }

    fn about(&self, victim: &Victim, organization: &str, server: &str, others: [&str; 10]) -> Ask {
        let [key, webhook, person, invitation, issuer, identity, grant, consent, client, secret] = others;
        let path = self.path.replace("{organization}", organization).replace("{server}", server);
        let path = path.replace("{key}", key).replace("{webhook}", webhook);
        let path = path.replace("{client}", client).replace("{secret}", secret);
        let mut path =
            path.replace("{person}", person).replace("{invitation}", invitation).replace("{issuer}", issuer);
        path = path.replace("{identity}", identity).replace("{grant}", grant).replace("{consent}", consent);
        match self.path {
            PROOF => path += &format!("?position={}&wait_timeout_seconds=0.001", victim.key.position),
            RESOLVE => path += &format!("?organization={organization}&server=tools"),
            FORGET => path = path.replace("{member}", &victim.member) + "?has_ended=true",
            _ => {}
        }
        let ask = Ask::new(self.method, path);
        match (self.body)(victim) {
            Some(body) => ask.json(&body),
            None => ask,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_table_names_every_route_of_the_document() {
    let spine = Spine::start().await;
    let document = spine.admin(Ask::get("/api/v1/openapi.json")).await.expect(200).json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut routes = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            routes.insert((method.to_uppercase(), path.clone()));
        }
    }
    let table: BTreeSet<_> =
        self::table().map(|endpoint| (endpoint.method.to_owned(), endpoint.path.to_owned())).collect();
    assert_eq!(table.len(), self::table().count(), "a route stands twice in the table");
    let missing: Vec<_> = routes.difference(&table).collect();
    assert!(missing.is_empty(), "add to the table of every_endpoint_denies.rs: {missing:?}");
    let gone: Vec<_> = table.difference(&routes).collect();
    assert!(gone.is_empty(), "in the table, and not in the document: {gone:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_ask_learns_and_changes_nothing() {
    let spine = Spine::start().await;
    let victim = victim(&spine).await;
    let other = spine.organization("other").await;
    let narrow = spine.key(&victim.organization, &["keys:verify"]).await.secret;
    let reader = spine.key(&victim.organization, &["admin:*:read"]).await.secret;
    let mcp = spine.key(&victim.organization, &["mcp:*"]).await.secret;
    let foreign = spine.key(&other, &["admin:*:*", "keys:verify"]).await.secret;
    let before = events(&spine).await;

    for endpoint in table() {
        let (ask, to) = (endpoint.ask(&victim), endpoint.at(&spine));
        let denied = async |ask: Ask, status: u16, why: &str| {
            let answer = ask.send(to).await;
            assert_eq!(answer.status, status, "{} {} {why}: {answer:?}", endpoint.method, endpoint.path);
            is_a_bare_problem(&answer, &victim);
            answer
        };
        denied(ask.clone(), 401, "without a key").await;
        denied(ask.clone().bearer(&victim.key.secret[1..]), 401, "with a garbage key").await;
        denied(ask.clone().bearer(&mcp), 403, "with an MCP key").await;
        if endpoint.is_verify() {
            denied(ask.clone().bearer(&reader), 403, "without keys:verify").await;
        } else if !matches!(endpoint.path, "/api/v1/caller" | "/api/v1/openapi.json" | PROOF | RESOLVE) {
            denied(ask.clone().bearer(&narrow), 403, "without any admin scope").await;
            if endpoint.method != "GET" {
                denied(ask.clone().bearer(&reader), 403, "with a reader's key").await;
            }
        }
        let unknown = endpoint.ask_about_nobody(&victim).bearer(&foreign);
        match endpoint.foreign {
            Foreign::NotFound => {
                let told = denied(ask.bearer(&foreign), 404, "with another's key").await;
                let unknown = unknown.send(to).await;
                assert_eq!(
                    (told.status, told.body),
                    (unknown.status, unknown.body),
                    "as what does not exist"
                );
            }
            Foreign::InstallationOnly => {
                denied(ask.bearer(&foreign), 403, "with another's key").await;
            }
            Foreign::Itself => {
                let answer = ask.bearer(&foreign).send(to).await.expect(200);
                says_nothing_of(&answer, &victim);
            }
            Foreign::UnknownKey => {
                let answer = ask.bearer(&foreign).send(to).await.expect(200);
                assert_eq!(answer.json(), json!({"valid": false, "outcome": "unknown"}));
            }
        }
    }
    assert_eq!(events(&spine).await, before, "somebody changed something");
}

/// Or a refusal above may have had another reason.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_request_of_the_table_works_for_who_may_send_it() {
    let spine = Spine::start().await;
    let victim = victim(&spine).await;
    let asker = spine.key(&victim.organization, &["keys:verify"]).await.secret;
    for endpoint in table() {
        let key = if endpoint.is_verify() { &asker } else { &spine.admin_key };
        let mut ask = endpoint.ask(&victim);
        let delivers =
            ["/test", "/resend", "/retry", "/replay"].iter().any(|end| endpoint.path.ends_with(end));
        let is_command =
            endpoint.method != "GET" && !endpoint.is_verify() && endpoint.path != FORGET && !delivers;
        if is_command {
            ask.path += "?wait=fleet";
        }
        let answer = ask.bearer(key).send(endpoint.at(&spine)).await;
        assert!(matches!(answer.status, 200 | 201), "{} {}: {answer:?}", endpoint.method, endpoint.path);
        let body = answer.json();
        if is_command {
            assert_eq!(body["fleet"]["complete"], true, "every command waits: {} {body}", endpoint.path);
        }
        if let Some(position) = body["position"].as_str() {
            spine.follows(position).await;
            // What is read next must be there.
            let read = format!("/api/v1/organizations?limit=1&at_least={position}");
            spine.admin(Ask::get(read)).await.expect(200);
        }
    }
}

/// How many events there are.
async fn events(spine: &Spine) -> u64 {
    let status = spine.admin(Ask::get("/api/v1/status")).await.expect(200).json();
    status["log"]["last_sequence"].as_u64().unwrap()
}

/// Problem details, and nothing of whom it is about.
fn is_a_bare_problem(answer: &Answer, victim: &Victim) {
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
    let body = answer.json();
    let members: BTreeSet<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
    let known = BTreeSet::from(["type", "title", "status", "detail", "field", "retry_after_seconds"]);
    assert!(members.is_subset(&known), "{answer:?}");
    assert_eq!(body["status"], answer.status);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    says_nothing_of(answer, victim);
}

fn says_nothing_of(answer: &Answer, victim: &Victim) {
    let said = format!("{answer:?}");
    let Victim { organization, server, key, installation_key, .. } = victim;
    let known = [&organization.id, &organization.slug, &server.id, &key.id, &key.secret, installation_key];
    for known in known.into_iter().map(String::as_str).chain(["Known to no other", "upstream.example"]) {
        assert!(!said.contains(known), "{known} in {said}");
    }
}
