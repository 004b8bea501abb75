//! A request's body: JSON within a bound, read whole in bounded time, unknown members refused by name.

use std::time::Duration;

use axum::body::Body as HttpBody;
use axum::extract::{FromRequest, Request};
use http::header;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use super::problem::Problem;

/// A body holds at most this many bytes.
pub const MAX_BYTES: usize = 64 * 1024;
/// And is there within this time.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The parsed body. Taken last, after the key and its rights are known.
pub struct Body<T>(pub T);

/// The same for requests that may come without one; an empty body is `T::default()`.
pub struct OptionalBody<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let is_json = is_json(&request);
        let bytes = read(request).await?;
        if bytes.is_empty() {
            return Err(Problem::invalid(
                "body",
                "This request needs a JSON body; the API's document shows it.",
            ));
        }
        if !is_json {
            return Err(Problem::unsupported_media_type());
        }
        parse(&bytes).map(Self)
    }
}

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for OptionalBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let is_json = is_json(&request);
        let bytes = read(request).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        if !is_json {
            return Err(Problem::unsupported_media_type());
        }
        parse(&bytes).map(Self)
    }
}

/// A request that says nothing more than its path: no body, or `{}`.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// For a member that may be `null` and must be there: what is not said is not decided.
pub fn said<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

fn is_json(request: &Request) -> bool {
    let headers = request.headers();
    let essence = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(|value| value.split(';').next().unwrap_or_default().trim());
    essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
        && !headers.contains_key(header::CONTENT_ENCODING)
}

async fn read(request: Request) -> Result<bytes::Bytes, Problem> {
    let body = Limited::new(request.into_body(), MAX_BYTES);
    match tokio::time::timeout(TIMEOUT, Limited::<HttpBody>::collect(body)).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Problem::too_large(MAX_BYTES)),
        Ok(Err(_)) => Err(Problem::invalid("body", "The body ended before it was whole.")),
        Err(_) => Err(Problem::body_too_slow(TIMEOUT)),
    }
}

/// Reads JSON into a type whose own checks say what is wrong; the problem names the member.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if !crate::request::body::is_object(bytes) {
        return Err(Problem::invalid("body", "The body is a JSON object, such as {\"name\": \"CI robot\"}."));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { "body".to_owned() } else { path };
        Problem::invalid(field, sentence(&error.into_inner().to_string()))
    })?;
    deserializer.end().map_err(|_| Problem::invalid("body", "There is more after the JSON value."))?;
    Ok(value)
}

/// Serde's words as a sentence, without the line and column that a program has no use for.
fn sentence(words: &str) -> String {
    let words = words.split_once(" at line ").map_or(words, |(words, _)| words);
    let words: String = words.chars().take(400).collect();
    format!("{words}.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::text::Name;

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    struct Example {
        #[expect(dead_code, reason = "only parsed")]
        name: Name,
    }

    #[test]
    fn a_wrong_member_is_named() {
        let problem = parse::<Example>(br#"{"name": ""}"#).unwrap_err();
        assert_eq!(problem.field.as_deref(), Some("name"));
        assert_eq!(problem.detail, "a name has 1 to 200 characters; this one has 0.");
    }

    #[test]
    fn an_unknown_member_is_refused() {
        let problem = parse::<Example>(br#"{"name": "a", "nmae": "b"}"#).unwrap_err();
        assert_eq!(problem.detail, "unknown field `nmae`, expected `name`.");
        assert_eq!(problem.status, 400);
    }

    #[test]
    fn an_array_is_no_object() {
        let problem = parse::<Example>(br#" ["a"]"#).unwrap_err();
        assert_eq!((problem.status, problem.field.as_deref()), (400, Some("body")));
    }

    #[test]
    fn nothing_follows_the_value() {
        assert!(parse::<Example>(br#"{"name": "a"} {}"#).is_err());
        assert!(parse::<Example>(br#"{"name": "a", "name": "b"}"#).is_err());
    }
}
