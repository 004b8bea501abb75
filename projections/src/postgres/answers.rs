//! Whether PostgreSQL answers.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use events::clock::Clock;
use events::lasting::{Lasting, Words};
use tokio::sync::watch;

use super::Pool;

/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_secs(5);
/// Later is no answer.
const ANSWER: Duration = Duration::from_secs(3);

/// Asks for ever, over connections that nobody else uses, and tells why there is no answer; `None`: there is one.
pub async fn keep_asking(
    pool: &Pool,
    clock: Arc<dyn Clock>,
    tell: &watch::Sender<Option<String>>,
) -> Infallible {
    let words = Words { lasts: "PostgreSQL does not answer", ends: "PostgreSQL answers again" };
    let away = Lasting::new(clock, words);
    loop {
        let asked = sqlx::query("SELECT 1").execute(pool.inner());
        let reason = match tokio::time::timeout(ANSWER, asked).await {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(pool.cause(error).await.to_string()),
            Err(_) => {
                let cause = pool.cause(sqlx::Error::PoolTimedOut).await;
                let connects = matches!(cause, sqlx::Error::PoolTimedOut);
                let silent = || format!("no answer within {} s", ANSWER.as_secs());
                Some(if connects { silent() } else { cause.to_string() })
            }
        };
        match &reason {
            None => away.ended(),
            Some(reason) => away.warn(reason),
        }
        metrics::gauge!("keyledger_postgres_up").set(u8::from(reason.is_none()));
        tell.send_if_modified(|known| {
            let changed = *known != reason;
            *known = reason;
            changed
        });
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// How many connections of a pool are in use.
pub fn in_use(pool: &Pool) -> usize {
    let pool = pool.inner();
    usize::try_from(pool.size()).unwrap_or(usize::MAX).saturating_sub(pool.num_idle())
}
