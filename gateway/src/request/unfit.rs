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

/// What its client waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaits {
    /// It sent a request.
    Message,
    /// It asked for a session's own stream.
    Stream,
    /// It sent what has no answer: a notification, a response.
    Acceptance,
    /// It ended a session, and goes.
    Nothing,
}

/// To what it is the answer.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    pub era: Era,
    pub awaits: Awaits,
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

/// What becomes of an answer, by what there is to read in it.
#[derive(Debug)]
pub enum Verdict {
    /// It passes, whatever it holds.
    Passes,
    /// Its status passes, without its body: nobody waits for words, and these are none. With the fault that this is.
    Bare(Option<UpstreamFault>),
    /// This is told in its place.
    Instead(Refusal),
}

/// Three things clients learn from a status alone, so that it is kept, with words of ours: that they must wait (429), that a
/// session is over (404 before 2026-07-28, "Session Management"), and that a server is of before (4xx from then on,
/// "Versioning").
pub fn verdict(status: StatusCode, form: Option<Form>, holds: Holds, asked: Asked) -> Verdict {
    let Asked { era, awaits, in_session } = asked;
    let fault = match holds {
        Holds::Mislabelled(..) => UpstreamFault::Mislabelled,
        Holds::Words | Holds::Unknown | Holds::Nothing | Holds::Foreign => UpstreamFault::NoAnswer,
    };
    // 204 tells a client not to ask for the stream again (HTML Living Standard §9.2.3).
    let opens = status.is_success() && status != StatusCode::NO_CONTENT;
    if awaits == Awaits::Stream && opens && form != Some(Form::Events) {
        return Verdict::Instead(fault.into());
    }
    if matches!(holds, Holds::Words | Holds::Unknown) {
        return Verdict::Passes;
    }
    if status.is_server_error() {
        return Verdict::Instead(UpstreamFault::Failed(status).into());
    }
    match awaits {
        Awaits::Message if status.is_success() => Verdict::Instead(fault.into()),
        Awaits::Message if status == StatusCode::TOO_MANY_REQUESTS => Verdict::Instead(Refusal::RateLimited),
        Awaits::Message => Verdict::Instead(match era {
            Era::Sessions if in_session && status == StatusCode::NOT_FOUND => SessionError::Over.into(),
            Era::Stateless if status.is_client_error() => Refusal::Unexplained(status),
            Era::Sessions | Era::Stateless => UpstreamFault::Failed(status).into(),
        }),
        Awaits::Stream | Awaits::Acceptance | Awaits::Nothing if holds == Holds::Nothing => Verdict::Passes,
        // A stream that nobody waits for a message in would be taken for a silent one.
        Awaits::Stream if opens => Verdict::Instead(fault.into()),
        // 202 is all that there is to say, whatever stands beside it.
        Awaits::Acceptance if status.is_success() && status != StatusCode::ACCEPTED => {
            Verdict::Bare(Some(fault))
        }
        Awaits::Stream | Awaits::Acceptance | Awaits::Nothing => Verdict::Bare(None),
    }
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
        let request = Asked { era: Era::Sessions, awaits: Awaits::Message, in_session: false };
        let in_session = Asked { in_session: true, ..request };
        let stateless = Asked { era: Era::Stateless, ..request };
        let ends = Asked { awaits: Awaits::Nothing, ..in_session };
        for (status, asked, empty, mislabelled) in [
            (200, request, "upstream_no_answer", "upstream_mislabelled"),
            (202, stateless, "upstream_no_answer", "upstream_mislabelled"),
            (404, request, "upstream_failed", "upstream_failed"),
            (404, in_session, "session_over", "session_over"),
            (404, stateless, "unexplained", "unexplained"),
            (403, in_session, "upstream_failed", "upstream_failed"),
            (429, in_session, "rate_limited", "rate_limited"),
            (429, stateless, "rate_limited", "rate_limited"),
            (500, stateless, "upstream_failed", "upstream_failed"),
            (200, ends, "passes", "bare"),
            (404, ends, "passes", "bare"),
            (500, ends, "upstream_failed", "upstream_failed"),
        ] {
            assert_eq!(
                told(status, Some(Form::Document), Holds::Nothing, asked),
                empty,
                "{status} {asked:?}"
            );
            assert_eq!(told(status, Some(Form::Document), html(), asked), mislabelled, "{status} {asked:?}");
            for words in [Holds::Words, Holds::Unknown] {
                assert_eq!(told(status, Some(Form::Document), words, asked), "passes");
            }
        }
    }

    #[test]
    fn what_answers_no_request_is_judged_by_what_its_client_waits_for() {
        let (json, events) = (Some(Form::Document), Some(Form::Events));
        let (html, object) =
            (Holds::Mislabelled(Form::Document, b'<'), Holds::Mislabelled(Form::Events, b'{'));
        let (none, other) = ("upstream_no_answer", "upstream_mislabelled");
        for (status, form, holds, stream, acceptance) in [
            (200, events, Holds::Words, "passes", "passes"),
            (200, events, Holds::Nothing, "passes", "passes"),
            (200, events, object, other, "bare upstream_mislabelled"),
            (200, json, Holds::Words, none, "passes"),
            (200, json, Holds::Nothing, none, "passes"),
            (200, json, html, other, "bare upstream_mislabelled"),
            (200, None, Holds::Foreign, none, "bare upstream_no_answer"),
            (202, None, Holds::Foreign, none, "bare"),
            (202, json, html, other, "bare"),
            (204, None, Holds::Nothing, "passes", "passes"),
            (405, None, Holds::Foreign, "bare", "bare"),
            (429, None, Holds::Nothing, "passes", "passes"),
            (503, json, Holds::Nothing, "upstream_failed", "upstream_failed"),
        ] {
            for (awaits, expected) in [(Awaits::Stream, stream), (Awaits::Acceptance, acceptance)] {
                let asked = Asked { era: Era::Sessions, awaits, in_session: true };
                assert_eq!(
                    told(status, form, holds, asked),
                    expected,
                    "{status} {form:?} {holds:?} {awaits:?}"
                );
            }
        }
    }

    fn told(status: u16, form: Option<Form>, holds: Holds, asked: Asked) -> String {
        match verdict(StatusCode::from_u16(status).unwrap(), form, holds, asked) {
            Verdict::Passes => "passes".to_owned(),
            Verdict::Bare(None) => "bare".to_owned(),
            Verdict::Bare(Some(fault)) => format!("bare {}", fault.name()),
            Verdict::Instead(refusal) => refusal.name().to_owned(),
        }
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
