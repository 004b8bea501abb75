//! What an upstream's answer is said to be: one type, the one that was judged, passes down, in our own words. And how
//! what is said to be so must begin: one byte tells a page, a text or the other type from it.

use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderValue};

/// How a body of ours is announced: JSON is UTF-8, and has no parameter that says so (RFC 8259 §11).
pub const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");

/// An answer's body, as far as it passes.
#[derive(Debug, PartialEq, Eq)]
pub enum Media {
    /// With the type that it goes down as.
    Json(HeaderValue),
    Events,
    /// Neither: the body does not pass.
    Other,
}

/// What a body that passes is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// One of JSON.
    #[default]
    Document,
    Events,
}

impl Form {
    /// A message is an object, and was a batch of them (2025-03-26). A line of an event stream that begins so is a field
    /// that nobody knows.
    pub fn may_begin_with(self, byte: u8) -> bool {
        match self {
            Self::Document => matches!(byte, b'{' | b'['),
            Self::Events => !matches!(byte, b'{' | b'[' | b'<'),
        }
    }
}

/// The first byte that is not blank, and not of a byte order mark, which clients pass over.
pub fn begins_with(body: &[u8]) -> Option<u8> {
    body.iter().copied().find(|byte| !byte.is_ascii_whitespace() && !matches!(byte, 0xef | 0xbb | 0xbf))
}

impl Media {
    /// By the first `Content-Type`; it alone passes, and without its parameters.
    pub fn of(headers: &HeaderMap) -> Self {
        let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
            return Self::Other;
        };
        let essence = value.split(';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
        match essence.as_str() {
            "text/event-stream" => Self::Events,
            "application/json" => Self::Json(JSON),
            json if is_other_json(json) => HeaderValue::try_from(essence).map_or(Self::Other, Self::Json),
            _ => Self::Other,
        }
    }

    /// `None`: it does not pass.
    pub fn form(&self) -> Option<Form> {
        match self {
            Self::Json(_) => Some(Form::Document),
            Self::Events => Some(Form::Events),
            Self::Other => None,
        }
    }

    /// The one `Content-Type` of the answer that passes down.
    pub fn content_type(&self) -> Option<HeaderValue> {
        match self {
            Self::Json(value) => Some(value.clone()),
            Self::Events => Some(EVENTS),
            Self::Other => None,
        }
    }
}

/// `application/problem+json` and its kind (RFC 6839 §3.1); no type that a browser would show or run.
fn is_other_json(essence: &str) -> bool {
    essence.strip_prefix("application/").and_then(|rest| rest.strip_suffix("+json")).is_some_and(|name| {
        !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'+'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: http::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn only_json_and_event_streams_are_media_that_pass_and_without_parameters() {
        let of = |value| Media::of(&with(CONTENT_TYPE, value));
        assert_eq!(of("application/json; charset=utf-7"), Media::Json(JSON));
        let problem = HeaderValue::from_static("application/problem+json");
        assert_eq!(of("Application/Problem+JSON; x=y"), Media::Json(problem));
        assert_eq!(of("Text/Event-Stream; charset=utf-7").content_type(), Some(EVENTS));
        for other in
            ["text/html", "text/plain", "application/jsonp", "application/xml", "", "image/svg+json", "+json"]
        {
            assert_eq!(of(other).content_type(), None, "{other}");
        }
        assert_eq!(Media::of(&HeaderMap::new()), Media::Other);
        let mut two = with(CONTENT_TYPE, "application/json");
        two.append(CONTENT_TYPE, HeaderValue::from_static("text/html"));
        assert_eq!(Media::of(&two), Media::Json(JSON));
    }

    #[test]
    fn a_body_is_told_by_its_first_byte() {
        for (body, document, events) in [
            ("{\"jsonrpc\"", true, false),
            ("\u{feff} \r\n [", true, false),
            ("<!DOCTYPE html>", false, false),
            ("Internal Server Error", false, true),
            (": hello", false, true),
            ("\u{feff}\ndata: {}", false, true),
        ] {
            let byte = begins_with(body.as_bytes()).unwrap();
            let may = (Form::Document.may_begin_with(byte), Form::Events.may_begin_with(byte));
            assert_eq!(may, (document, events), "{body}");
        }
        assert_eq!(begins_with(b" \r\n"), None);
    }
}
