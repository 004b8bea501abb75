//! Drains: what happens reaches a SIEM, in the log's order, in each format, by each way; one that is down or refuses an event
//! delays nobody else, loses nothing and is told of.

use std::time::Duration;

use gateway::config::Drain;
use keyledger_tests::poll;
use keyledger_tests::receivers::{Collector, Mood, Syslog};
use keyledger_tests::spine::Spine;
use keyledger_tests::upstreams::Authority;
use keyledger_tests::wire::Ask;
use projections::postgres;
use projections::postgres::place::{self, PlaceKind};
use serde_json::{Value, json};

const BOUND: Duration = Duration::from_secs(30);
const TOKEN: &str = "1f7ad2a3-token";

/// A drain as its table says.
fn drain(table: Value) -> Drain {
    toml::from_str(&toml::to_string(&table).unwrap()).unwrap()
}

fn hec(collector: &Collector) -> Drain {
    drain(json!({"transport": "hec", "address": collector.url(""), "token": TOKEN}))
}

fn sequence(position: &str) -> u64 {
    position.rsplit('-').next().unwrap().parse().unwrap()
}

/// Waits until a collector has every event up to this one, in order.
async fn has_all(collector: &Collector, last: u64) -> Vec<u64> {
    let (taken, _) = poll::until("every event has come", BOUND, async || {
        let taken = collector.sequences();
        if taken.last() == Some(&last) { Ok(taken) } else { Err(taken) }
    })
    .await;
    // Nothing failed, so nothing came twice.
    assert_eq!(taken, (1..=last).collect::<Vec<_>>());
    taken
}

async fn status(spine: &Spine, name: &str) -> Value {
    let status = spine.admin(Ask::get("/api/v1/status")).await.json();
    let drains = status["drains"].as_array().unwrap();
    drains.iter().find(|drain| drain["name"] == name).cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_every_format_by_every_way() {
    let (splunk, lines, authority) = (Collector::start().await, Collector::start().await, Authority::new());
    let (json_lines, syslog) = (Collector::start().await, Syslog::start(&authority).await);
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, authority.pem()).unwrap();
    // Nobody listens there.
    let nowhere = "http://127.0.0.1:1";
    syslog.breaks(2);
    let spine = Spine::with(|config| {
        let table = json!({
            "transport": "hec", "address": splunk.url("/"), "token": TOKEN, "gzip": true, "acknowledge": true,
            "texts": true, "index": "audit", "sourcetype": "kl", "host": "kl-1",
        });
        config.drains.insert("splunk".to_owned(), drain(table));
        let table = json!({
            "transport": "https", "format": "ocsf", "address": lines.url("/lines"), "types": ["key.*"], "max_events": 2,
        });
        config.drains.insert("ocsf".to_owned(), drain(table));
        let table = json!({"transport": "https", "address": json_lines.url("/lines"), "from": "now"});
        config.drains.insert("now".to_owned(), drain(table));
        let table = json!({
            "transport": "syslog", "format": "cef", "address": syslog.url(), "ca_file": ca_file, "max_events": 4,
        });
        config.drains.insert("syslog".to_owned(), drain(table));
        config.drains.insert("dead".to_owned(), drain(json!({"transport": "https", "address": nowhere})));
    })
    .await;
    // The drain that begins now has its place before anything else happens.
    poll::until("a place to go on from", BOUND, async || {
        let status = status(&spine, "now").await;
        if status["applied"].as_u64().is_some_and(|applied| applied > 0) { Ok(()) } else { Err(status) }
    })
    .await;
    let organization = spine.organization("acme").await;
    let key = spine.key_with(&organization, json!({"name": "Alice's editor", "scopes": ["mcp:*"]})).await;
    let body = json!({"reason": "lost | found = gone\\"});
    let path = organization.path(&format!("keys/{}/revoke", key.id));
    let revoked = spine.write(Ask::post(path, &body)).await;
    let last = sequence(revoked["position"].as_str().unwrap());

    has_all(&splunk, last).await;
    let taken = splunk.taken();
    let issued = taken.iter().find(|one| one.event["aggregateid"] == key.id.as_str()).unwrap();
    assert_eq!(issued.event["texts"], json!({"name": "Alice's editor"}));
    assert_eq!(issued.event["type"], "key.issued");
    let envelope = &issued.envelope;
    assert_eq!(
        (&envelope["index"], &envelope["host"], &envelope["sourcetype"]),
        (&json!("audit"), &json!("kl-1"), &json!("kl"))
    );
    assert_eq!(envelope["fields"]["position"], key.position.as_str());
    let time: f64 = envelope["time"].as_f64().unwrap();
    assert!(time > 1.7e9 && time < 1e11, "seconds since 1970: {time}");
    assert_eq!(taken.last().unwrap().event["texts"]["reason"], body["reason"]);

    let (of_keys, _) = poll::until("the lines", BOUND, async || {
        let taken = lines.taken();
        let is_last = |one: &Value| one["metadata"]["sequence"] == last;
        if taken.last().is_some_and(|one| is_last(&one.event)) { Ok(taken) } else { Err(taken.len()) }
    })
    .await;
    assert!(of_keys.iter().all(|one| one.event["class_uid"] == 3001), "{of_keys:#?}");
    assert_eq!(of_keys.last().unwrap().event["type_name"], "Account Change: Delete");
    assert!(of_keys.iter().all(|one| one.event["unmapped"].get("texts").is_none()), "{of_keys:#?}");

    let (frames, _) = poll::until("the frames", BOUND, async || {
        let frames = syslog.frames();
        if frames.len() as u64 == last {
            Ok(frames)
        } else {
            Err((frames.len(), status(&spine, "syslog").await))
        }
    })
    .await;
    for (number, frame) in (1..).zip(&frames) {
        assert_eq!((frame.host.as_str(), frame.app.as_str()), ("mcp.example.com", "keyledger"));
        assert_eq!(frame.priority / 8, 13);
        assert!(
            frame.data.starts_with(&format!("[meta sequenceId=\"{number}\"][origin software=\"keyledger\"")),
            "{frame:?}"
        );
        assert!(frame.message.starts_with("CEF:0|Keyledger|Keyledger|") && frame.message.contains(&frame.id));
    }
    assert_eq!(frames.last().unwrap().id, "key.revoked");

    // A drain that begins now is told what comes from then on, and so has not missed what came after its start.
    poll::until("the newest", BOUND, async || {
        let sequences = json_lines.sequences();
        if sequences.last() == Some(&last) { Ok(()) } else { Err(sequences) }
    })
    .await;
    assert!(json_lines.sequences().len() < last as usize, "what was before the start is not told");

    let dead = status(&spine, "dead").await;
    assert_eq!(dead["applied"], 0, "{dead}");
    assert!(dead["problem"].as_str().unwrap().contains("the receiver does not take it"), "{dead}");
    assert_eq!(status(&spine, "splunk").await["problem"], Value::Null);
    // Both families of a drain are set at its next look, and one may be scraped before that look.
    let lag = format!("keyledger_drain_lag_events{{drain=\"dead\"}} {last}\n");
    let (metrics, _) = poll::until("the drains are measured", BOUND, async || {
        let metrics = Ask::get("/metrics").send(spine.metrics).await.text();
        if metrics.contains("keyledger_drain_stands_still{drain=\"dead\"} 1") && metrics.contains(&lag) {
            Ok(metrics)
        } else {
            Err(metrics)
        }
    })
    .await;
    assert!(metrics.contains("keyledger_drain_events_sent_total{drain=\"splunk\"}"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_is_refused_is_never_left_out_in_silence() {
    let (siem, other) = (Collector::start().await, Collector::start().await);
    siem.becomes(Mood::Refuses("key.issued"));
    let mut spine = Spine::with(|config| {
        config.drains.insert("siem".to_owned(), hec(&siem));
        config.drains.insert("other".to_owned(), hec(&other));
    })
    .await;
    // The admin's own key is the first that is issued.
    let (stopped, _) = poll::until("the drain says what it stands before", BOUND, async || {
        let status = status(&spine, "siem").await;
        if status["problem"].is_string() { Ok(status) } else { Err(status) }
    })
    .await;
    let problem = stopped["problem"].as_str().unwrap();
    assert!(problem.contains("Invalid data format") && problem.contains("`skip`"), "{problem}");
    let refused = stopped["applied"].as_u64().unwrap() + 1;
    assert_eq!(siem.sequences(), (1..refused).collect::<Vec<_>>(), "what lies before it was taken, once");
    let position = problem.split_whitespace().find(|word| word.ends_with(&format!("-0-{refused}"))).unwrap();

    let organization = spine.organization("acme").await;
    let last = sequence(&spine.key(&organization, &["mcp:*"]).await.position);
    has_all(&other, last).await;

    // An operator lets go of the first; the next of the kind stops it again.
    spine.stop_node().await;
    spine.config.drains.get_mut("siem").unwrap().skip.push(position.parse().unwrap());
    spine.start_node().await;
    spine.becomes_ready().await;
    poll::until("it goes on to the next", BOUND, async || {
        let status = status(&spine, "siem").await;
        if status["applied"] == last - 1 && status["problem"].is_string() { Ok(()) } else { Err(status) }
    })
    .await;
    // The receiver is mended.
    siem.becomes(Mood::Takes);
    poll::until("it goes on", BOUND, async || {
        let status = status(&spine, "siem").await;
        if status["applied"] == last && status["problem"].is_null() { Ok(()) } else { Err(status) }
    })
    .await;
    let expected: Vec<u64> = (1..=last).filter(|sequence| *sequence != refused).collect();
    assert_eq!(siem.sequences(), expected);
    // What was passed over is counted once, however often its batch was tried.
    let metrics = Ask::get("/metrics").send(spine.metrics).await.text();
    let skipped = "keyledger_drain_events_skipped_total{drain=\"siem\"} ";
    let counted = metrics.lines().find_map(|line| line.strip_prefix(skipped));
    assert_eq!(counted, Some("1"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_forgotten_is_told_to_nobody() {
    let siem = Collector::start().await;
    let spine = Spine::with(|config| {
        let table = json!({"transport": "hec", "address": siem.url(""), "token": TOKEN, "texts": true});
        config.drains.insert("siem".to_owned(), drain(table));
    })
    .await;
    let organization = spine.organization("acme").await;
    let key = spine.key_with(&organization, json!({"name": "Alice's editor", "scopes": ["mcp:*"]})).await;
    has_all(&siem, sequence(&key.position)).await;
    let name = |number: usize| {
        let taken = siem.taken();
        let of_key: Vec<_> = taken.iter().filter(|one| one.event["aggregateid"] == key.id.as_str()).collect();
        of_key.get(number).map(|one| one.event["texts"]["name"].clone())
    };
    assert_eq!(name(0), Some(json!("Alice's editor")));
    spine.write(Ask::post(organization.path("suspend"), &json!({}))).await;
    let confirm = json!({"slug": organization.slug});
    let forgotten = spine.write(Ask::post(organization.path("forget"), &confirm)).await;
    let last = sequence(forgotten["position"].as_str().unwrap());
    poll::until("all have come", BOUND, async || {
        if siem.sequences().last() == Some(&last) { Ok(()) } else { Err(siem.sequences()) }
    })
    .await;
    // Begun anew, it tells all that is in the log, also while nothing happens.
    let pool = postgres::connect(&spine.postgres.url(), 2).unwrap();
    assert!(place::reset(&pool, PlaceKind::Drain, "siem").await.unwrap());
    poll::until("the key comes again", BOUND, async || name(1).ok_or(siem.taken().len())).await;
    assert_eq!(name(1), Some(Value::Null));
}
