//! What must not get from a role's account into the log's, by whatever way: a forbidden subject, a reply subject,
//! a subject in a request's body.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use events::log::jetstream::{api, data};
use events::subject::ALL_EVENTS;
use futures::StreamExt;
use gateway::config::NatsRole;
use gateway::store::roles::{self, Service};
use gateway::store::{setup, transfer};
use keyledger_tests::poll;
use keyledger_tests::servers::{Nats, ROOT};
use serde_json::{Value, json};

use crate::server::ask;

mod readers;

const BOUND: Duration = Duration::from_secs(20);

/// Inside each stream: where nothing may be stored.
const TARGETS: [&str; 11] = [
    "kl.events.0._.key.target",
    "$KV.KL_VAULT_NODE.target",
    "$KV.KL_VAULT_CONTROL.target",
    "$KV.KL_VAULT_PEOPLE.target",
    "kl.checkpoints.target",
    "kl.access.target",
    "kl.attempts.target",
    "$KV.KL_FLEET.member.target",
    "$KV.KL_OAUTH.target",
    "$O.KL_SNAPSHOTS.C.target",
    "$O.KL_SNAPSHOTS.M.target",
];

/// Everything set up, with a message in each stream.
async fn filled() -> Nats {
    let nats = Nats::set_up().await;
    let root = nats.connect(ROOT).await;
    for target in TARGETS {
        root.request(target.replace("target", "first"), "{}".into()).await.unwrap();
    }
    nats
}

/// Each stream's configuration and what is in it.
async fn streams(nats: &Nats) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for name in setup::names() {
        let answer = ask(nats, &format!("STREAM.INFO.{name}"), &json!({ "subjects_filter": ">" })).await;
        let mut state = answer["state"].clone();
        state["consumer_count"].take();
        all.insert(name, json!([answer["config"], state]));
    }
    all
}

/// A subject that the pattern covers.
fn concrete(pattern: &str) -> String {
    pattern.replace(ALL_EVENTS, "kl.events.0._.key.mine").replace(['*', '>'], "mine")
}

/// NATS's rule: `*` is one token, `>` the rest.
fn covers(pattern: &str, subject: &str) -> bool {
    let mut subject = subject.split('.');
    for token in pattern.split('.') {
        match (token, subject.next()) {
            (">", Some(_)) => return true,
            ("*", Some(_)) => {}
            (token, Some(other)) if token == other => {}
            (_, _) => return false,
        }
    }
    subject.next().is_none()
}

/// What a request must hold to be answered.
fn payload(service: &Service) -> Bytes {
    let Service::Api(subject) = service else { return Bytes::new() };
    let Some((stream, config)) = setup::streams(1).into_iter().find(|(name, _)| subject.contains(name))
    else {
        return Bytes::new();
    };
    let verb = subject.split(&stream).next().unwrap();
    let body = match verb {
        "STREAM.MSG.GET." | "DIRECT.GET." => json!({ "seq": 1 }),
        "STREAM.CREATE." => config,
        // Nothing that is there.
        "STREAM.PURGE." => json!({ "filter": "$O.KL_SNAPSHOTS.C.nothing" }),
        "CONSUMER.CREATE." => {
            json!({ "stream_name": stream, "config": consumer("mine"), "action": "create" })
        }
        "STREAM.SNAPSHOT." => snapshot("kl.backup.mine"),
        "CONSUMER.MSG.NEXT." => json!({ "batch": 10, "no_wait": true }),
        _ => return Bytes::new(),
    };
    body.to_string().into()
}

fn snapshot(deliver: &str) -> Value {
    json!({ "deliver_subject": deliver, "no_consumers": true, "chunk_size": 1024 })
}

fn consumer(name: &str) -> Value {
    json!({
        "name": name,
        "deliver_policy": "all",
        "ack_policy": "none",
        "mem_storage": true,
        "num_replicas": 1,
        "inactive_threshold": 60_000_000_000_u64,
    })
}

/// The answer to the role itself.
async fn answered(client: &async_nats::Client, subject: String, payload: Bytes) -> async_nats::Message {
    let told = poll::within(&subject, BOUND, client.request(subject.clone(), payload)).await;
    told.unwrap_or_else(|error| panic!("{subject}: {error}"))
}

/// What any role may, and what none may.
fn everything() -> BTreeSet<Service> {
    let mut all: BTreeSet<Service> = roles::ALL.into_iter().flat_map(roles::services).collect();
    for stream in setup::names() {
        for verb in [
            "STREAM.UPDATE",
            "STREAM.DELETE",
            "STREAM.PURGE",
            "STREAM.MSG.DELETE",
            "STREAM.SNAPSHOT",
            "STREAM.RESTORE",
            "STREAM.LEADER.STEPDOWN",
            "STREAM.PEER.REMOVE",
            "CONSUMER.NAMES",
            "CONSUMER.LIST",
        ] {
            all.insert(Service::Api(format!("{verb}.{stream}")));
        }
        for verb in ["CONSUMER.DELETE", "CONSUMER.INFO", "CONSUMER.PAUSE", "CONSUMER.DURABLE.CREATE"] {
            all.insert(Service::Api(format!("{verb}.{stream}.mine")));
        }
    }
    for other in ["STREAM.CREATE.OTHER", "STREAM.NAMES", "STREAM.LIST", "INFO", "META.LEADER.STEPDOWN"] {
        all.insert(Service::Api(other.to_owned()));
    }
    all
}

#[tokio::test]
async fn no_role_gets_through_to_what_it_may_not() {
    let nats = filled().await;
    let all = everything();
    let before = streams(&nats).await;
    for role in roles::ALL {
        let client = nats.connect(role.as_str()).await;
        let allowed = roles::services(role);
        let is_allowed = |subject: &str| allowed.iter().any(|own| covers(&own.exported(), subject));
        for service in all.iter().filter(|service| !is_allowed(&concrete(&service.exported()))) {
            let (subject, payload) = (concrete(&service.imported()), payload(service));
            if matches!(service, Service::Acknowledgement(_)) {
                // Under its own name: it is not even published.
                client.publish(subject, payload).await.unwrap();
                continue;
            }
            let told = poll::within(&subject, BOUND, client.request(subject.clone(), payload.clone())).await;
            let told = told.map(|answer| answer.payload);
            let nobody = async_nats::client::RequestErrorKind::NoResponders;
            assert!(told.as_ref().is_err_and(|error| error.kind() == nobody), "{role:?} {subject}: {told:?}");
            // Under the log's account's own name it is not even published.
            client.publish(concrete(&service.exported()), payload).await.unwrap();
        }
        client.flush().await.unwrap();
    }
    assert_eq!(streams(&nats).await, before);
}

#[tokio::test]
async fn no_answer_is_stored_wherever_it_is_asked_for() {
    let nats = filled().await;
    for role in roles::ALL {
        let client = nats.connect(role.as_str()).await;
        for service in roles::services(role) {
            let (subject, payload) = (concrete(&service.imported()), payload(&service));
            for target in TARGETS {
                for reply in [target.to_owned(), data(target), api(&format!("STREAM.PURGE.{target}"))] {
                    let sent = client.publish_with_reply(subject.clone(), reply, payload.clone()).await;
                    sent.unwrap();
                }
            }
            // The same question is answered; so all before it were. A part of a snapshot that nobody makes is not, nor is
            // an acknowledgement of what nobody delivered.
            if !subject.contains("$JS.SNAPSHOT") && !matches!(service, Service::Acknowledgement(_)) {
                answered(&client, subject, payload).await;
            }
        }
    }
    nothing_came(&nats).await;
}

/// What acknowledges a message may ask for the next one, and its reply subject is nobody's to check.
#[tokio::test]
async fn no_acknowledgement_is_stored_or_has_a_message_stored() {
    let nats = filled().await;
    let auditor = nats.connect("auditor").await;
    let payloads = ["+ACK", "-NAK", "+WPI", "+NXT", r#"+NXT {"batch":5}"#];
    for (index, (target, payload)) in
        TARGETS.iter().flat_map(|target| payloads.map(|payload| (*target, payload))).enumerate()
    {
        let name = format!("mine-{index}");
        let mut config = consumer(&name);
        config["ack_policy"] = json!("explicit");
        let body = json!({ "stream_name": "KL_EVENTS_0", "config": config, "action": "create" });
        let create = api(&format!("CONSUMER.CREATE.KL_EVENTS_0.{name}"));
        let created = answered(&auditor, create, body.to_string().into()).await;
        let created: Value = serde_json::from_slice(&created.payload).unwrap();
        assert!(created["error"].is_null() && created["num_pending"] == 1, "{created}");
        let next = api(&format!("CONSUMER.MSG.NEXT.KL_EVENTS_0.{name}"));
        let inbox = auditor.new_inbox();
        let mut delivered = auditor.subscribe(inbox.clone()).await.unwrap();
        auditor.publish_with_reply(next, inbox, json!({ "batch": 1 }).to_string().into()).await.unwrap();
        let message = poll::within("a message", BOUND, delivered.next()).await.unwrap();
        let acknowledge = message.reply.expect("where it is acknowledged");
        for reply in [target.to_owned(), data(target), api(&format!("STREAM.PURGE.{target}"))] {
            auditor.publish_with_reply(acknowledge.clone(), reply, payload.into()).await.unwrap();
        }
        // The same, with an answer to itself; so were those before it.
        answered(&auditor, acknowledge.to_string(), "+ACK".into()).await;
    }
    nothing_came(&nats).await;
}

/// A push consumer's deliver subject is one of the log's account. It delivers to nobody but a subscription to that
/// very subject, and what feeds a stream is none: all of ours take subjects with wildcards.
#[tokio::test]
async fn no_consumer_delivers_into_a_stream_or_to_the_api() {
    let nats = filled().await;
    let before = streams(&nats).await;
    let mut made = Vec::new();
    let orders = ["STREAM.DELETE.KL_EVENTS_0", "STREAM.PURGE.KV_KL_VAULT_NODE"]
        .map(|order| format!("$JS.API.{order}"));
    for role in roles::ALL {
        let client = nats.connect(role.as_str()).await;
        let streams: BTreeSet<_> = roles::services(role)
            .iter()
            .filter_map(|service| match service {
                Service::Api(subject) => subject.strip_prefix("CONSUMER.CREATE."),
                Service::Data(_) | Service::Acknowledgement(_) => None,
            })
            .filter_map(|rest| Some(rest.split_once('.')?.0.to_owned()))
            .collect();
        for stream in streams {
            for (index, deliver) in
                TARGETS.iter().copied().chain(orders.iter().map(String::as_str)).enumerate()
            {
                for headers_only in [false, true] {
                    let name = format!("{}-{index}-{headers_only}", role.as_str());
                    let mut config = consumer(&name);
                    config["deliver_subject"] = json!(deliver);
                    config["headers_only"] = json!(headers_only);
                    config["idle_heartbeat"] = json!(100_000_000);
                    let body = json!({ "stream_name": stream, "config": config, "action": "create" });
                    let subject = api(&format!("CONSUMER.CREATE.{stream}.{name}"));
                    let answer = answered(&client, subject, body.to_string().into()).await;
                    let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
                    match answer["error"]["err_code"].as_u64() {
                        None => made.push((stream.clone(), name)),
                        // "deliver subject forms a cycle"
                        Some(code) => assert_eq!(code, 10_081, "{answer}"),
                    }
                }
            }
        }
    }
    assert!(made.len() > 40, "{}", made.len());
    // One that may deliver does so, after all those that may not.
    let root = nats.connect(ROOT).await;
    let mut heard = root.subscribe("heard").await.unwrap();
    let mut config = consumer("heard");
    config["deliver_subject"] = json!("heard");
    let body = json!({ "stream_name": "KL_EVENTS_0", "config": config, "action": "create" });
    ask(&nats, "CONSUMER.CREATE.KL_EVENTS_0.heard", &body).await;
    poll::within("the one delivery", BOUND, heard.next()).await.unwrap();
    for (stream, name) in made {
        let info = ask(&nats, &format!("CONSUMER.INFO.{stream}.{name}"), &json!({})).await;
        assert_eq!(info["delivered"]["consumer_seq"], 0, "{info}");
        assert!(info["push_bound"].is_null(), "{info}");
    }
    assert_eq!(streams(&nats).await, before);
    nothing_came(&nats).await;
}

/// A snapshot's parts go where the request says, in the log's account: the same holds for them.
#[tokio::test]
async fn no_snapshot_is_delivered_into_a_stream() {
    let nats = filled().await;
    let before = streams(&nats).await;
    let admin = nats.connect("admin").await;
    for stream in transfer::streams() {
        let subject = api(&format!("STREAM.SNAPSHOT.{stream}"));
        for target in TARGETS {
            let answer = answered(&admin, subject.clone(), snapshot(target).to_string().into()).await;
            let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
            assert!(answer["error"].is_null(), "{answer}");
        }
        // One that may be delivered is, to its end.
        let mut parts = admin.subscribe("kl.backup.heard").await.unwrap();
        answered(&admin, subject, snapshot("kl.backup.heard").to_string().into()).await;
        while !poll::within("the next part", BOUND, parts.next()).await.unwrap().payload.is_empty() {}
    }
    assert_eq!(streams(&nats).await, before);
    nothing_came(&nats).await;
}

/// A rollup takes away what was there: of the subject, or of the whole stream. Whoever may purge single entries has it.
#[tokio::test]
async fn no_rollup_takes_away_what_its_role_may_not_purge() {
    for role in roles::ALL {
        let nats = filled().await;
        let client = nats.connect(role.as_str()).await;
        for service in roles::services(role) {
            let Service::Data(_) = service else { continue };
            let subject = concrete(&service.imported());
            for rollup in ["sub", "all"] {
                let mut headers = async_nats::HeaderMap::new();
                headers.insert("Nats-Rollup", rollup);
                client.publish_with_headers(subject.clone(), headers, "{}".into()).await.unwrap();
            }
        }
        client.flush().await.unwrap();
        let may_empty: &[&str] = match role {
            NatsRole::Control => &["KL_VAULT_NODE", "KL_VAULT_CONTROL", "KL_VAULT_PEOPLE"],
            NatsRole::Worker => &["KL_VAULT_PEOPLE", "KL_SNAPSHOTS"],
            NatsRole::Admin | NatsRole::Node | NatsRole::Auditor | NatsRole::Restore => &[],
        };
        for (name, told) in streams(&nats).await {
            if may_empty.iter().any(|bucket| name.ends_with(bucket)) {
                continue;
            }
            let subjects = told[1]["subjects"].as_object().unwrap();
            let firsts = TARGETS.iter().filter(|target| {
                told[0]["subjects"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|its| covers(its.as_str().unwrap(), target))
            });
            for first in firsts {
                let first = first.replace("target", "first");
                assert!(subjects.contains_key(&first), "{role:?} took {first} away");
            }
        }
    }
}

/// No stream has a message where nothing may be stored.
async fn nothing_came(nats: &Nats) {
    for (name, told) in streams(nats).await {
        let subjects = told[1]["subjects"].as_object().unwrap();
        let strange: Vec<_> = subjects.keys().filter(|subject| subject.ends_with("target")).collect();
        assert!(strange.is_empty(), "{name}: {strange:?}");
    }
}
