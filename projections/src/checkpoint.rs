//! How far the read models have come, and the fence that lets one writer at a time move it.

use std::time::Duration;

use events::position::Place;
use events::{EventId, Frontier, LogId, Position, Shard, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::postgres::{Pool, ReadModelError};

/// The place up to which every event is in the read models.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
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

/// The read models' checkpoint; `None`: nothing was projected yet.
pub async fn read(pool: &Pool) -> Result<Option<Checkpoint>, ReadModelError> {
    let row: Option<Json<_>> =
        sqlx::query_scalar("SELECT to_jsonb(c) FROM checkpoints c WHERE projection = 'read_models'")
            .fetch_optional(pool.inner())
            .await?;
    Ok(row.map(|Json(checkpoint)| checkpoint))
}

/// Waits until the read models have the event at this position. False: not in time, or another log's.
pub async fn wait_for(pool: &Pool, position: &Position, timeout: Duration) -> Result<bool, ReadModelError> {
    let look = async {
        let mut pause = Duration::from_millis(2);
        loop {
            match read(pool).await? {
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

/// Moves the checkpoint, within the batch's transaction. False: it is not where the writer left it, so somebody
/// else writes, and the batch must not be stored. The row stays locked until the transaction ends.
pub(crate) async fn advance(
    connection: &mut PgConnection,
    from: Option<&Checkpoint>,
    to: &Checkpoint,
) -> Result<bool, sqlx::Error> {
    let to = Json(to);
    let moved = match from {
        None => {
            let sql = "INSERT INTO checkpoints (projection, log, sequence, event, stored_at) \
                       SELECT 'read_models', log, sequence, event, stored_at \
                       FROM jsonb_populate_record(NULL::checkpoints, $1) ON CONFLICT (projection) DO NOTHING";
            sqlx::query(sql).bind(to).execute(connection).await?
        }
        Some(from) => {
            let sql = "UPDATE checkpoints c \
                       SET (sequence, event, stored_at, updated_at) = (t.sequence, t.event, t.stored_at, now()) \
                       FROM jsonb_populate_record(NULL::checkpoints, $1) t \
                       WHERE c.projection = 'read_models' AND c.log = t.log AND c.sequence = $2";
            sqlx::query(sql).bind(to).bind(from.sequence.cast_signed()).execute(connection).await?
        }
    };
    Ok(moved.rows_affected() == 1)
}

/// Locks the checkpoint where it is until the transaction ends. False: it is not there any more.
pub(crate) async fn hold(connection: &mut PgConnection, at: &Checkpoint) -> Result<bool, sqlx::Error> {
    let sql = "SELECT true FROM checkpoints \
               WHERE projection = 'read_models' AND log = $1 AND sequence = $2 FOR UPDATE";
    let held: Option<bool> = sqlx::query_scalar(sql)
        .bind(at.log.uuid())
        .bind(at.sequence.cast_signed())
        .fetch_optional(connection)
        .await?;
    Ok(held.is_some())
}
