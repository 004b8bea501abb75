use std::sync::Arc;
use std::time::Duration;

use events::clock::ManualClock;
use events::{GrantId, Timestamp};
use http::{HeaderMap, HeaderValue};
use uuid::Uuid;

use super::cause::{self, Facts};
use super::gather::{Attempt, Came, gather};
use super::recorder::Recorder;
use super::step::{Stage, Step, Visitor, Why};

const FACTS: Facts<'_> = Facts { issuer: "https://accounts.example.com", registers: true };

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix_millis(1_800_000_000_000).unwrap().saturating_add(Duration::from_secs(seconds))
}

/// A step of a program at home, for `acme/docs`.
fn step(seconds: u64, stage: Stage) -> Step {
    Step { server: Some("acme/docs".into()), ..Step::new(at(seconds), stage) }.by(home("program/1"))
}

fn home(agent: &str) -> Visitor {
    Visitor { from: Some("192.0.2.0/24".into()), agent: Some(agent.into()) }
}

fn elsewhere(agent: &str) -> Visitor {
    Visitor { from: Some("198.51.100.0/24".into()), agent: Some(agent.into()) }
}

/// The steps of a browser at home with this request.
fn browser(seconds: u64, stage: Stage, request: u128) -> Step {
    let client = Some("https://client.example/id".into());
    Step { request: Some(Uuid::from_u128(request)), client, ..step(seconds, stage) }.by(home("Firefox"))
}

fn grant(n: u128) -> GrantId {
    GrantId::new(Uuid::from_u128(n))
}

/// The whole way of a client, whose program and browser are at home.
fn way() -> Vec<Step> {
    vec![
        step(0, Stage::Challenge),
        step(1, Stage::ResourceMetadata),
        Step { server: None, ..step(2, Stage::ServerMetadata) },
        Step {
            server: None,
            client: Some("https://client.example/id".into()),
            ..step(3, Stage::Registration)
        },
        browser(4, Stage::Authorization, 1),
        browser(20, Stage::SignIn, 1),
        Step { grant: Some(grant(9)), ..browser(30, Stage::Consent, 1) },
        Step { grant: Some(grant(9)), ..step(31, Stage::Token) },
        Step { grant: Some(grant(9)), ..step(32, Stage::Call) },
    ]
}

fn came(attempt: &Attempt) -> String {
    match &attempt.came {
        Came::In => "in".to_owned(),
        Came::UnderWay => "under way".to_owned(),
        Came::Stopped { missing, .. } => missing.as_str().to_owned(),
    }
}

fn gathered(steps: Vec<Step>, now: u64) -> Vec<(String, usize)> {
    gather(steps, at(now), &FACTS).iter().map(|attempt| (came(attempt), attempt.steps.len())).collect()
}

#[test]
fn a_way_that_ends_after_any_step_is_one_attempt_with_the_next_one_missing() {
    let names = [
        "resource_metadata",
        "server_metadata",
        "registration",
        "authorization",
        "sign_in",
        "consent",
        "token",
        "call",
        "in",
    ];
    for (taken, missing) in (1..).zip(names) {
        let steps: Vec<Step> = way().into_iter().take(taken).collect();
        assert_eq!(gathered(steps.clone(), 600), [(missing.to_owned(), taken)]);
        let soon = if missing == "in" { "in" } else { "under way" };
        assert_eq!(gathered(steps, 33), [(soon.to_owned(), taken)]);
    }
}

#[test]
fn each_end_has_a_cause_and_something_to_do() {
    let mut told = std::collections::BTreeSet::new();
    for registers in [true, false] {
        for stage in Stage::ALL {
            for redirect in
                [None, Some("http://localhost:1/cb"), Some("https://c.example/cb"), Some("app://cb")]
            {
                let facts = Facts { registers, ..FACTS };
                let (missing, advice) = cause::stopped(stage, redirect, &facts);
                assert!(missing > stage || missing == Stage::Call, "{stage:?}");
                assert!(!advice.cause.is_empty() && !advice.advice.is_empty());
                told.insert(advice.cause);
            }
        }
    }
    // Each stage has its own, one more without registration, and four ways for a code to be lost.
    assert_eq!(told.len(), 8 + 1 + 3);
    let mut of_refusals = std::collections::BTreeSet::new();
    for why in Why::ALL {
        let advice = cause::refused(Stage::Call, why, None);
        assert!(of_refusals.insert(advice.advice), "{why:?}");
        let said = cause::refused(Stage::Token, why, Some("what was answered"));
        assert_eq!(said.cause, "what was answered");
    }
}

#[test]
fn what_is_missing_is_said_in_words() {
    let told = |steps: Vec<Step>, facts: Facts<'_>| {
        let Came::Stopped { advice, .. } = &gather(steps, at(900), &facts)[0].came else { panic!() };
        format!("{} {}", advice.cause, advice.advice)
    };
    let until = |count: usize| way().into_iter().take(count).collect::<Vec<_>>();
    assert!(told(until(3), FACTS).contains("no dynamic registration"));
    assert!(told(until(3), Facts { registers: false, ..FACTS }).contains("`oauth.registration`"));
    assert!(told(until(4), FACTS).contains("https://accounts.example.com"));
    let refused = "The answer would go to https://other.example/cb, which is no address of this client.";
    let mut steps = until(4);
    steps.push(step(5, Stage::Authorization).refused(Why::Redirect, refused));
    let words = told(steps, FACTS);
    assert!(words.contains("https://other.example/cb") && words.contains("`oauth.redirects`"), "{words}");
    let mut steps = until(7);
    steps[4].redirect = Some("http://localhost:3118/callback".into());
    let words = told(steps, FACTS);
    assert!(words.contains("http://localhost:3118/callback") && words.contains("another machine"), "{words}");
}

#[test]
fn what_was_refused_and_then_done_was_not_the_end() {
    let mut steps = way();
    steps.insert(3, step(2, Stage::Registration).refused(Why::Metadata, "no"));
    assert_eq!(gathered(steps.clone(), 600), [("in".to_owned(), 10)]);
    steps.truncate(4);
    assert_eq!(gathered(steps, 600), [("registration".to_owned(), 4)]);
}

#[test]
fn a_hosted_client_and_its_persons_browser_are_one() {
    // The program is elsewhere: what it did before is known by the server, and its token by the grant.
    let moved = || {
        way().into_iter().map(
            |step| {
                if step.request.is_some() { step } else { step.by(elsewhere("hosted/2")) }
            },
        )
    };
    assert_eq!(gathered(moved().collect(), 600), [("in".to_owned(), 9)]);
    // Another asks for the same server at the same time: nobody guesses, and the token brings the halves together.
    let others = Step { ..step(3, Stage::Challenge) }.by(elsewhere("other/3"));
    let mut steps: Vec<Step> = moved().filter(|step| step.stage != Stage::Registration).collect();
    steps.insert(3, others);
    let found = gathered(steps.clone(), 600);
    assert_eq!(found, [("in".to_owned(), 8), ("resource_metadata".to_owned(), 1)]);
    steps.retain(|step| step.stage < Stage::Token);
    let missing: Vec<_> = gathered(steps, 600).into_iter().map(|(missing, _)| missing).collect();
    assert_eq!(missing, ["token", "resource_metadata", "registration"]);
}

#[test]
fn people_who_use_the_same_client_are_told_apart() {
    let one = |request: u128, from: &str| {
        let visitor = Visitor { from: Some(from.into()), agent: Some("Firefox".into()) };
        vec![
            browser(0, Stage::Authorization, request).by(visitor.clone()),
            browser(1, Stage::SignIn, request).by(visitor),
        ]
    };
    let both = [one(1, "192.0.2.0/24"), one(2, "203.0.113.0/24")].concat();
    assert_eq!(gathered(both, 600), [("consent".to_owned(), 2), ("consent".to_owned(), 2)]);
}

#[test]
fn who_tries_again_begins_anew() {
    let again = way().into_iter().take(6).map(|step| Step {
        at: step.at.saturating_add(Duration::from_secs(300)),
        request: step.request.map(|_| Uuid::from_u128(2)),
        ..step
    });
    let steps = way().into_iter().take(5).chain(again).collect();
    assert_eq!(gathered(steps, 900), [("consent".to_owned(), 6), ("sign_in".to_owned(), 5)]);
}

#[test]
fn a_visitor_is_a_network_and_a_program() {
    let mut headers = HeaderMap::new();
    headers.insert("user-agent", HeaderValue::from_static("claude-code/2.1 (cli)"));
    let of = |address: &str| Visitor::of(Some(address.parse().unwrap()), &headers).from.unwrap();
    assert_eq!(of("192.0.2.77"), "192.0.2.0/24");
    assert_eq!(of("::ffff:192.0.2.77"), "192.0.2.0/24");
    assert_eq!(of("2001:db8:1:2::3"), "2001:db8:1::/48");
    assert_eq!(Visitor::of(None, &headers).agent.as_deref(), Some("claude-code/2.1 (cli)"));
    headers.insert("user-agent", HeaderValue::from_str(&"x".repeat(4_000)).unwrap());
    assert_eq!(Visitor::of(None, &headers).agent.unwrap().len(), 120);
}

#[tokio::test]
async fn the_same_is_told_once_and_a_flood_is_dropped() {
    let clock = Arc::new(ManualClock::new(at(0)));
    let (recorder, mut queue) = Recorder::new(clock.clone());
    for second in 0..3 {
        recorder.tell(step(second, Stage::Challenge));
    }
    assert!(queue.try_recv().is_ok() && queue.try_recv().is_err());
    let flood = |recorder: &Recorder, from: u128| {
        for n in from..from + 5_000 {
            recorder.tell(browser(0, Stage::Authorization, n));
        }
    };
    let waiting =
        |queue: &mut tokio::sync::mpsc::Receiver<Step>| std::iter::from_fn(|| queue.try_recv().ok()).count();
    flood(&recorder, 1);
    let first = waiting(&mut queue);
    assert!((500..=600).contains(&first), "{first}");
    flood(&recorder, 10_000);
    assert_eq!(waiting(&mut queue), 0);
    clock.advance(Duration::from_secs(61));
    flood(&recorder, 20_000);
    assert_eq!(waiting(&mut queue), 600);
}

#[test]
fn a_step_is_stored_in_few_bytes_and_read_back() {
    let long = "x".repeat(10_000);
    let step = Step {
        client: super::step::kept(&long),
        redirect: super::step::kept(&long),
        ..browser(1, Stage::Consent, 7).refused(Why::NoRight, &long)
    };
    let json = serde_json::to_vec(&step).unwrap();
    assert!(json.len() < crate::store::attempts::MAX_STEP, "{}", json.len());
    assert_eq!(serde_json::from_slice::<Step>(&json).unwrap(), step);
}
