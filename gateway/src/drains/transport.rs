//! How events travel to a receiver, and when they are there.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use events::clock::{Clock, Random};
use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};

use super::format::Message;
use crate::config::{self, ConfigError, Secret};
use crate::outgoing::{self, Outgoing, PemError};

mod hec;
mod https;
mod syslog;

/// A receiver that asks for a longer pause gets this one.
const LONGEST_ASKED: Duration = Duration::from_secs(15 * 60);

/// Takes events to a receiver.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Returns once the receiver has taken all of them, in their order.
    async fn deliver(&self, messages: &[Message]) -> Result<(), Undelivered>;
}

/// Why the receiver has not taken them, as far as is known.
#[derive(Debug, thiserror::Error)]
pub enum Undelivered {
    /// Worth another try: it is down, busy, or refuses whoever sends whatever it is.
    #[error("{0}")]
    Unavailable(String),
    /// The same, and it says when.
    #[error("{reason}; it asks for a pause of {} s", after.as_secs())]
    Busy { reason: String, after: Duration },
    /// What is in the batch is the reason.
    #[error("{0}")]
    Refused(String),
}

/// `key`: of the drain's table; `host`: where events say that they come from, unless the configuration says.
pub(super) fn open(
    key: &str,
    config: &config::Drain,
    host: &str,
    clock: &Arc<dyn Clock>,
    random: &dyn Random,
) -> Result<Box<dyn Transport>, ConfigError> {
    let tls = outgoing::tls(config.ca_file.as_deref(), config.identity()).map_err(
        |PemError { path, problem }| ConfigError::Value {
            key: key.to_owned(),
            problem: format!("the file {} can't be used: {problem}", path.display()),
            accepted: "PEM files in ca_file, certificate_file and key_file",
        },
    )?;
    let token = config.token(key)?;
    let host = config.host.clone().unwrap_or_else(|| host.to_owned());
    Ok(match config.transport {
        config::Transport::Hec => {
            let http = Outgoing::new(tls, config.timeout());
            Box::new(hec::Hec::new(key, config, http, token, host, clock, random)?)
        }
        config::Transport::Https => Box::new(https::Https::new(
            config,
            Outgoing::new(tls, config.timeout()),
            token,
            Arc::clone(clock),
        )),
        config::Transport::Syslog => Box::new(syslog::Syslog::new(key, config, tls, host)?),
    })
}

/// What follows from an answer that takes nothing and says nothing of what was sent.
fn not_taken(status: StatusCode, headers: &HeaderMap, words: String, clock: &dyn Clock) -> Undelivered {
    let is_busy = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let asked = headers.get(RETRY_AFTER).filter(|_| is_busy).and_then(|value| value.to_str().ok());
    match asked.and_then(|asked| outgoing::retry_after(asked, clock.now())) {
        Some(after) => Undelivered::Busy { reason: words, after: after.min(LONGEST_ASKED) },
        None => Undelivered::Unavailable(words),
    }
}

/// An answer's words, with what they are of. Some receivers repeat the token that they refuse.
fn answered(status: StatusCode, body: &[u8], token: Option<&Secret>) -> String {
    let mut words = String::from_utf8_lossy(body).into_owned();
    for secret in token.iter().flat_map(|token| token.expose().rsplit(' ').next()) {
        if !secret.is_empty() {
            words = words.replace(secret, "[the token]");
        }
    }
    format!("it answers {status}: {}", outgoing::excerpt(words.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_is_repeated_is_not_told() {
        let token = Secret::from("Splunk hush-hush".to_owned());
        let told = answered(StatusCode::UNAUTHORIZED, b"bad Splunk hush-hush", Some(&token));
        assert!(told.ends_with("bad Splunk [the token]"), "{told}");
    }

    #[test]
    fn a_busy_receiver_says_when_and_not_for_ever() {
        let clock = events::clock::ManualClock::new("2026-11-30T00:00:00Z".parse().unwrap());
        let after = |status, asked: &'static str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, http::HeaderValue::from_static(asked))]);
            match not_taken(status, &headers, String::new(), &clock) {
                Undelivered::Busy { after, .. } => Some(after.as_secs()),
                Undelivered::Unavailable(_) | Undelivered::Refused(_) => None,
            }
        };
        assert_eq!(after(StatusCode::SERVICE_UNAVAILABLE, "40"), Some(40));
        assert_eq!(after(StatusCode::TOO_MANY_REQUESTS, "86400"), Some(900));
        assert_eq!(after(StatusCode::SERVICE_UNAVAILABLE, "soon"), None);
        assert_eq!(after(StatusCode::FORBIDDEN, "40"), None);
    }
}
