//! A key works as soon as it is issued and fails as soon as it is revoked: the time from the command's answer
//! to the node's is printed, and bounded.

use std::time::Duration;

use keyledger_tests::mcp::call;
use keyledger_tests::poll;
use keyledger_tests::spine::Spine;
use keyledger_tests::upstreams::{McpServer, Upstream};
use keyledger_tests::wire::Ask;
use serde_json::json;

/// The usual time is a few milliseconds; two busy cores may need more, and nobody should need a second.
const BOUND: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issued_key_works_and_a_revoked_one_is_refused_within_the_bound() {
    let spine = Spine::start().await;
    let upstream = Upstream::start(McpServer::default()).await;
    let ready = spine.ready(&upstream).await;
    let (mut works, mut fails) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        let key =
            spine.issue(&ready.organization, json!({"name": "short-lived", "scopes": ["mcp:tools"]})).await;
        let ask = call(&ready.path, "echo", &json!({})).bearer(&key.secret);
        works.push(becomes(&spine, &ask, 200, "the issued key works").await);
        spine.change_key(&ready.organization, &key.id, "revoke").await;
        fails.push(becomes(&spine, &ask, 401, "the revoked key is refused").await);
        // For ever.
        ask.send(spine.public).await.expect(401);
    }
    works.sort();
    fails.sort();
    eprintln!(
        "issued to works: median {:?}, worst {:?}; revoked to refused: median {:?}, worst {:?} (bound {BOUND:?})",
        works[works.len() / 2],
        works[works.len() - 1],
        fails[fails.len() / 2],
        fails[fails.len() - 1]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_of_a_key_is_followed() {
    let spine = Spine::start().await;
    let upstream = Upstream::start(McpServer::default()).await;
    let ready = spine.ready(&upstream).await;
    let (organization, id) = (&ready.organization, &ready.key.id);
    let ask = call(&ready.path, "echo", &json!({})).bearer(&ready.key.secret);
    let keys = format!("/api/v1/organizations/{}/keys/{id}", organization.id);

    spine.change_key(organization, id, "disable").await;
    becomes(&spine, &ask, 401, "a disabled key is refused").await;
    spine.change_key(organization, id, "enable").await;
    becomes(&spine, &ask, 200, "an enabled key works").await;

    let put = |what: &str, body| Ask::new("PUT", format!("{keys}/{what}")).json(&body);
    spine.admin(put("scopes", json!({"scopes": ["mcp:tools:tools:count"]}))).await.expect(200);
    becomes(&spine, &ask, 403, "a narrowed key is refused").await;
    spine.admin(put("scopes", json!({"scopes": ["mcp:tools"]}))).await.expect(200);
    becomes(&spine, &ask, 200, "a widened key works").await;

    spine.admin(put("expiry", json!({"expires_at": spine.later(1)}))).await.expect(200);
    becomes_within(&spine, &ask, 401, "a key that expires is refused", Duration::from_secs(3)).await;
    spine.admin(put("expiry", json!({"expires_at": null}))).await.expect(200);
    becomes(&spine, &ask, 200, "a key whose expiry is taken back works").await;

    let server = format!("/api/v1/organizations/{}/servers/{}", organization.id, ready.server);
    let patch = |body| Ask::new("PATCH", &server).json(&body);
    spine.admin(patch(json!({"enabled": false}))).await.expect(200);
    let status = poll::until("a disabled server is refused", BOUND, async || {
        let status = ask.send(spine.public).await.status;
        if status == 200 { Err(status) } else { Ok(status) }
    })
    .await;
    eprintln!("a disabled server answers {status:?}");
    spine.admin(patch(json!({"enabled": true}))).await.expect(200);
    becomes(&spine, &ask, 200, "an enabled server works").await;

    let organization_path = format!("/api/v1/organizations/{}", organization.id);
    spine
        .admin(Ask::post(format!("{organization_path}/suspend"), &json!({"reason": "unpaid"})))
        .await
        .expect(200);
    becomes(&spine, &ask, 401, "a suspended organization's key is refused").await;
    spine.admin(Ask::post(format!("{organization_path}/resume"), &json!({}))).await.expect(200);
    becomes(&spine, &ask, 200, "a resumed organization's key works").await;
}

async fn becomes(spine: &Spine, ask: &Ask, status: u16, what: &str) -> Duration {
    becomes_within(spine, ask, status, what, BOUND).await
}

async fn becomes_within(spine: &Spine, ask: &Ask, status: u16, what: &str, bound: Duration) -> Duration {
    let ((), took) = poll::until(what, bound, async || match ask.try_send(spine.public).await {
        Ok(answer) if answer.status == status => Ok(()),
        Ok(answer) => Err(format!("{}: {}", answer.status, answer.text())),
        // An answer that the change has met on its way is cut off.
        Err(error) => Err(error.to_string()),
    })
    .await;
    took
}
