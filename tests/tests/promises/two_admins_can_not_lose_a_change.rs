//! Two admins who change the same key at once: every change is an event, decided one after the other, and
//! what contradicts is decided once.

use std::collections::BTreeSet;

use events::Position;
use keyledger_tests::spine::Spine;
use keyledger_tests::wire::{Answer, Ask};
use serde_json::{Value, json};
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost() {
    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let key = spine.key(&organization, &["mcp:*"]).await;
    let admins = [spine.admin_of(&organization).await, spine.admin_of(&organization).await];
    let path = format!("/api/v1/organizations/{}/keys/{}", organization.id, key.id);

    let mut tasks = JoinSet::new();
    for (number, admin) in admins.iter().cycle().take(8).enumerate() {
        let ask = Ask::new("PUT", format!("{path}/metadata"))
            .json(&json!({"metadata": {"writer": number.to_string()}}));
        let (ask, admin) = (ask.bearer(&admin.secret), spine.admin);
        tasks.spawn(async move { ask.send(admin).await });
    }
    let answers = tasks.join_all().await;
    let mut positions = BTreeSet::new();
    let mut stored = 0;
    for answer in &answers {
        match answer.status {
            200 => {
                stored += 1;
                positions.insert(position(answer).sequence);
            }
            // Told, not swallowed: the admin may ask again.
            409 => eprintln!("a conflict was told: {}", answer.text()),
            other => panic!("{other}: {}", answer.text()),
        }
    }
    assert_eq!(positions.len(), stored, "two changes have one position: {answers:#?}");
    assert!(stored >= 2, "{answers:#?}");

    let newest =
        answers.iter().filter(|answer| answer.status == 200).map(position).max_by_key(|p| p.sequence);
    let history = spine.history(&organization, &key.id, &newest.unwrap().to_string()).await;
    let changes = history.iter().filter(|event| event["type"] == "key.metadata_changed").count();
    assert_eq!(changes, stored, "{history:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_decision_wins() {
    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let key = spine.key(&organization, &["mcp:*"]).await;
    let admins = [spine.admin_of(&organization).await, spine.admin_of(&organization).await];
    let path = format!("/api/v1/organizations/{}/keys/{}", organization.id, key.id);

    // Revoked by the one while the other renames: whichever comes first, a revoked key stays revoked, and a
    // rename after it is refused.
    let mut tasks = JoinSet::new();
    for round in 0..4 {
        let rename = Ask::new("PUT", format!("{path}/name")).json(&json!({"name": format!("name {round}")}));
        let revoke = Ask::post(format!("{path}/revoke"), &json!({}));
        for (what, ask, admin) in [("rename", rename, &admins[0]), ("revoke", revoke, &admins[1])] {
            let (ask, address) = (ask.bearer(&admin.secret), spine.admin);
            tasks.spawn(async move { (what, ask.send(address).await) });
        }
    }
    let answers = tasks.join_all().await;
    let ok =
        |what: &str| answers.iter().filter(|(other, answer)| *other == what && answer.status == 200).count();
    assert!(ok("revoke") >= 1, "{answers:#?}");
    let changed = answers.iter().filter(|(what, answer)| {
        *what == "revoke" && answer.status == 200 && answer.json()["changed"] == true
    });
    assert_eq!(changed.count(), 1, "revoked once: {answers:#?}");
    for (what, answer) in &answers {
        assert!(matches!(answer.status, 200 | 409), "{what}: {answer:?}");
    }

    let done = answers.iter().map(|(_, answer)| answer).filter(|answer| answer.status == 200);
    let newest = done.map(position).max_by_key(|position| position.sequence).unwrap();
    let history = spine.history(&organization, &key.id, &newest.to_string()).await;
    let kinds: Vec<_> = history.iter().filter_map(|event: &Value| event["type"].as_str()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "key.revoked").count(), 1, "{kinds:?}");
    assert_eq!(kinds.last(), Some(&"key.revoked"), "nothing happens to a revoked key: {kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| **kind == "key.renamed").count(), ok("rename"), "{kinds:?}");
}

fn position(answer: &Answer) -> Position {
    answer.json()["position"].as_str().unwrap().parse().unwrap()
}
