//! A POST of lines to any collector: an answer of 2xx takes them all.

use std::io::Write;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use events::clock::Clock;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Request, StatusCode};
use http_body_util::Full;
use url::Url;

use super::{Transport, Undelivered, answered, not_taken};
use crate::config::{self, Secret};
use crate::drains::format::Message;
use crate::outgoing::{self, Outgoing};

pub(super) struct Https {
    http: Outgoing,
    url: Url,
    token: Option<Secret>,
    gzip: bool,
    clock: Arc<dyn Clock>,
}

impl Https {
    pub fn new(config: &config::Drain, http: Outgoing, token: Option<Secret>, clock: Arc<dyn Clock>) -> Self {
        Self { http, url: config.address.clone(), token, gzip: config.gzip, clock }
    }
}

#[async_trait]
impl Transport for Https {
    async fn deliver(&self, messages: &[Message]) -> Result<(), Undelivered> {
        let mut body = String::new();
        for message in messages {
            body.push_str(&message.body);
            body.push('\n');
        }
        let is_json = messages.iter().all(|message| message.is_json);
        let content = if is_json { "application/x-ndjson" } else { "text/plain; charset=utf-8" };
        let token = self.token.as_ref().map(|token| format!("Bearer {}", token.expose()));
        let request = post(&self.url, content, token.as_deref(), body, self.gzip)?;
        let (answer, body) = self.http.send(request).await.map_err(unavailable)?.into_parts();
        match answer.status {
            status if status.is_success() => Ok(()),
            // What these three say is said of the body.
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
                Err(Undelivered::Refused(answered(answer.status, &body, self.token.as_ref())))
            }
            status => {
                let words = answered(status, &body, self.token.as_ref());
                Err(not_taken(status, &answer.headers, words, &*self.clock))
            }
        }
    }
}

pub(super) fn unavailable(error: outgoing::OutgoingError) -> Undelivered {
    Undelivered::Unavailable(error.to_string())
}

/// A request with a body, compressed if so wished.
pub(super) fn post(
    url: &Url,
    content: &'static str,
    authorization: Option<&str>,
    body: String,
    gzip: bool,
) -> Result<Request<Full<Bytes>>, Undelivered> {
    let wrong = |problem: String| Undelivered::Unavailable(format!("no request can be made: {problem}"));
    let mut request = Request::post(url.as_str())
        .header(USER_AGENT, outgoing::USER_AGENT)
        .header(CONTENT_TYPE, HeaderValue::from_static(content));
    if let Some(authorization) = authorization {
        let mut value = HeaderValue::from_str(authorization)
            .map_err(|_| wrong("the token has characters that no header has".to_owned()))?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    let body = if gzip {
        request = request.header(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let written = encoder.write_all(body.as_bytes()).and_then(|()| encoder.finish());
        Bytes::from(written.map_err(|error| wrong(error.to_string()))?)
    } else {
        Bytes::from(body)
    };
    request.body(Full::new(body)).map_err(|error| wrong(error.to_string()))
}
