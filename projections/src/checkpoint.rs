//! How far each projection has come, and the fence that lets one writer at a time move it.

use std::time::Duration;

use events::position::Place;
use events::{EventId, Frontier, LogId, Position, Shard, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::Projection;
use crate::postgres::{Pool, ReadModelError};

/// The place up to which every event is in a projection.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Checkpoint {
    pub log: LogId,
    pub sequence: u64,
    /// `null`: the message there is no event of ours.
    pub event: Option<EventId>,
    /// When the log stored that message.
    pub stored_at: Timestamp,
}

impl Checkpoint {
    pub fn place(&self) -> Place {
        Place { log: self.log, sequence: self.sequence, event: self.event }
    }

    pub fn frontier(&self) -> Frontier {
        let mut frontier = Frontier::start(self.log);
        frontier.advance(Shard::ZERO, self.sequence);
        frontier
    }
}

/// A projection's checkpoint; `None`: it has nothing yet.
pub async fn read(pool: &Pool, projection: Projection) -> Result<Option<Checkpoint>, ReadModelError> {
    pool.has_own_sessions().await?;
    let mut connection = pool.inner().acquire().await?;
    Ok(within(&mut connection, projection).await?)
}

/// Every projection's checkpoint, as they stood at one moment.
pub async fn all(pool: &Pool) -> Result<Vec<(Projection, Option<Checkpoint>)>, ReadModelError> {
    pool.has_own_sessions().await?;
    let sql = "SELECT projection, to_jsonb(c) FROM checkpoints c";
    let mut rows: Vec<(String, Json<Checkpoint>)> = sqlx::query_as(sql).fetch_all(pool.inner()).await?;
    let of = |projection: Projection| {
        let at = rows.iter().position(|(name, _)| name == projection.as_str());
        (projection, at.map(|at| rows.swap_remove(at).1.0))
    };
    Ok(Projection::ALL.into_iter().map(of).collect())
}

/// Waits until a projection has the event at this position. False: not in time, or another log's.
pub async fn wait_for(
    pool: &Pool,
    projection: Projection,
    position: &Position,
    timeout: Duration,
) -> Result<bool, ReadModelError> {
    let look = async {
        let mut pause = Duration::from_millis(2);
        loop {
            match read(pool, projection).await? {
                Some(checkpoint) if checkpoint.frontier().covers(position) => return Ok(true),
                Some(checkpoint) if checkpoint.log != position.log => return Ok(false),
                Some(_) | None => {}
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    };
    tokio::time::timeout(timeout, look).await.unwrap_or(Ok(false))
}

/// The same within a transaction.
pub(crate) async fn within(
    connection: &mut PgConnection,
    projection: Projection,
) -> Result<Option<Checkpoint>, sqlx::Error> {
    let row: Option<Json<_>> =
        sqlx::query_scalar("SELECT to_jsonb(c) FROM checkpoints c WHERE projection = $1")
            .bind(projection.as_str())
            .fetch_optional(connection)
            .await?;
    Ok(row.map(|Json(checkpoint)| checkpoint))
}

/// Moves the checkpoint, within the batch's transaction. False: it is not where the writer left it, so somebody
/// else writes, and the batch must not be stored. The row stays locked until the transaction ends.
pub(crate) async fn advance(
    connection: &mut PgConnection,
    projection: Projection,
    from: Option<&Checkpoint>,
    to: &Checkpoint,
) -> Result<bool, sqlx::Error> {
    let to = Json(to);
    let moved = match from {
        None => {
            let sql = "INSERT INTO checkpoints (projection, log, sequence, event, stored_at) \
                       SELECT $2, log, sequence, event, stored_at \
                       FROM jsonb_populate_record(NULL::checkpoints, $1) ON CONFLICT (projection) DO NOTHING";
            sqlx::query(sql).bind(to).bind(projection.as_str()).execute(connection).await?
        }
        Some(from) => {
            let sql = "UPDATE checkpoints c \
                       SET (sequence, event, stored_at, updated_at) = (t.sequence, t.event, t.stored_at, now()) \
                       FROM jsonb_populate_record(NULL::checkpoints, $1) t \
                       WHERE c.projection = $2 AND c.log = t.log AND c.sequence = $3";
            let statement = sqlx::query(sql).bind(to).bind(projection.as_str());
            statement.bind(from.sequence.cast_signed()).execute(connection).await?
        }
    };
    Ok(moved.rows_affected() == 1)
}

/// Locks the checkpoint where it is until the transaction ends. False: it is not there any more.
pub(crate) async fn hold(
    connection: &mut PgConnection,
    projection: Projection,
    at: &Checkpoint,
) -> Result<bool, sqlx::Error> {
    let sql = "SELECT true FROM checkpoints \
               WHERE projection = $1 AND log = $2 AND sequence = $3 FOR UPDATE";
    let held: Option<bool> = sqlx::query_scalar(sql)
        .bind(projection.as_str())
        .bind(at.log.uuid())
        .bind(at.sequence.cast_signed())
        .fetch_optional(connection)
        .await?;
    Ok(held.is_some())
}
