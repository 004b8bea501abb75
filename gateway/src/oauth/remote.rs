//! What clients publish of themselves: metadata documents and keys, fetched from addresses that anybody may name.
//!
//! It promises: no connection to an address that the installation has not opened (checked on the resolved address, at
//! connect), no redirect followed, a bound on time and bytes, one fetch at a time of each address, and so many of each host in a
//! minute. What was fetched is kept as its headers say, within bounds; a failure is remembered for seconds, and what was there
//! before it goes on for a while, so that a client's host that is away signs nobody out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use events::OrganizationId;
use events::clock::Clock;
use http::header::{ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use moka::sync::Cache;
use tokio::sync::Mutex;
use url::Url;
use uuid::Uuid;

use super::pace::Pace;
use crate::upstream::{HyperUpstream, OUR_USER_AGENT, Target};

/// Document and keys together, of one request (a client gives up after 10 s).
pub const WITHIN: Duration = Duration::from_secs(4);
/// However a document says to be kept.
const FRESH: std::ops::RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(24 * 3_600);
/// One that says nothing.
const FRESH_DEFAULT: Duration = Duration::from_secs(600);
/// So long it goes on beyond that while it can't be fetched.
const STALE: Duration = Duration::from_secs(24 * 3_600);
/// So long nobody is asked again who failed.
const FAILED: Duration = Duration::from_secs(10);
/// So often in a minute one host is asked, and so often at once: whoever names many of its addresses has us flood nobody.
const OF_A_HOST: u32 = 60;
const AT_ONCE: u32 = 30;
/// A bound on what is kept of each kind.
const MOST: u64 = 4_096;

/// Fetches.
pub struct Fetcher {
    upstream: HyperUpstream,
    clock: Arc<dyn Clock>,
    /// Of each host.
    paces: Cache<String, Arc<Pace>>,
}

/// Why nothing could be fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchFault {
    #[error("{0} did not answer in time")]
    Timeout(String),
    #[error("{0} is asked for too much at the moment")]
    Busy(String),
    #[error("{0} can't be reached: {1}")]
    Unreachable(String, String),
    #[error("{0} answered with status {1}")]
    Status(String, u16),
    #[error("{0} answered with something else than JSON")]
    Type(String),
    #[error("{0} answered with more than {1} bytes")]
    TooLong(String, usize),
    #[error("{0}")]
    Unfit(String),
}

/// What was fetched, and for how long it may be kept.
struct Fetched {
    body: Bytes,
    fresh_for: Duration,
}

/// Things of one kind, by their addresses.
pub struct Remote<T> {
    fetcher: Arc<Fetcher>,
    max_bytes: usize,
    known: Cache<String, Known<T>>,
    /// One an address, so that a host that is slow holds up its own alone.
    turns: Cache<String, Arc<Mutex<()>>>,
}

struct Known<T> {
    value: Option<(Arc<T>, Instant)>,
    /// When it was last fetched well, or last failed, and why.
    failed: Option<(Instant, FetchFault)>,
    fetched_at: Option<Instant>,
}

impl<T> Clone for Known<T> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), failed: self.failed.clone(), fetched_at: self.fetched_at }
    }
}

impl Fetcher {
    pub fn new(upstream: HyperUpstream, clock: Arc<dyn Clock>) -> Self {
        Self { upstream, clock, paces: Cache::new(MOST) }
    }

    pub fn now(&self) -> Instant {
        self.clock.instant()
    }

    /// Forgets addresses that nobody asks for any more, for ever.
    pub async fn sweep(&self) {
        self.upstream.sweep().await;
    }

    async fn json(&self, url: &Url, max: usize, within: Duration) -> Result<Fetched, FetchFault> {
        let host = url.host_str().unwrap_or_default().to_owned();
        let pace = self.paces.get_with(host.clone(), || Arc::new(Pace::new(OF_A_HOST, AT_ONCE)));
        if pace.pass(self.clock.instant()).is_err() {
            return Err(FetchFault::Busy(host));
        }
        let fetched = tokio::time::timeout(within, self.exchange(url, &host, max)).await;
        fetched.unwrap_or(Err(FetchFault::Timeout(host)))
    }

    async fn exchange(&self, url: &Url, host: &str, max: usize) -> Result<Fetched, FetchFault> {
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.method_mut() = Method::GET;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(USER_AGENT, OUR_USER_AGENT);
        let nobody = OrganizationId::new(Uuid::nil());
        // Connections are kept by this id: nothing of one address is ever used for another.
        let target = Target { id: id_of(url), generation: 0, organization: nobody, url, ca: None };
        let unreachable = |error: &dyn std::fmt::Display| {
            tracing::debug!(host, %error, "a client's document or keys can't be fetched");
            // An address that is closed tells nobody what is behind it.
            FetchFault::Unreachable(host.to_owned(), "no connection, or it broke off".to_owned())
        };
        let answer = self.upstream.call(&target, request).await.map_err(|error| unreachable(&error))?;
        if answer.status() != StatusCode::OK {
            return Err(FetchFault::Status(host.to_owned(), answer.status().as_u16()));
        }
        if !is_json(answer.headers()) {
            return Err(FetchFault::Type(host.to_owned()));
        }
        let fresh_for = fresh_for(answer.headers());
        let body = Limited::new(answer.into_body(), max).collect().await;
        let body = body.map_err(|error| match error.downcast_ref::<http_body_util::LengthLimitError>() {
            Some(_) => FetchFault::TooLong(host.to_owned(), max),
            None => unreachable(&error),
        })?;
        Ok(Fetched { body: body.to_bytes(), fresh_for })
    }
}

impl<T: Send + Sync + 'static> Remote<T> {
    pub fn new(fetcher: Arc<Fetcher>, max_bytes: usize) -> Self {
        Self { fetcher, max_bytes, known: Cache::new(MOST), turns: Cache::new(MOST) }
    }

    /// What is at this address, as `read` makes it of JSON; fetched by `until` if it must be.
    pub async fn get(
        &self,
        url: &Url,
        until: Instant,
        read: impl Fn(&[u8]) -> Result<T, String> + Send,
    ) -> Result<Arc<T>, FetchFault> {
        self.get_newer(url, until, Duration::MAX, read).await
    }

    /// The same where what was fetched longer ago than `oldest` is fetched anew, however fresh it is.
    pub async fn get_newer(
        &self,
        url: &Url,
        until: Instant,
        oldest: Duration,
        read: impl Fn(&[u8]) -> Result<T, String> + Send,
    ) -> Result<Arc<T>, FetchFault> {
        if let Some(known) = self.answer(url, oldest) {
            return known;
        }
        let left = || until.saturating_duration_since(self.fetcher.now());
        let host = || url.host_str().unwrap_or_default().to_owned();
        let turn = self.turns.get_with(url.as_str().to_owned(), Arc::default);
        let Ok(_turn) = tokio::time::timeout(left(), turn.lock()).await else {
            return self.stale(url).ok_or_else(|| FetchFault::Timeout(host()));
        };
        // Whoever had the turn before may have fetched it.
        if let Some(known) = self.answer(url, oldest) {
            return known;
        }
        let fetched = self.fetcher.json(url, self.max_bytes, left()).await.and_then(|fetched| {
            let value = read(&fetched.body).map_err(FetchFault::Unfit)?;
            Ok((Arc::new(value), fetched.fresh_for))
        });
        let now = self.fetcher.now();
        let before = self.known.get(url.as_str());
        match fetched {
            Ok((value, fresh_for)) => {
                let known = Known {
                    value: Some((Arc::clone(&value), now + fresh_for)),
                    failed: None,
                    fetched_at: Some(now),
                };
                self.known.insert(url.as_str().to_owned(), known);
                Ok(value)
            }
            Err(fault) => {
                let stale = before.as_ref().and_then(|known| known.value.clone());
                let stale = stale.filter(|(_, fresh_until)| now < *fresh_until + STALE);
                let known = Known {
                    value: stale.clone(),
                    failed: Some((now, fault.clone())),
                    fetched_at: before.and_then(|known| known.fetched_at),
                };
                self.known.insert(url.as_str().to_owned(), known);
                stale.map(|(value, _)| value).ok_or(fault)
            }
        }
    }

    /// What goes on while it can't be fetched.
    fn stale(&self, url: &Url) -> Option<Arc<T>> {
        let (value, fresh_until) = self.known.get(url.as_str())?.value?;
        (self.fetcher.now() < fresh_until + STALE).then_some(value)
    }

    /// What is answered without a fetch.
    fn answer(&self, url: &Url, oldest: Duration) -> Option<Result<Arc<T>, FetchFault>> {
        let known = self.known.get(url.as_str())?;
        let now = self.fetcher.now();
        let since = |at: Instant| now.saturating_duration_since(at);
        if let Some((at, fault)) = &known.failed
            && since(*at) < FAILED
        {
            let stale = known.value.filter(|(_, fresh_until)| now < *fresh_until + STALE);
            return Some(stale.map(|(value, _)| value).ok_or_else(|| fault.clone()));
        }
        let (value, fresh_until) = known.value?;
        let is_new_enough = known.fetched_at.is_some_and(|at| since(at) <= oldest);
        (now < fresh_until && is_new_enough).then_some(Ok(value))
    }
}

fn id_of(url: &Url) -> Uuid {
    let digest = digest(&SHA256, url.as_str().as_bytes());
    let mut id = [0; 16];
    id.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    uuid::Builder::from_custom_bytes(id).into_uuid()
}

/// `application/json`, or what ends in `+json`.
fn is_json(headers: &HeaderMap) -> bool {
    let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let plain = headers.get(CONTENT_ENCODING).is_none_or(|value| value == "identity");
    plain && (media == "application/json" || (media.starts_with("application/") && media.ends_with("+json")))
}

/// RFC 9111 §5.2.2, within our bounds.
fn fresh_for(headers: &HeaderMap) -> Duration {
    let values = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let mut fresh = None;
    for directive in values.flat_map(|value| value.split(',')) {
        let directive = directive.trim().to_ascii_lowercase();
        if matches!(directive.as_str(), "no-store" | "no-cache") {
            return *FRESH.start();
        }
        if let Some(seconds) = directive.strip_prefix("max-age=") {
            fresh = seconds.trim_matches('"').parse().ok().map(Duration::from_secs);
        }
    }
    fresh.unwrap_or(FRESH_DEFAULT).clamp(*FRESH.start(), *FRESH.end())
}

#[cfg(test)]
mod tests;
