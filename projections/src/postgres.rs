//! The read models in PostgreSQL: lists, look-ups and the history, for the admin API. No request to an MCP
//! server waits for any of it.
//!
//! Everything here comes from events alone and can be built again at any time ([`crate::rebuild`]). One file a
//! noun: its row, the one fold from events to row, and its reads. [`crate::runner`] writes. Rows pass through
//! PostgreSQL as JSON objects whose members are the columns, so that a row has one definition; those of which there are
//! many (keys, history) are written as one array a column instead, which takes PostgreSQL half the time.

use std::sync::LazyLock;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::types::Json;
use sqlx::{PgConnection, SqlSafeStr};

use self::page::List;
use crate::{Projection, parked};

mod answers;
pub mod approval;
pub mod client;
pub mod consent;
pub mod delivery;
mod denied;
pub mod grant;
pub mod granted;
pub mod history;
pub mod invitation;
pub mod issuer;
pub mod key;
pub mod member;
pub mod names;
pub mod organization;
mod owned;
pub mod page;
pub mod person;
pub mod place;
pub mod server;
mod session;
pub mod signed;
pub mod text;
pub mod webhook;

pub use answers::{Amiss, in_use, keep_asking, refused};
pub use approval::ApprovalRow;
pub use client::ClientRow;
pub use consent::ConsentRow;
pub use denied::Denied;
pub use grant::GrantRow;
pub use history::EventRow;
pub use invitation::InvitationRow;
pub use issuer::IssuerRow;
pub use key::KeyRow;
pub use member::MemberRow;
pub use organization::OrganizationRow;
pub use page::{Cursor, CursorError, Page, PageQuery};
pub use person::PersonRow;
pub use server::ServerRow;
pub use session::{Pool, connect};
pub use webhook::WebhookRow;

/// The tables that come from events, all of them.
pub fn tables() -> impl Iterator<Item = &'static str> {
    ["checkpoints", "parked_events", "forgotten"].into_iter().chain(Projection::ALL.map(Projection::as_str))
}

/// Every statement that an administrator's request can cause, by name. A test looks at the plan of each. What a filter
/// looks through is bounded by a statement of its own.
pub fn reads() -> Vec<(&'static str, &'static str)> {
    let of = |list| match list {
        List::Organizations => vec![("organizations", organization::LIST)],
        List::Webhooks => vec![("webhooks of an owner", webhook::LIST)],
        List::People => vec![("people", person::LIST)],
        List::Members => vec![("members of an organization", member::LIST)],
        List::Invitations => vec![("invitations of an organization", invitation::LIST)],
        List::Issuers => vec![("issuers of an owner", issuer::LIST)],
        List::Consents => vec![
            ("consents of an organization", consent::LISTS.all),
            ("consents to a client", consent::LISTS.of_client),
            ("consents of a person", consent::LISTS.of_person),
            ("consents on a server", consent::LISTS.of_server),
        ],
        List::Grants => vec![
            ("grants of an organization", grant::LISTS.all),
            ("grants to a client", grant::LISTS.of_client),
            ("grants of a person", grant::LISTS.of_person),
            ("grants on a server", grant::LISTS.of_server),
        ],
        List::Clients => vec![("clients of an owner", client::LIST)],
        List::Approvals => vec![("approvals of an organization", approval::LIST)],
        List::Attempts => vec![("delivery log of a webhook", delivery::ATTEMPTS)],
        List::DeadLetters => vec![("dead letters of a webhook", delivery::DEAD)],
        List::Servers => vec![("servers of an organization", server::LIST)],
        List::Keys => vec![("keys of an owner", key::LIST)],
        List::Aggregate => vec![
            ("history of an aggregate, oldest first", history::OF_AGGREGATE_OLDEST),
            ("history of an aggregate, newest first", history::OF_AGGREGATE_NEWEST),
        ],
        List::Events => vec![
            ("history of an owner, oldest first", history::ABOUT_OLDEST),
            ("history of an owner, newest first", history::ABOUT_NEWEST),
            ("what is looked at of an owner, oldest first", history::WINDOW_ABOUT_OLDEST),
            ("what is looked at of an owner, newest first", history::WINDOW_ABOUT_NEWEST),
            ("what is looked at of the installation, oldest first", history::WINDOW_ALL_OLDEST),
            ("what is looked at of the installation, newest first", history::WINDOW_ALL_NEWEST),
            ("feed of an owner", history::FEED_ABOUT),
            ("feed of the installation", history::FEED_ALL),
            ("what is looked at of an owner's feed", history::FEED_WINDOW_ABOUT),
            ("what is looked at of the installation's feed", history::FEED_WINDOW_ALL),
            ("history of the installation, oldest first", history::ALL_OLDEST),
            ("history of the installation, newest first", history::ALL_NEWEST),
            ("names beside ids", names::NAMES),
            ("what was before", history::BEFORE),
        ],
    };
    let waiting = ("what waits of an owner", parked::WAITING);
    List::ALL.into_iter().flat_map(of).chain([waiting]).collect()
}

/// Forward only, each in a transaction. The build script embeds them.
static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let embedded: &[(i64, &'static str, &'static str)] =
        &include!(concat!(env!("OUT_DIR"), "/migrations.rs"));
    let migration = |&(version, what, sql): &(i64, &'static str, &'static str)| {
        Migration::new(version, what.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(embedded.iter().map(migration).collect())
});

/// Why the read models gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadModelError {
    #[error("PostgreSQL: {0}")]
    Database(#[source] sqlx::Error),
    #[error("the database's tables: {0}")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    #[error("PostgreSQL: {0}")]
    Denied(Denied),
    #[error("PostgreSQL has no room on its disk: {0}")]
    Full(String),
    #[error(
        "the database has no tables yet: a worker makes them, for which its role owns the database or has CREATE on the \
         schema; its log says what keeps it"
    )]
    NoTables,
    #[error("PostgreSQL {0} is too old: 15 or later is needed")]
    TooOld(String),
    #[error(
        "the database's tables are those of a newer version (migration {theirs}; this one knows {ours}): upgrade this \
         process"
    )]
    NewerSchema { theirs: i64, ours: i64 },
    #[error(
        "PostgreSQL is behind a pooler that mixes sessions (PgBouncer's transaction or statement pooling, or a session \
         pool without `server_reset_query = DISCARD ALL`): connect directly, or with `pool_mode = session`"
    )]
    MixedSessions,
    #[error(transparent)]
    Cursor(#[from] CursorError),
}

impl From<sqlx::Error> for ReadModelError {
    fn from(error: sqlx::Error) -> Self {
        match Denied::of(&error) {
            Some(denied) => Self::Denied(denied),
            None if denied::is_full(&error) => Self::Full(denied::without_names(&error.to_string())),
            None if denied::lacks_tables(&error) => Self::NoTables,
            None => Self::Database(error),
        }
    }
}

impl From<sqlx::migrate::MigrateError> for ReadModelError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        Denied::of_migration(&error).map_or_else(|| Self::Migrate(error), Self::Denied)
    }
}

impl ReadModelError {
    /// The same, with the role that was refused.
    #[must_use]
    pub fn of(self, pool: &Pool) -> Self {
        let Self::Denied(denied) = self else { return self };
        Self::Denied(denied.to(pool.role()))
    }
}

/// Brings the tables to this version's shape, and leaves those alone that have it: then no right to change tables is
/// needed. Safe to run from several processes at once.
pub async fn migrate(pool: &Pool) -> Result<(), ReadModelError> {
    migrated(pool).await.map_err(|error| error.of(pool))
}

async fn migrated(pool: &Pool) -> Result<(), ReadModelError> {
    pool.has_own_sessions().await?;
    match shape(pool).await? {
        Shape::Ours => Ok(()),
        Shape::Newer { theirs, ours } => Err(ReadModelError::NewerSchema { theirs, ours }),
        Shape::Older => bring_up(pool).await,
    }
}

/// What the database has, as its own table of migrations tells it.
enum Shape {
    Ours,
    /// Or none yet, or one that was broken off.
    Older,
    /// A newer version has been here.
    Newer {
        theirs: i64,
        ours: i64,
    },
}

async fn shape(pool: &Pool) -> Result<Shape, ReadModelError> {
    let mut connection = pool.inner().acquire().await?;
    let there: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await?;
    if !there {
        return Ok(Shape::Older);
    }
    let applied: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations WHERE success ORDER BY version")
            .fetch_all(&mut *connection)
            .await?;
    let ours = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default();
    let theirs = applied.last().map_or(0, |(version, _)| *version);
    let known = |version: i64, checksum: &[u8]| {
        applied.iter().any(|(applied, with)| *applied == version && with == checksum)
    };
    if theirs > ours {
        Ok(Shape::Newer { theirs, ours })
    } else if MIGRATIONS.iter().all(|migration| known(migration.version, &migration.checksum)) {
        Ok(Shape::Ours)
    } else {
        Ok(Shape::Older)
    }
}

async fn bring_up(pool: &Pool) -> Result<(), ReadModelError> {
    let mut connection = pool.inner().acquire().await?.detach();
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

/// One column of these rows.
fn column<'a, Row, T>(rows: &'a [Row], of: impl Fn(&'a Row) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
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
