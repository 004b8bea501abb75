//! Whoever has control's password for NATS can store messages, and not one that is believed: a forged event closes what
//! it is about, at the node that runs, at one that starts, for commands and in the read models, and `events verify`
//! names its place. So does a true one that is stored a second time.

use std::collections::BTreeSet;
use std::time::Duration;

use events::clock::{SystemClock, SystemRandom, uuid_v7};
use events::key::{KeyEvent, ScopesChanged};
use events::log::jetstream::data;
use events::log::{Log, Stored};
use events::tlog::{Checkpoint, Note, Unsigned};
use events::{
    CommandId, Draft, Event, EventId, KeyId, OrganizationId, Owner, Position, Read, Recorded, Shard,
    SignerPurpose, SigningKey, Subject,
};
use gateway::config::NatsRole;
use gateway::serve::connections;
use gateway::store::checkpoints::Checkpoints;
use gateway::vault::{VaultName, signer};
use keyledger_tests::mcp::call;
use keyledger_tests::spine::{Key, Ready, Spine};
use keyledger_tests::upstreams::{McpServer, Upstream};
use keyledger_tests::wire::Ask;
use keyledger_tests::{poll, signing};
use serde_json::{Value, json};

use crate::the_command_line_speaks_the_api::Shell;

const BOUND: Duration = Duration::from_secs(20);
const NARROW: &str = "mcp:tools:tools:count";
/// The signature as the last member of a payload.
const TAIL: usize = 102;

/// A key that may call another tool than `echo`, and the event that made it so.
struct Narrowed {
    key: Key,
    subject: Subject,
    message: Stored,
    recorded: Recorded,
}

async fn narrowed(spine: &Spine, ready: &Ready) -> Narrowed {
    let key = spine.key(&ready.organization, &["mcp:tools"]).await;
    let path = format!("{}/{}/scopes", ready.organization.path("keys"), key.id);
    spine.write(Ask::new("PUT", path).json(&json!({"scopes": [NARROW]}))).await;
    let owner = Owner::Organization(ready.organization.id.parse::<OrganizationId>().unwrap());
    let subject = Subject::key(owner, key.id.parse::<KeyId>().unwrap());
    let log = spine.nats.log(NatsRole::Control).await.unwrap();
    let message = log.history(&subject).await.unwrap().events.pop().unwrap();
    let Read::Event(recorded) = message.read(log.id().await.unwrap()) else { panic!("an event") };
    Narrowed { key, subject, message, recorded: *recorded }
}

impl Narrowed {
    /// The event that would give the key all of the server, as this key signs it.
    fn widened(&self, by: &SigningKey) -> Vec<u8> {
        let envelope = self.recorded.envelope.clone();
        let uuid = || uuid_v7(&SystemClock, &SystemRandom);
        let widened = ScopesChanged { scopes: "mcp:tools".parse().unwrap() };
        let draft = Draft {
            id: EventId::new(uuid()),
            log: envelope.log,
            time: envelope.time,
            subject: self.subject.clone(),
            actor: envelope.actor,
            command: CommandId::new(uuid()),
            fingerprint: envelope.fingerprint,
            previous: Some(envelope.id),
            causation: None,
            event: Event::Key(KeyEvent::ScopesChanged(widened)),
        };
        draft.signed(by).unwrap().payload().to_vec()
    }

    fn path(&self, ready: &Ready) -> String {
        format!("{}/{}", ready.organization.path("keys"), self.key.id)
    }
}

/// Stores a message with a role's credentials alone; its place.
pub async fn store(spine: &Spine, role: &str, subject: &Subject, payload: Vec<u8>) -> u64 {
    let client = spine.nats.connect(role).await;
    let stored = tokio::time::timeout(BOUND, client.request(data(&subject.to_string()), payload.into()));
    let answer = stored.await.expect("an answer in time").expect("an answer");
    let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
    answer["seq"].as_u64().unwrap_or_else(|| panic!("not stored: {answer}"))
}

async fn follows(spine: &Spine, recorded: &Recorded, sequence: u64) {
    let position = Position { log: recorded.envelope.log, shard: Shard::ZERO, sequence };
    spine.follows(&position.to_string()).await;
}

/// The findings of `events verify`, as check and sequence.
async fn found(shell: &Shell<'_>) -> (i32, BTreeSet<(String, u64)>) {
    let said = shell.run(&[&shell.events(&["verify"])[..], &["--json"]].concat()).await;
    let report: Value =
        serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}{}", said.out, said.err));
    let findings = report["findings"].as_array().unwrap().iter();
    let place = |it: &Value| (it["check"].as_str().unwrap().to_owned(), it["sequence"].as_u64().unwrap());
    (said.code, findings.map(place).collect())
}

/// The newest message on a subject.
pub async fn newest(spine: &Spine, subject: &Subject) -> Stored {
    let log = spine.nats.log(NatsRole::Control).await.unwrap();
    log.history(subject).await.unwrap().events.pop().unwrap()
}

/// Its signature is good: it is the place that is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_true_event_that_is_stored_again_with_controls_password_undoes_nothing() {
    let mut spine = Spine::start().await;
    let upstream = Upstream::start(McpServer::default()).await;
    let ready = spine.ready(&upstream).await;
    let acme = &ready.organization;
    let owner = Owner::Organization(acme.id.parse::<OrganizationId>().unwrap());
    let of = |key: &Key| Subject::key(owner, key.id.parse().unwrap());
    let mut copies = Vec::new();

    // A key that was enabled once and is disabled now.
    let disabled = spine.key(acme, &["mcp:tools"]).await;
    spine.change_key(acme, &disabled.id, "disable").await;
    spine.change_key(acme, &disabled.id, "enable").await;
    copies.push((of(&disabled), newest(&spine, &of(&disabled)).await));
    spine.change_key(acme, &disabled.id, "disable").await;
    // One that might do more once, by its fourth event.
    let narrow = spine.key(acme, &["mcp:tools"]).await;
    for scopes in [NARROW, "mcp:tools", NARROW] {
        let path = format!("{}/{}/scopes", acme.path("keys"), narrow.id);
        spine.write(Ask::new("PUT", path).json(&json!({"scopes": [scopes]}))).await;
        if scopes != NARROW {
            copies.push((of(&narrow), newest(&spine, &of(&narrow)).await));
        }
    }
    // An organization that was resumed once and is suspended now.
    let suspended = spine.ready(&upstream).await;
    let other = &suspended.organization;
    let subject = Subject::organization(other.id.parse().unwrap());
    for verb in ["suspend", "resume", "suspend"] {
        spine.write(Ask::post(format!("/api/v1/organizations/{}/{verb}", other.id), &json!({}))).await;
        if verb == "resume" {
            copies.push((subject.clone(), newest(&spine, &subject).await));
        }
    }
    let log = spine.nats.log(NatsRole::Control).await.unwrap();
    let id = log.id().await.unwrap();
    let mut places = BTreeSet::new();
    for (subject, message) in copies {
        let Read::Event(recorded) = message.read(id) else { panic!("an event") };
        let sequence = store(&spine, "control", &subject, message.payload.to_vec()).await;
        follows(&spine, &recorded, sequence).await;
        places.insert(sequence);
    }

    for restarted in [false, true] {
        if restarted {
            spine.stop_node().await;
            spine.start_node().await;
            spine.becomes_ready().await;
        }
        for (path, key) in
            [(&ready.path, &disabled), (&ready.path, &narrow), (&suspended.path, &suspended.key)]
        {
            call(path, "echo", &json!({})).bearer(&key.secret).send(spine.public).await.expect(503);
        }
        call(&ready.path, "echo", &json!({})).bearer(&ready.key.secret).send(spine.public).await.expect(200);
    }
    // No command goes on from it, and no list says it.
    let path = format!("{}/{}", acme.path("keys"), disabled.id);
    let told = spine.admin(Ask::post(format!("{path}/enable"), &json!({}))).await.expect(503).json();
    assert_eq!(told["type"], "urn:keyledger:problem:closed");
    assert!(told["detail"].as_str().unwrap().contains("stored it again"), "{told}");
    assert_eq!(spine.admin(Ask::get(&path)).await.expect(200).json()["state"], "disabled");
    let parked = || async {
        let status = spine.admin(Ask::get("/api/v1/status")).await.expect(200).json();
        match status["read_models"]["parked"].as_u64() {
            // Two keys and an organization, each in its list and in the history.
            Some(6) => Ok(()),
            parked => Err(parked),
        }
    };
    poll::until("copies wait in the read models", BOUND, parked).await;
    // Nobody's feed stands still for them, and nobody takes them for events.
    let ask = Ask::get("/api/v1/events?after=start&limit=200");
    let page = spine.admin(ask.clone()).await.expect(200).json();
    let told = |list: &str| page[list].as_array().unwrap().iter().map(|it| it["sequence"].as_u64().unwrap());
    assert_eq!(told("unreadable").collect::<BTreeSet<_>>(), places);
    assert!(told("items").all(|sequence| !places.contains(&sequence)) && page["held_up"] != true, "{page:#}");
    let mut stream =
        ask.header("accept", "text/event-stream").bearer(&spine.admin_key).open(spine.admin).await;
    let mut unreadable = 0;
    while unreadable < places.len() {
        let frame = stream.frame(BOUND).await.expect("a message");
        unreadable += usize::from(frame.name.as_deref() == Some("unreadable"));
    }
    // Told by a process that began with them, whether it read them or had them from a snapshot.
    let metrics = Ask::get("/metrics").send(spine.metrics).await.text();
    assert!(metrics.lines().any(|line| line == "keyledger_directory_closed_objects 3"), "{metrics}");
    let (code, findings) = found(&Shell::of(&spine)).await;
    let of_order = findings.iter().filter(|(check, _)| check == "order").map(|(_, place)| *place);
    assert_eq!((code, of_order.collect::<BTreeSet<_>>()), (1, places));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_stored_with_controls_password_alone_closes_its_key_and_is_found() {
    let mut spine = Spine::start().await;
    let upstream = Upstream::start(McpServer::default()).await;
    let ready = spine.ready(&upstream).await;
    let mut keys = Vec::new();
    for _ in 0..6 {
        keys.push(narrowed(&spine, &ready).await);
    }
    let ask = |narrowed: &Narrowed| call(&ready.path, "echo", &json!({})).bearer(&narrowed.key.secret);
    for key in &keys {
        ask(key).send(spine.public).await.expect(403);
    }
    assert_eq!(found(&Shell::of(&spine)).await, (0, BTreeSet::new()));

    let log = spine.nats.log(NatsRole::Control).await.unwrap();
    let control = connections::vault(&spine.config, VaultName::Control, log.client()).await.unwrap();
    let signers = events::Signers::default();
    signers.catch_up(&log).await.unwrap();
    let checkpoint = signers.now().newest(SignerPurpose::Checkpoint).unwrap().key.id;
    let checkpoint = signer::load(&control, SignerPurpose::Checkpoint, checkpoint).await.unwrap().unwrap();
    let stranger = signing::numbered(9);
    let writer = keys[0].recorded.envelope.writer;
    let same_name = SigningKey::from_seed(writer, &[9; 32]).unwrap();
    let text = |payload: &[u8]| String::from_utf8(payload.to_vec()).unwrap();
    let forged = [
        // Without any signature.
        text(&keys[0].widened(&stranger)).split_once(",\"writer\"").unwrap().0.to_owned() + "}",
        text(&keys[1].widened(&stranger)),
        text(&keys[2].widened(&same_name)),
        // By a key of the installation that signs other things.
        text(&keys[3].widened(&checkpoint)),
        // With the signature of another event.
        {
            let payload = text(&keys[4].widened(&same_name));
            let true_one = text(&keys[4].message.payload);
            payload[..payload.len() - TAIL].to_owned() + &true_one[true_one.len() - TAIL..]
        },
        // With the signature of before, and other scopes.
        text(&keys[5].message.payload).replace(NARROW, "mcp:tools"),
    ];
    let mut expected = BTreeSet::new();
    for (key, payload) in keys.iter().zip(forged) {
        let sequence = store(&spine, "control", &key.subject, payload.into_bytes()).await;
        follows(&spine, &key.recorded, sequence).await;
        expected.insert(("signature".to_owned(), sequence));
        ask(key).send(spine.public).await.expect(503);
        // No command is decided on what it says.
        let change =
            Ask::new("PUT", format!("{}/scopes", key.path(&ready))).json(&json!({"scopes": [NARROW]}));
        let told = spine.admin(change).await.expect(503).json();
        assert_eq!(told["type"], "urn:keyledger:problem:closed");
    }
    // The key of an event that is whole works on.
    call(&ready.path, "echo", &json!({})).bearer(&ready.key.secret).send(spine.public).await.expect(200);
    let (code, findings) = found(&Shell::of(&spine)).await;
    assert_eq!(code, 1);
    // The last one comes twice as well, by its id.
    let of_signature = |finding: &&(String, u64)| finding.0 == "signature";
    assert_eq!(findings.iter().filter(of_signature).cloned().collect::<BTreeSet<_>>(), expected);
    let parked = || async {
        let status = spine.admin(Ask::get("/api/v1/status")).await.expect(200).json();
        match status["read_models"]["parked"].as_u64() {
            // In the list of keys and in the history.
            Some(12) => Ok(()),
            parked => Err(parked),
        }
    };
    poll::until("forged events wait in the read models", BOUND, parked).await;

    // Its control signs a head of the log over all of them as it ends: that makes none of them good, and names each. The
    // node that starts by replay takes its word for the others.
    spine.stop_node().await;
    let stream = Checkpoints::new(log.client().clone(), Shard::ZERO);
    let newest = stream.newest().await.unwrap().expect("one is signed").text.parse::<Note>().unwrap();
    let newest: Checkpoint = newest.text().parse().unwrap();
    let sequences = expected.iter().map(|(_, sequence)| *sequence).collect();
    assert_eq!(newest.unsigned, Unsigned::These(sequences));
    spine.start_node().await;
    spine.becomes_ready().await;
    let metrics = Ask::get("/metrics").send(spine.metrics).await.expect(200).text();
    let vouched = metrics.lines().find_map(|it| it.strip_prefix("keyledger_directory_events_vouched_total "));
    assert!(vouched.unwrap().parse::<f64>().unwrap() > 10.0, "{vouched:?}");
    for key in &keys {
        ask(key).send(spine.public).await.expect(503);
    }
    call(&ready.path, "echo", &json!({})).bearer(&ready.key.secret).send(spine.public).await.expect(200);

    // That it is in the log can be proven, and is no proof that it is an event.
    let (shell, folder) = (Shell::of(&spine), tempfile::tempdir().unwrap());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (proof, public) = (file("proof"), file("keys"));
    let forged = expected.first().unwrap().1.to_string();
    let proven = shell.run(&shell.events(&["prove", &forged])).await;
    assert!(proven.code == 0 && proven.err.contains("no writer of the log signed it"), "{}", proven.err);
    std::fs::write(&proof, proven.out).unwrap();
    std::fs::write(&public, shell.done(&shell.events(&["keys"])).await).unwrap();
    let judged = shell.run(&["audit", "verify", &proof, "--keys", &public]).await;
    assert!(judged.code == 1 && judged.err.contains("no writer of it signed it"), "{}", judged.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_signs_is_rotated_and_what_it_signed_stays_good() {
    let mut spine = Spine::start().await;
    let upstream = Upstream::start(McpServer::default()).await;
    let ready = spine.ready(&upstream).await;
    let log = spine.nats.log(NatsRole::Control).await.unwrap();
    let control = connections::vault(&spine.config, VaultName::Control, log.client()).await.unwrap();
    let before = narrowed(&spine, &ready).await;
    let first = before.recorded.envelope.writer;
    let retired = signer::load(&control, SignerPurpose::Writer, first).await.unwrap().unwrap();

    let rotated = spine.write(Ask::post("/api/v1/signers/rotate", &json!({"purpose": "writer"}))).await;
    let second = rotated["signer"]["id"].as_str().unwrap().to_owned();
    let again = Shell::of(&spine).run(&["signers", "rotate", "--purpose", "writer"]).await;
    assert_eq!(again.code, 1, "{}", again.err);
    let after = narrowed(&spine, &ready).await;
    assert_eq!(after.recorded.envelope.writer.to_string(), second);
    let states = async |spine: &Spine| {
        let listed = spine.admin(Ask::get("/api/v1/signers")).await.expect(200).json();
        let state =
            |it: &Value| format!("{} {}", it["purpose"].as_str().unwrap(), it["state"].as_str().unwrap());
        listed["items"].as_array().unwrap().iter().map(state).collect::<Vec<_>>()
    };
    assert_eq!(states(&spine).await, ["writer signing", "checkpoint signing", "writer retiring"]);

    // As control does it by itself, later.
    let signers = events::Signers::default();
    signers.catch_up(&log).await.unwrap();
    let installation = signers.now().installation().unwrap().clone();
    let writer = signing::writer(&spine.config, log.clone()).await;
    let dispatcher =
        domain::Dispatcher::new(std::sync::Arc::new(log.clone()), writer, std::sync::Arc::new(SystemRandom));
    let context = domain::Context {
        now: before.recorded.envelope.time,
        actor: events::Actor::signers(),
        authority: domain::Authority::Whole,
        command: CommandId::new(uuid_v7(&SystemClock, &SystemRandom)),
        fingerprint: before.recorded.envelope.fingerprint,
        event: EventId::new(uuid_v7(&SystemClock, &SystemRandom)),
        causation: None,
    };
    let command = domain::installation::Command::RetireSigner { id: first };
    let done = dispatcher.execute::<domain::Installation>(&installation, &command, &context).await.unwrap();
    spine.follows(&done.position.to_string()).await;
    assert_eq!(states(&spine).await, ["writer signing", "checkpoint signing", "writer retired"]);
    assert_eq!(found(&Shell::of(&spine)).await, (0, BTreeSet::new()));

    // Whoever kept the key that was retired has nothing of it.
    let sequence = store(&spine, "control", &before.subject, before.widened(&retired)).await;
    follows(&spine, &before.recorded, sequence).await;
    let ask = |narrowed: &Narrowed| call(&ready.path, "echo", &json!({})).bearer(&narrowed.key.secret);
    ask(&before).send(spine.public).await.expect(503);
    let expected = BTreeSet::from([("signature".to_owned(), sequence)]);
    assert_eq!(found(&Shell::of(&spine)).await, (1, expected));

    // A second rotation, by the command line.
    let shell = Shell::of(&spine);
    let said = shell.done(&["signers", "rotate", "--purpose", "writer"]).await;
    assert!(said.contains("it signs from now on"), "{said}");
    let listed = shell.done(&["signers", "list"]).await;
    assert_eq!(listed.lines().count(), 5, "{listed}");
    spine.stop_node().await;
    spine.start_node().await;
    spine.becomes_ready().await;
    call(&ready.path, "echo", &json!({})).bearer(&ready.key.secret).send(spine.public).await.expect(200);
    ask(&after).send(spine.public).await.expect(403);
    ask(&before).send(spine.public).await.expect(503);
    narrowed(&spine, &ready).await;
}
