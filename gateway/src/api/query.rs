//! Query parameters: what a read takes. Unknown ones are refused by name.

use axum::extract::FromRequestParts;
use events::Position;
use http::request::Parts;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::problem::Problem;

/// The parsed query.
pub struct Query<T>(pub T);

/// What a read of one thing takes.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReadQuery {
    /// The `position` of an earlier write: the answer waits, a bounded time, until it includes it.
    #[param(value_type = Option<String>)]
    pub at_least: Option<Position>,
}

/// What a list takes.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// How many items at most: 1 to 200.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Limit,
    /// `next` of the page before; nothing for the first page.
    #[param(max_length = 200)]
    pub cursor: Option<String>,
    /// The `position` of an earlier write: the answer waits, a bounded time, until it includes it.
    #[param(value_type = Option<String>)]
    pub at_least: Option<Position>,
}

/// How many items a page holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(try_from = "u16")]
#[schema(value_type = u16)]
pub struct Limit(u16);

impl Limit {
    pub const MAX: u16 = 200;

    pub fn get(self) -> u16 {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

impl TryFrom<u16> for Limit {
    type Error = String;

    fn try_from(limit: u16) -> Result<Self, String> {
        if (1..=Self::MAX).contains(&limit) {
            Ok(Self(limit))
        } else {
            Err(format!("a page has 1 to {} items", Self::MAX))
        }
    }
}

/// One page of a list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Send it as `cursor` for the next page; absent on the last one. Opaque.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Ids of which events wait to be taken in, on this page or another: each may be missing, or be shown as it was
    /// before. Commands, and what holds at the door, do not wait. At most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Uuid>,
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match axum::extract::Query::<T>::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(rejection) => {
                let words = rejection.body_text();
                let words = words.strip_prefix("Failed to deserialize query string: ").unwrap_or(&words);
                let field = words
                    .split_once(": ")
                    .filter(|(field, _)| field.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
                    .map_or_else(|| "?".to_owned(), |(field, _)| format!("?{field}"));
                let words: String = words.chars().take(400).collect();
                Err(Problem::invalid(field, format!("{words}.")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn parse(uri: &str) -> Result<ListQuery, Problem> {
        let (mut parts, ()) = http::Request::builder().uri(uri).body(()).unwrap().into_parts();
        Query::<ListQuery>::from_request_parts(&mut parts, &()).await.map(|query| query.0)
    }

    #[tokio::test]
    async fn a_wrong_parameter_is_named() {
        assert_eq!(parse("/").await.unwrap().limit, Limit(50));
        assert_eq!(parse("/?limit=200").await.unwrap().limit, Limit(200));
        for (uri, field) in [
            ("/?limit=0", "?limit"),
            ("/?limit=201", "?limit"),
            ("/?limit=x", "?limit"),
            ("/?at_least=1", "?at_least"),
            ("/?lmit=1", "?lmit"),
        ] {
            assert_eq!(parse(uri).await.unwrap_err().field.as_deref(), Some(field), "{uri}");
        }
    }
}
