//! The copy's schema. A comment on it says of which log it is a copy and which version builds it: another's is
//! thrown away, since it may have folded events otherwise.

use events::LogId;
use sqlx::{AssertSqlSafe, PgConnection};

use super::RebuildError;
use crate::Projection;
use crate::checkpoint;
use crate::postgres::{self, Pool, ReadModelError};

pub(super) struct Copy {
    pub schema: String,
    pub pool: Pool,
}

/// An unfinished rebuild.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unfinished {
    /// The sequence up to which every event is in the copy.
    pub applied: u64,
}

fn schema(projection: Projection) -> String {
    format!("keyledger_rebuild_{projection}")
}

/// A copy is written one batch after the other, and compared meanwhile.
const CONNECTIONS: u32 = 3;

impl Copy {
    /// The copy that an earlier rebuild has left, or a new one.
    pub async fn open(
        live: &Pool,
        projection: Projection,
        log: LogId,
        connection: &mut PgConnection,
    ) -> Result<Self, RebuildError> {
        let schema = schema(projection);
        let mark = format!("keyledger {}, log {log}", env!("CARGO_PKG_VERSION"));
        let found: Option<Option<String>> = sqlx::query_scalar(
            "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = $1",
        )
        .bind(&schema)
        .fetch_optional(&mut *connection)
        .await?;
        if found.is_none_or(|found| found.as_deref() != Some(&*mark)) {
            let sql = format!(
                "BEGIN; DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}; \
                 COMMENT ON SCHEMA {schema} IS '{mark}'; COMMIT"
            );
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *connection).await?;
        }
        let pool = live.in_schema(&schema, CONNECTIONS);
        postgres::migrate(&pool).await?;
        Ok(Self { schema, pool })
    }
}

/// How far an unfinished rebuild has come; `None`: there is none.
pub async fn unfinished(live: &Pool, projection: Projection) -> Result<Option<Unfinished>, ReadModelError> {
    let schema = schema(projection);
    let there: bool = sqlx::query_scalar("SELECT to_regclass($1 || '.checkpoints') IS NOT NULL")
        .bind(&schema)
        .fetch_one(live.inner())
        .await?;
    if !there {
        return Ok(None);
    }
    let pool = live.in_schema(&schema, 1);
    let found = checkpoint::read(&pool, projection).await;
    pool.close().await;
    Ok(Some(Unfinished { applied: found?.map_or(0, |checkpoint| checkpoint.sequence) }))
}

/// Throws an unfinished rebuild's copy away. False: there was none.
pub async fn discard(live: &Pool, projection: Projection) -> Result<bool, RebuildError> {
    let mut connection = super::lock(live, projection).await?;
    let there = unfinished(live, projection).await;
    let dropped = throw_away(&mut connection, projection).await;
    super::unlock(connection).await;
    dropped?;
    Ok(there?.is_some())
}

pub(super) async fn throw_away(locked: &mut PgConnection, projection: Projection) -> Result<(), sqlx::Error> {
    let sql = format!("DROP SCHEMA IF EXISTS {} CASCADE", schema(projection));
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(locked).await?;
    Ok(())
}
