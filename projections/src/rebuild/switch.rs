//! Puts the copy in the place of the live projection, in one transaction: table, parked events, who is forgotten, checkpoint. A read
//! that comes meanwhile waits for it, and finds the new table under the old name.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::{Copy, Filling, Progress, Rebuild, RebuildError};
use crate::checkpoint;

/// Tries, each of at most a second: a table that is being read can't be replaced at that moment.
const TRIES: usize = 30;
const PAUSE: Duration = Duration::from_millis(500);

/// Lock not available.
const LOCKED: &str = "55P03";

impl Rebuild {
    /// `live_is_followed`: the copy is brought to where the live one stands. Else it is brought to the log's end.
    pub(super) async fn switch(
        &self,
        filling: &mut Filling,
        locked: &mut PgConnection,
        copy: &Copy,
        live_is_followed: bool,
        tell: &mut impl FnMut(Progress),
    ) -> Result<(), RebuildError> {
        for _ in 0..TRIES {
            // Outside the transaction, which holds up the live one's writer.
            self.catch_up(filling, live_is_followed, tell).await?;
            tell(Progress::Switching);
            match self.try_switch(filling, locked, copy, live_is_followed).await {
                Err(RebuildError::Database(error)) if is_locked(&error) => tokio::time::sleep(PAUSE).await,
                done => return done,
            }
        }
        Err(RebuildError::Busy(self.projection))
    }

    async fn catch_up(
        &self,
        filling: &mut Filling,
        live_is_followed: bool,
        tell: &mut impl FnMut(Progress),
    ) -> Result<(), RebuildError> {
        let near = self.config.batch as u64;
        loop {
            let until = if live_is_followed {
                let live = checkpoint::read(&self.pool, self.projection).await?;
                live.map_or(0, |live| live.sequence)
            } else {
                self.log.info().await?.last_sequence
            };
            let behind = until.saturating_sub(filling.sequence());
            filling.up_to(until, tell).await?;
            if behind <= near {
                return Ok(());
            }
        }
    }

    async fn try_switch(
        &self,
        filling: &mut Filling,
        locked: &mut PgConnection,
        copy: &Copy,
        live_is_followed: bool,
    ) -> Result<(), RebuildError> {
        let mut transaction = locked.begin().await?;
        sqlx::raw_sql("SET LOCAL lock_timeout = '1s'").execute(&mut *transaction).await?;
        // The live one's writer stands still from here on.
        sqlx::query("SELECT FROM checkpoints WHERE projection = $1 FOR UPDATE")
            .bind(self.projection.as_str())
            .execute(&mut *transaction)
            .await?;
        if live_is_followed {
            let live = checkpoint::within(&mut transaction, self.projection).await?;
            filling.up_to(live.map_or(0, |live| live.sequence), &mut |_| ()).await?;
        }
        let live: String =
            sqlx::query_scalar("SELECT quote_ident(current_schema())").fetch_one(&mut *transaction).await?;
        let versions = format!(
            "SELECT (SELECT max(version) FROM {live}._sqlx_migrations) = \
                    (SELECT max(version) FROM {}._sqlx_migrations)",
            copy.schema
        );
        let same: bool = sqlx::query_scalar(AssertSqlSafe(versions)).fetch_one(&mut *transaction).await?;
        if !same {
            return Err(RebuildError::OtherVersion);
        }
        sqlx::raw_sql(AssertSqlSafe(self.sql(&live, &copy.schema))).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The names are our own, and the live schema's as PostgreSQL quotes it.
    fn sql(&self, live: &str, copy: &str) -> String {
        let name = self.projection;
        format!(
            "DROP TABLE {live}.{name};
             ALTER TABLE {copy}.{name} SET SCHEMA {live};
             DELETE FROM {live}.parked_events WHERE projection = '{name}';
             INSERT INTO {live}.parked_events
                 (projection, sequence, subject, event, kind, schema_version, stored_at, reason)
             SELECT projection, sequence, subject, event, kind, schema_version, stored_at, reason
             FROM {copy}.parked_events WHERE projection = '{name}';
             DELETE FROM {live}.forgotten WHERE projection = '{name}';
             INSERT INTO {live}.forgotten SELECT * FROM {copy}.forgotten WHERE projection = '{name}';
             INSERT INTO {live}.checkpoints (projection, log, sequence, event, stored_at)
             SELECT projection, log, sequence, event, stored_at
             FROM {copy}.checkpoints WHERE projection = '{name}'
             ON CONFLICT (projection) DO UPDATE SET (log, sequence, event, stored_at, updated_at) =
                 (excluded.log, excluded.sequence, excluded.event, excluded.stored_at, now());
             DROP SCHEMA {copy} CASCADE"
        )
    }
}

fn is_locked(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == LOCKED)
}
