//! A report of a period, from the log alone: who could administer, which keys were made and ended, by whom and why.

use std::time::Duration;

use gateway::store::bucket::Bucket;
use keyledger_tests::poll::{self, within};
use keyledger_tests::spine::Spine;
use keyledger_tests::wire::Ask;
use serde_json::{Value, json};
use tokio::process::Command;

const BOUND: Duration = Duration::from_secs(30);

/// `keyledger audit report` as the worker: its exit code, and what it printed.
async fn report(spine: &Spine, from: &str, more: &[&str]) -> (i32, String) {
    let this = std::env::current_exe().unwrap();
    let worker = spine.nats.credentials("worker");
    let told = Command::new(this.parent().unwrap().parent().unwrap().join("keyledger"))
        .args([&["audit", "report", "--from", from], more].concat())
        .env_clear()
        .env("KEYLEDGER_PUBLIC_URL", "https://mcp.example.com")
        .env("KEYLEDGER_NATS__URL", spine.nats.url())
        .env("KEYLEDGER_NATS__USERS__WORKER__USER", worker.user)
        .env("KEYLEDGER_NATS__USERS__WORKER__PASSWORD", worker.password)
        .env("KEYLEDGER_POSTGRES__URL", "postgres://nobody@127.0.0.1:1/none")
        .env("KEYLEDGER_VAULT__PEOPLE_KEY_FILE", spine.config.vault.people_key_file.as_ref().unwrap())
        .kill_on_drop(true)
        .output();
    let told = within("the report", BOUND, told).await.unwrap();
    eprintln!("{}", String::from_utf8_lossy(&told.stderr));
    (told.status.code().unwrap(), String::from_utf8(told.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_names_who_could_administer_and_what_was_done() {
    let spine = Spine::start().await;
    let acme = spine.organization("acme").await;
    let admin = json!({"name": "Ada's key", "scopes": ["admin:keys:write", "admin:keys:read"]});
    let admin = spine.key_with(&acme, admin).await;
    let key = json!({"name": "deploy <b>bot</b>", "scopes": ["mcp:*"]});
    let made = Ask::post(acme.path("keys"), &key).bearer(&admin.secret).send(spine.admin).await;
    let made = made.expect(201).json();
    let path = format!("{}/{}", acme.path("keys"), made["id"].as_str().unwrap());
    let scopes = json!({"scopes": ["mcp:tools"]});
    spine.admin(Ask::new("PUT", format!("{path}/scopes")).json(&scopes)).await.expect(200);
    let leaked = Ask::post(format!("{path}/revoke"), &json!({"reason": "found in a public repository"}));
    leaked.bearer(&admin.secret).send(spine.admin).await.expect(200);

    let (code, told) = report(&spine, "2020-01-01T00:00:00Z", &["--format", "json"]).await;
    assert_eq!(code, 0);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["verification"]["good"], true, "{told}");
    let administrators = told["administrators"].as_array().unwrap();
    assert_eq!(administrators.len(), 2, "the installation's first, and Ada's");
    assert_eq!(
        (&administrators[1]["name"], &administrators[1]["organization"]),
        (&json!("Ada's key"), &json!("acme"))
    );
    assert_eq!(administrators[1]["issued_by"]["name"], administrators[0]["name"]);
    assert!(administrators[1]["worked"][0][1].is_null(), "it works still");
    let keys = told["keys_made"].as_array().unwrap();
    assert_eq!(keys.len(), 3);
    assert_eq!(
        (&keys[2]["name"], &keys[2]["by"]["name"]),
        (&json!("deploy <b>bot</b>"), &json!("Ada's key"))
    );
    let ended = &told["keys_ended"][0];
    assert_eq!(
        (&ended["name"], &ended["reason"], &ended["by"]["name"]),
        (&json!("deploy <b>bot</b>"), &json!("found in a public repository"), &json!("Ada's key"))
    );
    assert!(
        told["changes"].as_array().unwrap().iter().any(|it| it["change"] == "scopes: mcp:tools"),
        "{told}"
    );

    let (code, page) = report(&spine, "2020-01-01T00:00:00Z", &["--organization", &acme.id]).await;
    assert_eq!(code, 0);
    assert!(page.starts_with("<!doctype html>") && page.contains("deploy &lt;b&gt;bot&lt;/b&gt;"), "{page}");
    assert!(!page.contains("installation.bootstrapped"), "only its own part");
    let before = ["--to", "2021-01-01T00:00:00Z", "--format", "csv"];
    let (code, table) = report(&spine, "2020-01-01T00:00:00Z", &before).await;
    assert_eq!((code, table.lines().count()), (0, 1), "nothing had happened yet: {table}");
    let (code, _) = report(&spine, "2020-01-01T00:00:00Z", &["--to", "2019-01-01T00:00:00Z"]).await;
    assert_eq!(code, 2);
    let unknown = ["--organization", "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b"];
    let (code, page) = report(&spine, "2020-01-01T00:00:00Z", &unknown).await;
    assert_eq!((code, page.as_str()), (2, ""), "no page of nothing");
}

/// Also where its key is in the vault again, as in one that was put back from a copy of before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_text_of_a_forgotten_organization_is_opened() {
    let spine = Spine::start().await;
    let acme = spine.organization("acme").await;
    spine.key_with(&acme, json!({"name": "Alice's editor", "scopes": ["mcp:*"]})).await;
    let names = async || {
        let (code, told) = report(&spine, "2020-01-01T00:00:00Z", &["--format", "json"]).await;
        assert_eq!(code, 0, "{told}");
        told.matches("Alice's editor").count()
    };
    assert_ne!(names().await, 0);
    let people = Bucket::new(spine.nats.connect("control").await, "KL_VAULT_PEOPLE");
    let entry = format!("organization.{}", acme.id);
    let sealed = people.get(&entry).await.unwrap().expect("the organization's sealing key").value;
    spine.write(Ask::post(acme.path("suspend"), &json!({}))).await;
    spine.write(Ask::post(acme.path("forget"), &json!({"slug": acme.slug}))).await;
    poll::until("its key is deleted", BOUND, async || match people.get(&entry).await.unwrap() {
        None => Ok(()),
        Some(entry) => Err(entry.revision),
    })
    .await;
    people.replace(&entry, sealed).await.unwrap();
    assert_eq!(names().await, 0);
}
