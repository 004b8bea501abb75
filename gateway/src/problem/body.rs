//! Reads a request's body whole, within its bounds and those of all bodies together, and JSON out of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;

pub use super::media::is_json;
use super::room::{BodyRoom, Taken, Whose};
use super::{Kind, Problem};

/// The bounds of one body.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub max: usize,
    pub timeout: Duration,
}

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    #[error("the body is application/json in UTF-8, and its Content-Type says no more than that")]
    ContentType,
    #[error("the body must not be encoded")]
    ContentEncoding,
    #[error("the body is longer than {max} bytes")]
    TooLong { max: usize },
    #[error("the gateway holds as many bodies as it can; try again")]
    Full,
    #[error("the gateway holds as many bodies of this key, or of its owner's keys, as it may; try again")]
    ShareFull,
    #[error("the body did not come in time")]
    Timeout,
    #[error("the body broke off")]
    Incomplete,
}

/// Why a body that was read is not the JSON that is wanted.
#[derive(Debug, thiserror::Error)]
pub enum JsonFault {
    #[error("The body is a JSON object, such as {{\"name\": \"CI robot\"}}.")]
    NotAnObject,
    /// Its words may repeat what was sent.
    #[error("{}", sentence(.0.inner()))]
    Wrong(serde_path_to_error::Error<serde_json::Error>),
    #[error("There is more after the JSON value.")]
    More,
}

impl BodyFault {
    /// Its name in metrics and in the reasons that MCP clients are told.
    pub fn name(self) -> &'static str {
        match self {
            Self::ContentType => "content_type",
            Self::ContentEncoding => "content_encoding",
            Self::TooLong { .. } => "body_too_long",
            Self::Full => "full",
            Self::ShareFull => "share_full",
            Self::Timeout => "body_timeout",
            Self::Incomplete => "body_incomplete",
        }
    }
}

impl BodyFault {
    /// Of whatever answer tells of it.
    pub fn status(self) -> StatusCode {
        self.kind().status()
    }

    fn kind(self) -> Kind {
        match self {
            Self::ContentType | Self::ContentEncoding => Kind::UnsupportedMediaType,
            Self::TooLong { .. } => Kind::TooLarge,
            Self::Full => Kind::Busy,
            Self::ShareFull => Kind::TooManyAtOnce,
            Self::Timeout => Kind::BodyTooSlow,
            Self::Incomplete => Kind::InvalidRequest,
        }
    }
}

impl From<BodyFault> for Problem {
    fn from(fault: BodyFault) -> Self {
        let problem = |detail: &str| Self::new(fault.kind(), detail);
        match fault {
            BodyFault::ContentType | BodyFault::ContentEncoding => problem(
                "Send the body as JSON, with `Content-Type: application/json`, in UTF-8 and with no `Content-Encoding`.",
            ),
            BodyFault::TooLong { max } => problem(&format!("A request's body holds at most {max} bytes.")),
            BodyFault::Full => problem("As many bodies are held as may be; ask again.").retry_after(1),
            BodyFault::ShareFull => {
                problem("As many bodies of this key, or of its owner's keys, are held as may be; ask again.")
                    .retry_after(1)
            }
            BodyFault::Timeout => problem("The body was not there in time. Nothing was changed; ask again."),
            BodyFault::Incomplete => problem("The body ended before it was whole.").at("body"),
        }
    }
}

impl From<JsonFault> for Problem {
    fn from(fault: JsonFault) -> Self {
        let field = match &fault {
            JsonFault::Wrong(error) => error.path().to_string(),
            JsonFault::NotAnObject | JsonFault::More => ".".to_owned(),
        };
        let field = if field == "." { "body".to_owned() } else { field };
        Self::invalid(field, fault.to_string())
    }
}

/// The whole body. What it holds of `room` is free again when the last of it is dropped.
pub async fn read<B>(body: B, bounds: Bounds, room: &Arc<BodyRoom>, whose: Whose) -> Result<Bytes, BodyFault>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if body.size_hint().lower() > bounds.max as u64 {
        return Err(BodyFault::TooLong { max: bounds.max });
    }
    tokio::time::timeout(bounds.timeout, collect(body, bounds.max, room.taken(whose)))
        .await
        .unwrap_or(Err(BodyFault::Timeout))
}

async fn collect<B>(body: B, max: usize, mut room: Taken) -> Result<Bytes, BodyFault>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let most = body.size_hint().upper().and_then(|upper| usize::try_from(upper).ok()).unwrap_or(max);
    let mut body = std::pin::pin!(Limited::new(body, max));
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            if error.is::<LengthLimitError>() { BodyFault::TooLong { max } } else { BodyFault::Incomplete }
        })?;
        let Ok(data) = frame.into_data() else { continue };
        // As it comes, and never by what is announced: who sends nothing takes no room.
        room.add(data.len())?;
        if bytes.is_empty() {
            bytes = data.into();
        } else {
            make_room(&mut bytes, data.len(), most.min(max));
            bytes.extend_from_slice(&data);
        }
    }
    Ok(Bytes::from_owner(Held { bytes, _room: room }))
}

/// Room for four times of what is there, as far as so much may come: to double it would move a long body more often,
/// and to take what is announced would give room to who sends nothing.
fn make_room(bytes: &mut Vec<u8>, more: usize, most: usize) {
    let needed = bytes.len() + more;
    if needed > bytes.capacity() {
        let wanted = most.min(needed.saturating_mul(4)).max(needed);
        bytes.reserve_exact(wanted - bytes.len());
    }
}

/// A body, and its share of what all bodies may hold.
struct Held {
    bytes: Vec<u8>,
    _room: Taken,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Whether there is no body: one that is framed and holds nothing is none.
pub async fn is_none<B>(body: B, within: Duration) -> bool
where
    B: Body<Data = Bytes>,
{
    if body.is_end_stream() || body.size_hint().lower() > 0 {
        return body.is_end_stream();
    }
    let mut body = std::pin::pin!(body);
    let nothing = async {
        while let Some(frame) = body.frame().await {
            if !frame.is_ok_and(|frame| frame.data_ref().is_none_or(Bytes::is_empty)) {
                return false;
            }
        }
        true
    };
    tokio::time::timeout(within, nothing).await.unwrap_or(false)
}

/// Reads JSON into a type whose own checks say what is wrong.
pub fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, JsonFault> {
    // Serde also fills a struct from an array, in the order of its members: no document says so, and nobody may
    // come to rest on it.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(JsonFault::NotAnObject);
    }
    // To know at each member where it stands costs as much again: only what is wrong is read that way.
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Ok(value);
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(JsonFault::Wrong)?;
    deserializer.end().map_err(|_| JsonFault::More)?;
    Ok(value)
}

/// Serde's words as a sentence, without the line and column that a program has no use for.
fn sentence(error: &serde_json::Error) -> String {
    let words = error.to_string();
    let words = words.split_once(" at line ").map_or(&*words, |(words, _)| words);
    let words: String = words.chars().take(400).collect();
    format!("{words}.")
}

#[cfg(test)]
mod tests {
    use events::{OrganizationId, Owner};
    use http_body::Frame;
    use http_body_util::StreamBody;
    use uuid::Uuid;

    use super::*;
    use crate::problem::room::RoomBounds;

    #[tokio::test]
    async fn all_bodies_together_have_a_bound_and_each_owner_and_key_a_share() {
        let room = BodyRoom::new(RoomBounds { all: 20, owner: 15, principal: 10 });
        let whose = |owner, principal| Whose {
            owner: Owner::Organization(OrganizationId::new(Uuid::from_u128(owner))),
            principal: Uuid::from_u128(principal),
        };
        let one = whose(1, 1);
        let bounds = Bounds { max: 8, timeout: Duration::from_secs(10) };
        let body = |text: &'static str| {
            let pieces =
                text.split_inclusive(' ').map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes()))));
            StreamBody::new(futures::stream::iter(pieces.collect::<Vec<Result<_, std::io::Error>>>()))
        };
        let first = read(body("ab cd "), bounds, &room, one).await.unwrap();
        assert_eq!((&*first, room.held()), (&b"ab cd "[..], 6));
        assert_eq!(read(body("ab cd "), bounds, &room, one).await, Err(BodyFault::ShareFull));
        // Another key of the same owner, a third, another owner, and then it is full.
        let second = read(body("ab cd "), bounds, &room, whose(1, 2)).await.unwrap();
        assert_eq!(read(body("ab cd "), bounds, &room, whose(1, 3)).await, Err(BodyFault::ShareFull));
        let third = read(body("ab cd "), bounds, &room, whose(2, 4)).await.unwrap();
        assert_eq!(read(body("ab cd "), bounds, &room, whose(3, 5)).await, Err(BodyFault::Full));
        drop((second, third));
        // What was refused holds nothing; what is held is held by every copy.
        let copy = first.clone();
        drop(first);
        assert_eq!(room.held(), 6);
        drop(copy);
        assert_eq!(read(body("ab cd "), bounds, &room, one).await.unwrap(), "ab cd ");
        assert_eq!(read(body("123456789"), bounds, &room, one).await, Err(BodyFault::TooLong { max: 8 }));
        assert_eq!(room.held(), 0);
    }

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    struct Example {
        #[expect(dead_code, reason = "only parsed")]
        slug: events::Slug,
    }

    fn problem(json: &[u8]) -> Problem {
        parse::<Example>(json).unwrap_err().into()
    }

    #[test]
    fn a_wrong_member_is_named() {
        let problem = problem(br#"{"slug": 5}"#);
        assert_eq!(problem.field.as_deref(), Some("slug"));
        assert!(problem.detail.starts_with("invalid type: integer `5`"), "{}", problem.detail);
    }

    #[test]
    fn an_unknown_member_is_refused() {
        let problem = problem(br#"{"slug": "a", "slgu": "b"}"#);
        assert_eq!(problem.detail, "unknown field `slgu`, expected `slug`.");
        assert_eq!(problem.status, 400);
    }

    #[test]
    fn an_array_is_no_object() {
        let problem = problem(br#" ["a"]"#);
        assert_eq!((problem.status, problem.field.as_deref()), (400, Some("body")));
    }

    #[test]
    fn nothing_follows_the_value() {
        assert!(parse::<Example>(br#"{"slug": "a"}"#).is_ok());
        assert!(parse::<Example>(br#"{"slug": "a"} {}"#).is_err());
        assert!(parse::<Example>(br#"{"slug": "a", "slug": "b"}"#).is_err());
    }
}
