//! What a request's body is said to be. Whoever says it can have it read as another message than the one that was
//! judged: some servers decode by `charset`, where UTF-7 has a second spelling of every quote. So a body is JSON in
//! UTF-8, or refused.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

use super::body::BodyFault;

/// Whether a request's body is read at all: plain JSON in UTF-8. The type is asked for also so that no page of
/// another origin can send one without a preflight.
pub fn is_json(headers: &HeaderMap) -> Result<(), BodyFault> {
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(BodyFault::ContentEncoding);
    }
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let json = types.next().and_then(|value| value.to_str().ok()).is_some_and(is_utf8_json);
    if json && types.next().is_none() { Ok(()) } else { Err(BodyFault::ContentType) }
}

/// `application/json`, and at most the one parameter that changes nothing (RFC 9110 §8.3.1, §5.6.6).
fn is_utf8_json(value: &str) -> bool {
    let (essence, parameter) = match value.split_once(';') {
        Some((essence, parameter)) => (essence, Some(parameter)),
        None => (value, None),
    };
    essence.trim_ascii().eq_ignore_ascii_case("application/json") && parameter.is_none_or(is_charset_utf8)
}

fn is_charset_utf8(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return false };
    let value = value.trim_ascii_end();
    let value = value.strip_prefix('"').map_or(Some(value), |quoted| quoted.strip_suffix('"'));
    name.trim_ascii_start().eq_ignore_ascii_case("charset")
        && value.is_some_and(|charset| charset.eq_ignore_ascii_case("utf-8"))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn with(name: http::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn only_plain_json_in_utf_8_is_read() {
        for good in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=UTF-8",
            "application/json ; Charset=\"Utf-8\" ",
        ] {
            is_json(&with(CONTENT_TYPE, good)).unwrap();
        }
        for other in [
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/json-patch+json",
            "application/json, application/json",
            "application/json; charset=utf-7",
            "application/json; charset=\"utf-7\"",
            "application/json; charset='utf-8'",
            "application/json; charset=utf-16",
            "application/json; charset=utf-8; charset=utf-7",
            "application/json; charset=utf-7; charset=utf-8",
            "application/json; charset=utf-8; charset=utf-8",
            "application/json; charset=utf-8;",
            "application/json; x=\"; charset=utf-8\"; charset=utf-7",
            "application/json; charset=\"utf\\-8\"",
            "application/json; charset=\"utf-8",
            "application/json; charset=utf-8\"",
            "application/json; charset*=utf-8''utf-7",
            "application/json; charset*0=utf-7",
            "application/json; charset = utf-8",
            "application/json; charset=",
            "application/json; charset",
            "application/json; boundary=x",
            "application/json;",
            "application/json charset=utf-7",
        ] {
            let judged = is_json(&with(CONTENT_TYPE, other));
            assert!(matches!(judged, Err(BodyFault::ContentType)), "{other}");
        }
        let mut encoded = with(CONTENT_TYPE, "application/json");
        encoded.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        assert!(matches!(is_json(&encoded), Err(BodyFault::ContentEncoding)));
        let mut two = with(CONTENT_TYPE, "application/json");
        two.append(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        is_json(&two).unwrap_err();
    }
}
