//! While a process is alive that can't read an event's version, no such event is written: that process would
//! refuse what it is about. `GET /api/v1/fleet` shows who reads what.

use std::collections::BTreeMap;
use std::time::Duration;

use gateway::fleet::{Record, member};
use gateway::store::bucket::Bucket;
use keyledger_tests::poll;
use keyledger_tests::spine::{Spine, text};
use keyledger_tests::wire::Ask;
use serde_json::{Value, json};
use uuid::Uuid;

const BOUND: Duration = Duration::from_secs(20);

async fn members(spine: &Spine) -> Vec<Value> {
    let fleet = spine.admin(Ask::get("/api/v1/fleet")).await.expect(200).json();
    fleet["members"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_names_who_is_too_old_for_it() {
    let spine = Spine::start().await;
    let (own, _) = poll::until("this process among the members", BOUND, async || {
        let members = members(&spine).await;
        members.first().filter(|own| own["ready"] == true).cloned().ok_or(members)
    })
    .await;
    assert_eq!(own["state"], "live", "{own}");
    assert_eq!(own["roles"], json!(["node", "control", "worker"]));
    assert_eq!(own["reads"]["key.issued"], 1, "{own}");
    assert_eq!(own["lag_events"], 0, "{own}");

    // An older process joins.
    let bucket = Bucket::of_fleet(spine.nats.connect("worker").await);
    let entry = member::entry(text(&own, "id").parse().unwrap());
    let stored = bucket.get(&entry).await.unwrap().unwrap();
    let newer: Record = serde_json::from_slice(&stored.value).unwrap();
    let id = Uuid::from_u128(1);
    let older = Record { id, name: "old-timer".to_owned(), reads: BTreeMap::new(), ..newer };
    let value = serde_json::to_vec(&older).unwrap();
    let revision = bucket.put(&member::entry(id), value.into(), 0).await.unwrap();
    poll::until("the older process", BOUND, async || match members(&spine).await {
        members if members.len() == 2 => Ok(()),
        members => Err(members),
    })
    .await;

    let create = Ask::post("/api/v1/organizations", &json!({"slug": "acme", "name": "Acme"}));
    let refused = spine.admin(create.clone()).await.expect(503).json();
    assert_eq!(refused["type"], "urn:keyledger:problem:fleet-too-old", "{refused}");
    let detail = text(&refused, "detail");
    for word in ["version 1", "old-timer"] {
        assert!(detail.contains(word), "{detail}");
    }

    // It ends in good order.
    bucket.delete(&member::entry(id), revision).await.unwrap();
    poll::until("it may be written", BOUND, async || match spine.admin(create.clone()).await {
        answer if answer.status == 201 => Ok(()),
        answer => Err(answer.text()),
    })
    .await;
}
