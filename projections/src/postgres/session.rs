//! Sessions with PostgreSQL, direct or through a pooler.
//!
//! Locks, settings and prepared statements live in a session, so a connection of ours must keep its own. PgBouncer's
//! session pooling gives that; its transaction pooling mixes sessions, and is refused before anything rests on one.

use std::io;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use tokio::sync::OnceCell;

use super::ReadModelError;

/// What every session is set to: by statements, since PgBouncer refuses the same as start-up options. That tables are
/// there already is nothing to tell: hence the last.
const SETTINGS: &str = "SET statement_timeout = '10s'; \
                        SET lock_timeout = '5s'; \
                        SET idle_in_transaction_session_timeout = '30s'; \
                        SET timezone = 'UTC'; \
                        SET client_min_messages = 'warning';";

/// A connection is there within this time, or not at all.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// Connections to the database of the read models. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pool {
    pool: PgPool,
    /// Set once sessions are known to be ours alone.
    own_sessions: Arc<OnceCell<()>>,
}

/// A pool of at most `max` connections to `postgres://…`. It connects when it is first used, so that a
/// database that is down stops nobody from starting. Statements end after 10 s.
pub fn connect(url: &str, max: u32) -> Result<Pool, ReadModelError> {
    let options = options(url)?;
    let pool = PgPoolOptions::new()
        .max_connections(max)
        .acquire_timeout(CONNECT_WITHIN)
        .max_lifetime(Duration::from_secs(30 * 60));
    let pool = set_to(pool, SETTINGS.to_owned()).connect_lazy_with(options);
    Ok(Pool { pool, own_sessions: Arc::default() })
}

fn options(url: &str) -> Result<PgConnectOptions, sqlx::Error> {
    // PgBouncer knows no such parameter as the last, and rows pass as JSON.
    Ok(PgConnectOptions::from_str(url)?.application_name("keyledger").extra_float_digits(None))
}

fn set_to(pool: PgPoolOptions, settings: String) -> PgPoolOptions {
    pool.after_connect(move |connection, _| {
        // Written here, but for the name of a schema, which is made of a projection's.
        let settings = sqlx::raw_sql(AssertSqlSafe(settings.clone()));
        Box::pin(async move { settings.execute(connection).await.map(|_| ()) })
    })
}

impl Pool {
    /// Connections to tables of the same names in another schema of the same database.
    pub(crate) fn in_schema(&self, schema: &str, max: u32) -> Self {
        let options = (*self.pool.connect_options()).clone();
        let pool = self.pool.options().clone().max_connections(max);
        let pool =
            set_to(pool, format!("{SETTINGS} SET search_path = \"{schema}\";")).connect_lazy_with(options);
        Self { pool, own_sessions: Arc::clone(&self.own_sessions) }
    }

    /// For tests, which look at plans and stored rows.
    pub fn inner(&self) -> &PgPool {
        &self.pool
    }

    /// Makes new connections with this URL from now on; those that are open go on.
    pub fn connects_to(&self, url: &str) -> Result<(), ReadModelError> {
        self.pool.set_connect_options(options(url)?);
        Ok(())
    }

    /// The role that it connects as.
    pub(super) fn role(&self) -> String {
        self.pool.connect_options().get_username().to_owned()
    }

    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Why there is no connection. A pool that tries in vain until its time is up keeps that to itself, so that one
    /// connection is tried beside it.
    pub(crate) async fn cause(&self, error: sqlx::Error) -> sqlx::Error {
        if !matches!(error, sqlx::Error::PoolTimedOut) {
            return error;
        }
        let options = self.pool.connect_options();
        match tokio::time::timeout(CONNECT_WITHIN, options.connect()).await {
            Ok(Err(cause)) => cause,
            Ok(Ok(connection)) => {
                // There are others: all of the pool's are in use.
                let _ = tokio::time::timeout(CONNECT_WITHIN, connection.close()).await;
                error
            }
            Err(_) => no_answer(),
        }
    }

    /// Refuses a pooler that mixes sessions. Asked before the first statement that rests on one.
    pub async fn has_own_sessions(&self) -> Result<(), ReadModelError> {
        let look = async || {
            let options = self.pool.connect_options();
            match tokio::time::timeout(CONNECT_WITHIN, mixes_sessions(&options)).await {
                Ok(Ok(false)) => Ok(()),
                Ok(Ok(true)) => Err(ReadModelError::MixedSessions),
                Ok(Err(error)) => Err(error.into()),
                Err(_) => Err(no_answer().into()),
            }
        };
        self.own_sessions.get_or_try_init(look).await.map(|_| ())
    }
}

fn no_answer() -> sqlx::Error {
    let seconds = CONNECT_WITHIN.as_secs();
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {seconds} s")))
}

/// Whether what one session was set to is there in the next one, which begins when it has ended. Statements are sent as
/// text, since prepared ones are what goes wrong first.
async fn mixes_sessions(options: &PgConnectOptions) -> Result<bool, sqlx::Error> {
    let mut first: PgConnection = options.connect().await?;
    sqlx::raw_sql("SET keyledger.session = 'taken'").execute(&mut first).await?;
    first.close().await?;
    let mut second: PgConnection = options.connect().await?;
    let seen =
        sqlx::raw_sql("SELECT current_setting('keyledger.session', true)").fetch_one(&mut second).await?;
    let seen: Option<String> = sqlx::Row::try_get(&seen, 0)?;
    second.close().await?;
    Ok(seen.is_some_and(|seen| !seen.is_empty()))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_pool_that_gives_nothing_in_time_says_why() {
        // Bound and let go: nobody listens there.
        let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let pool = connect(&format!("postgres://me@{address}/keyledger"), 1).unwrap();
        let asked = sqlx::query("SELECT 1").execute(pool.inner()).await.unwrap_err();
        assert!(matches!(asked, sqlx::Error::PoolTimedOut), "{asked}");
        let told = pool.cause(asked).await.to_string();
        assert!(told.contains("refused"), "{told}");
        let other = pool.cause(sqlx::Error::RowNotFound).await;
        assert!(matches!(other, sqlx::Error::RowNotFound), "{other}");
    }
}
