//! What is away is told where a person on call looks: by metrics, and by a command that needs no control.

use std::path::PathBuf;
use std::time::Duration;

use keyledger_tests::poll;
use keyledger_tests::spine::Spine;
use keyledger_tests::wire::Ask;
use serde_json::Value;
use tokio::process::Command;

const BOUND: Duration = Duration::from_secs(30);

/// The binary as `./test` builds it, beside the tests.
fn keyledger() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    tests.parent().unwrap().parent().unwrap().join("keyledger")
}

/// A series's value; `None`: there is no such series.
async fn metric(spine: &Spine, series: &str) -> Option<f64> {
    let answer = Ask::get("/metrics").send(spine.metrics).await;
    let value = |line: &str| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok();
    answer.text().lines().find_map(value)
}

async fn becomes(spine: &Spine, series: &str, is: impl Fn(f64) -> bool) {
    poll::until(series, BOUND, async || match metric(spine, series).await {
        Some(value) if is(value) => Ok(()),
        other => Err(other),
    })
    .await;
}

/// `keyledger status --process`, with what else is given: exit code and what it printed.
async fn of_process(spine: &Spine, more: &[&str]) -> (i32, String) {
    let url = format!("http://{}", spine.metrics);
    let run = Command::new(keyledger()).args(["status", "--process", &url]).args(more).env_clear().output();
    let said = poll::within("keyledger status", BOUND, run).await.unwrap();
    (said.status.code().unwrap(), String::from_utf8(said.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_not_ready_tells_of_itself() {
    let mut spine = Spine::with(|config| {
        config.freshness.max_staleness_ms = 12_000;
        config.freshness.ask_every_ms = 200;
    })
    .await;
    let connected =
        |process: &Value| process["nats"].as_array().unwrap().iter().any(|it| it["connected"] == true);
    assert_eq!(of_process(&spine, &["--check"]).await, (0, String::new()));
    spine.nats.stop().await;
    // Before it stops it says when.
    let (said, _) =
        poll::until("it is degraded", BOUND, async || match of_process(&spine, &["--check"]).await {
            (5, said) if said.contains("last confirmed") => Ok(said),
            other => Err(other),
        })
        .await;
    assert!(
        said.contains(" s ago, stops at 12 s") && said.contains("the read models and all else"),
        "{said}"
    );
    becomes(&spine, "keyledger_ready", |ready| ready == 0.0).await;
    assert_eq!(metric(&spine, "keyledger_freshness_bound_seconds").await, Some(12.0));
    let (code, out) = of_process(&spine, &["--json"]).await;
    let process: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &process["ready"]), (0, &false.into()), "{process}");
    assert!(!connected(&process), "{process}");
    let reason = process["reason"].as_str().unwrap();
    assert!(reason.starts_with("last known to be complete"), "{reason}");
    assert!(process["log_last_sequence"].as_u64().unwrap() > 0, "{process}");
    assert_eq!(of_process(&spine, &["--check"]).await.0, 3);
    spine.nats.start_again().await;
    spine.becomes_ready().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_key_file_that_can_not_be_used_is_told_until_it_can() {
    let spine = Spine::start().await;
    let vault = spine.config.vault.clone();
    let files = [
        ("node", vault.node_key_file),
        ("control", vault.control_key_file),
        ("people", vault.people_key_file),
    ];
    for (vault, file) in files {
        let (file, unfit) = (file.unwrap(), format!("keyledger_master_key_file_unfit{{vault=\"{vault}\"}}"));
        let right = std::fs::read(&file).unwrap();
        std::fs::write(&file, "half of it").unwrap();
        spine.reload();
        becomes(&spine, &unfit, |unfit| unfit == 1.0).await;
        let (code, said) = of_process(&spine, &["--check"]).await;
        let told = said.contains("a restart would fail") && said.contains(&*file.to_string_lossy());
        assert!(code == 5 && told, "{code}: {said}");
        std::fs::write(&file, right).unwrap();
        spine.reload();
        becomes(&spine, &unfit, |unfit| unfit == 0.0).await;
        assert_eq!(of_process(&spine, &["--check"]).await, (0, String::new()));
    }
}

/// Each waits for the thing itself, however long a loaded machine takes for it.
const LONG: Duration = Duration::from_secs(90);

const PROJECTIONS: [&str; 13] = [
    "organizations",
    "servers",
    "keys",
    "webhooks",
    "people",
    "members",
    "invitations",
    "issuers",
    "consents",
    "grants",
    "clients",
    "approvals",
    "history",
];

/// The series' value once it is as it should be.
async fn value(spine: &Spine, series: &str, is: impl Fn(f64) -> bool) -> f64 {
    let found = poll::until(series, LONG, async || match metric(spine, series).await {
        Some(value) if is(value) => Ok(value),
        other => Err(other),
    });
    found.await.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_away_shows_and_so_does_what_is_missed_meanwhile() {
    let mut spine = Spine::breakable(|_| ()).await;
    let acme = spine.organization("acme").await;
    let lags = PROJECTIONS.map(|name| format!("keyledger_projection_lag_events{{projection=\"{name}\"}}"));
    value(&spine, "keyledger_postgres_up", |up| up == 1.0).await;
    for lag in &lags {
        value(&spine, lag, |lag| lag == 0.0).await;
    }

    spine.postgres.stop().await;
    value(&spine, "keyledger_postgres_up", |up| up == 0.0).await;
    let mut before = PROJECTIONS.map(|_| 0.0);
    for _ in 0..3 {
        spine.key(&acme, &["mcp:*"]).await;
        for (lag, before) in lags.iter().zip(&mut before) {
            *before = value(&spine, lag, |lag| lag > *before).await;
        }
    }
    let all = PROJECTIONS.map(|name| format!("`{name}`")).join(", ");
    let still = format!("the read models {all} stand still: PostgreSQL: ");
    poll::until("why, once for all of them", LONG, async || match of_process(&spine, &["--check"]).await {
        (5, said) if said.contains(&still) && said.contains("efused") => Ok(()),
        other => Err(other),
    })
    .await;
    let behind =
        value(&spine, "keyledger_projection_lag_seconds{projection=\"keys\"}", |seconds| seconds > 0.0).await;
    value(&spine, "keyledger_projection_lag_seconds{projection=\"keys\"}", |seconds| seconds > behind).await;

    spine.postgres.start_again().await;
    value(&spine, "keyledger_postgres_up", |up| up == 1.0).await;
    for lag in &lags {
        value(&spine, lag, |lag| lag == 0.0).await;
    }
}
