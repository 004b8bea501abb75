//! A true event that somebody stored a second time is told as such by whoever hands events on: drains, exports, `events
//! replay` and `events prove`. What comes after it goes on as ever.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use events::{OrganizationId, Owner, Subject};
use gateway::config::{Drain, Export};
use keyledger_tests::poll;
use keyledger_tests::receivers::Collector;
use keyledger_tests::spine::Spine;
use projections::postgres;
use projections::postgres::place::{self, PlaceKind};
use serde_json::{Value, json};
use sqlx::Connection;

use crate::an_event_that_no_writer_signed_is_believed_by_nobody::{newest, store};
use crate::the_command_line_speaks_the_api::Shell;

const BOUND: Duration = Duration::from_secs(60);

fn sequence(event: &Value) -> Option<u64> {
    event["position"].as_str()?.rsplit('-').next()?.parse().ok()
}

/// What each says of why nobody obeys it, by its sequence.
fn told<'a>(events: impl IntoIterator<Item = &'a Value>) -> BTreeMap<u64, Option<String>> {
    let of = |event: &'a Value| Some((sequence(event)?, event["unreadable"].as_str().map(str::to_owned)));
    events.into_iter().filter_map(of).collect()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn exported(folder: &Path) -> Vec<Value> {
    let files = std::fs::read_dir(folder).unwrap().flatten().map(|file| file.path());
    let whole = files.filter(|path| path.to_str().unwrap().ends_with(".jsonl"));
    whole.flat_map(|path| lines(&std::fs::read_to_string(path).unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_everybody_who_hands_events_on() {
    let (siem, folder) = (Collector::start().await, tempfile::tempdir().unwrap());
    let spine = Spine::with(|config| {
        let drain: Drain = serde_json::from_value(json!({
            "transport": "https", "address": siem.url("/lines"),
        }))
        .unwrap();
        config.drains.insert("siem".to_owned(), drain);
        let export: Export = serde_json::from_value(json!({
            "folder": folder.path(), "compression": "none", "max_events": 1,
        }))
        .unwrap();
        config.exports.insert("archive".to_owned(), export);
    })
    .await;
    let acme = spine.organization("acme").await;
    let key = spine.key(&acme, &["mcp:tools"]).await;
    let owner = Owner::Organization(acme.id.parse::<OrganizationId>().unwrap());
    let subject = Subject::key(owner, key.id.parse().unwrap());
    for verb in ["disable", "enable"] {
        spine.change_key(&acme, &key.id, verb).await;
    }
    let enabled = newest(&spine, &subject).await;
    spine.change_key(&acme, &key.id, "disable").await;
    let copy = store(&spine, "control", &subject, enabled.payload.to_vec()).await;
    let again = store(&spine, "control", &subject, enabled.payload.to_vec()).await;
    let later = spine.key(&acme, &["mcp:tools"]).await;
    let last = sequence(&json!({ "position": later.position })).unwrap();
    let is_told = |told: &BTreeMap<u64, Option<String>>| {
        assert_eq!(told.keys().copied().collect::<Vec<_>>(), (1..=last).collect::<Vec<_>>());
        let marked: Vec<_> = told.iter().filter_map(|(at, why)| Some((*at, why.as_deref()?))).collect();
        assert_eq!(marked.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [copy, again], "{marked:?}");
        assert!(marked[0].1.contains("stored it again"), "{marked:?}");
        assert!(marked[1].1.contains(&format!("after message {copy} of its object")), "{marked:?}");
    };

    // Also long after: a drain that begins anew tells the same.
    let pool = postgres::connect(&spine.postgres.url(), 1).unwrap();
    for times in [1, 2] {
        let (taken, _) = poll::until("the SIEM has all", BOUND, async || {
            let taken: Vec<Value> = siem.taken().into_iter().map(|one| one.event).collect();
            let whole = taken.iter().filter(|event| sequence(event) == Some(last)).count();
            if whole == times { Ok(taken) } else { Err(taken.len()) }
        })
        .await;
        is_told(&told(&taken[(times - 1) * last as usize..]));
        if times == 1 {
            assert!(place::reset(&pool, PlaceKind::Drain, "siem").await.unwrap());
        }
    }

    let (files, _) = poll::until("the archive has all", BOUND, async || {
        let files = exported(folder.path());
        if files.iter().any(|line| sequence(line) == Some(last)) { Ok(files) } else { Err(files.len()) }
    })
    .await;
    is_told(&told(&files));

    let shell = Shell::of(&spine);
    is_told(&told(&lines(&shell.done(&shell.events(&["replay"])).await)));
    is_told(&told(&lines(&shell.done(&shell.events(&["replay", "--format", "cloudevents"])).await)));
    // From the middle of the log on, behind all that is true of the object.
    let from = files.iter().find(|line| sequence(line) == Some(copy)).unwrap()["position"].as_str().unwrap();
    let said = shell.done(&shell.events(&["replay", "--from", from, "--format", "csv"])).await;
    assert_eq!(said.matches("stored it again").count(), 1, "{said}");
    assert_eq!(said.lines().filter(|line| line.ends_with(',')).count() as u64, last - again, "{said}");

    // A proof is as good as that of any message, and so says that it is none of the event's place.
    std::fs::write(shell.folder.path().join("log.keys"), shell.done(&shell.events(&["keys"])).await).unwrap();
    let name = copy.to_string();
    let said = shell.run(&shell.events(&["prove", &name, "--output", "copy.tlog-proof"])).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("stored it again") && said.err.contains("nobody obeys it"), "{}", said.err);
    let said = shell.run(&["audit", "verify", "--keys", "log.keys", "copy.tlog-proof"]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("not that it stands in its place"), "{}", said.err);
    let said = shell.run(&shell.events(&["prove", &enabled.sequence.to_string()])).await;
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let file = std::fs::read_dir(folder.path()).unwrap().flatten().map(|file| file.path());
    let mut file = file.filter(|path| path.to_str().unwrap().ends_with(&format!("-{copy:020}.jsonl")));
    let file = file.next().unwrap().to_str().unwrap().to_owned();
    let said = shell.done(&["audit", "verify", "--keys", "log.keys", &file]).await;
    assert!(said.contains("(1 of them marked `unreadable`"), "{said}");

    // While PostgreSQL's history stands still the log is asked, and nobody waits for it.
    let mut connection = spine.postgres.connect().await;
    let mut held = connection.begin().await.unwrap();
    sqlx::query("SELECT * FROM checkpoints WHERE projection = 'history' FOR UPDATE")
        .fetch_all(&mut *held)
        .await
        .unwrap();
    let subject = Subject::key(owner, later.id.parse().unwrap());
    let issued = newest(&spine, &subject).await;
    let copy = store(&spine, "control", &subject, issued.payload.to_vec()).await;
    let (why, took) = poll::until("the SIEM has it", BOUND, async || {
        let taken = siem.taken();
        let found = taken.iter().find(|one| sequence(&one.event) == Some(copy));
        found.map(|one| one.event["unreadable"].clone()).ok_or(taken.len())
    })
    .await;
    eprintln!("after {took:?}: {why}");
    let why = why.as_str().expect("it is marked");
    assert!(why.contains("it follows no event") && why.contains("stored it again"), "{why}");
    held.rollback().await.unwrap();
}
