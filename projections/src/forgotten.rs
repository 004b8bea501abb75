//! Organizations and people that are forgotten: what people wrote of theirs is erased where a projection meets the event, and not
//! stored again, whatever still follows it and whether the vault has deleted the key yet.
//!
//! An erased row leaves the one of before in its table, where SQL does not find it and whoever has the files does: the
//! worker has PostgreSQL let go of it at once, and does not wait for its autovacuum.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use events::clock::Clock;
use events::lasting::{Lasting, Words};
use events::organization::OrganizationEvent;
use events::person::PersonEvent;
use events::{Event, Keyholder, OrganizationId, Owner, Recorded, UserId};
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use crate::Projection;
use crate::postgres::{Pool, ReadModelError};

/// Those that a projection has met.
pub(crate) async fn all(pool: &Pool, projection: Projection) -> Result<HashSet<Keyholder>, sqlx::Error> {
    let sql = "SELECT organization, person FROM forgotten WHERE projection = $1";
    let ids: Vec<(Uuid, bool)> =
        sqlx::query_as(sql).bind(projection.as_str()).fetch_all(pool.inner()).await?;
    let keyholder = |(id, person)| match person {
        true => Keyholder::Person(UserId::new(id)),
        false => Owner::Organization(OrganizationId::new(id)).into(),
    };
    Ok(ids.into_iter().map(keyholder).collect())
}

/// Whom an event forgets.
pub(crate) fn forgets(recorded: &Recorded) -> Option<Keyholder> {
    let forgets = matches!(
        recorded.event,
        Event::Organization(OrganizationEvent::Forgotten(_)) | Event::Person(PersonEvent::Forgotten(_))
    );
    forgets.then(|| Keyholder::of(&recorded.envelope.subject))
}

/// A projection that has erased what it held of an organization.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Erased {
    pub projection: Projection,
    /// Its tables hold no rows of before any more.
    pub vacuumed: bool,
}

/// The projections that have erased what they held of an organization.
pub async fn erased_in(pool: &Pool, organization: OrganizationId) -> Result<Vec<Erased>, ReadModelError> {
    let rows: Vec<(String, bool)> =
        sqlx::query_as("SELECT projection, vacuumed FROM forgotten WHERE organization = $1")
            .bind(organization.uuid())
            .fetch_all(pool.inner())
            .await?;
    let erased = |(name, vacuumed): (String, bool)| Some(Erased { projection: name.parse().ok()?, vacuumed });
    Ok(rows.into_iter().filter_map(erased).collect())
}

/// Vacuums what was erased since, until it is dropped.
pub async fn keep_vacuuming(pool: Pool, clock: Arc<dyn Clock>, every: Duration) -> Infallible {
    let kept = kept(clock);
    loop {
        vacuum_what_waits(&pool, &kept).await;
        tokio::time::sleep(every).await;
    }
}

fn kept(clock: Arc<dyn Clock>) -> Lasting {
    let words = Words {
        lasts: "rows of before that hold texts of a forgotten organization may still be in PostgreSQL's files",
        ends: "PostgreSQL has let go of the rows of before that held texts of a forgotten organization",
    };
    Lasting::new(clock, words)
}

async fn vacuum_what_waits(pool: &Pool, kept: &Lasting) {
    let waiting = match waiting(pool).await {
        Ok(waiting) => waiting,
        // Nothing is known of what waits. Whoever keeps a projection says that PostgreSQL does not answer.
        Err(error) => {
            tracing::debug!(%error, "whether something is to be vacuumed is not known");
            return;
        }
    };
    match vacuum_these(pool, waiting).await {
        Ok(()) => kept.ended(),
        Err(error) => kept.warn(&error),
    }
}

/// Has PostgreSQL let go of rows of before where something was erased and that was not done yet.
pub async fn vacuum(pool: &Pool) -> Result<(), ReadModelError> {
    let waiting = waiting(pool).await?;
    vacuum_these(pool, waiting).await
}

/// Of whom a projection has erased something, and not vacuumed yet.
async fn waiting(pool: &Pool) -> Result<Vec<(String, Uuid)>, ReadModelError> {
    let waiting = sqlx::query_as("SELECT projection, organization FROM forgotten WHERE NOT vacuumed")
        .fetch_all(pool.inner())
        .await?;
    Ok(waiting)
}

async fn vacuum_these(pool: &Pool, waiting: Vec<(String, Uuid)>) -> Result<(), ReadModelError> {
    for projection in Projection::ALL {
        let of = waiting.iter().filter(|(name, _)| name == projection.as_str());
        let of: Vec<Uuid> = of.map(|(_, organization)| *organization).collect();
        if of.is_empty() {
            continue;
        }
        for table in tables(projection) {
            sqlx::raw_sql(AssertSqlSafe(format!("VACUUM {table}"))).execute(pool.inner()).await?;
        }
        sqlx::query("UPDATE forgotten SET vacuumed = true WHERE projection = $1 AND organization = ANY($2)")
            .bind(projection.as_str())
            .bind(of)
            .execute(pool.inner())
            .await?;
    }
    Ok(())
}

/// Where it keeps what people wrote.
fn tables(projection: Projection) -> &'static [&'static str] {
    match projection {
        Projection::Organizations => &["organizations"],
        Projection::Servers => &["servers"],
        Projection::Keys => &["keys"],
        Projection::Webhooks => &["webhooks", "webhook_queue", "webhook_attempts", "webhook_cursors"],
        Projection::People => &["people"],
        Projection::Members | Projection::Approvals | Projection::Consents | Projection::Grants => &[],
        Projection::Invitations => &["invitations"],
        Projection::Issuers => &["issuers"],
        Projection::Clients => &["clients"],
        Projection::History => &["history"],
    }
}

/// Erases what a projection holds of them, and remembers it. Each with the sequence of its event.
pub(crate) async fn forget(
    connection: &mut PgConnection,
    projection: Projection,
    keyholders: &[(Keyholder, u64)],
) -> Result<(), sqlx::Error> {
    for (keyholder, sequence) in keyholders {
        let (id, person) = match keyholder {
            Keyholder::Owner(Owner::Organization(id)) => (id.uuid(), false),
            Keyholder::Person(id) => (id.uuid(), true),
            Keyholder::Owner(Owner::Installation) => continue,
        };
        sqlx::query(
            "INSERT INTO forgotten (projection, organization, sequence, person) VALUES ($1, $2, $3, $4) \
             ON CONFLICT DO NOTHING",
        )
        .bind(projection.as_str())
        .bind(id)
        .bind(sequence.cast_signed())
        .bind(person)
        .execute(&mut *connection)
        .await?;
        if person {
            // What is known of people themselves their fold erases.
            if projection == Projection::History {
                sqlx::query(ERASE_PERSON).bind(id.to_string()).execute(&mut *connection).await?;
            }
            continue;
        }
        let organization = id;
        // An attempt that ends just then notes itself before this, and is erased, or after it, and notes nothing.
        if projection == Projection::Webhooks {
            sqlx::query("SELECT FROM webhook_cursors WHERE owner = $1 FOR UPDATE")
                .bind(organization.to_string())
                .execute(&mut *connection)
                .await?;
        }
        if let Some(sql) = erase(projection) {
            sqlx::query(sql).bind(organization.to_string()).execute(&mut *connection).await?;
        }
    }
    Ok(())
}

const ERASE_PERSON: &str = "UPDATE history SET texts = (SELECT jsonb_object_agg(field, 'null'::jsonb) \
         FROM jsonb_object_keys(texts) field) \
     WHERE texts <> '{}' AND owner = '_' AND aggregate_type = 'person' AND aggregate_id = $1";

/// `None`: its fold does.
fn erase(projection: Projection) -> Option<&'static str> {
    match projection {
        Projection::Organizations | Projection::People => None,
        // No text that people wrote is in it.
        Projection::Members | Projection::Approvals | Projection::Consents | Projection::Grants => None,
        Projection::Invitations => {
            Some("UPDATE invitations SET (name, email) = (NULL, NULL) WHERE organization = $1::uuid")
        }
        Projection::Servers => Some("UPDATE servers SET name = NULL WHERE organization = $1::uuid"),
        Projection::Keys => {
            Some("UPDATE keys SET (name, metadata, reason) = (NULL, NULL, NULL) WHERE owner = $1")
        }
        // With what is queued and what was tried, of which no event tells.
        Projection::Webhooks => Some(
            "WITH q AS (DELETE FROM webhook_queue WHERE owner = $1), \
                  a AS (DELETE FROM webhook_attempts WHERE owner = $1), \
                  c AS (DELETE FROM webhook_cursors WHERE owner = $1) \
             UPDATE webhooks SET (name, url) = (NULL, NULL) WHERE owner = $1",
        ),
        Projection::Issuers => Some("UPDATE issuers SET name = NULL WHERE owner = $1"),
        Projection::Clients => Some("UPDATE clients SET name = NULL WHERE owner = $1"),
        Projection::History => Some(
            "UPDATE history SET texts = (SELECT jsonb_object_agg(field, 'null'::jsonb) \
                 FROM jsonb_object_keys(texts) field) \
             WHERE texts <> '{}' AND (owner = $1 \
                 OR owner = '_' AND aggregate_type = 'organization' AND aggregate_id = $1)",
        ),
    }
}

#[cfg(test)]
mod tests {
    use events::clock::SystemClock;

    use super::*;
    use crate::postgres;

    #[tokio::test]
    async fn a_database_that_is_away_says_nothing_of_what_it_holds() {
        // Nobody listens there.
        let pool = postgres::connect("postgres://me@127.0.0.1:1/keyledger", 1).unwrap();
        let kept = kept(Arc::new(SystemClock));
        vacuum_what_waits(&pool, &kept).await;
        assert!(!kept.holds());
    }
}
