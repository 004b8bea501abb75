//! The admin API from its clients' side: reads that wait for a write, pages, what is refused and how it is told,
//! and which scopes may be given on.

use gateway::store::VAULT_PEOPLE;
use keyledger_tests::servers::ROOT;
use keyledger_tests::spine::{Spine, items, text};
use keyledger_tests::wire::{Answer, Ask};
use serde_json::{Value, json};

fn problem(answer: &Answer) -> String {
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
    text(&answer.json(), "type").trim_start_matches("urn:keyledger:problem:").to_owned()
}

fn field(answer: &Answer) -> String {
    text(&answer.json(), "field")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_waits_for_the_write_that_it_names() {
    let spine = Spine::start().await;
    for number in 0..10 {
        // Asked at once, without a pause between the write and the read.
        let body = json!({"slug": format!("acme-{number}"), "name": format!("Acme {number}")});
        let created = spine.admin(Ask::post("/api/v1/organizations", &body)).await.expect(201);
        let location = created.header("location").unwrap().to_owned();
        let created = created.json();
        let read = format!("{location}?at_least={}", text(&created, "position"));
        let found = spine.admin(Ask::get(read)).await.expect(200).json();
        assert_eq!(found["name"], format!("Acme {number}"));
        assert_eq!(found["position"], created["position"]);
    }
}

/// A sealing key in the vault without an organization would lie there for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_that_is_refused_leaves_no_sealing_key() {
    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let client = async_nats::jetstream::new(spine.nats.connect(ROOT).await);
    let keys = async || {
        let bucket = client.get_stream(format!("KV_{VAULT_PEOPLE}")).await.unwrap();
        bucket.cached_info().state.messages
    };
    let before = keys().await;
    let create = |slug: &str| {
        Ask::post("/api/v1/organizations", &json!({"slug": slug, "name": "Another"}))
            .header("idempotency-key", "the-same-for-both-of-them")
    };
    for _ in 0..2 {
        let taken = spine.admin(create(&organization.slug)).await.expect(409);
        assert_eq!(problem(&taken), "slug-taken");
    }
    assert_eq!(keys().await, before);
    // Nothing was done under this Idempotency-Key, so that another slug may be tried.
    spine.admin(create("free")).await.expect(201);
    assert_eq!(keys().await, before + 1);
    let other = spine.admin(create(&organization.slug)).await.expect(422);
    assert_eq!(problem(&other), "idempotency-key-reused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_position_that_can_not_come_is_told_at_once() {
    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let key = spine.key(&organization, &["mcp:*"]).await;
    let (log, _) = key.position.rsplit_once('-').unwrap();
    let path = |position: &str| format!("{}?at_least={position}", organization.path("keys"));
    let beyond = spine.admin(Ask::get(path(&format!("{log}-999999")))).await.expect(400);
    assert_eq!((problem(&beyond), field(&beyond)), ("invalid-request".into(), "?at_least".into()));
    let foreign = format!("{}-0-1", "0".repeat(32));
    let foreign = spine.admin(Ask::get(path(&foreign))).await.expect(400);
    assert_eq!((problem(&foreign), field(&foreign)), ("invalid-request".into(), "?at_least".into()));
    spine.admin(Ask::get(path("soon"))).await.expect(400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_is_read_page_by_page() {
    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let mut issued = Vec::new();
    for _ in 0..5 {
        issued.push(spine.issue(&organization, json!({"scopes": ["mcp:*"]})).await);
    }
    let newest = &issued[4].position;
    let (mut found, mut next) = (Vec::new(), None);
    loop {
        let cursor = next.map_or_else(String::new, |cursor: String| format!("&cursor={cursor}"));
        let path = format!("{}?limit=2&at_least={newest}{cursor}", organization.path("keys"));
        let page = spine.admin(Ask::get(path)).await.expect(200);
        let items = items(&page);
        assert!(items.len() <= 2);
        found.extend(items.iter().map(|key| text(key, "id")));
        match page.json()["next"].as_str() {
            Some(cursor) => next = Some(cursor.to_owned()),
            None => break,
        }
    }
    let newest_first = issued.iter().rev().map(|key| key.id.clone()).collect::<Vec<_>>();
    assert_eq!(found, newest_first);

    let first = spine.admin(Ask::get(format!("{}?limit=1", organization.path("keys")))).await.expect(200);
    let cursor = text(&first.json(), "next");
    let servers = organization.path("servers");
    // Beyond any moment and any sequence: nothing of PostgreSQL's is broken.
    let events = organization.path("events") + "?cursor=e7fffffffffffffff-7fffffffffffffff";
    for path in [format!("{servers}?cursor=nonsense"), format!("{servers}?cursor={cursor}"), events] {
        let answer = spine.admin(Ask::get(path)).await.expect(400);
        assert_eq!((problem(&answer), field(&answer)), ("invalid-request".into(), "?cursor".into()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_be_read_is_named() {
    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let keys = organization.path("keys");
    let cases = [
        (json!({"scopes": ["mcp:*"]}), "body"),
        (json!({"name": "a", "scopes": []}), "scopes"),
        (json!({"name": "a", "scopes": ["mcp:*", "mcp:a b"]}), "scopes[1]"),
        (json!({"name": "a", "scopes": ["mcp:*", "admin:keys:read"]}), "scopes"),
        (json!({"name": "", "scopes": ["mcp:*"]}), "name"),
        (json!({"name": "x".repeat(201), "scopes": ["mcp:*"]}), "name"),
        (json!({"name": "a", "scopes": ["mcp:*"], "expires": "2100-01-01T00:00:00Z"}), "expires"),
        (json!({"name": "a", "scopes": ["mcp:*"], "expires_at": "tomorrow"}), "expires_at"),
        (json!({"name": "a", "scopes": ["mcp:*"], "metadata": {"a": "x".repeat(4096)}}), "metadata"),
    ];
    for (body, at) in cases {
        let answer = spine.admin(Ask::post(&keys, &body)).await.expect(400);
        assert_eq!((problem(&answer), field(&answer)), ("invalid-request".into(), at.into()), "{body}");
    }
    let good = json!({"name": "a", "scopes": ["mcp:*"]});
    let ask = Ask::post(&keys, &good).header("Idempotency-Key", "two words");
    assert_eq!(field(&spine.admin(ask).await.expect(400)), "Idempotency-Key");
    let ask = Ask::new("POST", &keys).body(good.to_string()).header("Content-Type", "text/plain");
    assert_eq!(problem(&spine.admin(ask).await.expect(415)), "unsupported-media-type");
    let ask = Ask::post(&keys, &json!({"name": "x".repeat(70_000), "scopes": ["mcp:*"]}));
    assert_eq!(problem(&spine.admin(ask).await.expect(413)), "too-large");
    let ask = Ask::get(&keys).header("X-API-Key", &spine.admin_key);
    assert_eq!(problem(&spine.admin(ask).await.expect(400)), "invalid-request");
    let answer = spine.admin(Ask::get("/api/v1/organizations/acme/keys")).await.expect(404);
    assert_eq!(problem(&answer), "not-found");
    let answer = spine.admin(Ask::get(format!("{keys}?lmit=1"))).await.expect(400);
    assert_eq!(field(&answer), "?lmit");
    let head = spine.admin(Ask::new("HEAD", &keys)).await.expect(200);
    assert!(head.body.is_empty());
    // What was not said is not decided: no expiry is asked for by its name.
    let key = spine.key(&organization, &["mcp:*"]).await;
    spine.admin(Ask::new("PUT", format!("{keys}/{}/expiry", key.id)).json(&json!({}))).await.expect(400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gives_management_that_it_does_not_hold() {
    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let keys = organization.path("keys");
    let admin = spine.key(&organization, &["admin:keys:write"]).await.secret;
    let ask = |body: &Value| Ask::post(&keys, body).bearer(&admin);

    // Of what opens servers, all that is the organization's own.
    let issued = ask(&json!({"name": "a", "scopes": ["mcp:*"]})).send(spine.admin).await.expect(201).json();
    ask(&json!({"name": "a", "scopes": ["admin:keys:write"]})).send(spine.admin).await.expect(201);
    for beyond in ["admin:keys:read", "admin:*:write", "admin:keys:*", "admin:servers:write", "keys:verify"] {
        let body = json!({"name": "a", "scopes": [beyond]});
        let answer = ask(&body).send(spine.admin).await.expect(403);
        assert_eq!(problem(&answer), "scope-not-held", "{beyond}");
        let path = format!("{keys}/{}/scopes", text(&issued, "id"));
        let set = Ask::new("PUT", path).json(&json!({"scopes": [beyond]})).bearer(&admin);
        assert_eq!(problem(&set.send(spine.admin).await.expect(403)), "scope-not-held", "{beyond}");
    }
    // Nor what a stronger key held before somebody took it away.
    let stronger = spine.key(&organization, &["admin:*:*"]).await.id;
    spine.change_key(&organization, &stronger, "disable").await;
    let enable = Ask::post(format!("{keys}/{stronger}/enable"), &json!({})).bearer(&admin);
    assert_eq!(problem(&enable.send(spine.admin).await.expect(403)), "scope-not-held");
    let longer = Ask::new("PUT", format!("{keys}/{stronger}/expiry")).json(&json!({"expires_at": null}));
    assert_eq!(problem(&longer.bearer(&admin).send(spine.admin).await.expect(403)), "scope-not-held");
    // Nor a key of the installation, whose own open no server.
    let body = json!({"name": "a", "scopes": ["mcp:*"]});
    Ask::post("/api/v1/installation/keys", &body).bearer(&admin).send(spine.admin).await.expect(404);
    let answer = spine.admin(Ask::post("/api/v1/installation/keys", &body)).await.expect(422);
    assert_eq!(problem(&answer), "installation-scopes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_have_names_and_last() {
    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let taken = json!({"slug": "acme", "name": "Another"});
    let answer = spine.admin(Ask::post("/api/v1/organizations", &taken)).await.expect(409);
    assert_eq!((problem(&answer), field(&answer)), ("slug-taken".into(), "slug".into()));

    let keys = organization.path("keys");
    let past = json!({"name": "a", "scopes": ["mcp:*"], "expires_at": "2020-01-01T00:00:00Z"});
    let answer = spine.admin(Ask::post(&keys, &past)).await.expect(422);
    assert_eq!((problem(&answer), field(&answer)), ("expiry-in-the-past".into(), "expires_at".into()));

    let key = spine.key(&organization, &["mcp:*"]).await;
    spine.change_key(&organization, &key.id, "revoke").await;
    for verb in ["enable", "disable"] {
        let ask = Ask::post(format!("{keys}/{}/{verb}", key.id), &json!({}));
        assert_eq!(problem(&spine.admin(ask).await.expect(409)), "key-revoked");
    }
    let again = spine.change_key(&organization, &key.id, "revoke").await;
    assert_eq!(again["changed"], false);

    let server = spine.register(&organization, "tools", "https://a.example/mcp").await;
    let path = format!("{}/{}", organization.path("servers"), server.id);
    spine.admin(Ask::new("DELETE", &path)).await.expect(200);
    let answer = spine.admin(Ask::new("PATCH", &path).json(&json!({"enabled": false}))).await.expect(409);
    assert_eq!(problem(&answer), "server-removed");

    let path = |verb: &str| format!("/api/v1/organizations/{}/{verb}", organization.id);
    let admin = spine.admin_of(&organization).await.secret;
    Ask::get(&keys).bearer(&admin).send(spine.admin).await.expect(200);
    spine.write(Ask::post(path("suspend"), &json!({"reason": "unpaid"}))).await;
    let answer = Ask::get(&keys).bearer(&admin).send(spine.admin).await.expect(401);
    assert_eq!(problem(&answer), "unauthenticated");
    let good = json!({"name": "a", "scopes": ["mcp:*"]});
    let answer = spine.admin(Ask::post(&keys, &good)).await.expect(409);
    assert_eq!(problem(&answer), "organization-suspended");
    spine.write(Ask::new("POST", path("resume"))).await;
    Ask::get(&keys).bearer(&admin).send(spine.admin).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_shown_with_all_but_its_secret() {
    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let body = json!({
        "name": "Build server",
        "scopes": ["mcp:tools"],
        "owner": {"kind": "service", "id": "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b"},
        "environment": "test",
        "expires_at": "2100-01-01T00:00:00.000Z",
        "metadata": {"team": "docs", "cost": {"centre": 7}},
    });
    let key = spine.issue(&organization, body.clone()).await;
    let path = format!("{}/{}", organization.path("keys"), key.id);
    let rename = Ask::new("PUT", format!("{path}/name")).json(&json!({"name": "Builder"}));
    let renamed = spine.admin(rename).await.expect(200).json();
    let read = format!("{path}?at_least={}", text(&renamed, "position"));
    let shown = spine.admin(Ask::get(read)).await.expect(200);
    assert!(!shown.text().contains(&key.secret[8..]), "{shown:?}");
    assert!(!shown.text().contains("digest"), "{shown:?}");
    let shown = shown.json();
    for member in ["scopes", "owner", "environment", "metadata", "expires_at"] {
        assert_eq!(shown[member], body[member], "{member}");
    }
    assert_eq!((text(&shown, "name"), text(&shown, "state")), ("Builder".into(), "active".into()));
    assert!(key.secret.ends_with(&text(&shown, "last_four")));

    let history = spine.history(&organization, &key.id, &text(&renamed, "position")).await;
    let kinds: Vec<_> = history.iter().map(|event| text(event, "type")).collect();
    assert_eq!(kinds, ["key.issued", "key.renamed"]);
    assert_eq!(history[1]["texts"]["name"], "Builder");
    assert_eq!(history[1]["position"], renamed["position"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slug_finds_only_what_the_key_reaches() {
    let spine = Spine::start().await;
    let (acme, other) = (spine.organization("acme").await, spine.organization("other").await);
    let admin = spine.admin_of(&acme).await.secret;
    let find = async |key: &str, slug: &str| {
        let ask = Ask::get(format!("/api/v1/organizations?slug={slug}")).bearer(key);
        items(&ask.send(spine.admin).await.expect(200))
            .iter()
            .map(|found| text(found, "id"))
            .collect::<Vec<_>>()
    };
    assert_eq!(find(&spine.admin_key, "other").await, [other.id]);
    assert_eq!(find(&admin, "acme").await, std::slice::from_ref(&acme.id));
    assert!(find(&admin, "other").await.is_empty());
    assert!(find(&admin, "nobody").await.is_empty());
    let caller = Ask::get("/api/v1/caller").bearer(&admin).send(spine.admin).await.expect(200).json();
    assert_eq!(caller["organization"], acme.id.as_str());
}
