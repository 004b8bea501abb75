//! What people wrote of an organization is gone for ever once it is forgotten, wherever it was; what happened stays.

use std::time::Duration;

use keyledger_tests::poll;
use keyledger_tests::spine::{Spine, items};
use keyledger_tests::upstreams::{McpServer, Upstream};
use keyledger_tests::wire::Ask;
use serde_json::json;

const BOUND: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_wrote_is_erased_and_the_key_that_sealed_it_deleted() {
    let spine = Spine::start().await;
    let upstream = Upstream::start(McpServer::default()).await;
    let ready = spine.ready(&upstream).await;
    let (path, slug) = (format!("/api/v1/organizations/{}", ready.organization.id), &ready.organization.slug);
    let key = json!({"name": "FINDME", "metadata": {"team": "FINDME"}, "scopes": ["mcp:*"]});
    let key = spine.key_with(&ready.organization, key).await;
    let reason = json!({"reason": "FINDME"});
    spine.write(Ask::post(format!("{}/{}/disable", ready.organization.path("keys"), key.id), &reason)).await;
    let forget =
        || Ask::post(format!("{path}/forget"), &json!({"slug": slug})).header("Idempotency-Key", "once");

    // Not by mistake: an active one, or another one's slug.
    let refused = spine.admin(forget()).await.expect(409).json();
    assert_eq!(refused["type"], "urn:keyledger:problem:organization-not-suspended");
    spine.write(Ask::post(format!("{path}/suspend"), &reason)).await;
    let other = Ask::post(format!("{path}/forget"), &json!({"slug": "another"}));
    assert!(spine.admin(other).await.expect(400).text().contains(slug.as_str()));
    spine.admin(Ask::get(format!("{path}/forgotten"))).await.expect(404);

    let done = spine.write(forget()).await;
    let (certificate, took) = poll::until("all of it is erased", BOUND, async || {
        match spine.admin(Ask::get(format!("{path}/forgotten"))).await {
            answer if answer.status == 200 && answer.json()["complete"] == true => Ok(answer.json()),
            answer => Err(answer.text()),
        }
    })
    .await;
    eprintln!("erased everywhere after {took:?}");
    assert_eq!((&certificate["position"], &certificate["slug"]), (&done["position"], &json!(slug)));
    assert_eq!(certificate["read_models"].as_array().unwrap().len(), projections::Projection::ALL.len());

    // Done once, and known as done although the key that vouched for its commands is gone.
    let again = spine.admin(forget()).await.expect(200).json();
    assert_eq!(again["position"], done["position"]);
    let shown = spine.admin(Ask::get(path.as_str())).await.expect(200).json();
    assert_eq!((&shown["state"], &shown["name"]), (&json!("forgotten"), &json!(null)));
    for list in ["keys", "servers", "events"] {
        let answer = spine.admin(Ask::get(ready.organization.path(list))).await.expect(200);
        assert!(!items(&answer).is_empty() && !answer.text().contains("FINDME"), "{}", answer.text());
    }
    // Nothing of it changes or works any more.
    spine.admin(Ask::post(format!("{path}/resume"), &json!({}))).await.expect(404);
    spine
        .admin(Ask::post(ready.organization.path("keys"), &json!({"name": "x", "scopes": ["mcp:*"]})))
        .await
        .expect(404);
    let call = keyledger_tests::mcp::call(&ready.path, "echo", &json!({})).bearer(&ready.key.secret);
    call.send(spine.public).await.expect(401);
}
