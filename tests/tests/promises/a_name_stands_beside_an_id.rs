//! Where the API tells of something by its id, what that is called now stands beside it; for those alone who may know.

use std::time::Duration;

use keyledger_tests::poll;
use keyledger_tests::spine::{Key, Spine, items, text};
use keyledger_tests::wire::Ask;
use serde_json::{Value, json};

const BOUND: Duration = Duration::from_secs(20);

async fn read(spine: &Spine, key: &Key, path: &str) -> Vec<Value> {
    items(&Ask::get(path).bearer(&key.secret).send(spine.admin).await.expect(200))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_says_who_issued_it_and_whose_it_is() {
    let spine = Spine::start().await;
    let acme = spine.organization("acme").await;
    let ann = spine.key_with(&acme, json!({"name": "Ann", "scopes": ["admin:*:*"]})).await;
    let keys = acme.path("keys");
    let issue = Ask::post(&keys, &json!({"name": "ci", "scopes": ["mcp:*"]})).bearer(&ann.secret);
    let issued = issue.send(spine.admin).await.expect(201).json();
    let (id, position) = (text(&issued, "id"), text(&issued, "position"));
    let listed = read(&spine, &ann, &format!("{keys}?at_least={position}")).await;
    assert_eq!((&listed[0]["id"], &listed[0]["issued_by_name"]), (&json!(id), &json!("Ann")), "{listed:#?}");
    assert!(listed.iter().all(|key| key["organization_slug"] == "acme"), "{listed:#?}");
    // The installation's keys are no organization's to know by name.
    assert_eq!(listed[1]["issued_by_name"], Value::Null, "{listed:#?}");
    let shown = spine.admin(Ask::get(format!("{keys}/{}", ann.id))).await.expect(200).json();
    assert!(shown["issued_by_name"].is_string(), "{shown}");
    let caller = Ask::get("/api/v1/caller").bearer(&ann.secret).send(spine.admin).await.expect(200).json();
    assert_eq!(caller["organization_slug"], "acme");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_tried_is_told_by_names_and_those_of_others_stay_theirs() {
    let spine = Spine::start().await;
    let (acme, other) = (spine.organization("acme").await, spine.organization("other").await);
    let ann = spine.key_with(&acme, json!({"name": "Ann", "scopes": ["admin:*:*"]})).await;
    let secret =
        json!({"slug": "docs", "name": "Merger", "upstream": "http://127.0.0.1:9/", "try_upstream": false});
    let theirs = spine.write(Ask::post(other.path("servers"), &secret)).await;
    spine
        .admin(Ask::get(format!("{}?at_least={}", other.path("servers"), text(&theirs, "position"))))
        .await
        .expect(200);
    let guessed = format!("{}/{}", acme.path("servers"), text(&theirs, "id"));
    let change = Ask::new("PATCH", &guessed).json(&json!({"enabled": false})).bearer(&ann.secret);
    change.send(spine.admin).await.expect(404);
    let refused = async |path: &str, key: Option<&Key>| {
        let ask = Ask::get(format!("{path}?type=command.refused"));
        let ask = key.map_or(ask.clone(), |key| ask.bearer(&key.secret));
        let (found, _) = poll::until("the refusal is told", BOUND, async || {
            let answer = match key {
                Some(_) => ask.send(spine.admin).await,
                None => spine.admin(ask.clone()).await,
            };
            items(&answer.expect(200)).pop().ok_or("no record yet")
        })
        .await;
        found
    };
    let own = refused(&acme.path("access"), Some(&ann)).await;
    assert_eq!((&own["actor_name"], &own["organization_slug"]), (&json!("Ann"), &json!("acme")), "{own:#}");
    assert_eq!(
        own["names"],
        json!({"organization": "Test"}),
        "another's server is not told by name: {own:#}"
    );
    let whole = refused("/api/v1/access", None).await;
    assert_eq!(whole["names"], json!({"organization": "Test", "server": "Merger"}), "{whole:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_is_newest_first_as_every_list() {
    let spine = Spine::start().await;
    let acme = spine.organization("acme").await;
    let key = spine.key(&acme, &["mcp:*"]).await;
    spine.change_key(&acme, &key.id, "disable").await;
    let last = text(&spine.change_key(&acme, &key.id, "revoke").await, "position");
    let path = format!("{}/{}/history?at_least={last}", acme.path("keys"), key.id);
    let kinds = async |query: &str| {
        let mut kinds = Vec::new();
        let mut next = String::new();
        loop {
            let page = spine.admin(Ask::get(format!("{path}&limit=2{query}{next}"))).await.expect(200).json();
            kinds.extend(page["items"].as_array().unwrap().iter().map(|event| text(event, "type")));
            match page["next"].as_str() {
                Some(cursor) => next = format!("&cursor={cursor}"),
                None => return kinds,
            }
        }
    };
    let mut expected = ["key.revoked", "key.disabled", "key.issued"];
    assert_eq!(kinds("").await, expected);
    expected.reverse();
    assert_eq!(kinds("&order=oldest_first").await, expected);
    spine.admin(Ask::get(format!("{path}&order=sideways"))).await.expect(400);
}
