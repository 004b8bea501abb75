//! What belongs to an owner: one found by its id, and a page of all of them, newest first.

use serde::de::DeserializeOwned;
use sqlx::types::{Json, Uuid};
use sqlx::{Encode, Postgres, Type};

use super::page::List;
use super::{Page, PageQuery, Pool, ReadModelError};

/// By a statement that takes the id and the owner.
pub(super) async fn get<T, O>(
    pool: &Pool,
    sql: &'static str,
    id: Uuid,
    owner: O,
) -> Result<Option<T>, ReadModelError>
where
    T: DeserializeOwned + Send + Unpin + 'static,
    O: for<'q> Encode<'q, Postgres> + Type<Postgres> + Send,
{
    let row: Option<Json<T>> =
        sqlx::query_scalar(sql).bind(id).bind(owner).fetch_optional(pool.inner()).await?;
    Ok(row.map(|Json(row)| row))
}

/// By a statement that takes the owner, before which sequence a row was created, and how many there are to be.
pub(super) async fn list<T, O>(
    pool: &Pool,
    sql: &'static str,
    owner: O,
    (list, query): (List, &PageQuery),
    created: impl Fn(&T) -> u64,
) -> Result<Page<T>, ReadModelError>
where
    T: DeserializeOwned + Send + Unpin + 'static,
    O: for<'q> Encode<'q, Postgres> + Type<Postgres> + Send,
{
    let (_, before) = query.after(list)?.unwrap_or((0, i64::MAX));
    let rows: Vec<Json<T>> =
        sqlx::query_scalar(sql).bind(owner).bind(before).bind(query.fetch()).fetch_all(pool.inner()).await?;
    let rows = rows.into_iter().map(|Json(row)| row).collect();
    Ok(Page::of(rows, query, list, |row| (0, created(row).cast_signed())))
}
