//! What a control serves from may be behind the log. What a key's admin may give is decided on the log all the same.

use std::time::Duration;

use async_nats::jetstream;
use events::clock::{Clock, SystemClock};
use events::log::jetstream::STREAM;
use futures::TryStreamExt;
use keyledger_tests::spine::Spine;
use keyledger_tests::wire::{Answer, Ask};
use serde_json::json;

/// Longer than the test takes.
const STANDSTILL: Duration = Duration::from_secs(600);

/// From now on nobody who follows the log hears more of it.
async fn hold_followers_back(spine: &Spine) {
    let log = jetstream::new(spine.nats.connect("root").await).get_stream(STREAM).await.unwrap();
    let followers: Vec<String> = log.consumer_names().try_collect().await.unwrap();
    assert!(!followers.is_empty());
    let until = SystemClock.now().saturating_add(STANDSTILL).date_time();
    for follower in followers {
        assert!(log.pause_consumer(&follower, until).await.unwrap().paused);
    }
}

fn refused(answer: Answer) {
    let problem = answer.expect(403).json();
    assert_eq!(problem["type"], "urn:keyledger:problem:scope-not-held", "{problem}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_narrow_admin_neither_enables_nor_extends_a_wider_key_that_it_does_not_know() {
    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let narrow = spine.key(&organization, &["admin:keys:write"]).await;
    let known = spine.key(&organization, &["admin:keys:write"]).await;
    let equal = spine.key(&organization, &["admin:keys:write"]).await;
    let path = |id: &str, verb: &str| format!("{}/{id}/{verb}", organization.path("keys"));
    let as_narrow = async |ask: Ask| ask.bearer(&narrow.secret).send(spine.admin).await;
    let enable = async |id: &str| as_narrow(Ask::post(path(id, "enable"), &json!({}))).await;
    let extend = async |id: &str| {
        let body = json!({"expires_at": spine.later(7_200)});
        as_narrow(Ask::new("PUT", path(id, "expiry")).json(&body)).await
    };

    hold_followers_back(&spine).await;
    let soon = spine.later(3_600);
    let wide = json!({"scopes": ["admin:*:*"], "expires_at": soon});
    let unknown = spine.issue(&organization, wide).await;
    let widen = Ask::new("PUT", path(&known.id, "scopes")).json(&json!({"scopes": ["admin:*:*"]}));
    spine.admin(widen).await.expect(200);
    let ends = Ask::new("PUT", path(&known.id, "expiry")).json(&json!({"expires_at": soon}));
    spine.admin(ends).await.expect(200);
    for key in [&unknown, &known, &equal] {
        spine.change_key(&organization, &key.id, "disable").await;
    }

    for key in [&unknown, &known] {
        refused(enable(&key.id).await);
        refused(extend(&key.id).await);
    }
    // Of its like it may enable one, and this control still did not know any better.
    enable(&equal.id).await.expect(200);
    let caller =
        async |secret: &str| Ask::get("/api/v1/caller").bearer(secret).send(spine.admin).await.status;
    assert_eq!((caller(&unknown.secret).await, caller(&known.secret).await), (401, 200));
}
