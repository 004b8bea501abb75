//! `wait=fleet`: the answer comes when every node has what the command did, and names each. A node that says
//! nothing is named as well, until so much time has passed that it answers for no key. Nothing of that hides that
//! the command is done, and who waits keeps nobody from commanding.

use std::time::Duration;

use events::clock::{Clock, SystemClock};
use keyledger_tests::poll;
use keyledger_tests::spine::{Organization, Spine, text};
use keyledger_tests::wire::{Answer, Ask};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Longer than anything here takes.
const BOUND: Duration = Duration::from_secs(20);

fn issue(organization: &Organization, query: &str) -> Ask {
    let path = format!("{}?{query}", organization.path("keys"));
    Ask::post(path, &json!({"name": "test", "scopes": ["mcp:*", ]}))
}

fn change(organization: &Organization, key: &str, verb: &str, query: &str) -> Ask {
    Ask::post(format!("{}/{key}/{verb}?{query}", organization.path("keys")), &json!({}))
}

/// Waits until the fleet's proof of this position is complete, as a client does that asks again.
async fn proven(spine: &Spine, position: &str) -> Value {
    let ask = Ask::get(format!("/api/v1/fleet/proof?position={position}"));
    let (proof, _) = poll::until("the proof is complete", BOUND, async || {
        let proof = spine.admin(ask.clone()).await.expect(200).json();
        if proof["complete"] == true { Ok(proof) } else { Err(proof) }
    })
    .await;
    proof
}

fn states(fleet: &Value) -> Vec<&str> {
    let members = fleet["members"].as_array().unwrap_or_else(|| panic!("no members in {fleet}"));
    members.iter().map(|member| member["state"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_answered_holds_at_once() {
    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let verifier = spine.key(&organization, &["keys:verify"]).await.secret;
    let is_valid = async |key: &str| {
        let ask = Ask::post("/api/v1/keys/verify", &json!({"key": key})).bearer(&verifier);
        ask.send(spine.public).await.expect(200).json()["valid"] == true
    };
    for round in 0..5 {
        let issued = spine.admin(issue(&organization, "wait=fleet")).await.expect(201).json();
        assert_eq!(issued["fleet"]["complete"], true, "{issued}");
        assert_eq!(states(&issued["fleet"]), ["applied"], "{issued}");
        let member = &issued["fleet"]["members"][0];
        assert!(member["name"].is_string() && member["after_seconds"].is_f64(), "{issued}");
        let key = text(&issued, "secret");
        assert!(is_valid(&key).await, "round {round}: it works at once");

        let revoke = change(&organization, &text(&issued, "id"), "revoke", "wait=fleet");
        let revoke = revoke.header("Idempotency-Key", format!("revoke-{round}"));
        let revoked = spine.admin(revoke.clone()).await.expect(200).json();
        assert_eq!(revoked["fleet"]["complete"], true, "{revoked}");
        assert!(!is_valid(&key).await, "round {round}: it is refused at once");
        let again = spine.admin(revoke).await.expect(200).json();
        assert_eq!(
            (&again["replayed"], &again["fleet"]["complete"]),
            (&json!(true), &json!(true)),
            "{again}"
        );
    }
    // Also for a key that ends itself, whose owner is told of machines by their ids alone.
    let own = spine.admin_of(&organization).await;
    let revoke = change(&organization, &own.id, "revoke", "wait=fleet").bearer(&own.secret);
    let revoked = revoke.send(spine.admin).await.expect(200).json();
    assert_eq!(revoked["fleet"]["complete"], true, "{revoked}");
    assert!(revoked["fleet"]["members"][0]["name"].is_null(), "{revoked}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_says_nothing_is_named_until_it_is_fenced() {
    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let key = spine.key(&organization, &["mcp:*"]).await;
    // Its lease and its staleness, and the second in which streams end.
    let silent =
        spine.silent_node("asleep", &json!({"lease_millis": 1_000, "max_staleness_millis": 1_500})).await;
    let begun = SystemClock.instant();
    let ask = change(&organization, &key.id, "disable", "wait=fleet&wait_timeout_seconds=0.2");
    let disabled = spine.admin(ask).await.expect(200).json();
    let fleet = &disabled["fleet"];
    assert_eq!(
        (&disabled["changed"], &fleet["complete"], &fleet["unproven"]),
        (&json!(true), &json!(false), &json!(1))
    );
    let member = fleet["members"].as_array().unwrap().iter().find(|member| member["id"] == silent.as_str());
    let member = member.unwrap_or_else(|| panic!("it is not named: {disabled}"));
    assert_eq!((&member["name"], &member["state"]), (&json!("asleep"), &json!("unproven")), "{disabled}");
    assert!(fleet["note"].as_str().unwrap().contains("is done"), "{disabled}");

    let proof = proven(&spine, &text(&disabled, "position")).await;
    assert!(begun.elapsed() >= Duration::from_millis(2_500), "before it can be known: {:?}", begun.elapsed());
    let mut states = states(&proof);
    states.sort_unstable();
    assert_eq!(states, ["applied", "fenced"], "{proof}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_claimed_of_a_node_that_goes_on_for_ever() {
    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    spine.silent_node("stubborn", &json!({"on_stale": "serve"})).await;
    let issued =
        spine.admin(issue(&organization, "wait=fleet&wait_timeout_seconds=0.3")).await.expect(201).json();
    assert_eq!((&issued["fleet"]["complete"], &issued["fleet"]["never"]), (&json!(false), &json!(true)));
    let note = issued["fleet"]["note"].as_str().unwrap();
    assert!(note.contains("stubborn") && note.contains("on_stale"), "{note}");
    assert!(issued["secret"].is_string(), "the key is issued all the same");
}

/// What is said to one who would wait when as many as may do already.
const FULL: &str = "wait for the fleet already";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_keeps_nobody_from_commanding() {
    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let key = spine.key(&organization, &["mcp:*"]).await;
    spine.silent_node("asleep", &json!({})).await;
    let admin = spine.admin_of(&organization).await.secret;
    let begun = SystemClock.instant();
    // As many as of one key may wait; with the one more below, one too many may be under way at first.
    let mut waiting = JoinSet::new();
    for _ in 0..12 {
        let ask =
            change(&organization, &key.id, "disable", "wait=fleet&wait_timeout_seconds=25").bearer(&admin);
        let to = spine.admin;
        waiting.spawn(async move {
            let busy = |answer: &Answer| answer.status == 429 || answer.text().contains(FULL);
            while busy(&ask.send(to).await) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
    }
    // One more is told at once that it may not wait, and that it is done.
    let one_more =
        change(&organization, &key.id, "disable", "wait=fleet&wait_timeout_seconds=0.001").bearer(&admin);
    poll::until("twelve wait", BOUND, async || {
        let answer = one_more.send(spine.admin).await;
        let full = answer.status == 200 && answer.text().contains(FULL);
        if full { Ok(()) } else { Err(answer) }
    })
    .await;
    // The same key commands on while they wait.
    for verb in ["enable", "disable", "revoke"] {
        change(&organization, &key.id, verb, "").bearer(&admin).send(spine.admin).await.expect(200);
    }
    let took = begun.elapsed();
    assert!(waiting.try_join_next().is_none() && took < Duration::from_secs(25), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_nats_nothing_is_proven_and_nothing_breaks() {
    let mut spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let key = spine.key(&organization, &["mcp:*"]).await;
    proven(&spine, &key.position).await;
    spine.nats.stop().await;
    let ask = Ask::get(format!("/api/v1/fleet/proof?position={}&wait_timeout_seconds=0.3", key.position));
    let proof = spine.admin(ask).await.expect(200).json();
    assert_eq!(proof["complete"], false, "{proof}");
    assert!(proof["note"].as_str().unwrap().contains("can't be asked"), "{proof}");
    spine.nats.start_again().await;
    proven(&spine, &key.position).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_be_waited_for_is_named_and_not_done() {
    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    for (query, field) in [
        ("wait=all", "?wait"),
        ("wait=fleet&wait_timeout_seconds=0", "?wait_timeout_seconds"),
        ("wait=fleet&wait_timeout_seconds=25.001", "?wait_timeout_seconds"),
        ("wait_timeout_seconds=10", "?wait_timeout_seconds"),
        ("wait=fleet&wait_timeout_seconds=NaN", "?wait_timeout_seconds"),
        ("wait=fleet&wait_timeout_ms=10", "?wait_timeout_ms"),
        ("wiat=fleet", "?wiat"),
    ] {
        let problem = spine.admin(issue(&organization, query)).await.expect(400).json();
        assert_eq!(problem["field"], field, "{query}: {problem}");
    }
    let position = spine.key(&organization, &["mcp:*"]).await.position;
    let (log, sequence) = position.rsplit_once('-').unwrap();
    let beyond = format!("{log}-{}", sequence.parse::<u64>().unwrap() + 1);
    for (query, what) in [
        (String::new(), "none"),
        ("?position=1".to_owned(), "no position"),
        (format!("?position={beyond}"), "beyond the log"),
        (format!("?position=00000000000000000000000000000001-0-{sequence}"), "another log's"),
    ] {
        let answer = spine.admin(Ask::get(format!("/api/v1/fleet/proof{query}"))).await.expect(400);
        assert!(answer.json()["field"].as_str().unwrap().starts_with('?'), "{what}: {answer:?}");
    }
}
