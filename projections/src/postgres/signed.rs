//! The newest signed checkpoint of a log that a worker has seen, kept outside NATS: a witness of what the log held.
//! Whoever reads it checks its signature; a database that says what nobody signed is told apart from a log that was
//! changed.

use events::LogId;

use super::{Pool, ReadModelError};

/// The signed note; `None`: none was seen yet.
pub async fn newest(pool: &Pool, log: LogId) -> Result<Option<String>, ReadModelError> {
    pool.has_own_sessions().await?;
    let sql = "SELECT note FROM signed_checkpoints WHERE log = $1";
    Ok(sqlx::query_scalar(sql).bind(log.uuid()).fetch_optional(pool.inner()).await?)
}

/// Keeps the note, of so many messages, unless one of more is kept.
pub async fn keep(pool: &Pool, log: LogId, size: u64, note: &str) -> Result<(), ReadModelError> {
    pool.has_own_sessions().await?;
    let sql = "INSERT INTO signed_checkpoints AS kept (log, size, note) VALUES ($1, $2, $3) \
               ON CONFLICT (log) DO UPDATE SET size = excluded.size, note = excluded.note \
               WHERE kept.size < excluded.size";
    sqlx::query(sql).bind(log.uuid()).bind(size.cast_signed()).bind(note).execute(pool.inner()).await?;
    Ok(())
}

/// Forgets what was seen: somebody has accepted that it may be lost.
pub async fn forget(pool: &Pool) -> Result<(), ReadModelError> {
    pool.has_own_sessions().await?;
    sqlx::query("DELETE FROM signed_checkpoints").execute(pool.inner()).await?;
    Ok(())
}
