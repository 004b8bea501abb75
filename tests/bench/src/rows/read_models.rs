//! Read models are built from a long log; against PostgreSQL's COPY of the same rows into tables of the same shape.

use std::path::Path;
use std::time::Duration;

use events::clock::{Clock, SystemClock};
use keyledger_tests::poll;
use projections::Projection;
use projections::checkpoint;
use projections::postgres;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::{Better, MANY, Row};
use crate::bench::Bench;
use crate::statistics::{Spread, short};

const PATIENCE: Duration = Duration::from_secs(3_600);

pub async fn take(bench: &Bench) -> Vec<Row> {
    let mut full = bench.full().await;
    let full = full.as_mut().expect("it was made");
    let end = full.log.info().await.expect("the log's end").last_sequence;
    let pool = postgres::connect(&full.fleet.postgres.url(), 2).expect("PostgreSQL's URL is one");
    let node = &mut full.fleet.nodes[0];
    node.set("roles", "worker");
    // Written meanwhile, a snapshot would take a share of the machine.
    node.set("snapshots.every_minutes", "1000");
    node.set("snapshots.every_events", "1000000000");
    let before = behind(&pool, 0).await.expect_err("where each stands");
    let begun: u64 = before.iter().copied().min().unwrap_or_default();
    let start = SystemClock.instant();
    node.start().await;
    let built = async || behind(&pool, end).await;
    poll::until("the read models are built", PATIENCE, built).await;
    let took = SystemClock.instant() - start;
    node.stop().await;
    let events = (end - begun) as f64;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut connection = full.fleet.postgres.connect().await;
    let mut copied = Vec::new();
    for _ in 0..bench.arguments.rounds().min(3) {
        copied.push(events / copy(&mut connection, folder.path()).await.as_secs_f64());
    }
    connection.close().await.expect("the connection closes");
    let (floor, ours) = (Spread::of(&copied), Spread::of(&[events / took.as_secs_f64()]));
    let ratio = ours.median / floor.median;
    vec![Row {
        row: format!("read models from {} events", short(events)),
        unit: "events/s, all read models",
        better: Better::More,
        floor: Some(floor),
        ours: Some(ours),
        ratio: Some(ratio),
        aim: "at least 0.30",
        holds: (full.keys == MANY).then_some(ratio >= 0.3),
        notes: vec![format!(
            "{} s from the start of a worker's process until all have all events; floor: COPY of the same rows into tables with the same indexes, one after the other",
            short(took.as_secs_f64())
        )],
    }]
}

/// Whether each projection has come to this event; else where each stands.
async fn behind(pool: &postgres::Pool, end: u64) -> Result<(), Vec<u64>> {
    let all = checkpoint::all(pool).await.map_err(|_| Vec::new())?;
    let stand: Vec<u64> = all
        .into_iter()
        .map(|(_, checkpoint)| checkpoint.map_or(0, |checkpoint| checkpoint.sequence))
        .collect();
    if end > 0 && stand.iter().all(|sequence| *sequence >= end) { Ok(()) } else { Err(stand) }
}

/// How long PostgreSQL takes to fill empty tables with the same rows.
async fn copy(connection: &mut PgConnection, folder: &Path) -> Duration {
    let mut took = Duration::ZERO;
    for table in Projection::ALL.map(Projection::as_str) {
        let file = folder.join(table);
        let rows = {
            let mut rows = connection
                .copy_out_raw(&format!("COPY {table} TO STDOUT"))
                .await
                .expect("PostgreSQL copies out");
            let mut file = tokio::fs::File::create(&file).await.expect("a file");
            let mut bytes = 0;
            while let Some(piece) = futures::StreamExt::next(&mut rows).await {
                let piece = piece.expect("rows");
                bytes += piece.len();
                tokio::io::AsyncWriteExt::write_all(&mut file, &piece).await.expect("they are written");
            }
            tokio::io::AsyncWriteExt::flush(&mut file).await.expect("they are written");
            bytes
        };
        if rows == 0 {
            continue;
        }
        execute(connection, format!("DROP TABLE IF EXISTS bench_{table}")).await;
        execute(connection, format!("CREATE TABLE bench_{table} (LIKE {table} INCLUDING ALL)")).await;
        let start = SystemClock.instant();
        let mut copy = connection
            .copy_in_raw(&format!("COPY bench_{table} FROM STDIN"))
            .await
            .expect("PostgreSQL copies in");
        copy.read_from(tokio::fs::File::open(&file).await.expect("a file")).await.expect("rows are sent");
        copy.finish().await.expect("rows are stored");
        took += SystemClock.instant() - start;
        execute(connection, format!("DROP TABLE bench_{table}")).await;
    }
    took
}

async fn execute(connection: &mut PgConnection, sql: String) {
    connection.execute(AssertSqlSafe(sql)).await.expect("PostgreSQL carries it out");
}
