//! Each row of docs/operating/renewing.md, done to the example deployment while calls go to both nodes: none is refused, and what
//! rested on the old secret goes on under the new one.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use keyledger_tests::example::Example;
use keyledger_tests::mcp::request;
use keyledger_tests::poll;
use keyledger_tests::upstreams::{McpServer, Upstream};
use serde_json::{Value, json};
use sqlx::Connection;

const BOUND: Duration = Duration::from_secs(60);
/// A password and what nats-server knows it by.
const PASSWORD: &str = "renewed-7f3a9c1e5b2d";
const HASH: &str = "$2b$04$abcdefghijklmnopqrstuukKr0viUVp8kexWwFDSAEN4V41Vdp2hi";
const ROLES: [&str; 5] = ["admin", "control", "worker", "node", "auditor"];
const PROCESSES: [&str; 4] = ["control", "worker", "node-1", "node-2"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_is_refused() {
    let example = Example::start().await;
    let upstream = Upstream::start(McpServer::every(Duration::from_millis(20))).await;
    example.command(&["organizations", "create", "acme", "--name", "Acme"]).await;
    let register = ["servers", "register", "--organization", "acme", "tools", "--name", "Tools", "--no-try"];
    example.command(&[&register[..], &["--upstream", &upstream.url()]].concat()).await;
    let key = issue(&example).await;
    serves(&example, &key).await;

    let (ended, passed) = (AtomicBool::new(false), AtomicUsize::new(0));
    let calling = async {
        let mut refused = Vec::new();
        while !ended.load(Ordering::SeqCst) {
            for node in [0, 1] {
                match call(&example, node, &key).await {
                    (200, _) => _ = passed.fetch_add(1, Ordering::SeqCst),
                    other => refused.push((node, other)),
                }
            }
        }
        refused
    };
    let renewing = async {
        tls_files(&example).await;
        master_keys(&example).await;
        vault_secrets(&example).await;
        nats_passwords(&example).await;
        postgres_password(&example).await;
        let before = passed.load(Ordering::SeqCst);
        poll::until("calls go on", BOUND, async || {
            let now = passed.load(Ordering::SeqCst);
            if now > before + 20 { Ok(()) } else { Err(now) }
        })
        .await;
        ended.store(true, Ordering::SeqCst);
    };
    let (refused, ()) = tokio::join!(calling, renewing);
    assert!(refused.is_empty(), "{refused:?}");
    eprintln!("{} calls passed while every secret was renewed", passed.load(Ordering::SeqCst));
    example.stop().await;
}

async fn call(example: &Example, node: usize, key: &str) -> (u16, String) {
    let message = request("tools/call", &json!({"name": "echo", "arguments": {}}));
    example.call(node, "/mcp/acme/tools", key, &message).await
}

async fn issue(example: &Example) -> String {
    let words = ["keys", "issue", "--organization", "acme", "--scope", "mcp:tools", "robot", "--json"];
    let issued: Value = serde_json::from_str(&example.command(&words).await).unwrap();
    issued["secret"].as_str().unwrap().to_owned()
}

/// The key works at both nodes.
async fn serves(example: &Example, key: &str) {
    for node in [0, 1] {
        poll::until("the key works", BOUND, async || match call(example, node, key).await {
            (200, _) => Ok(()),
            other => Err(other),
        })
        .await;
    }
}

async fn tls_files(example: &Example) {
    let before = example.certificate(0).await;
    let folder = example.folder();
    let script = "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=keyledger -keyout new.key -out new.csr &&
        printf 'subjectAltName=DNS:localhost,IP:127.0.0.1' > new.ext &&
        openssl x509 -req -in new.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile new.ext -out new.pem &&
        mv new.key keyledger.key && mv new.pem keyledger.pem";
    shell(&folder.join("certificates"), script);
    example.hang_up(&["node-1", "node-2", "control"]);
    poll::until("the new certificate is shown", BOUND, async || {
        let now = example.certificate(0).await;
        if now == before { Err(now.len()) } else { Ok(()) }
    })
    .await;
}

async fn master_keys(example: &Example) {
    let secrets = example.folder().join("secrets");
    for vault in ["node", "control", "people"] {
        shell(
            &secrets,
            &format!("umask 077; (openssl rand -base64 32; cat {vault}.key) > new; mv new {vault}.key"),
        );
    }
    let done: Value =
        serde_json::from_str(&example.configured(&["secrets", "reseal", "--json"]).await).unwrap();
    assert!(
        done["items"].as_array().unwrap().iter().all(|vault| vault["sealed"].as_u64() > Some(0)),
        "{done}"
    );
    for vault in ["node", "control", "people"] {
        shell(&secrets, &format!("umask 077; head -n 1 {vault}.key > new; mv new {vault}.key"));
    }
    // Sealed and opened under the new one alone, by processes that have run all along and by one that begins.
    serves(example, &issue(example).await).await;
    example.configured(&["secrets", "list"]).await;
}

async fn vault_secrets(example: &Example) {
    for kind in ["pepper", "identity", "session", "snapshot", "passing"] {
        example.configured(&["secrets", "renew", kind]).await;
    }
    example.hang_up(&PROCESSES);
    for node in [0, 1] {
        poll::until("the next identity key is told", BOUND, async || {
            let (_, answer) = example.get(node, "/.well-known/jwks.json").await;
            if answer.matches("\"kid\"").count() == 2 { Ok(()) } else { Err(answer) }
        })
        .await;
    }
    let listed: Value =
        serde_json::from_str(&example.configured(&["secrets", "list", "--json"]).await).unwrap();
    let of = |kind: &str| {
        let items = listed["items"].as_array().unwrap().iter().filter(|item| item["kind"] == kind);
        items.map(|item| (item["state"].as_str().unwrap(), item["keys"].as_u64())).collect::<Vec<_>>()
    };
    // Two keys of the organization, and the admin's.
    assert_eq!(of("pepper"), [("announced", Some(0)), ("in use", Some(3))]);
    assert_eq!(of("session"), [("announced", None), ("in use", None)]);
    assert_eq!(of("passing"), [("announced", None), ("in use", None)]);
    assert_eq!(of("snapshot"), [("in use", None), ("former", None)]);
    serves(example, &issue(example).await).await;
}

async fn nats_passwords(example: &Example) {
    let folder = example.folder();
    let configuration = folder.join("keyledger.toml");
    let mut text = std::fs::read_to_string(&configuration).unwrap();
    for role in ROLES {
        let file = format!("password_file = \"secrets/nats-{role}\"");
        assert!(text.contains(&file));
        text = text.replace(&file, &format!("{file}, password_hash = \"{HASH}\""));
        std::fs::write(folder.join(format!("secrets/nats-{role}")), PASSWORD).unwrap();
    }
    std::fs::write(&configuration, text).unwrap();
    let printed = example.configured(&["nats", "setup", "--print"]).await;
    std::fs::write(folder.join("accounts.conf"), printed).unwrap();
    let reloaded = |name: &str| {
        let log = std::fs::read_to_string(folder.join(format!("log/{name}.log"))).unwrap_or_default();
        if log.contains("Reloaded server configuration") {
            Ok(())
        } else {
            Err(log.lines().last().map(str::to_owned))
        }
    };
    for name in ["nats-1", "nats-2", "nats-3"] {
        example.hang_up(&[name]);
        poll::until("the server has read its users anew", BOUND, async || reloaded(name)).await;
    }
    // A command that comes while control connects anew may be told to ask again.
    let words = ["keys", "issue", "--organization", "acme", "--scope", "mcp:tools", "another"];
    poll::until("commands are done", BOUND, async || example.attempt(&words).await).await;
}

async fn postgres_password(example: &Example) {
    let folder = example.folder();
    let superuser = std::fs::read_to_string(folder.join("secrets/postgres-superuser")).unwrap();
    let url = example.postgres_url("postgres", superuser.trim(), "keyledger");
    let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
    let statements = format!(
        "CREATE ROLE keyledger_b LOGIN PASSWORD '{PASSWORD}' IN ROLE keyledger; ALTER ROLE keyledger_b SET role = keyledger"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(statements)).execute(&mut connection).await.unwrap();
    let url = example.postgres_url("keyledger_b", PASSWORD, "keyledger");
    std::fs::write(folder.join("secrets/postgres-url"), url).unwrap();
    example.hang_up(&["control", "worker"]);
    // Once the old one can't log in any more and its connections are gone, lists come by the new one.
    let end = "ALTER ROLE keyledger NOLOGIN; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'keyledger'";
    poll::until("both have looked", BOUND, async || {
        let told = ["control", "worker"].map(|name| {
            let log = std::fs::read_to_string(folder.join(format!("log/{name}.log"))).unwrap_or_default();
            log.contains("postgres.url_file has changed")
        });
        if told == [true; 2] { Ok(()) } else { Err(told) }
    })
    .await;
    sqlx::raw_sql(end).execute(&mut connection).await.unwrap();
    poll::until("lists are read", BOUND, async || {
        example.attempt(&["keys", "list", "--organization", "acme"]).await
    })
    .await;
}

fn shell(folder: &Path, script: &str) {
    let done = std::process::Command::new("sh").args(["-ec", script]).current_dir(folder).output().unwrap();
    assert!(done.status.success(), "{script}: {}", String::from_utf8_lossy(&done.stderr));
}
