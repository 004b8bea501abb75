//! What each role's NATS user may do, and what setting up does, on a real server.

use events::log::jetstream::{self, ConnectError, ConnectOptions, Credentials, Password};
use events::log::{AppendError, Expected, Log};
use futures::StreamExt;
use gateway::config::NatsRole;
use gateway::store::accounts::{self, User};
use gateway::store::kv::KvEntries;
use gateway::store::{roles, setup};
use gateway::vault::{Entries, VaultName};
use keyledger_tests::servers::Nats;
use serde_json::{Value, json};

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
        "KL_CHECKPOINTS",
        "KV_KL_FLEET",
        "KV_KL_OAUTH",
        "OBJ_KL_SNAPSHOTS",
        "KL_ACCESS",
        "KL_ATTEMPTS",
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
async fn control_writes_the_log() {
    let nats = Nats::set_up().await;
    let control = nats.log(NatsRole::Control).await.unwrap();
    bootstrap(&control).await;
    fill(&control, 3).await;
    assert_eq!(control.info().await.unwrap().last_sequence, 4);
}

#[tokio::test]
async fn every_other_role_reads_the_log_at_most() {
    let nats = Nats::set_up().await;
    let control = nats.log(NatsRole::Control).await.unwrap();
    let id = bootstrap(&control).await;
    fill(&control, 3).await;
    let subject = key();
    for role in [NatsRole::Node, NatsRole::Worker, NatsRole::Auditor] {
        let log = nats.log(role).await.unwrap();
        let seen: Vec<_> = log.follow(None).await.unwrap().take(4).collect().await;
        assert!(seen.iter().all(Result::is_ok), "{role:?}: {seen:?}");
        log.history(&subject).await.unwrap();
        let refused = log.append(one(on(id, &subject), Expected::Last(0))).await;
        assert!(matches!(refused, Err(AppendError::Unavailable(_))), "{role:?}: {refused:?}");
    }
    assert_eq!(control.info().await.unwrap().last_sequence, 4);
}

/// Whoever may follow the log may create consumers: none that stays when nobody asks it any more.
#[tokio::test]
async fn no_consumer_is_left_behind_for_good() {
    const AT_MOST: u64 = 300_000_000_000;
    let nats = Nats::set_up().await;
    let node = nats.connect("node").await;
    let create = async |lasts: Value| {
        let config = json!({ "durable_name": "kept", "ack_policy": "none", "inactive_threshold": lasts });
        let body = json!({ "stream_name": jetstream::STREAM, "config": config, "action": "create" });
        let subject = jetstream::api(&format!("CONSUMER.CREATE.{}.kept", jetstream::STREAM));
        let answer = node.request(subject, body.to_string().into()).await.unwrap();
        serde_json::from_slice::<Value>(&answer.payload).unwrap()
    };
    let refused = create(json!(AT_MOST + 1)).await;
    assert_eq!(refused["error"]["err_code"], json!(10_153), "{refused}");
    let created = create(Value::Null).await;
    assert_eq!(created["config"]["inactive_threshold"], json!(AT_MOST), "{created}");
}

#[tokio::test]
async fn a_vault_is_read_and_written_by_its_roles_alone() {
    use NatsRole::{Control, Node, Worker};
    let nats = Nats::set_up().await;
    for (vault, readers, writers) in [
        (VaultName::Node, vec![Control, Node], vec![Control]),
        (VaultName::Control, vec![Control], vec![Control]),
        (VaultName::People, vec![Control, Worker], vec![Control, Worker]),
    ] {
        let open = async |role: NatsRole| KvEntries::open(nats.connect(role.as_str()).await, vault).await;
        assert!(open(Control).await.unwrap().create("entry", "sealed".into()).await.unwrap());
        for role in roles::ALL {
            let entries = open(role).await;
            if !readers.contains(&role) {
                // The admin may look at the bucket, not into it.
                let read = async { entries.as_ref().ok()?.get("entry").await.ok() };
                assert_eq!(read.await, None, "{role:?} reads {vault:?}");
                continue;
            }
            let entries = entries.unwrap();
            assert_eq!(entries.get("entry").await.unwrap().unwrap(), "sealed", "{role:?} {vault:?}");
            let wrote = entries.create("new", "x".into()).await;
            assert_eq!(wrote.is_ok(), writers.contains(&role), "{role:?} writes {vault:?}: {wrote:?}");
            if wrote.is_ok() {
                assert!(!entries.create("new", "y".into()).await.unwrap());
                entries.purge("new").await.unwrap();
                assert_eq!(entries.get("new").await.unwrap(), None);
                // What was deleted can be there again.
                assert!(entries.create("new", "z".into()).await.unwrap());
                entries.purge("new").await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn nobody_hears_another_roles_answers() {
    let nats = Nats::set_up().await;
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

#[tokio::test]
async fn a_wrong_password_and_no_user_are_refused_and_told_so() {
    let nats = Nats::start().await;
    let connect = async |user: &str| {
        let credentials =
            Credentials::User { name: user.to_owned(), password: Password::new("wrong".to_owned()) };
        let options = ConnectOptions {
            servers: vec![nats.url()],
            credentials,
            name: "test".to_owned(),
            inbox_prefix: roles::inbox_prefix(NatsRole::Node),
            authorities: None,
            certificate: None,
        };
        jetstream::connect(options).await.unwrap_err()
    };
    for user in ["node", "nobody"] {
        let error = connect(user).await;
        assert!(matches!(error, ConnectError::Refused { .. }), "{error:?}");
        let told = error.to_string();
        assert!(told.contains(user) && told.contains("password"), "{told}");
    }
    assert!(async_nats::connect(nats.url()).await.is_err());
}

/// What is printed for production is a configuration that nats-server takes.
#[tokio::test]
async fn the_printed_accounts_are_a_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("accounts.conf");
    let users = roles::ALL.map(|role| User::of(role, format!("our \"{}\"", role.as_str()), None));
    let printed = accounts::configuration(&users, &[]);
    std::fs::write(&path, format!("jetstream: enabled\n{printed}")).unwrap();
    let mut command = std::process::Command::new(gateway::dev::tools::nats_server().unwrap());
    command.arg("-t").arg("-c").arg(&path);
    for role in roles::ALL {
        command.env(format!("KEYLEDGER_NATS_{}_PASSWORD", role.as_str().to_uppercase()), "secret");
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}
