use events::Owner;
use serde_json::json;

use super::client::Reply;
use super::upstream::{FakeUpstream, Step, with};
use super::world::{Key, World};

/// Answers every call with the task `up-1`: as a document, and in an event stream that is cut in odd places.
async fn upstream(events: bool) -> FakeUpstream {
    const TASK: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"task":{"taskId":"up-1","status":"working"}}}"#;
    FakeUpstream::start(move |_| {
        if !events {
            return vec![Step::Write(with("200 OK", "Content-Type: application/json\r\n", TASK))];
        }
        let about = r#"{"jsonrpc":"2.0","method":"notifications/tasks/status","params":{"taskId":"up-1"}}"#;
        let stream = format!(": hello\r\n\r\nid: 1\r\ndata: {about}\r\n\r\ndata:{TASK}\n\n");
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
        let mut steps = vec![Step::Write(head.to_owned())];
        for piece in stream.as_bytes().chunks(7) {
            let piece = std::str::from_utf8(piece).unwrap();
            steps.push(Step::Write(format!("{:x}\r\n{piece}\r\n", piece.len())));
        }
        steps.push(Step::Write("0\r\n\r\n".to_owned()));
        steps
    })
    .await
}

const MAKE: &str =
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow","task":{"ttl":60000}}}"#;

async fn ask(world: &World, key: &Key, method: &str, id: &str) -> Reply {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": {"taskId": id}});
    world.post(key, "", &body.to_string()).await
}

#[tokio::test]
async fn a_key_asks_for_the_tasks_that_it_made_and_no_others() {
    let upstream = upstream(false).await;
    let world = World::new(&upstream.url()).await;
    let scopes = "mcp:docs:tools:slow";
    let key = world.key(scopes).await;
    let other = world.issue(Owner::Organization(world.organization), "mcp:docs:tools:slow mcp:mail", |_| {});
    let whole = world.key("mcp:docs").await;
    let made = world.post(&key, "", MAKE).await;
    let id = made.json()["result"]["task"]["taskId"].as_str().unwrap().to_owned();
    assert_ne!(id, "up-1");
    assert_eq!(made.json()["result"]["task"]["status"], "working");

    for method in ["tasks/get", "tasks/result", "tasks/cancel"] {
        let reply = ask(&world, &key, method, &id).await;
        assert_eq!(
            (reply.status, reply.json()["result"]["task"]["taskId"].as_str()),
            (200, Some(id.as_str()))
        );
    }
    let heard = upstream.requests();
    assert_eq!(heard.len(), 4);
    assert!(
        heard[1..].iter().all(|request| request.ends_with(r#""params":{"taskId":"up-1"}}"#)),
        "{heard:?}"
    );

    for stranger in [&other, &whole] {
        let reply = ask(&world, stranger, "tasks/get", &id).await;
        let code = reply.json()["error"]["code"].clone();
        assert_eq!((reply.status, reply.reason().as_str(), code), (400, "task_unknown", json!(-32602)));
    }
    for (method, id) in [("tasks/get", "up-1"), ("tasks/cancel", "up-2"), ("tasks/other", id.as_str())] {
        let reply = ask(&world, &key, method, id).await;
        assert_eq!((reply.status, reply.reason().as_str()), (403, "insufficient_scope"), "{method} {id}");
    }
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tasks/list"}"#;
    assert_eq!(world.post(&key, "", list).await.reason(), "insufficient_scope");
    assert_eq!(upstream.requests().len(), 4, "the upstream heard of none of them");

    // Whoever holds the whole server has the upstream's own ids.
    let reply = ask(&world, &whole, "tasks/get", "up-1").await;
    assert_eq!(reply.json()["result"]["task"]["taskId"], "up-1");
}

#[tokio::test]
async fn a_task_is_out_of_reach_once_its_tool_is() {
    let upstream = upstream(false).await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs:tools:slow").await;
    let made = world.post(&key, "", MAKE).await.json();
    let id = made["result"]["task"]["taskId"].as_str().unwrap();
    let narrower = events::key::ScopesChanged { scopes: "mcp:docs:tools:other".parse().unwrap() };
    world.key_event(&key, events::key::KeyEvent::ScopesChanged(narrower));
    world.told().await;
    assert_eq!(ask(&world, &key, "tasks/get", id).await.reason(), "insufficient_scope");
}

#[tokio::test]
async fn an_event_stream_names_tasks_as_the_client_knows_them() {
    let upstream = upstream(true).await;
    let world = World::new(&upstream.url()).await;
    let key = world.key("mcp:docs:tools:slow").await;
    let made = world.post(&key, "", MAKE).await;
    assert_eq!(made.status, 200);
    let ids: Vec<_> =
        made.body.split("\"taskId\":\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(ids.len(), 2, "{}", made.body);
    assert!(ids[0] == ids[1] && ids[0].ends_with(".up-1") && ids[0] != "up-1");
    assert!(made.body.starts_with(": hello\r\n\r\nid: 1\r\ndata: {"), "{}", made.body);
    assert_eq!(ask(&world, &key, "tasks/get", ids[0]).await.status, 200);
    // A call that asks for no task passes as it is.
    let plain = MAKE.replace(r#","task":{"ttl":60000}"#, "");
    assert!(world.post(&key, "", &plain).await.body.contains("\"taskId\":\"up-1\""));
}
