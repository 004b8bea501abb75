//! What a process's log output says of a state that lasts: its beginning once, its end with how long it was, in words and
//! as a number; and no line that a library wrote.

use std::time::Duration;

use keyledger_tests::fleet::{Fleet, Plan};
use keyledger_tests::poll;
use serde_json::Value;

/// Each read model notices it for itself, on a machine that may do much else.
const BOUND: Duration = Duration::from_secs(150);

fn lines(said: &str) -> Vec<Value> {
    said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Those of one state.
fn of<'a>(lines: &'a [Value], begins: &str) -> Vec<&'a Value> {
    let is = |line: &&Value| line["fields"]["message"].as_str().is_some_and(|text| text.starts_with(begins));
    lines.iter().filter(is).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_away_has_one_line_and_its_end_another() {
    let set = [("log.format", "json"), ("log.filter", "info")];
    let mut fleet = Fleet::with(Plan { nodes: 1, own_postgres: true, set: &set, ..Plan::default() }).await;
    let said = async |fleet: &Fleet, text: &str| {
        poll::until(text, BOUND, async || match fleet.nodes[0].said() {
            said if said.contains(text) => Ok(lines(&said)),
            said => Err(said),
        })
        .await
        .0
    };
    fleet.postgres.stop().await;
    said(&fleet, "PostgreSQL does not answer").await;
    said(&fleet, "the projection stands still").await;
    fleet.postgres.start_again().await;
    said(&fleet, "the projection goes on").await;
    let told = said(&fleet, "PostgreSQL answers again after ").await;

    assert_eq!(of(&told, "PostgreSQL does not answer").len(), 1, "{told:#?}");
    let [end] = of(&told, "PostgreSQL answers again after ")[..] else { panic!("{told:#?}") };
    assert!(end["fields"]["seconds"].as_f64().unwrap() > 0.0 && end["fields"]["times"].is_u64(), "{end}");
    for line in &told {
        assert!(line.get("span").is_none(), "its spans stand there twice: {line}");
        let target = line["target"].as_str().unwrap();
        let own = ["access", "domain", "events", "gateway", "keyledger", "projections"];
        let name = target.split("::").next().unwrap();
        assert!(own.contains(&name) || name.starts_with("keyledger_"), "a library's line: {line}");
    }
}
