//! Many open streams of one key: what each costs, and how soon all have ended once the key is revoked.

use std::time::{Duration, Instant};

use events::clock::{Clock, SystemClock};
use tokio::task::JoinSet;

use super::{Better, Row};
use crate::bench::Bench;
use crate::installation::{Installation, scopes};
use crate::load::Connection;
use crate::load::answer::Reader;
use crate::process;
use crate::rows::proxy::call;
use crate::statistics::{Spread, percentile, short};

const STREAMS: usize = 1_000;
const ROW: &str = "1,000 open SSE streams";
const MEMORY: &str = "KiB of resident memory a stream";
const PATIENCE: Duration = Duration::from_secs(20);

pub async fn take(bench: &Bench) -> Vec<Row> {
    // A process of its own: one that has answered others has room left from them.
    let upstream = bench.upstream().await.address;
    let ours = Installation::node(&bench.arguments, upstream, 1).await;
    let rounds = bench.arguments.rounds();
    let (mut sizes, mut ends) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let key = ours.issuer.issue(&*ours.log, 1, &scopes("mcp:open")).await.remove(0);
        let request = call(&ours.path("open"), &key.text);
        ours.knows(&key.text).await;
        let before = process::resident(ours.process());
        let mut streams = Vec::new();
        for _ in 0..STREAMS {
            let mut connection = Connection::open(ours.public()).await.expect("a connection");
            let mut reader = Reader::default();
            let begun = connection.begin(&request, &mut reader).await;
            if begun.is_err() || reader.status != 200 {
                let why = format!("stream {} was answered {} ({begun:?})", streams.len(), reader.status);
                return vec![Row::not_taken(ROW, MEMORY, "at most 16 KiB", why)];
            }
            streams.push((connection, reader));
        }
        sizes.push(
            (process::resident(ours.process()).saturating_sub(before)) as f64 / 1_024.0 / STREAMS as f64,
        );
        let mut tasks: JoinSet<Option<Instant>> = JoinSet::new();
        for (mut connection, mut reader) in streams {
            tasks.spawn(async move {
                let end = async { while let Ok(false) = connection.piece(&mut reader).await {} };
                tokio::time::timeout(PATIENCE, end).await.ok().map(|()| SystemClock.instant())
            });
        }
        let revoked = ours.issuer.revoke(&*ours.log, &key).await;
        let ended: Vec<_> = tasks.join_all().await;
        let mut millis: Vec<f64> = ended
            .into_iter()
            .map(|end| {
                end.map_or(f64::INFINITY, |end| end.saturating_duration_since(revoked).as_secs_f64() * 1e3)
            })
            .collect();
        millis.sort_by(f64::total_cmp);
        ends.push(percentile(&millis, 0.99).unwrap_or(f64::NAN));
    }
    // The first round's growth is what the streams cost; later ones find room that the first has left.
    let (first, ends) = (sizes[0], Spread::of(&ends));
    let size = Row {
        row: ROW.to_owned(),
        unit: MEMORY,
        better: Better::Less,
        floor: None,
        ours: Some(Spread::of(&[first])),
        ratio: None,
        aim: "at most 16 KiB",
        holds: Some(first <= 16.0),
        notes: vec![format!(
            "growth of each round in KiB a stream: {}",
            sizes.iter().map(|size| short(*size)).collect::<Vec<_>>().join(", ")
        )],
    };
    let end = Row {
        row: ROW.to_owned(),
        unit: "ms at p99 from a revocation in the log to a stream's end",
        better: Better::Less,
        floor: None,
        ours: Some(ends),
        ratio: None,
        aim: "at most 100 ms",
        holds: Some(ends.median <= 100.0),
        notes: Vec::new(),
    };
    vec![size, end]
}
