//! What an organization holds is in the memory of every node: how much that may be is bounded, also for commands that
//! come at once, and told with its number and the configuration's name.

use std::collections::BTreeMap;

use keyledger_tests::spine::{Organization, Spine};
use keyledger_tests::wire::{Answer, Ask};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// All at once with the installation's key; the answers by their status.
async fn at_once(spine: &Spine, path: &str, bodies: Vec<Value>) -> BTreeMap<u16, Vec<Answer>> {
    let mut asked = JoinSet::new();
    for body in bodies {
        let (ask, admin) = (Ask::post(path, &body).bearer(&spine.admin_key), spine.admin);
        asked.spawn(async move { ask.send(admin).await });
    }
    let mut answers: BTreeMap<u16, Vec<Answer>> = BTreeMap::new();
    for answer in asked.join_all().await {
        answers.entry(answer.status).or_default().push(answer);
    }
    answers
}

fn told(answer: &Answer, number: &str, setting: &str) {
    let problem = answer.json();
    assert_eq!(problem["type"], "urn:keyledger:problem:organization-full", "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(number) && detail.contains(setting), "{detail}");
}

fn key(scopes: &str) -> Value {
    json!({"name": "test", "scopes": [scopes]})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_keys_servers_and_scopes_and_no_other_pays_for_it() {
    let spine = Spine::with(|config| {
        config.organizations.max_keys = 4;
        config.organizations.max_servers = 2;
        config.organizations.max_scope_bytes = 1_024;
    })
    .await;
    let organization = spine.organization("acme").await;

    let answers = at_once(&spine, &organization.path("keys"), vec![key("mcp:docs"); 8]).await;
    let (issued, refused) = (&answers[&201], &answers[&409]);
    assert_eq!((issued.len(), refused.len()), (4, 4));
    told(&refused[0], "4", "organizations.max_keys");
    let server =
        |slug: usize| json!({"slug": format!("s{slug}"), "name": "s", "upstream": "http://127.0.0.1:1/mcp"});
    let answers = at_once(&spine, &organization.path("servers"), (0..6).map(server).collect()).await;
    assert_eq!((answers[&201].len(), answers[&409].len()), (2, 4));
    told(&answers[&409][0], "2", "organizations.max_servers");

    // A revoked key makes room, and a wider one takes it.
    let id = issued[0].json()["id"].as_str().unwrap().to_owned();
    spine.write(Ask::post(format!("{}/{id}/revoke", organization.path("keys")), &json!({}))).await;
    let long = format!("mcp:docs:tools:{}", "x".repeat(400));
    spine.key(&organization, &[&long]).await;
    let id = issued[1].json()["id"].as_str().unwrap().to_owned();
    let wider = |count: usize| {
        let scope = |n| format!("mcp:docs:tools:{n}{}", "x".repeat(300));
        json!({"scopes": (0..count).map(scope).collect::<Vec<_>>()})
    };
    let path = format!("{}/{id}/scopes", organization.path("keys"));
    let put = |body: Value| spine.admin(Ask::new("PUT", path.clone()).json(&body));
    told(&put(wider(3)).await.expect(409), "1024", "organizations.max_scope_bytes");
    assert_eq!(put(wider(1)).await.status, 200);

    let other: Organization = spine.organization("other").await;
    spine.key(&other, &["mcp:docs"]).await;
}
