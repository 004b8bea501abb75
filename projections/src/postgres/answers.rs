//! Whether PostgreSQL answers, and lets its tables be read.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use events::clock::Clock;
use events::lasting::{Lasting, Words};
use tokio::sync::watch;

use super::{Denied, Pool, ReadModelError};

/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_secs(5);
/// Later is no answer.
const ANSWER: Duration = Duration::from_secs(3);

/// What keeps PostgreSQL from being of use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Amiss {
    /// It does not answer: why.
    Silent(String),
    /// It answers, and some tables may not be read.
    Refuses(Denied),
}

/// Every table: whoever lists, and tells how things stand, reads all of them.
const READ: &[&str] = &[
    "approvals",
    "checkpoints",
    "consents",
    "clients",
    "forgotten",
    "grants",
    "history",
    "invitations",
    "issuers",
    "keys",
    "members",
    "organizations",
    "parked_events",
    "people",
    "places",
    "servers",
    "signed_checkpoints",
    "webhook_attempts",
    "webhook_cursors",
    "webhook_queue",
    "webhooks",
];

/// Which tables the role may not read, and what gives it the right; `None`: it may read all that there are.
pub async fn refused(pool: &Pool) -> Result<Option<Denied>, ReadModelError> {
    let sql = "SELECT name FROM unnest($1::text[]) name \
               WHERE NOT coalesce(has_table_privilege(to_regclass(name)::oid, 'SELECT'), true) ORDER BY name";
    let tables: Vec<String> = sqlx::query_scalar(sql).bind(READ).fetch_all(pool.inner()).await?;
    Ok(Denied::tables(&tables).map(|denied| denied.to(pool.role())))
}

/// Asks for ever, over connections that nobody else uses, and tells what is amiss. Whether tables may be read is asked
/// where something `reads` them.
pub async fn keep_asking(
    pool: &Pool,
    clock: Arc<dyn Clock>,
    reads: bool,
    tell: &watch::Sender<Option<Amiss>>,
) -> Infallible {
    let state = |lasts, ends| Lasting::new(Arc::clone(&clock), Words { lasts, ends });
    let away = state("PostgreSQL does not answer", "PostgreSQL answers again");
    let refusing = state("PostgreSQL lets tables not be read", "PostgreSQL lets every table be read");
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
        let amiss = match reason {
            Some(reason) => Some(Amiss::Silent(reason)),
            None if reads => match tokio::time::timeout(ANSWER, refused(pool)).await {
                Ok(Ok(denied)) => {
                    match &denied {
                        None => refusing.ended(),
                        Some(denied) => refusing.warn(denied),
                    }
                    denied.map(Amiss::Refuses)
                }
                // It was there a moment ago: the next question tells.
                Ok(Err(_)) | Err(_) => None,
            },
            None => None,
        };
        tell.send_if_modified(|known| {
            let changed = *known != amiss;
            *known = amiss;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_to_read_is_asked_of_every_table_that_there_is() {
        let made: Vec<&str> = crate::postgres::MIGRATIONS
            .iter()
            .flat_map(|migration| migration.sql.as_str().split("CREATE TABLE ").skip(1))
            .filter_map(|rest| rest.split_whitespace().next())
            .collect();
        let missing: Vec<_> = made.iter().filter(|table| !READ.contains(table)).collect();
        assert!(!made.is_empty() && missing.is_empty(), "{missing:?}");
    }
}
