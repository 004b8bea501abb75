//! Which answers of an upstream can't be passed on: by their status and headers, and by what there is to read in them.
//! The proxy judges by it, and by the first also whoever tries an upstream: what is 502 to a caller is none that works.

use http::header::{CONTENT_ENCODING, HeaderValue};
use http::{HeaderMap, StatusCode};

use super::media::{self, Form, Media};
use super::refusal::{Refusal, UpstreamFault};
use super::session::SessionError;
use crate::mcp::Era;

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

/// What there is to read in an answer, by its type and its first piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// It begins as what it is said to be.
    Words,
    /// That has not come yet.
    Unknown,
    Nothing,
    /// A body of another type, which does not pass.
    Foreign,
    /// It begins with this, as what it is said to be never does.
    Mislabelled(Form, u8),
}

/// To what it is the answer.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    pub era: Era,
    /// A request, whose client waits for a message.
    pub answers: bool,
    /// A session's id was sent with it.
    pub in_session: bool,
}

/// Of an answer that is none.
pub const EMPTY: &str = "its answer to a request is empty";

impl Holds {
    /// `ends`: nothing comes after the first piece.
    pub fn of(media: &Media, (first, ends): (&[u8], bool)) -> Self {
        match (media.form(), media::begins_with(first)) {
            (_, None) if ends => Self::Nothing,
            (None, _) => Self::Foreign,
            (Some(_), None) => Self::Unknown,
            (Some(form), Some(byte)) if form.may_begin_with(byte) => Self::Words,
            (Some(form), Some(byte)) => Self::Mislabelled(form, byte),
        }
    }
}

/// What is told in place of an answer in which there is nothing to read; `None`: it passes, with no more than its
/// status where its body does not.
///
/// Two things clients learn from a status alone, so that it is kept, with words of ours: that a session is over (404
/// before 2026-07-28, "Session Management"), and that a server is of before (4xx from then on, "Versioning").
pub fn instead(status: StatusCode, holds: Holds, asked: Asked) -> Option<Refusal> {
    let Asked { era, answers, in_session } = asked;
    if matches!(holds, Holds::Words | Holds::Unknown) {
        return None;
    }
    if status.is_server_error() {
        return Some(UpstreamFault::Failed(status).into());
    }
    if status.is_success() {
        let fault = match holds {
            // A stream that nobody waits for a message in would be taken for a silent one.
            Holds::Mislabelled(form, _) => {
                (answers || form == Form::Events).then_some(UpstreamFault::Mislabelled)
            }
            Holds::Nothing | Holds::Foreign | Holds::Words | Holds::Unknown => {
                answers.then_some(UpstreamFault::NoAnswer)
            }
        };
        return fault.map(Refusal::from);
    }
    answers.then(|| match era {
        Era::Sessions if in_session && status == StatusCode::NOT_FOUND => SessionError::Over.into(),
        Era::Stateless if status.is_client_error() => Refusal::Unexplained(status),
        Era::Sessions | Era::Stateless => UpstreamFault::Failed(status).into(),
    })
}

/// For the log.
pub fn mislabelled(form: Form, byte: u8) -> String {
    let said = match form {
        Form::Document => "JSON",
        Form::Events => "an event stream",
    };
    format!("its answer is said to be {said} and begins with {:?}", char::from(byte))
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

    #[test]
    fn what_has_nothing_to_read_is_told_by_its_status_and_by_what_was_asked() {
        let html = || Holds::Mislabelled(Form::Document, b'<');
        let name = |status, holds, asked| {
            let refusal = instead(StatusCode::from_u16(status).unwrap(), holds, asked);
            refusal.map_or("passes", |refusal| refusal.name())
        };
        let request = Asked { era: Era::Sessions, answers: true, in_session: false };
        let in_session = Asked { in_session: true, ..request };
        let stateless = Asked { era: Era::Stateless, ..request };
        let other = Asked { answers: false, ..in_session };
        for (status, asked, empty, mislabelled) in [
            (200, request, "upstream_no_answer", "upstream_mislabelled"),
            (202, stateless, "upstream_no_answer", "upstream_mislabelled"),
            (404, request, "upstream_failed", "upstream_failed"),
            (404, in_session, "session_over", "session_over"),
            (404, stateless, "unexplained", "unexplained"),
            (429, in_session, "upstream_failed", "upstream_failed"),
            (500, stateless, "upstream_failed", "upstream_failed"),
            (200, other, "passes", "passes"),
            (202, other, "passes", "passes"),
            (404, other, "passes", "passes"),
            (500, other, "upstream_failed", "upstream_failed"),
        ] {
            assert_eq!(name(status, Holds::Nothing, asked), empty, "{status} {asked:?}");
            assert_eq!(name(status, html(), asked), mislabelled, "{status} {asked:?}");
            for words in [Holds::Words, Holds::Unknown] {
                assert_eq!(name(status, words, asked), "passes");
            }
        }
        assert_eq!(name(200, Holds::Mislabelled(Form::Events, b'{'), other), "upstream_mislabelled");
    }

    #[test]
    fn what_an_answer_holds_is_told_by_its_first_piece() {
        let json = Media::Json(super::media::JSON);
        assert_eq!(Holds::of(&json, (b"", false)), Holds::Unknown);
        assert_eq!(Holds::of(&json, (b" ", false)), Holds::Unknown);
        assert_eq!(Holds::of(&json, (b" ", true)), Holds::Nothing);
        assert_eq!(Holds::of(&json, (b"{", false)), Holds::Words);
        assert_eq!(Holds::of(&json, (b"OK", true)), Holds::Mislabelled(Form::Document, b'O'));
        assert_eq!(Holds::of(&Media::Events, (b"[", true)), Holds::Mislabelled(Form::Events, b'['));
        assert_eq!(Holds::of(&Media::Other, (b"{", true)), Holds::Foreign);
        assert_eq!(Holds::of(&Media::Other, (b"", true)), Holds::Nothing);
    }
}
