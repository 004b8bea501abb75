//! What is known of issuers: their documents and keys, cached. They are fetched in the background, and kept while an
//! issuer is away; a token by an unknown key has the keys fetched once more, but never more often than every half a minute,
//! whatever is sent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use events::IssuerId;
use events::clock::Clock;
use events::issuer::Protocol;
use futures::StreamExt;
use moka::sync::Cache;
use projections::directory::{Directory, IssuerEntry};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::SignIn;
use super::discovery::{DiscoveryError, Provider, documents};
use super::keys::{KeySet, KeySetError};
use super::web::{Web, WebError};

/// An issuer's documents and keys are fetched anew when they are so old.
const REFRESH: Duration = Duration::from_secs(15 * 60);
/// What can't be fetched anew is believed for so long.
const OUTAGE: Duration = Duration::from_secs(24 * 60 * 60);
/// Between two fetches of one issuer's, also where the first failed or a key was unknown.
const PAUSE: Duration = Duration::from_secs(30);
/// How often is looked for what is old.
const LOOK: Duration = Duration::from_secs(20);
/// Fetches at once, in the background.
const AT_ONCE: usize = 8;
/// Issuers that are remembered.
const CAPACITY: u64 = 10_000;

pub(super) struct Known {
    /// By what was registered: another issuer under the same id shares nothing.
    cache: Cache<(IssuerId, Protocol), Arc<Mutex<Slot>>>,
    clock: Arc<dyn Clock>,
}

#[derive(Default)]
struct Slot {
    found: Option<Arc<Found>>,
    /// When it was last asked for, and why nothing came.
    asked: Option<(Instant, Option<Unknown>)>,
}

/// What an issuer says of itself.
pub struct Found {
    pub provider: Provider,
    pub keys: KeySet,
    at: Instant,
}

/// Why nothing is known of an issuer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Unknown {
    #[error("{url}: {error}")]
    Web { url: String, error: WebError },
    #[error(transparent)]
    Document(#[from] DiscoveryError),
    #[error("{url}: {error}")]
    Keys { url: String, error: KeySetError },
}

impl Known {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { cache: Cache::builder().max_capacity(CAPACITY).build(), clock }
    }

    /// What is known, fetched where nothing is. Of many who ask at once one fetches, and all get what came of it.
    pub async fn get(&self, web: &Web, entry: &IssuerEntry) -> Result<Arc<Found>, Unknown> {
        let slot = self.slot(entry);
        let mut slot = slot.lock().await;
        let now = self.clock.instant();
        if let Some(found) = slot.found.as_ref().filter(|found| found.age(now) < OUTAGE) {
            return Ok(Arc::clone(found));
        }
        if let Some((asked, Some(unknown))) = &slot.asked
            && now.saturating_duration_since(*asked) < PAUSE
        {
            return Err(unknown.clone());
        }
        slot.fetch(web, entry, &*self.clock).await
    }

    /// What is known now where that is newer than what a key was not found in; fetched, unless that was done just now.
    pub async fn newer(&self, web: &Web, entry: &IssuerEntry, than: &Arc<Found>) -> Option<Arc<Found>> {
        let slot = self.slot(entry);
        let mut slot = slot.lock().await;
        if let Some(found) = slot.found.as_ref().filter(|found| !Arc::ptr_eq(found, than)) {
            return Some(Arc::clone(found));
        }
        let now = self.clock.instant();
        if slot.asked.as_ref().is_some_and(|(asked, _)| now.saturating_duration_since(*asked) < PAUSE) {
            return None;
        }
        slot.fetch(web, entry, &*self.clock).await.ok()
    }

    /// Fetches what is old, or not there.
    async fn refresh(&self, web: &Web, entry: &IssuerEntry) {
        let slot = self.slot(entry);
        let mut slot = slot.lock().await;
        let now = self.clock.instant();
        let is_fresh = slot.found.as_ref().is_some_and(|found| found.age(now) < REFRESH);
        let just_now =
            slot.asked.as_ref().is_some_and(|(asked, _)| now.saturating_duration_since(*asked) < PAUSE);
        if !is_fresh && !just_now {
            let failed = slot.fetch(web, entry, &*self.clock).await.err();
            if let Some(error) = failed {
                tracing::warn!(issuer = %entry.id, %error, kept = slot.found.is_some(),
                    "an issuer's documents or keys can't be fetched");
            }
        }
    }

    fn slot(&self, entry: &IssuerEntry) -> Arc<Mutex<Slot>> {
        self.cache.get_with((entry.id, entry.settings.protocol.clone()), Arc::default)
    }
}

impl Slot {
    async fn fetch(
        &mut self,
        web: &Web,
        entry: &IssuerEntry,
        clock: &dyn Clock,
    ) -> Result<Arc<Found>, Unknown> {
        let fetched = fetch(web, entry, clock.instant()).await;
        let outcome = if fetched.is_ok() { "fetched" } else { "failed" };
        metrics::counter!("keyledger_issuer_fetches_total", "outcome" => outcome).increment(1);
        self.asked = Some((clock.instant(), fetched.as_ref().err().cloned()));
        let found = Arc::new(fetched?);
        self.found = Some(Arc::clone(&found));
        Ok(found)
    }
}

impl Found {
    fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.at)
    }
}

/// The issuer's documents, and the keys that they lead to.
async fn fetch(web: &Web, entry: &IssuerEntry, at: Instant) -> Result<Found, Unknown> {
    let provider = discover(web, entry).await?;
    let keys = keys(web, entry, &provider).await?;
    Ok(Found { provider, keys, at })
}

pub(super) async fn discover(web: &Web, entry: &IssuerEntry) -> Result<Provider, Unknown> {
    let get = async |url: &str| {
        let failed = |error| Unknown::Web { url: url.to_owned(), error };
        let parsed = Url::parse(url).map_err(|error| failed(WebError::Unreachable(error.to_string())))?;
        web.get(entry.owner, &parsed).await.map_err(failed)
    };
    let mut documents = documents(&entry.settings).into_iter();
    let first = documents.next().unwrap_or_default();
    let document = get(&first).await?;
    // Without version 1's, tokens of version 1 don't count, and all else does.
    let v1 = match documents.next() {
        Some(url) => get(&url).await.ok(),
        None => None,
    };
    Ok(Provider::of(&entry.settings, &document, v1.as_ref())?)
}

pub(super) async fn keys(web: &Web, entry: &IssuerEntry, provider: &Provider) -> Result<KeySet, Unknown> {
    let url = || provider.jwks.to_string();
    let set = web.get(entry.owner, &provider.jwks).await;
    let set = set.map_err(|error| Unknown::Web { url: url(), error })?;
    KeySet::of(&set).map_err(|error| Unknown::Keys { url: url(), error })
}

impl SignIn {
    /// Keeps what is known of every issuer that stands fresh, until cancelled.
    pub async fn keep(self, cancel: CancellationToken) {
        loop {
            let standing = standing(&self.0.directory);
            let all =
                futures::stream::iter(standing).for_each_concurrent(AT_ONCE, |entry| self.refreshed(entry));
            tokio::select! {
                () = cancel.cancelled() => return,
                () = async { all.await; tokio::time::sleep(LOOK).await } => {}
            }
        }
    }

    async fn refreshed(&self, entry: Arc<IssuerEntry>) {
        self.0.known.refresh(&self.0.web, &entry).await;
    }
}

fn standing(directory: &Directory) -> Vec<Arc<IssuerEntry>> {
    let mut standing = directory.issuers();
    standing.retain(|entry| directory.issuer_stands(entry.id));
    standing
}
