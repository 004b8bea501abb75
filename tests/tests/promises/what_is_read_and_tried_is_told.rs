//! What is read and tried through the admin API is told, in a stream of its own: who read what people wrote, whose
//! commands were refused, which keys were let in and which were not. An organization reads of itself alone, and an
//! address is there only sealed.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use gateway::config::Access;
use gateway::store::access::AccessRecords;
use gateway::store::setup;
use keyledger_tests::poll::{self, within};
use keyledger_tests::servers::Nats;
use keyledger_tests::spine::{Key, Organization, Spine, items};
use keyledger_tests::wire::Ask;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::the_command_line_speaks_the_api::Shell;

const BOUND: Duration = Duration::from_secs(20);

async fn with(spine: &Spine, key: &Key, ask: Ask, status: u16) -> Value {
    ask.bearer(&key.secret).send(spine.admin).await.expect(status).json()
}

/// What a key may read of an organization, newest first, once there are so many records that pass.
async fn records(
    spine: &Spine,
    key: &str,
    path: &str,
    passes: impl Fn(&Value) -> bool,
    count: usize,
) -> Vec<Value> {
    let ask = Ask::get(format!("{path}?limit=200")).bearer(key);
    let (found, _) = poll::until("records", BOUND, async || {
        let found: Vec<Value> = items(&ask.send(spine.admin).await.expect(200));
        let passing: Vec<Value> = found.iter().filter(|it| passes(it)).cloned().collect();
        if passing.len() >= count { Ok(passing) } else { Err(found) }
    })
    .await;
    found
}

fn kinds(records: &[Value]) -> BTreeMap<&str, usize> {
    let mut kinds = BTreeMap::new();
    for record in records {
        *kinds.entry(record["type"].as_str().unwrap()).or_default() += 1;
    }
    kinds
}

fn access(organization: &Organization) -> String {
    organization.path("access")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_is_told_once_and_an_organization_reads_of_itself_alone() {
    let mut spine = Spine::start().await;
    let (acme, other) = (spine.organization("acme").await, spine.organization("other").await);
    let (admin, revoked) = (spine.admin_of(&acme).await, spine.admin_of(&acme).await);
    let of_other = spine.admin_of(&other).await;
    let narrow = spine.key(&acme, &["admin:keys:read"]).await;
    let done = spine.change_key(&acme, &revoked.id, "revoke").await;
    spine.follows(done["position"].as_str().unwrap()).await;

    // One read, however often; one refused command; one key that works no more.
    for _ in 0..3 {
        with(&spine, &admin, Ask::get(acme.path("keys")), 200).await;
    }
    let mine = json!({"slug": "mine", "name": "FINDME"});
    let refused = with(&spine, &admin, Ask::post("/api/v1/organizations", &mine), 403).await;
    assert_eq!(refused["type"], "urn:keyledger:problem:installation-key-needed");
    let answer = Ask::get(acme.path("keys")).bearer(&revoked.secret).send(spine.admin).await.expect(401);
    // What was only looked at, or holds nothing that people wrote, is no read of texts.
    with(&spine, &admin, Ask::get("/api/v1/caller"), 200).await;
    with(&spine, &of_other, Ask::get(other.path("servers")), 200).await;
    // Another organization's: as if it were not there, and told to the asker's own.
    with(&spine, &of_other, Ask::get(acme.path("keys")), 404).await;
    let body = json!({"name": "FINDME", "scopes": ["mcp:*"]});
    with(&spine, &of_other, Ask::post(acme.path("keys"), &body), 404).await;

    let by_keys = |it: &Value| {
        it["actor"]
            .as_str()
            .is_some_and(|actor| [&admin.id, &revoked.id].iter().any(|id| actor == format!("key:{id}")))
    };
    let found = records(&spine, &admin.secret, &access(&acme), by_keys, 5).await;
    let expected = [
        ("access.read", 1),
        ("authentication.accepted", 1),
        ("authentication.refused", 1),
        ("command.refused", 1),
        ("text.read", 1),
    ];
    assert_eq!(kinds(&found), expected.into(), "{found:#?}");
    let one = |kind: &str| found.iter().find(|it| it["type"] == kind).unwrap();
    let read = one("text.read");
    assert_eq!(read["route"], "/api/v1/organizations/{organization}/keys");
    assert_eq!((&read["ids"]["organization"], &read["status"]), (&json!(acme.id), &json!(200)));
    assert_eq!((&read["organization"], &read["address"]), (&json!(acme.id), &json!("127.0.0.1")));
    assert_eq!(one("command.refused")["problem"], "installation-key-needed");
    let refused = one("authentication.refused");
    assert_eq!(
        (&refused["reason"], &refused["actor"]),
        (&json!("revoked"), &json!(format!("key:{}", revoked.id)))
    );
    assert_eq!(refused["request"].as_str(), answer.header("x-request-id"));

    // The installation's own key in an organization is told to both, and its address to the installation alone.
    spine.admin(Ask::get(format!("{}/{}", acme.path("keys"), admin.id))).await.expect(200);
    let by_installation = |it: &Value| it["ids"]["key"] == admin.id.as_str();
    let seen = records(&spine, &admin.secret, &access(&acme), by_installation, 1).await;
    assert_eq!((seen.len(), &seen[0]["address"]), (1, &Value::Null));
    let seen = records(&spine, &spine.admin_key, "/api/v1/access", by_installation, 1).await;
    assert_eq!((seen.len(), &seen[0]["address"]), (1, &json!("127.0.0.1")));

    // Nothing of the one in what the other reads.
    let of_others = records(&spine, &of_other.secret, &access(&other), |_| true, 3).await;
    assert!(of_others.iter().all(|it| it["organization"] == other.id.as_str()), "{of_others:#?}");
    let refused: Vec<_> = of_others.iter().filter(|it| it["type"] == "command.refused").collect();
    assert_eq!((refused.len(), &refused[0]["problem"]), (1, &json!("not-found")));
    with(&spine, &of_other, Ask::get(access(&acme)), 404).await;
    with(&spine, &of_other, Ask::get("/api/v1/access"), 403).await;
    let refused = with(&spine, &narrow, Ask::get(access(&acme)), 403).await;
    assert!(refused["detail"].as_str().unwrap().contains("admin:access:read"), "{refused}");

    // Page by page it is the same, either way; and by type.
    let page =
        async |query: &str| with(&spine, &admin, Ask::get(format!("{}?{query}", access(&acme))), 200).await;
    let (mut backwards, mut cursor) = (Vec::new(), String::new());
    loop {
        let found = page(&format!("limit=2{cursor}&until={}", found[0]["time"].as_str().unwrap())).await;
        backwards.extend(found["items"].as_array().unwrap().clone());
        let Some(next) = found["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let (mut forwards, mut after) = (Vec::new(), "start".to_owned());
    loop {
        let found =
            page(&format!("limit=2&after={after}&until={}", found[0]["time"].as_str().unwrap())).await;
        forwards.extend(found["items"].as_array().unwrap().clone());
        after = found["position"].as_str().unwrap().to_owned();
        if found["more"] != true {
            break;
        }
    }
    forwards.reverse();
    assert!(backwards.len() > 3 && backwards == forwards, "{backwards:#?}\n{forwards:#?}");
    let refused = page("type=command.refused,authentication.refused").await;
    assert_eq!(refused["items"].as_array().unwrap().len(), 2);
    with(&spine, &admin, Ask::get(format!("{}?type=text.sung", access(&acme))), 400).await;

    // In NATS an address is sealed, and what was written is nowhere.
    let stored = AccessRecords::new(spine.nats.connect("auditor").await);
    let stored = stored.range(1, 200).await.unwrap();
    let text: String = stored.iter().map(|it| String::from_utf8_lossy(&it.payload).into_owned()).collect();
    assert!(stored.len() > 8 && !text.contains("127.0.0.1") && !text.contains("FINDME"), "{text}");
    for key in [&admin, &revoked, &of_other] {
        assert!(!text.contains(&key.secret));
    }

    // An organization that is forgotten takes with it from where its keys were used.
    let path = format!("/api/v1/organizations/{}", acme.id);
    spine.write(Ask::post(format!("{path}/suspend"), &json!({}))).await;
    spine.write(Ask::post(format!("{path}/forget"), &json!({"slug": "acme"}))).await;
    let forgotten = |it: &Value| by_keys(it) && it["address"].is_null();
    records(&spine, &spine.admin_key, "/api/v1/access", forgotten, found.len()).await;

    // Credentials that nobody has are counted; what waits is told before the process ends.
    for _ in 0..3 {
        Ask::get("/api/v1/caller").bearer("kl_live_nobodys").send(spine.admin).await.expect(401);
    }
    spine.stop_node().await;
    spine.start_node().await;
    spine.becomes_ready().await;
    let unknown = |it: &Value| it["reason"] == "unknown";
    let found = records(&spine, &spine.admin_key, "/api/v1/access", unknown, 1).await;
    assert_eq!((found.len(), &found[0]["count"], &found[0]["actor"]), (1, &json!(3), &Value::Null));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nats_that_is_away_fails_no_read_and_what_was_read_is_told_later() {
    let mut spine = Spine::start().await;
    let acme = spine.organization("acme").await;
    let admin = spine.admin_of(&acme).await;
    // The read models have come so far.
    let path = format!("{}?at_least={}", acme.path("keys"), admin.position);
    spine.admin(Ask::get(path)).await.expect(200);
    spine.nats.stop().await;
    for _ in 0..3 {
        with(&spine, &admin, Ask::get(acme.path("keys")), 200).await;
    }
    let away = with(&spine, &admin, Ask::get(access(&acme)), 503).await;
    assert_eq!(away["type"], "urn:keyledger:problem:access-unavailable");
    spine.nats.start_again().await;
    let by_admin = |it: &Value| it["type"] == "text.read" && it["actor"] == format!("key:{}", admin.id);
    let ask = Ask::get(access(&acme)).bearer(&admin.secret);
    let (found, took) =
        poll::until("what was read is told", BOUND, async || match ask.send(spine.admin).await {
            answer if answer.status == 200 => {
                let found = items(&answer);
                let found: Vec<_> = found.into_iter().filter(by_admin).collect();
                if found.is_empty() { Err(answer.text()) } else { Ok(found) }
            }
            answer => Err(answer.text()),
        })
        .await;
    eprintln!("told {took:?} after NATS was back");
    assert_eq!(found.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_lists_and_follows() {
    let spine = Spine::start().await;
    let acme = spine.organization("acme").await;
    spine.admin(Ask::get(acme.path("servers"))).await.expect(200);
    records(&spine, &spine.admin_key, "/api/v1/access", |it| it["type"] == "text.read", 1).await;
    let shell = Shell::of(&spine);
    let listed = shell.done(&["access", "list", "--type", "text.read"]).await;
    let line = listed.lines().nth(1).unwrap();
    let route = format!("GET /api/v1/organizations/{} (Test)/servers", acme.id);
    assert!(line.contains(&route) && line.contains("127.0.0.1"), "{listed}");
    let of_acme = shell.done(&["access", "list", "--organization", "acme", "--last", "1h", "--json"]).await;
    let of_acme: Value = serde_json::from_str(&of_acme).unwrap();
    assert_eq!(of_acme["items"][0]["organization"], acme.id.as_str(), "{of_acme}");

    let mut follow = shell.command(&["access", "follow", "--after", "start", "--type", "command.refused"]);
    let mut follow = follow.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    let missing = format!("{}/0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b/revoke", acme.path("keys"));
    spine.admin(Ask::post(missing, &json!({}))).await.expect(404);
    let line = within("a line", BOUND, lines.next_line()).await.unwrap().unwrap();
    let record: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&record["problem"], &record["method"]), (&json!("not-found"), &json!("POST")));
    follow.kill().await.unwrap();
}

#[tokio::test]
async fn records_are_kept_as_configured() {
    let nats = Nats::start().await;
    let admin = nats.connect("admin").await;
    let kept = Access { max_age_days: 7, max_bytes: 2_097_152 };
    setup::setup_keeping(&admin, 1, &kept).await.unwrap();
    let told = setup::setup(&admin, 1).await.unwrap_err().to_string();
    assert!(told.contains("KL_ACCESS") && told.contains("max_age") && told.contains("max_bytes"), "{told}");
    setup::setup_keeping(&admin, 1, &kept).await.unwrap();
}
