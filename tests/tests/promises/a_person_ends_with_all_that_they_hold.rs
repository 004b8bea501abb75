//! What a person holds falls with the person, and with what they are in an organization, at once; and an organization is
//! not left without an owner by chance.

use keyledger_tests::spine::{Key, Organization, Spine, text};
use keyledger_tests::wire::Ask;
use serde_json::{Value, json};

/// Where people sign in.
async fn issuer(spine: &Spine) -> String {
    let issuer = json!({
        "slug": "login",
        "name": "Login",
        "protocol": {"kind": "openid", "issuer": "https://login.example"},
        "settings": {"client_id": "keyledger"},
    });
    text(&spine.write(Ask::post("/api/v1/installation/issuers", &issuer)).await, "id")
}

async fn person(spine: &Spine, issuer: &str, subject: &str) -> String {
    let person = json!({"issuer": issuer, "subject": subject, "name": "Ada", "email": "ada@a.example"});
    text(&spine.write(Ask::post("/api/v1/people", &person)).await, "id")
}

async fn join(spine: &Spine, organization: &Organization, person: &str, role: &str) {
    let member = json!({"person": person, "role": role});
    spine.write(Ask::post(organization.path("members"), &member)).await;
}

/// What a node says of a key.
async fn outcome(spine: &Spine, asking: &Key, key: &Key) -> String {
    let ask = Ask::post("/api/v1/keys/verify", &json!({"key": key.secret})).bearer(&asking.secret);
    text(&ask.send(spine.public).await.expect(200).json(), "outcome")
}

async fn own_key(spine: &Spine, organization: &Organization, person: &str) -> Key {
    let key = json!({"name": "Ada's", "scopes": ["mcp:*"], "owner": {"kind": "user", "id": person}});
    spine.key_with(organization, key).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_a_persons_own_falls_with_the_membership_and_with_the_person() {
    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let asking = spine.key(&organization, &["keys:verify"]).await;
    let issuer = issuer(&spine).await;
    let ada = person(&spine, &issuer, "ada").await;
    let key = json!({"name": "x", "scopes": ["mcp:*"], "owner": {"kind": "user", "id": ada}});
    let told = spine.admin(Ask::post(organization.path("keys"), &key)).await;
    assert_eq!((told.status, told.json()["field"].clone()), (400, json!("owner.id")), "no member: {told:?}");

    join(&spine, &organization, &ada, "developer").await;
    let key = own_key(&spine, &organization, &ada).await;
    let membership = organization.path(&format!("members/{ada}"));
    let at = |verb: &str| format!("/api/v1/people/{ada}/{verb}?wait=fleet");
    for (ask, expected) in [
        (Ask::post(at("suspend"), &json!({})), "person_suspended"),
        (Ask::post(at("resume"), &json!({})), "valid"),
        (Ask::new("DELETE", format!("{membership}?wait=fleet")), "no_member"),
    ] {
        spine.write(ask).await;
        assert_eq!(outcome(&spine, &asking, &key).await, expected);
    }
    join(&spine, &organization, &ada, "viewer").await;
    let shown = spine.admin(Ask::get(format!("/api/v1/people/{ada}"))).await.expect(200).json();
    assert_eq!(
        (shown["name"].clone(), shown["holds"]["keys"][0]["id"].clone()),
        (json!("Ada"), json!(key.id))
    );
    assert_eq!(shown["holds"]["memberships"][0]["organization_slug"], "acme");

    let ended = spine.write(Ask::post(at("end"), &json!({"reason": "left"}))).await;
    assert_eq!(ended["fleet"]["complete"], true, "{ended}");
    assert_eq!((fell(&ended, "keys"), fell(&ended, "memberships"), fell(&ended, "identities")), (1, 1, 1));
    assert_eq!(outcome(&spine, &asking, &key).await, "person_ended");
    let told = spine.admin(Ask::post(at("resume"), &json!({}))).await;
    assert_eq!(
        (told.status, told.json()["type"].clone()),
        (409, json!("urn:keyledger:problem:person-ended"))
    );
    // Nobody comes back by the same identity.
    let again = json!({"issuer": issuer, "subject": "ada"});
    let told = spine.admin(Ask::post("/api/v1/people", &again)).await;
    assert_eq!(
        (told.status, told.json()["type"].clone()),
        (409, json!("urn:keyledger:problem:identity-taken"))
    );

    let forgotten = spine.write(Ask::post(at("forget"), &json!({"id": ada}))).await;
    let read = format!("/api/v1/people/{ada}?at_least={}", text(&forgotten, "position"));
    let shown = spine.admin(Ask::get(read)).await.expect(200).json();
    assert_eq!((shown["state"].clone(), shown["name"].clone()), (json!("forgotten"), Value::Null));
    assert_eq!(shown["email"], Value::Null);
}

fn fell(ended: &Value, what: &str) -> usize {
    ended["fell"][what].as_array().map_or(0, Vec::len)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_owner_goes_only_where_that_is_meant() {
    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let issuer = issuer(&spine).await;
    let (ada, bob) = (person(&spine, &issuer, "ada").await, person(&spine, &issuer, "bob").await);
    join(&spine, &organization, &ada, "owner").await;
    join(&spine, &organization, &bob, "admin").await;
    let member = |person: &str| organization.path(&format!("members/{person}"));
    let end = |body: Value| Ask::post(format!("/api/v1/people/{ada}/end"), &body);
    for ask in [
        Ask::new("DELETE", member(&ada)),
        Ask::new("PATCH", member(&ada)).json(&json!({"role": "viewer"})),
        end(json!({})),
    ] {
        let told = spine.admin(ask).await;
        let kind = told.json()["type"].clone();
        assert_eq!((told.status, kind), (409, json!("urn:keyledger:problem:last-owner")), "{told:?}");
    }
    assert!(spine.admin(end(json!({}))).await.text().contains("acme"), "it names the organization");
    // Bob's own key with all that an admin holds makes nobody an owner.
    let admin = spine.key(&organization, &["admin:members:*"]).await;
    let ask = Ask::new("PATCH", member(&bob)).json(&json!({"role": "owner"})).bearer(&admin.secret);
    let told = ask.send(spine.admin).await;
    assert_eq!(
        (told.status, told.json()["type"].clone()),
        (403, json!("urn:keyledger:problem:scope-not-held"))
    );

    spine.write(Ask::new("PATCH", member(&bob)).json(&json!({"role": "owner"}))).await;
    spine.write(end(json!({}))).await;
    let told = spine.admin(Ask::new("DELETE", member(&bob))).await;
    assert_eq!(told.status, 409, "who is ended is no owner: {told:?}");
    let meant = json!({"leave_without_owner": true});
    spine.write(Ask::new("DELETE", member(&bob)).json(&meant)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitations_link_is_shown_once() {
    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let ask = || {
        let invitation = json!({"role": "viewer", "name": "For Ada", "email": "ada@a.example"});
        Ask::post(organization.path("invitations"), &invitation).header("idempotency-key", "one")
    };
    let created = spine.write(ask()).await;
    let link = text(&created, "link");
    let (page, code) = link.split_once('#').unwrap();
    assert!(page.ends_with("/invitations/accept") && code.starts_with("kl_invite_"), "{page}");
    let again = spine.admin(ask()).await.expect(200).json();
    assert_eq!((again["link"].clone(), again["replayed"].clone()), (Value::Null, json!(true)));
    // It is no key, although it looks like one.
    assert_eq!(Ask::get("/api/v1/caller").bearer(code).send(spine.admin).await.status, 401);
    let path = organization.path(&format!("invitations/{}", text(&created, "id")));
    let withdrawn = spine.write(Ask::new("DELETE", path.clone())).await;
    let read = format!("{path}?at_least={}", text(&withdrawn, "position"));
    let shown = spine.admin(Ask::get(read)).await.expect(200).json();
    assert_eq!((shown["state"].clone(), shown["name"].clone()), (json!("withdrawn"), json!("For Ada")));
}
