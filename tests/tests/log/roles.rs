//! What each role's NATS user may do, and what setting up does, on a real server.

use std::time::Duration;

use async_nats::client::RequestErrorKind;
use events::log::{AppendError, Expected, Log};
use futures::StreamExt;
use gateway::config::NatsRole;
use gateway::store::{VAULT_CONTROL, VAULT_NODE, VAULT_PEOPLE, roles, setup};
use keyledger_tests::servers::{Nats, ROOT};
use serde_json::json;

use crate::server::ask;

use crate::setting::{bootstrap, fill, key, on, one};

#[tokio::test]
async fn setting_up_twice_is_setting_up_once() {
    let nats = Nats::start().await;
    let admin = nats.connect("admin").await;
    let first = setup::setup(&admin, 1).await.unwrap();
    let second = setup::setup(&admin, 1).await.unwrap();
    let names = [
        "KL_EVENTS_0",
        "KV_KL_VAULT_NODE",
        "KV_KL_VAULT_CONTROL",
        "KV_KL_VAULT_PEOPLE",
        "KV_KL_FLEET",
        "OBJ_KL_SNAPSHOTS",
    ];
    assert_eq!(first.0, names.map(|name| (name.to_owned(), setup::Done::Created)));
    assert_eq!(second.0, names.map(|name| (name.to_owned(), setup::Done::Kept)));
    nats.log(NatsRole::Control).await.unwrap();
}

#[tokio::test]
async fn a_bucket_that_differs_is_named_and_left_alone() {
    let nats = Nats::start().await;
    let config = json!({ "name": "KV_KL_VAULT_PEOPLE", "subjects": ["$KV.KL_VAULT_PEOPLE.>"], "max_msgs_per_subject": 5 });
    ask(&nats, "STREAM.CREATE.KV_KL_VAULT_PEOPLE", &config).await;
    let told = setup::setup(&nats.connect("admin").await, 1).await.unwrap_err().to_string();
    assert!(
        told.contains("KV_KL_VAULT_PEOPLE") && told.contains("max_msgs_per_subject is 5, must be 1"),
        "{told}"
    );
}

#[tokio::test]
async fn control_and_worker_write_the_log() {
    let nats = Nats::set_up().await;
    let control = nats.log(NatsRole::Control).await.unwrap();
    let worker = nats.log(NatsRole::Worker).await.unwrap();
    bootstrap(&control).await;
    fill(&control, 3).await;
    fill(&worker, 3).await;
    assert_eq!(worker.info().await.unwrap().last_sequence, 7);
}

#[tokio::test]
async fn every_other_role_reads_the_log_at_most() {
    let nats = Nats::set_up().await;
    let control = nats.log(NatsRole::Control).await.unwrap();
    let id = bootstrap(&control).await;
    fill(&control, 3).await;
    let subject = key();
    for role in [NatsRole::Node, NatsRole::Auditor] {
        let log = nats.log(role).await.unwrap();
        let seen: Vec<_> = log.follow(None).await.unwrap().take(4).collect().await;
        assert!(seen.iter().all(Result::is_ok), "{role:?}: {seen:?}");
        log.history(&subject).await.unwrap();
        let refused = log.append(one(on(id, &subject), Expected::Last(0))).await;
        assert!(matches!(refused, Err(AppendError::OutcomeUnknown(_))), "{role:?}: {refused:?}");
    }
    let admin = nats.connect("admin").await;
    admin.publish(subject.to_string(), "{}".into()).await.unwrap();
    admin.flush().await.unwrap();
    assert_eq!(control.info().await.unwrap().last_sequence, 4);
}

#[tokio::test]
async fn a_vault_is_read_and_written_by_its_roles_alone() {
    use NatsRole::{Admin, Auditor, Control, Node, Worker};
    let nats = Nats::set_up().await;
    for (bucket, readers, writers) in [
        (VAULT_NODE, vec![Control, Node], vec![Control]),
        (VAULT_CONTROL, vec![Control], vec![Control]),
        (VAULT_PEOPLE, vec![Control, Worker], vec![Control, Worker]),
    ] {
        let root = async_nats::jetstream::new(nats.connect(ROOT).await);
        let store = root.get_key_value(bucket).await.unwrap();
        store.put("entry", "sealed".into()).await.unwrap();
        for role in [Admin, Control, Worker, Node, Auditor] {
            let mut context = async_nats::jetstream::new(nats.connect(role.as_str()).await);
            context.set_timeout(Duration::from_millis(400));
            // The admin may look at the stream, not into it.
            let Ok(own) = context.get_key_value(bucket).await else {
                assert!(!readers.contains(&role), "{role:?} can't open {bucket}");
                continue;
            };
            let read = own.get("entry").await.ok().flatten();
            assert_eq!(read.is_some(), readers.contains(&role), "{role:?} reads {bucket}");
            if readers.contains(&role) {
                let names: Vec<_> = own.keys().await.unwrap().collect().await;
                assert_eq!(names.len(), 1, "{role:?} lists {bucket}: {names:?}");
            }
            let wrote = own.put(role.as_str(), "x".into()).await.is_ok();
            assert_eq!(wrote, writers.contains(&role), "{role:?} writes {bucket}");
            if wrote {
                own.create("new", "x".into()).await.unwrap();
                own.purge("new").await.unwrap();
                assert_eq!(own.get("new").await.unwrap(), None);
                own.purge(role.as_str()).await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn no_role_changes_a_stream_or_hears_another_roles_answers() {
    let nats = Nats::set_up().await;
    for role in roles::ALL {
        let client = nats.connect(role.as_str()).await;
        for subject in ["STREAM.PURGE.KL_EVENTS_0", "STREAM.DELETE.KL_EVENTS_0", "STREAM.UPDATE.KL_EVENTS_0"]
        {
            let request =
                async_nats::Request::new().payload("{}".into()).timeout(Some(Duration::from_millis(200)));
            let told = client.send_request(format!("$JS.API.{subject}"), request).await;
            assert_eq!(told.unwrap_err().kind(), RequestErrorKind::TimedOut, "{role:?} {subject}");
        }
    }
    let node = nats.connect("node").await;
    let mut overheard = node.subscribe("_INBOX_control.>").await.unwrap();
    let mut all = node.subscribe(">").await.unwrap();
    node.flush().await.unwrap();
    let control = nats.log(NatsRole::Control).await.unwrap();
    bootstrap(&control).await;
    // What the node would have heard came before this answer to itself.
    nats.log(NatsRole::Node).await.unwrap().info().await.unwrap();
    assert!(futures::poll!(overheard.next()).is_pending());
    assert!(futures::poll!(all.next()).is_pending());
}

/// What is printed for production is a configuration that nats-server takes.
#[tokio::test]
async fn the_printed_users_are_a_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("users.conf");
    std::fs::write(&path, roles::configuration()).unwrap();
    let mut command = std::process::Command::new(gateway::dev::tools::nats_server().unwrap());
    command.arg("-t").arg("-c").arg(&path);
    for role in roles::ALL {
        command.env(format!("KEYLEDGER_NATS_{}_PASSWORD", role.as_str().to_uppercase()), "secret");
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let printed = setup::printed(3);
    assert!(printed.contains("\"num_replicas\": 3") && printed.contains("KV_KL_VAULT_NODE"), "{printed}");
}
