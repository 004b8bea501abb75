//! `deploy/example/run` makes certificates, servers and processes as its page says: a call with a key passes at both nodes over
//! TLS, a revocation holds at both, what is killed comes back, and at the end nothing is left.

use std::time::Duration;

use keyledger_tests::example::Example;
use keyledger_tests::mcp::request;
use keyledger_tests::poll;
use keyledger_tests::upstreams::{McpServer, Upstream};
use serde_json::json;

const BOUND: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_passes_at_both_nodes_and_nothing_is_left_at_the_end() {
    let example = Example::start().await;
    let said = example.said_at_bootstrap();
    assert!(said.contains(&format!("export KEYLEDGER_API={}", example.api())), "{said}");
    let upstream = Upstream::start(McpServer::every(Duration::from_millis(20))).await;
    example.command(&["organizations", "create", "acme", "--name", "Acme"]).await;
    let register = ["servers", "register", "--organization", "acme", "tools", "--name", "Tools"];
    let url = upstream.url();
    example.command(&[&register[..], &["--no-try", "--upstream", &url]].concat()).await;
    let issue = ["keys", "issue", "--organization", "acme", "--scope", "mcp:tools", "robot", "--json"];
    let issued: serde_json::Value = serde_json::from_str(&example.command(&issue).await).unwrap();
    let (id, key) = (issued["id"].as_str().unwrap(), issued["secret"].as_str().unwrap());

    let call = request("tools/call", &json!({"name": "echo", "arguments": {}}));
    let answers = async |node: usize, key: &str, status: u16| {
        poll::until("the node answers so", BOUND, async || {
            match example.call(node, "/mcp/acme/tools", key, &call).await {
                (found, _) if found == status => Ok(()),
                other => Err(other),
            }
        })
        .await
    };
    for node in [0, 1] {
        answers(node, key, 200).await;
        answers(node, "kl_live_nobody", 401).await;
    }

    let killed = example.process("node-2").unwrap();
    std::process::Command::new("kill").args(["-KILL", &killed.to_string()]).status().unwrap();
    poll::until("it is started again", BOUND, async || {
        example.process("node-2").filter(|id| *id != killed).ok_or("not yet")
    })
    .await;
    example.command(&["keys", "revoke", "--organization", "acme", id, "--reason", "retired"]).await;
    for node in [0, 1] {
        answers(node, key, 401).await;
    }
    example.stop().await;
}

/// A program that is named and is not there is not another one in its place.
#[test]
fn the_program_that_is_named_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/example/run");
    let ended = std::process::Command::new("bash")
        .args([script.as_ref(), folder.path().as_os_str()])
        .env("KEYLEDGER_PROGRAM", folder.path().join("nothing"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(!ended.status.success() && said.contains("KEYLEDGER_PROGRAM names no program"), "{said}");
}
