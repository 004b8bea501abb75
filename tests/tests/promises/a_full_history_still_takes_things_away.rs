//! Each command on a thing reads all of its history, so that one has a bound. Who reaches it is told so in words, and
//! can take the thing away all the same.

use keyledger_tests::spine::{Organization, Spine};
use keyledger_tests::wire::{Answer, Ask};
use serde_json::json;
use tokio::task::JoinSet;

/// Who change the key side by side.
const SIDE_BY_SIDE: usize = 4;
/// Each change writes 50 KB, and a history may hold 8 MiB.
const MOST_CHANGES: usize = 200;

/// What the key has after each change.
const KEPT: &str = "mcp:docs:tools:kept";

/// With it a hundred scopes of 490 bytes, others each time.
fn widen(path: &str, number: usize) -> Ask {
    let scope = |n: usize| format!("mcp:docs:tools:{n:0>3}_{number:0>470}");
    let scopes: Vec<_> = (1..100).map(scope).chain([KEPT.to_owned()]).collect();
    Ask::new("PUT", path).json(&json!({ "scopes": scopes }))
}

/// Changes the key until that is refused; the refusal.
async fn fill(spine: &Spine, path: &str) -> Answer {
    let mut changing = JoinSet::new();
    for first in 0..SIDE_BY_SIDE {
        let (admin, bearer, path) = (spine.admin, spine.admin_key.clone(), path.to_owned());
        changing.spawn(async move {
            for number in (first..MOST_CHANGES).step_by(SIDE_BY_SIDE) {
                let answer = widen(&path, number).bearer(&bearer).send(admin).await;
                if answer.status != 200 {
                    return answer;
                }
            }
            panic!("the history takes {MOST_CHANGES} changes");
        });
    }
    changing.join_all().await.pop().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_fills_one_is_told_and_revokes_the_key_nevertheless() {
    let spine = Spine::start().await;
    let organization: Organization = spine.organization("acme").await;
    let key = spine.key(&organization, &["mcp:docs"]).await;
    let path = |verb: &str| format!("{}/{}/{verb}", organization.path("keys"), key.id);

    let problem = fill(&spine, &path("scopes")).await.expect(409).json();
    assert_eq!(problem["type"], "urn:keyledger:problem:history-full", "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("10000 events or 8388608 bytes"), "{detail}");

    // Whatever adds to it is told the same.
    let rename = Ask::new("PUT", path("name")).json(&json!({"name": "other"}));
    assert_eq!(spine.admin(rename).await.expect(409).json()["type"], problem["type"]);
    // What takes away passes.
    let narrow = Ask::new("PUT", path("scopes")).json(&json!({"scopes": [KEPT]}));
    spine.write(narrow).await;
    let done = spine.write(Ask::post(path("revoke"), &json!({}))).await;
    assert_eq!(done["changed"], true, "{done}");
    let used = Ask::get("/api/v1/caller").bearer(&key.secret).send(spine.admin).await;
    assert_eq!(used.status, 401);
}
