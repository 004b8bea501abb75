//! Reads a request's body whole, within its bounds and those of all bodies together.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::refusal::Refusal;

/// The bounds of one body.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub max: usize,
    pub timeout: Duration,
}

/// Whether a body of such headers is read at all: JSON as it is. The type is asked for so that no page of
/// another origin can send one without a preflight.
pub fn is_json(headers: &HeaderMap) -> Result<(), Refusal> {
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(Refusal::ContentEncoding);
    }
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let json = types.next().and_then(|value| value.to_str().ok()).is_some_and(|value| {
        value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
    });
    if json && types.next().is_none() { Ok(()) } else { Err(Refusal::ContentType) }
}

/// The whole body. What it holds of `room`, a permit a byte, is free again when the last of it is dropped.
pub async fn read<B>(body: B, bounds: Bounds, room: &Arc<Semaphore>) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if body.size_hint().lower() > bounds.max as u64 {
        return Err(Refusal::BodyTooLong { max: bounds.max });
    }
    tokio::time::timeout(bounds.timeout, collect(body, bounds.max, room))
        .await
        .unwrap_or(Err(Refusal::BodyTimeout))
}

async fn collect<B>(body: B, max: usize, room: &Arc<Semaphore>) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut body = std::pin::pin!(Limited::new(body, max));
    let mut held: Option<Held> = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            if error.is::<LengthLimitError>() {
                Refusal::BodyTooLong { max }
            } else {
                Refusal::BodyIncomplete
            }
        })?;
        let Ok(data) = frame.into_data() else { continue };
        // As it comes, and never by what is announced: who sends nothing takes no room.
        let bytes = u32::try_from(data.len()).map_err(|_| Refusal::BodyTooLong { max })?;
        let permit = Arc::clone(room).try_acquire_many_owned(bytes).map_err(|_| Refusal::Full)?;
        match &mut held {
            Some(held) => held.add(&data, permit),
            None => held = Some(Held { data: data.into(), room: permit }),
        }
    }
    Ok(held.map(Bytes::from_owner).unwrap_or_default())
}

/// A body, and its share of what all bodies may hold.
struct Held {
    data: Vec<u8>,
    room: OwnedSemaphorePermit,
}

impl Held {
    fn add(&mut self, data: &[u8], room: OwnedSemaphorePermit) {
        self.data.extend_from_slice(data);
        self.room.merge(room);
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.data
    }
}

/// Serde also fills a struct from an array, in the order of its members: no document says so, and nobody may
/// come to rest on it.
pub fn is_object(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().first() == Some(&b'{')
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http_body::Frame;
    use http_body_util::StreamBody;

    use super::*;

    #[tokio::test]
    async fn all_bodies_together_have_a_bound() {
        let room = Arc::new(Semaphore::new(10));
        let bounds = Bounds { max: 8, timeout: Duration::from_secs(10) };
        let body = |text: &'static str| {
            let pieces =
                text.split_inclusive(' ').map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes()))));
            StreamBody::new(futures::stream::iter(pieces.collect::<Vec<Result<_, std::io::Error>>>()))
        };
        let first = read(body("ab cd "), bounds, &room).await.unwrap();
        assert_eq!((&*first, room.available_permits()), (&b"ab cd "[..], 4));
        assert!(matches!(read(body("ab cd "), bounds, &room).await, Err(Refusal::Full)));
        // What was refused holds nothing; what is held is held by every copy.
        let copy = first.clone();
        drop(first);
        assert_eq!(room.available_permits(), 4);
        drop(copy);
        assert_eq!(read(body("ab cd "), bounds, &room).await.unwrap(), "ab cd ");
        assert!(matches!(read(body("123456789"), bounds, &room).await, Err(Refusal::BodyTooLong { max: 8 })));
        assert_eq!(room.available_permits(), 10);
    }

    #[test]
    fn only_plain_json_is_read() {
        let with = |name, value| HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
        is_json(&with(CONTENT_TYPE, "application/json")).unwrap();
        is_json(&with(CONTENT_TYPE, "Application/JSON; charset=utf-8")).unwrap();
        for other in ["text/plain", "application/x-www-form-urlencoded", "application/json-patch+json", ""] {
            is_json(&with(CONTENT_TYPE, other)).unwrap_err();
        }
        let mut encoded = with(CONTENT_TYPE, "application/json");
        encoded.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        assert!(matches!(is_json(&encoded), Err(Refusal::ContentEncoding)));
        let mut two = with(CONTENT_TYPE, "application/json");
        two.append(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        is_json(&two).unwrap_err();
    }
}
