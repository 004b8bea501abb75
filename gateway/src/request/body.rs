//! Reads a request's body whole, within its bounds.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};

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

/// The whole body.
pub async fn read<B>(body: B, bounds: Bounds) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let too_long = Refusal::BodyTooLong { max: bounds.max };
    if body.size_hint().lower() > bounds.max as u64 {
        return Err(too_long);
    }
    match tokio::time::timeout(bounds.timeout, Limited::new(body, bounds.max).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_long),
        Ok(Err(_)) => Err(Refusal::BodyIncomplete),
        Err(_) => Err(Refusal::BodyTimeout),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

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
