//! Organizations that are forgotten: what people wrote of theirs is erased where a projection meets the event, and not
//! stored again, whatever still follows it and whether the vault has deleted the key yet.

use std::collections::HashSet;

use events::{OrganizationId, Owner};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::Projection;
use crate::postgres::{Pool, ReadModelError};

/// Those that a projection has met.
pub(crate) async fn all(pool: &Pool, projection: Projection) -> Result<HashSet<Owner>, sqlx::Error> {
    let ids: Vec<Uuid> = sqlx::query_scalar("SELECT organization FROM forgotten WHERE projection = $1")
        .bind(projection.as_str())
        .fetch_all(pool.inner())
        .await?;
    Ok(ids.into_iter().map(|id| Owner::Organization(OrganizationId::new(id))).collect())
}

/// The projections that have erased what they held of an organization.
pub async fn erased_in(pool: &Pool, organization: OrganizationId) -> Result<Vec<Projection>, ReadModelError> {
    let names: Vec<String> = sqlx::query_scalar("SELECT projection FROM forgotten WHERE organization = $1")
        .bind(organization.uuid())
        .fetch_all(pool.inner())
        .await?;
    Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
}

/// Erases what a projection holds of them, and remembers it. Each with the sequence of its event.
pub(crate) async fn forget(
    connection: &mut PgConnection,
    projection: Projection,
    organizations: &[(OrganizationId, u64)],
) -> Result<(), sqlx::Error> {
    for (organization, sequence) in organizations {
        sqlx::query("INSERT INTO forgotten VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
            .bind(projection.as_str())
            .bind(organization.uuid())
            .bind(sequence.cast_signed())
            .execute(&mut *connection)
            .await?;
        if let Some(sql) = erase(projection) {
            sqlx::query(sql).bind(organization.to_string()).execute(&mut *connection).await?;
        }
    }
    Ok(())
}

/// `None`: its fold does.
fn erase(projection: Projection) -> Option<&'static str> {
    match projection {
        Projection::Organizations => None,
        Projection::Servers => Some("UPDATE servers SET name = NULL WHERE organization = $1::uuid"),
        Projection::Keys => {
            Some("UPDATE keys SET (name, metadata, reason) = (NULL, NULL, NULL) WHERE owner = $1")
        }
        Projection::History => Some(
            "UPDATE history SET texts = (SELECT jsonb_object_agg(field, 'null'::jsonb) \
                 FROM jsonb_object_keys(texts) field) \
             WHERE texts <> '{}' AND (owner = $1 \
                 OR owner = '_' AND aggregate_type = 'organization' AND aggregate_id = $1)",
        ),
    }
}
