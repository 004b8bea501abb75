//! A request's body as a handler takes it: JSON within a bound, unknown members refused by name.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use super::ApiState;
use crate::problem::Problem;
use crate::problem::body::{self, Bounds};
use crate::problem::room::Whose;

/// A body holds at most this many bytes, and is there within this time.
pub const BOUNDS: Bounds = Bounds { max: 64 * 1024, timeout: Duration::from_secs(10) };

/// The parsed body. Taken last, after the key and its rights are known.
pub struct Body<T>(pub T);

/// The same for requests that may come without one; an empty body is `T::default()`.
pub struct OptionalBody<T>(pub T);

impl<T: DeserializeOwned> FromRequest<ApiState> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &ApiState) -> Result<Self, Problem> {
        match read(request, api).await? {
            Some(bytes) => Ok(Self(body::parse(&bytes)?)),
            None => {
                Err(Problem::invalid("body", "This request needs a JSON body; the API's document shows it."))
            }
        }
    }
}

impl<T: DeserializeOwned + Default> FromRequest<ApiState> for OptionalBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &ApiState) -> Result<Self, Problem> {
        match read(request, api).await? {
            Some(bytes) => Ok(Self(body::parse(&bytes)?)),
            None => Ok(Self(T::default())),
        }
    }
}

/// The body of a request that has one: what is empty needs no type.
async fn read(request: Request, api: &ApiState) -> Result<Option<Bytes>, Problem> {
    let (head, body) = request.into_parts();
    let bytes = body::read(body, BOUNDS, &api.room, Whose::ANYBODY).await?;
    if bytes.is_empty() {
        return Ok(None);
    }
    body::is_json(&head.headers)?;
    Ok(Some(bytes))
}

/// A request that says nothing more than its path: no body, or `{}`.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// For a member that may be `null` and must be there: what is not said is not decided.
pub fn said<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

/// For a member whose absence means something else than its `null`: a value that is there, also where it is `null`.
pub fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
