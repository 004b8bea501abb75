//! A team's reader comes to what it may read and to nothing else: by no subject, by no number, by no consumer of
//! somebody else's, and into no stream.

use events::log::jetstream::STREAM;
use gateway::config;
use gateway::store::readers::Reader;
use gateway::store::transfer::Transfer;

use super::*;

const ACME: &str = "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b";
const OTHER: &str = "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2c";
/// The requests of a reader that are tried to be answered elsewhere.
const AT_ONCE: usize = 64;

fn reader(name: &str, organization: Option<&str>, types: &[&str]) -> Reader {
    let may = config::Reader {
        organization: organization.map(|id| id.parse().unwrap()),
        types: types.iter().map(|kind| kind.parse().unwrap()).collect(),
        password_hash: None,
    };
    may.check().unwrap();
    Reader::new(name.parse().unwrap(), &may)
}

/// One of an organization, one of a type, one of both, one of all.
fn readers() -> Vec<Reader> {
    vec![
        reader("acme", Some(ACME), &[]),
        reader("keys", None, &["key"]),
        reader("acme-keys", Some(ACME), &["key", "organization"]),
        reader("audit", None, &[]),
    ]
}

/// What lies in the log, in order.
fn subjects() -> Vec<String> {
    let owned = |kind: &str| [ACME, OTHER, "_"].map(|owner| format!("kl.events.0.{owner}.{kind}.one"));
    let mut subjects = vec!["kl.events.0._.installation.one".to_owned()];
    subjects.extend([ACME, OTHER].map(|id| format!("kl.events.0._.organization.{id}")));
    subjects.extend(["key", "server", "slug"].iter().flat_map(|kind| owned(kind)));
    subjects
}

async fn filled() -> (Nats, Vec<Reader>) {
    let nats = Nats::set_up_for(readers()).await;
    let root = nats.connect(ROOT).await;
    for subject in subjects() {
        root.request(subject, "{}".into()).await.unwrap();
    }
    for target in TARGETS.iter().skip(1) {
        root.request(target.replace("target", "first"), "{}".into()).await.unwrap();
    }
    (nats, readers())
}

fn create(name: &str, filter: &str, change: &Value) -> (String, Bytes) {
    let mut config = consumer(name);
    config["filter_subject"] = json!(filter);
    for (member, value) in change.as_object().unwrap() {
        config[member] = value.clone();
    }
    let body = json!({ "stream_name": STREAM, "config": config, "action": "create" });
    (api(&format!("CONSUMER.CREATE.{STREAM}.{name}.{filter}")), body.to_string().into())
}

async fn asked(client: &async_nats::Client, (subject, body): (String, Bytes)) -> Value {
    serde_json::from_slice(&answered(client, subject, body).await.payload).unwrap()
}

async fn is_answered_by_nobody(client: &async_nats::Client, subject: String, body: Bytes) {
    let told = poll::within(&subject, BOUND, client.request(subject.clone(), body)).await;
    let nobody = async_nats::client::RequestErrorKind::NoResponders;
    assert!(told.as_ref().is_err_and(|error| error.kind() == nobody), "{subject}: {told:?}");
}

/// The subjects of all that a consumer delivers.
async fn delivered(client: &async_nats::Client, name: &str) -> Vec<String> {
    let inbox = client.new_inbox();
    let mut messages = client.subscribe(inbox.clone()).await.unwrap();
    let next = api(&format!("CONSUMER.MSG.NEXT.{STREAM}.{name}"));
    let body = json!({ "batch": 100, "no_wait": true }).to_string();
    client.publish_with_reply(next, inbox, body.into()).await.unwrap();
    let mut subjects = Vec::new();
    loop {
        let message = poll::within("a message or the end", BOUND, messages.next()).await.unwrap();
        // The end is a status.
        if message.status.is_some() {
            return subjects;
        }
        subjects.push(message.subject.to_string());
        assert!(message.reply.is_some());
    }
}

fn may(reader: &Reader, subject: &str) -> bool {
    reader.filters().iter().any(|filter| covers(filter, subject))
}

#[tokio::test]
async fn a_reader_gets_what_it_may_and_each_number_tells_it_nothing_else() {
    let (nats, readers) = filled().await;
    for reader in readers {
        let client = nats.connect(&reader.user()).await;
        let names = reader.consumers();
        let expected: BTreeSet<_> = subjects().into_iter().filter(|subject| may(&reader, subject)).collect();
        let mut got = BTreeSet::new();
        for (name, filter) in names.iter().zip(reader.filters()) {
            let made = asked(&client, create(name, filter, &json!({}))).await;
            assert!(made["error"].is_null(), "{made}");
            got.extend(delivered(&client, name).await);
        }
        assert_eq!(got, expected, "{}", reader.name());

        // Whatever number it begins at.
        for number in 1..=subjects().len() + 1 {
            let start = json!({ "deliver_policy": "by_start_sequence", "opt_start_seq": number });
            let (name, filter) = (&names[7], &reader.filters()[0]);
            let made = asked(&client, create(name, filter, &start)).await;
            assert!(made["error"].is_null(), "{made}");
            let got = delivered(&client, name).await;
            assert!(got.iter().all(|subject| may(&reader, subject)), "{}: {got:?}", reader.name());
            let deleted =
                asked(&client, (api(&format!("CONSUMER.DELETE.{STREAM}.{name}")), Bytes::new())).await;
            assert_eq!(deleted["success"], true, "{deleted}");
            for question in ["STREAM.MSG.GET", "DIRECT.GET"] {
                let body = json!({ "seq": number }).to_string();
                is_answered_by_nobody(&client, api(&format!("{question}.{STREAM}")), body.into()).await;
            }
        }
    }
}

#[tokio::test]
async fn no_reader_gets_through_to_what_it_may_not() {
    let (nats, readers) = filled().await;
    let mut all: BTreeSet<Service> = everything();
    all.extend(readers.iter().flat_map(Reader::services));
    all.extend(
        ["*", "mine", "one"].map(|id| Service::Api(format!("DIRECT.GET.{STREAM}.kl.events.0._.key.{id}"))),
    );
    all.insert(Service::Api(format!("CONSUMER.RESET.{STREAM}.mine")));
    all.insert(Service::Api(format!("CONSUMER.UNPIN.{STREAM}.mine")));
    let before = streams(&nats).await;
    for reader in &readers {
        let client = nats.connect(&reader.user()).await;
        let own = reader.services();
        let is_own = |subject: &str| own.iter().any(|own| covers(&own.exported(), subject));
        let mut tried = 0;
        for service in all.iter().filter(|service| !is_own(&concrete(&service.exported()))) {
            let (subject, payload) = (concrete(&service.imported()), payload(service));
            if !matches!(service, Service::Acknowledgement(_)) {
                is_answered_by_nobody(&client, subject, payload.clone()).await;
            }
            // Under the log's account's own name it is not even published.
            client.publish(concrete(&service.exported()), payload).await.unwrap();
            tried += 1;
        }
        client.flush().await.unwrap();
        assert!(tried > 100, "{tried}");
    }
    assert_eq!(streams(&nats).await, before);
}

/// A push consumer delivers in the log's account, and the one thing of it that another account hears is a backup. Where its
/// name is known beforehand, what comes there from a consumer is not taken for a part, or for the end.
#[tokio::test]
async fn what_is_pushed_into_a_backup_is_no_part_of_it() {
    let (nats, readers) = (Nats::set_up_for(readers()).await, readers());
    let root = nats.connect(ROOT).await;
    for subject in subjects() {
        // As each event has them.
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("content-type", "application/cloudevents+json");
        root.request_with_headers(subject, headers, "{}".into()).await.unwrap();
    }
    let admin = nats.connect("admin").await;
    let mut heard = admin.subscribe(format!("{}.guessed", transfer::DELIVERED)).await.unwrap();
    let reader = readers.iter().find(|reader| reader.name().as_str() == "audit").unwrap();
    for (user, names) in [
        (reader.user(), reader.consumers()),
        ("auditor".to_owned(), (1..=8).map(|number| format!("pushed-{number}")).collect()),
    ] {
        let client = nats.connect(&user).await;
        for (index, name) in names.iter().enumerate() {
            // Nobody acknowledges them, so that they come again and again.
            let push = json!({
                "deliver_subject": format!("{}.guessed", transfer::DELIVERED),
                "headers_only": index % 2 == 0,
                "ack_policy": "explicit",
                "ack_wait": 20_000_000,
                "idle_heartbeat": 100_000_000,
            });
            let made = asked(&client, create(name, &reader.filters()[0], &push)).await;
            assert!(made["error"].is_null(), "{made}");
        }
    }
    for _ in 0..100 {
        poll::within("a pushed message", BOUND, heard.next()).await.unwrap();
    }
    let mut copy = Vec::new();
    let shape = Transfer::new(&admin, STREAM).out("guessed", &mut copy).await.unwrap();
    let empty = Nats::start().await;
    let (there, restoring) = (empty.connect("admin").await, empty.connect("restore").await);
    let there = Transfer::new(&there, STREAM);
    there.back(&restoring, &shape, &mut copy.as_slice()).await.unwrap();
    let state = there.shape().await.unwrap().unwrap().state;
    assert_eq!(state["messages"], subjects().len());
    assert_eq!((&state["messages"], &state["bytes"]), (&shape.state["messages"], &shape.state["bytes"]));
}

/// The filter stands in the subject, and what the body says beside it counts for nothing.
#[tokio::test]
async fn no_consumer_reads_more_than_its_subject_says() {
    let (nats, _) = filled().await;
    let reader = reader("acme-keys", Some(ACME), &["key", "organization"]);
    let client = nats.connect(&reader.user()).await;
    let name = &reader.consumers()[0];
    let filter = &reader.filters()[0];
    let others = [
        "kl.events.>".to_owned(),
        ">".to_owned(),
        String::new(),
        "kl.events.0.*.key.*".to_owned(),
        format!("kl.events.0.{OTHER}.key.*"),
        format!("kl.events.0.{ACME}.>"),
        format!("kl.events.0.{ACME}.server.*"),
    ];
    for other in &others {
        for change in [
            json!({ "filter_subject": other }),
            json!({ "filter_subject": null, "filter_subjects": [other] }),
            json!({ "filter_subjects": [filter, other] }),
        ] {
            let refused = asked(&client, create(name, filter, &change)).await;
            assert!(refused["error"]["err_code"].is_u64(), "{change}: {refused}");
        }
        if !other.is_empty() {
            let (subject, body) = create(name, other, &json!({}));
            is_answered_by_nobody(&client, subject, body).await;
        }
    }
    // Neither is one that is there changed into another.
    let made = asked(&client, create(name, filter, &json!({}))).await;
    assert!(made["error"].is_null(), "{made}");
    for action in ["update", ""] {
        let (subject, _) = create(name, filter, &json!({}));
        let mut config = consumer(name);
        config["filter_subject"] = json!("kl.events.>");
        let body = json!({ "stream_name": STREAM, "config": config, "action": action }).to_string();
        let refused = asked(&client, (subject, body.into())).await;
        assert!(refused["error"]["err_code"].is_u64(), "{refused}");
    }
    // A narrower one than it might have.
    let narrow = format!("kl.events.0.{ACME}.key.one");
    let made = asked(&client, create(&reader.consumers()[1], &narrow, &json!({}))).await;
    assert_eq!(made["config"]["filter_subject"], json!(narrow), "{made}");
}

#[tokio::test]
async fn no_reader_comes_near_a_consumer_of_somebody_elses() {
    let (nats, readers) = filled().await;
    // Each reader's, and one of Keyledger's own, with messages that nobody has acknowledged.
    let waiting = json!({ "ack_policy": "explicit", "ack_wait": 600_000_000_000_u64 });
    let mut consumers = Vec::new();
    for reader in &readers {
        let client = nats.connect(&reader.user()).await;
        let name = reader.consumers().swap_remove(0);
        asked(&client, create(&name, &reader.filters()[0], &waiting)).await;
        consumers.push((Some(reader.user()), name, client));
    }
    let auditor = nats.connect("auditor").await;
    asked(&auditor, create("keyledger", "kl.events.>", &waiting)).await;
    consumers.push((None, "keyledger".to_owned(), auditor));
    let mut acknowledgements = Vec::new();
    for (user, name, client) in &consumers {
        let inbox = client.new_inbox();
        let mut messages = client.subscribe(inbox.clone()).await.unwrap();
        let next = api(&format!("CONSUMER.MSG.NEXT.{STREAM}.{name}"));
        client.publish_with_reply(next, inbox, r#"{"batch":1}"#.into()).await.unwrap();
        let message = poll::within("a message", BOUND, messages.next()).await.unwrap();
        acknowledgements.push((user.clone(), message.reply.unwrap()));
    }
    for reader in &readers {
        let client = nats.connect(&reader.user()).await;
        for (_, name, _) in consumers.iter().filter(|(user, _, _)| *user != Some(reader.user())) {
            for verb in ["INFO", "MSG.NEXT", "DELETE", "PAUSE", "RESET", "UNPIN", "DURABLE.CREATE"] {
                let subject = api(&format!("CONSUMER.{verb}.{STREAM}.{name}"));
                is_answered_by_nobody(&client, subject, r#"{"batch":1}"#.into()).await;
            }
            let (subject, body) = create(name, &reader.filters()[0], &json!({}));
            is_answered_by_nobody(&client, subject, body).await;
        }
        for (_, reply) in acknowledgements.iter().filter(|(user, _)| *user != Some(reader.user())) {
            for payload in ["+ACK", "-NAK", "+TERM", "+NXT"] {
                client.publish(reply.clone(), payload.into()).await.unwrap();
            }
        }
        client.flush().await.unwrap();
    }
    for (user, name, _) in &consumers {
        let info = ask(&nats, &format!("CONSUMER.INFO.{STREAM}.{name}"), &json!({})).await;
        assert_eq!(
            (&info["num_ack_pending"], &info["delivered"]["consumer_seq"]),
            (&json!(1), &json!(1)),
            "{user:?}"
        );
    }
    // Its own it acknowledges.
    for ((_, name, client), (_, reply)) in consumers.iter().zip(&acknowledgements) {
        answered(client, reply.to_string(), "+ACK".into()).await;
        let info = ask(&nats, &format!("CONSUMER.INFO.{STREAM}.{name}"), &json!({})).await;
        assert_eq!(info["num_ack_pending"], 0, "{info}");
    }
}

#[tokio::test]
async fn no_answer_and_no_delivery_to_a_reader_is_stored() {
    let (nats, readers) = filled().await;
    let before = streams(&nats).await;
    let other = readers[3].consumers().swap_remove(0);
    for reader in &readers {
        let client = nats.connect(&reader.user()).await;
        let mut replies: Vec<String> = TARGETS.iter().flat_map(|it| [(*it).to_owned(), data(it)]).collect();
        for order in [format!("STREAM.PURGE.{STREAM}"), format!("CONSUMER.DELETE.{STREAM}.{other}")] {
            replies.extend([api(&order), format!("$JS.API.{order}")]);
        }
        let name = &reader.consumers()[0];
        let filter = &reader.filters()[0];
        asked(&client, create(name, filter, &json!({ "ack_policy": "explicit" }))).await;
        let mut requests: Vec<(String, Bytes)> = vec![
            create(name, filter, &json!({ "ack_policy": "explicit" })),
            (api(&format!("CONSUMER.INFO.{STREAM}.{name}")), Bytes::new()),
            (api(&format!("CONSUMER.MSG.NEXT.{STREAM}.{name}")), r#"{"batch":1,"no_wait":true}"#.into()),
            (api(&format!("CONSUMER.DELETE.{STREAM}.{}", reader.consumers()[6])), Bytes::new()),
        ];
        let acknowledge = format!("$JS.ACK.{STREAM}.{name}.1.1.1.1.0");
        requests.extend(["+ACK", "-NAK", "+NXT"].map(|payload| (acknowledge.clone(), payload.into())));
        let mut sent = 0;
        for ((subject, body), reply) in
            requests.iter().flat_map(|request| replies.iter().map(move |reply| (request, reply)))
        {
            client.publish_with_reply(subject.clone(), reply.clone(), body.clone()).await.unwrap();
            sent += 1;
            if sent % AT_ONCE == 0 {
                client.flush().await.unwrap();
            }
        }
        // Where a consumer delivers, and where it tells of itself, stand in the log's account.
        let last = &reader.consumers()[5];
        for target in TARGETS.iter().copied().chain(["$JS.API.STREAM.PURGE.KL_EVENTS_0"]) {
            let push = json!({ "deliver_subject": target, "idle_heartbeat": 100_000_000 });
            let answer = asked(&client, create(last, filter, &push)).await;
            assert!(answer["error"].is_null() || answer["error"]["err_code"] == 10_081, "{answer}");
            asked(&client, (api(&format!("CONSUMER.DELETE.{STREAM}.{last}")), Bytes::new())).await;
        }
        // What it asks for itself is answered, and so was all before it.
        asked(&client, (api(&format!("CONSUMER.INFO.{STREAM}.{name}")), Bytes::new())).await;
        // And nothing is its own to write.
        for target in TARGETS {
            client.publish(target, "{}".into()).await.unwrap();
            is_answered_by_nobody(&client, data(target), "{}".into()).await;
        }
    }
    assert_eq!(streams(&nats).await, before);
    nothing_came(&nats).await;
}
