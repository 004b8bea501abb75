use issuer::{CLIENT, Issuer, SECRET};
use serde_json::{Value, json};

use crate::oauth::{Client, Server};

const BACK: &str = "http://127.0.0.1:9/callback";

/// At a desk by pointer and on a phone by keys alone: pictures, no barriers (axe-core), and back with a code.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_signs_in_at_the_mock_issuer() {
    if super::is_left_out() {
        eprintln!("NOT TESTED: {} leaves it out", super::WITHOUT);
        return;
    }
    let issuer = Issuer::start().await.unwrap();
    issuer.allow_redirect(CLIENT, BACK);
    let server = Server::at(&format!("{}/.well-known/openid-configuration", issuer.url())).await;
    let client = Client { id: CLIENT.into(), secret: Some(SECRET.into()), redirect: BACK.into() };
    let pictures = tempfile::tempdir().unwrap();
    for (size, how) in [("desk", "pointer"), ("phone", "keys")] {
        let asking = client.authorization("openid");
        let address = server.authorize(&asking);
        let walked = super::walk(&json!({
            "start": address,
            "callback": BACK,
            "person": "anna",
            "folder": pictures.path(),
            "size": size,
            "how": how,
        }))
        .await;
        let pages = walked["pages"].as_array().unwrap();
        assert_eq!(pages.len(), 1, "{walked:#}");
        for page in pages {
            assert_eq!(page["barriers"], Value::Array(Vec::new()), "{page:#}");
            assert!(std::fs::read(page["picture"].as_str().unwrap()).unwrap().starts_with(b"\x89PNG"));
        }
        let came = url::Url::parse(walked["came"].as_str().unwrap()).unwrap();
        let code = came.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        server.redeem(&client, &asking, &code, &[]).await.expect(200);
    }
}
