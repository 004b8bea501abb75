//! The same fault is the same problem type, whichever listener meets it.

use std::net::SocketAddr;

use keyledger_tests::spine::Spine;
use keyledger_tests::wire::Ask;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_has_one_name_on_every_listener() {
    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let asker = spine.key(&organization, &["keys:verify"]).await.secret;
    let mcp = spine.key(&organization, &["mcp:*"]).await.secret;
    let revoked = spine.revoked_key(&organization).await;
    let (verify, keys) = ("/api/v1/keys/verify".to_owned(), organization.path("keys"));
    let told = async |to: SocketAddr, ask: Ask| {
        let answer = ask.send(to).await;
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
        let body = answer.json();
        assert_eq!(body["status"], answer.status, "{answer:?}");
        (answer.status, body["type"].as_str().unwrap().replace("urn:keyledger:problem:", ""))
    };
    let expected = |status, name: &str| (status, name.to_owned());

    for (to, path, key) in [(spine.public, &verify, &asker), (spine.admin, &keys, &spine.admin_key)] {
        let post = || Ask::post(path, &json!({}));
        let with_key = || post().bearer(key);
        let of_text = |body: &str| with_key().body(body);
        assert_eq!(told(to, post()).await, expected(401, "unauthenticated"));
        assert_eq!(told(to, post().bearer("nonsense")).await, expected(401, "unauthenticated"));
        assert_eq!(told(to, post().bearer(&revoked)).await, expected(401, "unauthenticated"));
        let two = with_key().header("X-API-Key", key);
        assert_eq!(told(to, two).await, expected(400, "invalid-request"));
        assert_eq!(told(to, of_text("[]")).await, expected(400, "invalid-request"));
        assert_eq!(told(to, of_text("{")).await, expected(400, "invalid-request"));
        let encoded = with_key().header("Content-Encoding", "gzip");
        assert_eq!(told(to, encoded).await, expected(415, "unsupported-media-type"));
        let text = of_text("{}").without("Content-Type").header("Content-Type", "text/plain");
        assert_eq!(told(to, text).await, expected(415, "unsupported-media-type"));
        let large = of_text(&format!("{{\"name\": \"{}\"}}", "a".repeat(70_000)));
        assert_eq!(told(to, large).await, expected(413, "too-large"));
    }
    let verify_with = |key: &str| Ask::post(&verify, &json!({"key": "x"})).bearer(key);
    assert_eq!(told(spine.public, verify_with(&mcp)).await, expected(403, "scope-missing"));
    let narrow = Ask::get(&keys).bearer(&asker);
    assert_eq!(told(spine.admin, narrow).await, expected(403, "scope-missing"));
    for (to, path) in [(spine.public, &*verify), (spine.admin, &*keys), (spine.metrics, "/livez")] {
        assert_eq!(told(to, Ask::get("/nowhere")).await, expected(404, "not-found"));
        assert_eq!(told(to, Ask::new("PATCH", path)).await, expected(405, "method-not-allowed"));
    }
}
