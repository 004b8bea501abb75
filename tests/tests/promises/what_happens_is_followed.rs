//! What happened is read as a list and followed as a feed, by places that hold for ever: nothing is missed, nothing
//! comes twice, and nobody follows what they may not read.

use std::time::Duration;

use events::clock::{Clock, SystemClock};
use keyledger_tests::spine::{Spine, items, text};
use keyledger_tests::wire::{Ask, Open};
use serde_json::{Value, json};

const BOUND: Duration = Duration::from_secs(10);

fn ids(items: &[Value]) -> Vec<String> {
    items.iter().map(|event| text(event, "id")).collect()
}

/// The whole feed, so many items a page.
async fn feed(spine: &Spine, path: &str, query: &str, limit: usize) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), "start".to_owned());
    loop {
        let ask = Ask::get(format!("{path}?after={after}&limit={limit}{query}"));
        let page = spine.admin(ask).await.expect(200);
        let found = items(&page);
        assert!(found.len() <= limit);
        all.extend(found);
        let page = page.json();
        after = text(&page, "position");
        if page["more"] != json!(true) {
            return all;
        }
    }
}

/// The last event that was stored is in the history.
async fn settled(spine: &Spine, position: &str) {
    spine.admin(Ask::get(format!("/api/v1/events?at_least={position}"))).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_has_each_event_once_in_the_logs_order() {
    let spine = Spine::start().await;
    let (acme, other) = (spine.organization("acme").await, spine.organization("other").await);
    let key = spine.key(&acme, &["mcp:*"]).await;
    spine.key(&other, &["mcp:*"]).await;
    let suspend = format!("/api/v1/organizations/{}/suspend", acme.id);
    spine.write(Ask::post(suspend, &json!({"reason": "unpaid"}))).await;
    let last = spine.change_key(&acme, &key.id, "revoke").await;
    settled(&spine, &text(&last, "position")).await;

    let path = acme.path("events");
    let whole = feed(&spine, &path, "", 200).await;
    let types: Vec<_> = whole.iter().map(|event| text(event, "type")).collect();
    // An organization's own events, and no other's.
    let expected = ["organization.created", "key.issued", "organization.suspended", "key.revoked"];
    assert_eq!(
        types.iter().filter(|kind| *kind != "slug.reserved").collect::<Vec<_>>(),
        expected.iter().collect::<Vec<_>>()
    );
    let suspended = whole.iter().find(|event| event["type"] == "organization.suspended").unwrap();
    assert_eq!(suspended["texts"]["reason"], "unpaid");
    for limit in [1, 2] {
        assert_eq!(ids(&feed(&spine, &path, "", limit).await), ids(&whole));
    }
    let mut list = items(&spine.admin(Ask::get(path.clone())).await.expect(200));
    list.reverse();
    assert_eq!(ids(&list), ids(&whole));
    assert!(feed(&spine, "/api/v1/events", "", 3).await.len() > whole.len() + 2);

    // Any event's position is a place.
    let after = text(&whole[1], "position");
    let rest = items(&spine.admin(Ask::get(format!("{path}?after={after}"))).await.expect(200));
    assert_eq!(ids(&rest), ids(&whole[2..]));

    // Filters leave out and pass over nothing else, in the feed and in lists.
    for (query, expected) in [
        ("&type=key.issued", vec!["key.issued"]),
        ("&type=key.*", vec!["key.issued", "key.revoked"]),
        (&format!("&object=key:{}&type=key.revoked", key.id), vec!["key.revoked"]),
        ("&object=server", vec![]),
        ("&actor=system:bootstrap", vec![]),
        ("&since=2100-01-01T00:00:00Z", vec![]),
    ] {
        let found = feed(&spine, &path, query, 1).await;
        assert_eq!(found.iter().map(|event| text(event, "type")).collect::<Vec<_>>(), expected, "{query}");
        let list = Ask::get(format!("{path}?order=oldest_first{query}"));
        assert_eq!(ids(&items(&spine.admin(list).await.expect(200))), ids(&found), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_is_told_when_something_happens() {
    let spine = Spine::start().await;
    let acme = spine.organization("acme").await;
    let path = acme.path("events");
    let now = spine.admin(Ask::get(format!("{path}?after=now"))).await.expect(200).json();
    let wait = Ask::get(format!("{path}?after={}&wait=20&type=key.issued", text(&now, "position")));
    let started = SystemClock.instant();
    let (told, _) = tokio::join!(spine.admin(wait), async {
        // Something else first: it ends no waiting.
        spine.organization("other").await;
        spine.key(&acme, &["mcp:*"]).await
    });
    assert_eq!(items(&told.expect(200))[0]["type"], "key.issued");
    assert!(started.elapsed() < BOUND, "{:?}", started.elapsed());
    // Nothing comes: an empty page after its time, with a place to go on from.
    let now = spine.admin(Ask::get(format!("{path}?after=now"))).await.expect(200).json();
    let wait = Ask::get(format!("{path}?after={}&wait=1", text(&now, "position")));
    let page = spine.admin(wait).await.expect(200);
    assert_eq!((items(&page).len(), page.json()["position"].is_string()), (0, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_goes_on_where_it_was_and_ends_with_its_key() {
    let spine = Spine::start().await;
    let acme = spine.organization("acme").await;
    let reader = spine.key(&acme, &["admin:events:read"]).await;
    let path = acme.path("events");
    let open = async |from: &str| {
        let ask = Ask::get(path.clone()).header("accept", "text/event-stream").bearer(&reader.secret);
        let ask = if from.is_empty() { ask } else { ask.header("last-event-id", from) };
        let stream = ask.open(spine.admin).await;
        assert_eq!(stream.status, 200);
        stream
    };
    // A place without an event moves the reader on.
    let event = async |stream: &mut Open| loop {
        let frame = stream.frame(BOUND).await.expect("an event");
        if !frame.data.is_empty() {
            return frame;
        }
        assert!(frame.id.is_some());
    };
    let mut stream = open("").await;
    let key = spine.key(&acme, &["mcp:*"]).await;
    let seen = event(&mut stream).await;
    assert_eq!(seen.json()["aggregate_id"], key.id.as_str());
    drop(stream);
    spine.change_key(&acme, &key.id, "disable").await;
    let mut stream = open(seen.id.as_deref().unwrap()).await;
    assert_eq!(event(&mut stream).await.json()["type"], "key.disabled");
    spine.change_key(&acme, &reader.id, "revoke").await;
    stream.to_end(BOUND).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_place_and_no_filter_is_refused_in_words() {
    let spine = Spine::start().await;
    let acme = spine.organization("acme").await;
    let path = acme.path("events");
    let here = text(&spine.admin(Ask::get(format!("{path}?after=now"))).await.expect(200).json(), "position");
    let (log, _) = here.split_once('-').unwrap();
    let another = here.replace(log, "0190a1b2c3d47e5f8a6b7c8d9e0f1a2b");
    let beyond = format!("{log}-0-999999");
    for (query, field) in [
        (format!("after={another}"), "?after"),
        (format!("after={beyond}"), "?after"),
        ("after=yesterday".to_owned(), "?after"),
        (format!("after={here}&order=newest_first"), "?order"),
        (format!("after={here}&wait=26"), "?wait"),
        ("type=key.sung".to_owned(), "?type"),
        ("actor=bob".to_owned(), "?actor"),
        ("object=family:1".to_owned(), "?object"),
    ] {
        let problem = spine.admin(Ask::get(format!("{path}?{query}"))).await.expect(400).json();
        assert_eq!(problem["field"], field, "{query}: {problem}");
    }
}
