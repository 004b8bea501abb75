//! Registrations: what a client may say of itself, how many there are, and whose each is.

use keyledger_tests::wire::Ask;
use serde_json::{Value, json};

use super::super::{World, error, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registration_is_judged_bounded_and_its_own() {
    let world = World::new().await;
    for (body, wanted) in [
        (json!({"redirect_uris": ["https://evil.example/cb"]}), "invalid_redirect_uri"),
        (
            json!({"redirect_uris": ["https://claude.ai.evil.example/api/mcp/auth_callback"]}),
            "invalid_redirect_uri",
        ),
        (
            json!({"redirect_uris": ["https://claude.ai@evil.example/api/mcp/auth_callback"]}),
            "invalid_redirect_uri",
        ),
        (json!({"redirect_uris": ["javascript:alert(1)"]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": ["http://localhost/cb#x"]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": ["http://localhost.evil.example/cb"]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": []}), "invalid_redirect_uri"),
        (json!({"redirect_uris": "http://localhost/cb"}), "invalid_client_metadata"),
        (
            json!({"redirect_uris": ["http://localhost/cb"], "client_name": "x".repeat(201)}),
            "invalid_client_metadata",
        ),
        (
            json!({"redirect_uris": ["http://localhost/cb"], "token_endpoint_auth_method": "private_key_jwt",
                "jwks_uri": "http://169.254.169.254/keys"}),
            "invalid_client_metadata",
        ),
        (
            json!({"redirect_uris": ["http://localhost/cb"], "token_endpoint_auth_method": "private_key_jwt",
                "jwks": {"keys": []}}),
            "invalid_client_metadata",
        ),
        (
            json!({"redirect_uris": ["http://localhost/cb"], "token_endpoint_auth_method": "none",
                "grant_types": ["implicit"]}),
            "invalid_client_metadata",
        ),
        (json!([]), "invalid_client_metadata"),
        (
            json!({"redirect_uris": ["http://localhost/cb"], "x": "x".repeat(40_000)}),
            "invalid_client_metadata",
        ),
    ] {
        let answer = world.server.register(&body).await;
        assert_eq!((answer.status, error(&answer).as_str()), (400, wanted), "{body:.120}");
    }
    let plain = world.asks("POST", "/oauth/register", "text/plain", "{}").await;
    assert_eq!(error(&plain), "invalid_client_metadata");

    let body = json!({"redirect_uris": ["http://localhost/cb"], "token_endpoint_auth_method": "none"});
    let own = world.server.register(&body).await.expect(201).json();
    let other = world.server.register(&body).await.expect(201).json();
    let place = format!("/oauth/register/{}", text(&own, "client_id"));
    let manages = async |method: &'static str, token: &str, body: &Value| {
        Ask::new(method, &place).bearer(token).json(body).send(world.spine.public).await
    };
    let evil = json!({"redirect_uris": ["https://evil.example/cb"]});
    for token in [text(&other, "registration_access_token"), "x", ""] {
        for method in ["PUT", "DELETE"] {
            let refused = manages(method, token, &evil).await;
            assert_eq!((refused.status, error(&refused).as_str()), (401, "invalid_token"), "{method}");
        }
    }
    let management = text(&own, "registration_access_token");
    assert_eq!(error(&manages("PUT", management, &evil).await), "invalid_redirect_uri");
    let wants = json!({"redirect_uris": ["http://localhost/cb"], "token_endpoint_auth_method": "client_secret_basic"});
    assert_eq!(error(&manages("PUT", management, &wants).await), "invalid_client_metadata");

    // A flood ends at its bound, and says for how long.
    let mut refused = None;
    for _ in 0..200 {
        let answer = world.server.register(&body).await;
        if answer.status != 201 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("a bound");
    assert_eq!((refused.status, error(&refused).as_str()), (429, "temporarily_unavailable"));
    assert!(refused.header("retry-after").is_some());
}
