//! Which answers of an upstream can't be passed on, by their status and headers. The proxy judges by it, and so does
//! whoever tries an upstream: what is 502 to a caller is none that works.

use http::header::{CONTENT_ENCODING, HeaderValue};
use http::{HeaderMap, StatusCode};

use super::media::Media;
use super::refusal::UpstreamFault;

/// Why an answer can't be passed on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("it is a redirect ({0})")]
    Redirect(StatusCode),
    #[error("it wants credentials, or refuses those that it is sent ({0})")]
    Challenge(StatusCode),
    #[error("it failed ({0}), without words that a client could read")]
    Failed(StatusCode),
    #[error("its Content-Encoding is {0:?}")]
    Encoded(String),
    #[error("it ends with an interim status ({0})")]
    Informational(StatusCode),
    #[error("its Mcp-Session-Id can't be sealed")]
    Session,
}

/// What of an upstream's header is told, in bytes.
pub(super) const MAX_TOLD: usize = 80;

impl Unfit {
    pub(super) fn fault(&self) -> UpstreamFault {
        match self {
            Self::Redirect(_) => UpstreamFault::Redirected,
            Self::Challenge(_) => UpstreamFault::WantsCredentials,
            Self::Failed(status) => UpstreamFault::Failed(*status),
            Self::Encoded(_) | Self::Informational(_) | Self::Session => UpstreamFault::BadAnswer,
        }
    }
}

pub fn judge(status: StatusCode, headers: &HeaderMap) -> Result<(), Unfit> {
    if status.is_redirection() {
        return Err(Unfit::Redirect(status));
    }
    if status == StatusCode::UNAUTHORIZED || status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
        return Err(Unfit::Challenge(status));
    }
    if status.is_informational() {
        return Err(Unfit::Informational(status));
    }
    match headers.get_all(CONTENT_ENCODING).iter().find(|value| !is_unencoded(value)) {
        // What it says itself, in JSON-RPC, is its client's to read.
        None if status.is_server_error() && matches!(Media::of(headers), Media::Other) => {
            Err(Unfit::Failed(status))
        }
        None => Ok(()),
        Some(value) => {
            let told = &value.as_bytes()[..value.len().min(MAX_TOLD)];
            Err(Unfit::Encoded(String::from_utf8_lossy(told).into_owned()))
        }
    }
}

/// Names are told apart without regard to case, and `identity` is no coding (RFC 9110 §8.4.1). Some servers say
/// `none`, or nothing, and mean the same.
fn is_unencoded(value: &HeaderValue) -> bool {
    value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii).all(|coding| {
        coding.is_empty() || coding.eq_ignore_ascii_case(b"identity") || coding.eq_ignore_ascii_case(b"none")
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn redirects_challenges_and_encoded_bodies_do_not_pass() {
        let none = HeaderMap::new();
        for status in [300, 301, 302, 303, 304, 307, 308] {
            let told = judge(StatusCode::from_u16(status).unwrap(), &none).unwrap_err();
            assert_eq!(told.fault(), UpstreamFault::Redirected);
        }
        let told = judge(StatusCode::UNAUTHORIZED, &none).unwrap_err();
        assert_eq!(told.fault(), UpstreamFault::WantsCredentials);
        for encoded in ["gzip", "identity, gzip", "GZIP", "identity;q=1", "none none", "br,"] {
            let told = judge(StatusCode::OK, &headers(CONTENT_ENCODING, encoded)).unwrap_err();
            assert_eq!(told, Unfit::Encoded(encoded.to_owned()));
        }
        for plain in ["identity", "Identity", "identity, identity", "none", "None", "", " ", ",", "identity,"]
        {
            assert_eq!(judge(StatusCode::OK, &headers(CONTENT_ENCODING, plain)), Ok(()), "{plain:?}");
        }
        for status in [200, 202, 204, 400, 403, 404, 405, 406, 429] {
            assert_eq!(judge(StatusCode::from_u16(status).unwrap(), &none), Ok(()));
        }
    }
}
