//! What happened is read as a list and followed as a feed, by places that hold for ever: nothing is missed, nothing
//! comes twice, and nobody follows what they may not read.

use std::time::Duration;

use events::clock::{Clock, SystemClock};
use keyledger_tests::spine::{Spine, items, text};
use keyledger_tests::wire::{Ask, Open};
use serde_json::{Value, json};

use crate::the_command_line_speaks_the_api::Shell;

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
    let wait = Ask::get(format!("{path}?after={}&wait_seconds=20&type=key.issued", text(&now, "position")));
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
    let wait = Ask::get(format!("{path}?after={}&wait_seconds=1", text(&now, "position")));
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
        (format!("after={here}&wait_seconds=26"), "?wait_seconds"),
        ("type=key.sung".to_owned(), "?type"),
        ("actor=bob".to_owned(), "?actor"),
        ("object=family:1".to_owned(), "?object"),
    ] {
        let problem = spine.admin(Ask::get(format!("{path}?{query}"))).await.expect(400).json();
        assert_eq!(problem["field"], field, "{query}: {problem}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_says_who_made_it_and_what_stood_there_before() {
    let spine = Spine::start().await;
    let acme = spine.organization("acme").await;
    let admin = spine.key_with(&acme, json!({"name": "Ann", "scopes": ["admin:*:*"]})).await;
    let server = spine.register(&acme, "docs", "http://127.0.0.1:9/one").await;
    let key =
        spine.key_with(&acme, json!({"name": "ci", "scopes": ["mcp:docs"], "metadata": {"a": 1}})).await;
    let of_key = format!("{}/{}", acme.path("keys"), key.id);
    let of_server = format!("{}/{}", acme.path("servers"), server.id);
    let put = |what: &str, body: Value| Ask::new("PUT", format!("{of_key}/{what}")).json(&body);
    let patch = |body: Value| Ask::new("PATCH", &of_server).json(&body);
    let end = spine.later(600);
    let mut last = String::new();
    for ask in [
        put("name", json!({"name": "ci 2"})),
        put("scopes", json!({"scopes": ["mcp:*"]})),
        put("metadata", json!({"metadata": {"b": 2}})),
        put("expiry", json!({"expires_at": end})),
        put("expiry", json!({"expires_at": null})),
        patch(json!({"upstream": "http://127.0.0.1:9/two", "try_upstream": false})),
        patch(json!({"name": "Docs"})),
        patch(json!({"upstream": "http://127.0.0.1:9/three", "try_upstream": false})),
    ] {
        last = text(&ask.bearer(&admin.secret).send(spine.admin).await.expect(200).json(), "position");
    }
    let list = format!("{}?at_least={last}&order=oldest_first&limit=200", acme.path("events"));
    let told = items(&Ask::get(&list).bearer(&admin.secret).send(spine.admin).await.expect(200));
    let changes: Vec<_> = told.iter().filter(|event| event["before"].is_object()).collect();
    let before: Vec<_> = changes.iter().map(|event| event["before"].clone()).collect();
    let expected = [
        json!({"name": "ci"}),
        json!({"scopes": ["mcp:docs"]}),
        json!({"metadata": {"a": 1}}),
        json!({"expires_at": null}),
        json!({"expires_at": end}),
        json!({"upstream": "http://127.0.0.1:9/one"}),
        json!({"name": "Test"}),
        json!({"upstream": "http://127.0.0.1:9/two"}),
    ];
    assert_eq!(before, expected, "{told:#?}");
    for (change, name) in changes.iter().zip(["ci 2", "ci 2", "ci 2", "ci 2", "ci 2", "Docs", "Docs", "Docs"])
    {
        assert_eq!((&change["actor_name"], &change["name"]), (&json!("Ann"), &json!(name)), "{change}");
        assert_eq!(change["organization_slug"], "acme");
    }
    // The installation's reader knows its own keys by name, and an organization's does not.
    let by_installation = |told: &[Value]| {
        let created = told.iter().find(|event| event["type"] == "organization.created");
        created.map(|event| event["actor_name"].clone())
    };
    assert_eq!(by_installation(&told), Some(Value::Null));
    let whole = items(&spine.admin(Ask::get(&list)).await.expect(200));
    assert_ne!(by_installation(&whole), Some(Value::Null));
    assert!(whole.is_sorted_by_key(|event| event["sequence"].as_u64().unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_organizations_events_are_written_in_the_formats_of_a_replay() {
    let spine = Spine::start().await;
    let shell = Shell::of(&spine);
    let acme = spine.organization("acme").await;
    let key = spine.key(&acme, &["mcp:*"]).await;
    let told = async |format: &str| {
        let asked = ["organizations", "events", "--organization", "acme", "--order", "oldest"];
        shell.done(&[&asked, &["--at-least", &*key.position, "--format", format][..]].concat()).await
    };
    let replayed = async |format: &str| {
        shell.done(&shell.events(&["replay", "--organization", &acme.id, "--format", format])).await
    };
    // All but the data, whose texts are sealed in the log.
    let places = |table: &str| {
        let of = |line: &str| line.split(',').take(11).map(str::to_owned).collect::<Vec<_>>();
        table.lines().map(of).collect::<Vec<_>>()
    };
    assert_eq!(places(&told("csv").await), places(&replayed("csv").await));
    let values = |lines: &str| {
        lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>()
    };
    let (ours, logs) = (values(&told("cloudevents").await), values(&replayed("cloudevents").await));
    assert!(ours.len() == logs.len() && ours.iter().any(|event| event["type"] == "key.issued"));
    for (ours, logs) in ours.iter().zip(&logs) {
        // The log's event does not say that its data is JSON; what webhooks are sent does.
        let of_the_log = |name: &str| !["data", "datacontenttype"].contains(&name);
        for (name, value) in ours.as_object().unwrap().iter().filter(|(name, _)| of_the_log(name)) {
            assert_eq!(value, &logs[name], "{name}");
        }
    }
    assert!(values(&told("jsonl").await).iter().all(|event| event["position"].is_string()));
    let refused =
        shell.run(&["organizations", "events", "--organization", "acme", "--format", "parquet"]).await;
    assert!(refused.code == 2 && refused.err.contains("events replay --format parquet"), "{}", refused.err);
}
