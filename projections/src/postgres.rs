//! The read models in PostgreSQL: lists, look-ups and the history, for the admin API. No request to an MCP
//! server waits for any of it.
//!
//! Everything here comes from events alone and can be built again at any time ([`crate::rebuild`]). One file a
//! noun: its row, the one fold from events to row, and its reads. [`crate::runner`] writes. Rows pass through
//! PostgreSQL as JSON objects whose members are the columns, so that a row has one definition.

use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::PgConnection;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::types::Json;

use self::page::List;
use crate::Projection;

pub mod history;
pub mod key;
pub mod organization;
pub mod page;
pub mod server;
pub mod text;

pub use history::EventRow;
pub use key::KeyRow;
pub use organization::OrganizationRow;
pub use page::{Cursor, CursorError, Page, PageQuery};
pub use server::ServerRow;

/// The tables that come from events, all of them.
pub fn tables() -> impl Iterator<Item = &'static str> {
    ["checkpoints", "parked_events"].into_iter().chain(Projection::ALL.map(Projection::as_str))
}

/// Every statement that an administrator's request can cause, by name. A test looks at the plan of each.
pub fn reads() -> Vec<(&'static str, &'static str)> {
    let of = |list| match list {
        List::Organizations => vec![("organizations", organization::LIST)],
        List::Servers => vec![("servers of an organization", server::LIST)],
        List::Keys => vec![("keys of an owner", key::LIST)],
        List::Aggregate => vec![
            ("history of an aggregate, oldest first", history::OF_AGGREGATE_OLDEST),
            ("history of an aggregate, newest first", history::OF_AGGREGATE_NEWEST),
        ],
        List::Events => vec![
            ("history of an owner, oldest first", history::OF_OWNER_OLDEST),
            ("history of an owner, newest first", history::OF_OWNER_NEWEST),
            ("history of the installation, oldest first", history::ALL_OLDEST),
            ("history of the installation, newest first", history::ALL_NEWEST),
        ],
    };
    List::ALL.into_iter().flat_map(of).collect()
}

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

/// Connections to the database of the read models. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pool(PgPool);

/// Why the read models gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadModelError {
    #[error("PostgreSQL: {0}")]
    Database(#[from] sqlx::Error),
    #[error("the database's tables: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    #[error("PostgreSQL {0} is too old: 15 or later is needed")]
    TooOld(String),
    #[error(transparent)]
    Cursor(#[from] CursorError),
}

/// A pool of at most `max` connections to `postgres://…`. It connects when it is first used, so that a
/// database that is down stops nobody from starting. Statements end after 10 s.
pub fn connect(url: &str, max: u32) -> Result<Pool, ReadModelError> {
    let options = PgConnectOptions::from_str(url)?.application_name("keyledger").options([
        ("statement_timeout", "10s"),
        ("lock_timeout", "5s"),
        ("idle_in_transaction_session_timeout", "30s"),
        ("timezone", "UTC"),
        // Tables that are there already are nothing to tell.
        ("client_min_messages", "warning"),
    ]);
    let pool = PgPoolOptions::new()
        .max_connections(max)
        .acquire_timeout(Duration::from_secs(3))
        .max_lifetime(Duration::from_secs(30 * 60))
        .connect_lazy_with(options);
    Ok(Pool(pool))
}

/// Brings the tables to this version's shape. Safe to run from several processes at once.
pub async fn migrate(pool: &Pool) -> Result<(), ReadModelError> {
    let mut connection = pool.0.acquire().await?.detach();
    let version: i32 = sqlx::query_scalar("SELECT current_setting('server_version_num')::int")
        .fetch_one(&mut connection)
        .await?;
    if version < 150_000 {
        return Err(ReadModelError::TooOld((version / 10_000).to_string()));
    }
    // An index over a long history takes its time.
    sqlx::query("SET statement_timeout = 0").execute(&mut connection).await?;
    sqlx::query("SET lock_timeout = 0").execute(&mut connection).await?;
    MIGRATIONS.run_direct(None, &mut connection, false).await?;
    Ok(())
}

impl Pool {
    /// Connections to tables of the same names in another schema of the same database.
    pub(crate) fn in_schema(&self, schema: &str, max: u32) -> Self {
        let options = (*self.0.connect_options()).clone().options([("search_path", schema)]);
        Self(self.0.options().clone().max_connections(max).connect_lazy_with(options))
    }

    /// For tests, which look at plans and stored rows.
    pub fn inner(&self) -> &PgPool {
        &self.0
    }

    pub async fn close(&self) {
        self.0.close().await;
    }
}

/// The rows of these ids. There is one writer: the checkpoint's fence sees to it.
async fn load<Row: DeserializeOwned + Send + Unpin + 'static>(
    connection: &mut PgConnection,
    sql: &'static str,
    ids: Vec<uuid::Uuid>,
) -> Result<Vec<Row>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<Json<Row>> = sqlx::query_scalar(sql).bind(ids).fetch_all(connection).await?;
    Ok(rows.into_iter().map(|Json(row)| row).collect())
}

/// Stores rows: `sql` takes them as one JSON array.
async fn store<Row: Serialize + Sync>(
    connection: &mut PgConnection,
    sql: &'static str,
    rows: &[Row],
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(sql).bind(Json(rows)).execute(connection).await?;
    Ok(())
}
