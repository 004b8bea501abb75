//! A key that may call a tool polls, reads and cancels the tasks that it made, and no others, on every node: the id that
//! it is given says whose the task is, and no node keeps it.

use keyledger_tests::mcp::{SESSIONS, request};
use keyledger_tests::spine::{Key, Spine};
use keyledger_tests::upstreams::Express;
use keyledger_tests::wire::{Answer, Ask};
use serde_json::{Value, json};

struct Asking<'a> {
    path: &'a str,
    spine: &'a Spine,
}

impl Asking<'_> {
    async fn ask(&self, key: &Key, method: &str, params: Value) -> Answer {
        let ask = Ask::post(self.path, &request(method, &params)).header("MCP-Protocol-Version", SESSIONS);
        ask.bearer(&key.secret).send(self.spine.public).await
    }

    async fn make(&self, key: &Key, text: &str) -> String {
        let params = json!({"name": "slow", "arguments": {"text": text}, "task": {"ttl": 60_000}});
        let made = self.ask(key, "tools/call", params).await.expect(200).json();
        let id = made["result"]["task"]["taskId"].as_str();
        id.unwrap_or_else(|| panic!("no task in {made}")).to_owned()
    }

    async fn about(&self, key: &Key, method: &str, id: &str) -> Answer {
        self.ask(key, method, json!({"taskId": id})).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_own_and_no_others_and_on_every_node() {
    let upstream = Express::start().await;
    let mut spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let path = spine.register(&organization, "tools", &upstream.url()).await.path;
    let maker = spine.key(&organization, &["mcp:tools:tools:slow"]).await;
    let other = spine.key(&organization, &["mcp:tools:tools:slow"]).await;
    let whole = spine.key(&organization, &["mcp:tools"]).await;

    let asking = Asking { path: &path, spine: &spine };
    let (done, open) = (asking.make(&maker, "hi").await, asking.make(&maker, "never").await);
    let status = asking.about(&maker, "tasks/get", &done).await.expect(200).json();
    assert_eq!(status["result"]["status"], "completed");
    assert_eq!(status["result"]["taskId"], json!(done), "the name that the client knows");

    // A node that knows nothing of it: here the same one, begun anew.
    spine.stop_node().await;
    spine.start_node().await;
    spine.becomes_ready().await;
    let asking = Asking { path: &path, spine: &spine };
    for stranger in [&other, &whole] {
        for method in ["tasks/get", "tasks/result", "tasks/cancel"] {
            let refused = asking.about(stranger, method, &open).await.expect(400).json();
            assert_eq!(refused["error"]["data"]["reason"], "task_unknown", "{method}");
        }
    }
    let result = asking.about(&maker, "tasks/result", &done).await.expect(200).json();
    assert_eq!(result["result"]["content"][0]["text"], "slow: hi");
    let cancelled = asking.about(&maker, "tasks/cancel", &open).await.expect(200).json();
    assert_eq!(cancelled["result"]["status"], "cancelled", "nobody else had cancelled it");

    // The upstream's own ids, and the list of all, are for whoever holds the whole server.
    let all = asking.ask(&whole, "tasks/list", json!({})).await.expect(200).json();
    let listed: Vec<_> = all["result"]["tasks"].as_array().into_iter().flatten().collect();
    assert_eq!(listed.len(), 2, "{all}");
    asking.ask(&maker, "tasks/list", json!({})).await.expect(403);
    for task in listed {
        let id = task["taskId"].as_str().expect("an id");
        assert!(id != done && id != open);
        asking.about(&whole, "tasks/get", id).await.expect(200);
        asking.about(&maker, "tasks/get", id).await.expect(403);
    }
}
