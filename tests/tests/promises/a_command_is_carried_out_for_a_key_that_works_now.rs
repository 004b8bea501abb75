//! A request's key is judged when the request begins and again right before its command is carried out: what was
//! decided about the key while the body came in counts.

use std::net::SocketAddr;
use std::time::Duration;

use keyledger_tests::poll;
use keyledger_tests::spine::{Organization, Spine};
use keyledger_tests::wire::Ask;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const BOUND: Duration = Duration::from_secs(8);

/// A command to issue an admin key, of which the last byte is held back.
struct HeldBack {
    stream: TcpStream,
    last: u8,
}

impl HeldBack {
    async fn begin(admin: SocketAddr, organization: &Organization, secret: &str, scope: &str) -> Self {
        let body = json!({"name": "one more", "scopes": [scope]}).to_string();
        let (last, rest) = body.as_bytes().split_last().unwrap();
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {admin}\r\nAuthorization: Bearer {secret}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
            organization.path("keys"),
            body.len(),
        );
        let mut stream = TcpStream::connect(admin).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        // The server asks for the body once it has let the key in.
        let mut asked = [0; 25];
        stream.read_exact(&mut asked).await.unwrap();
        assert_eq!(asked, *b"HTTP/1.1 100 Continue\r\n\r\n", "{}", String::from_utf8_lossy(&asked));
        stream.write_all(rest).await.unwrap();
        Self { stream, last: *last }
    }

    async fn end(mut self) -> (u16, Value) {
        self.stream.write_all(&[self.last]).await.unwrap();
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer).await.unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        (status, serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}")))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_revoked_or_narrowed_while_its_body_comes_in_issues_nothing() {
    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let begin =
        async |secret: &str, scope: &str| HeldBack::begin(spine.admin, &organization, secret, scope).await;

    let good = spine.admin_of(&organization).await;
    let (status, issued) = begin(&good.secret, "admin:keys:write").await.end().await;
    assert_eq!(status, 201, "{issued}");

    let revoked = spine.admin_of(&organization).await;
    let held = begin(&revoked.secret, "admin:keys:write").await;
    spine.change_key(&organization, &revoked.id, "revoke").await;
    becomes(&spine, &revoked.secret, "/api/v1/caller", 401).await;
    let (status, problem) = held.end().await;
    assert_eq!((status, &problem["type"]), (401, &json!("urn:keyledger:problem:unauthenticated")));

    // It may not write keys any more.
    let narrowed = spine.admin_of(&organization).await;
    let held = begin(&narrowed.secret, "admin:keys:write").await;
    narrow(&spine, &organization, &narrowed.id, "admin:servers:read").await;
    becomes(&spine, &narrowed.secret, &organization.path("keys"), 403).await;
    let (status, problem) = held.end().await;
    assert_eq!((status, &problem["type"]), (403, &json!("urn:keyledger:problem:scope-missing")));

    // It may, and gives what it holds no more.
    let narrowed = spine.admin_of(&organization).await;
    let held = begin(&narrowed.secret, "admin:servers:write").await;
    narrow(&spine, &organization, &narrowed.id, "admin:keys:write").await;
    becomes(&spine, &narrowed.secret, &organization.path("keys"), 403).await;
    let (status, problem) = held.end().await;
    assert_eq!((status, &problem["type"]), (403, &json!("urn:keyledger:problem:scope-not-held")));
}

async fn narrow(spine: &Spine, organization: &Organization, key: &str, scope: &str) {
    let path = format!("{}/{key}/scopes", organization.path("keys"));
    spine.admin(Ask::new("PUT", path).json(&json!({"scopes": [scope]}))).await.expect(200);
}

async fn becomes(spine: &Spine, secret: &str, path: &str, status: u16) {
    let ask = Ask::get(path).bearer(secret);
    poll::until("the node follows", BOUND, async || match ask.send(spine.admin).await {
        answer if answer.status == status => Ok(()),
        answer => Err((answer.status, answer.text())),
    })
    .await;
}
