//! A member of the fleet that nothing fences keeps every `wait=fleet` from being complete, also when it is dead: an
//! operator forgets it. One that may live is forgotten only by who says that it has ended, and one that lives by nobody.

use std::time::Duration;

use keyledger_tests::poll;
use keyledger_tests::spine::Spine;
use keyledger_tests::wire::{Answer, Ask};
use serde_json::json;

const BOUND: Duration = Duration::from_secs(20);

fn kind(answer: &Answer) -> String {
    answer.json()["type"].as_str().unwrap_or_default().replace("urn:keyledger:problem:", "")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_serves_however_stale_is_forgotten_by_who_knows_that_it_ended() {
    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let dead = spine.silent_node("dead", &json!({"on_stale": "serve", "lease_millis": 1})).await;
    let waits = async || {
        let path = format!("{}?wait=fleet&wait_timeout_seconds=1", organization.path("keys"));
        let key = json!({"name": "A key", "scopes": ["mcp:*"]});
        spine.admin(Ask::post(path, &key)).await.expect(201).json()["fleet"]["complete"].clone()
    };
    assert_eq!(waits().await, false);

    let forget = |query: &str| Ask::new("DELETE", format!("/api/v1/fleet/members/{dead}{query}"));
    let refused = spine.admin(forget("")).await;
    assert_eq!((refused.status, kind(&refused).as_str()), (409, "member-may-answer"), "{refused:?}");
    assert!(refused.text().contains("has_ended=true"), "{}", refused.text());
    let forgotten = spine.admin(forget("?has_ended=true")).await.expect(200).json();
    assert_eq!((&forgotten["id"], &forgotten["name"]), (&json!(dead), &json!("dead")));
    assert_eq!(waits().await, true);
    let again = spine.admin(forget("?has_ended=true")).await;
    assert_eq!((again.status, kind(&again).as_str()), (404, "not-found"));
    assert!(again.text().contains("keyledger fleet"), "{}", again.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_lives_is_forgotten_by_nobody() {
    let spine = Spine::start().await;
    let fleet = async || spine.admin(Ask::get("/api/v1/fleet")).await.expect(200).json();
    // Its first record may have lain there, as far as control knows.
    let (living, _) = poll::until("it is heard", BOUND, async || {
        let member = fleet().await["members"][0].clone();
        if member["heard_age_seconds"].is_number() { Ok(member) } else { Err(member) }
    })
    .await;
    let path = format!("/api/v1/fleet/members/{}?has_ended=true", living["id"].as_str().unwrap());
    let refused = spine.admin(Ask::new("DELETE", path)).await;
    assert_eq!((refused.status, kind(&refused).as_str()), (409, "member-may-answer"), "{refused:?}");
    assert!(refused.text().contains("was heard") && refused.text().contains("SIGTERM"), "{refused:?}");
    assert_eq!(fleet().await["members"][0]["id"], living["id"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_is_fenced_needs_no_words() {
    let spine = Spine::start().await;
    let bounds = json!({"on_stale": "refuse", "lease_millis": 1, "max_staleness_millis": 1});
    let fenced = spine.silent_node("fenced", &bounds).await;
    poll::until("it is fenced, and forgotten", BOUND, async || {
        let ask = Ask::new("DELETE", format!("/api/v1/fleet/members/{fenced}"));
        match spine.admin(ask).await {
            answer if answer.status == 200 => Ok(()),
            answer => Err(answer.text()),
        }
    })
    .await;
}
