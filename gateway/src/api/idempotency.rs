//! `Idempotency-Key`: the same command sent twice is done once.
//!
//! The command's id comes from the key, and the events carry a fingerprint of the command as it was sent, so
//! that a key used again for something else is refused. The key itself is kept nowhere.

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::problem::Problem;

pub const HEADER: &str = "Idempotency-Key";

/// The client's key for the command; `None`: every request is a command of its own.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey(Option<String>);

impl IdempotencyKey {
    pub const MAX_BYTES: usize = 255;

    pub fn as_str(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(HEADER).iter();
        let (first, second) = (values.next(), values.next());
        let Some(value) = first else { return Ok(Self(None)) };
        let good = second.is_none()
            && (1..=Self::MAX_BYTES).contains(&value.len())
            && value.as_bytes().iter().all(u8::is_ascii_graphic);
        match value.to_str() {
            Ok(text) if good => Ok(Self(Some(text.to_owned()))),
            Ok(_) | Err(_) => Err(Problem::invalid(
                HEADER,
                "Send one Idempotency-Key of 1 to 255 visible ASCII characters, such as a UUID, new for each \
                 command.",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(values: &[&str]) -> Result<Option<String>, Problem> {
        let mut builder = http::Request::builder();
        for value in values {
            builder = builder.header(HEADER, *value);
        }
        let (mut parts, ()) = builder.body(()).unwrap().into_parts();
        IdempotencyKey::from_request_parts(&mut parts, &()).await.map(|key| key.0)
    }

    #[tokio::test]
    async fn a_key_is_one_header_of_bounded_visible_ascii() {
        assert_eq!(read(&[]).await, Ok(None));
        assert_eq!(read(&["7e1f"]).await, Ok(Some("7e1f".to_owned())));
        assert!(read(&[""]).await.is_err());
        assert!(read(&["a b"]).await.is_err());
        assert!(read(&["a", "a"]).await.is_err());
        assert!(read(&[&"x".repeat(256)]).await.is_err());
    }
}
