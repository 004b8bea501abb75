//! One server as one runtime reaches it: its address, and the connections to it that are unused.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use events::OrganizationId;
use events::clock::Clock;
use http::{HeaderValue, Uri};
use tokio_rustls::TlsConnector;
use uuid::Uuid;

use super::carrier::Carrier;
use super::{Target, UpstreamError};

/// Where a server is, as of one of its generations.
pub(super) struct Site {
    pub(super) organization: OrganizationId,
    /// Path and query.
    pub(super) uri: Uri,
    /// The value of `Host`.
    pub(super) authority: HeaderValue,
    /// Without the brackets of an IPv6 address.
    pub(super) host: String,
    pub(super) port: u16,
    /// `None`: plain HTTP.
    pub(super) tls: Option<TlsConnector>,
    unused: Mutex<Vec<Unused>>,
    /// Dangling: connections are not kept.
    sites: Weak<Sites>,
}

struct Unused {
    carrier: Box<Carrier>,
    since: Instant,
}

/// The sites of one runtime.
pub(super) struct Sites {
    known: Mutex<Known>,
    clock: Arc<dyn Clock>,
    pub(super) bounds: Bounds,
}

/// What is kept of connections that are unused.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    /// For this long.
    pub(super) time: Duration,
    /// So many to one server.
    pub(super) each: usize,
    /// So many in all.
    pub(super) all: usize,
}

#[derive(Default)]
struct Known {
    /// By server, its generation, and the number of the authorities for all.
    sites: HashMap<(Uuid, u64, u64), Arc<Site>>,
    /// Connections that are unused, of all sites.
    unused: usize,
}

/// Sites that are kept; beyond them one serves a single call, and its connection is closed after it.
const MAX_SITES: usize = 4_096;

impl Sites {
    pub(super) fn new(bounds: Bounds, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { known: Mutex::default(), clock, bounds })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server's, as of this generation and these authorities. `tls` makes its connector when it is new.
    pub(super) fn of(
        self: &Arc<Self>,
        to: &Target<'_>,
        trust: u64,
        tls: impl FnOnce() -> Result<TlsConnector, UpstreamError>,
    ) -> Result<Arc<Site>, UpstreamError> {
        let name = (to.id, to.generation, trust);
        if let Some(site) = self.known().sites.get(&name) {
            return Ok(Arc::clone(site));
        }
        let mut site = Site::new(to, tls)?;
        let mut known = self.known();
        if known.sites.len() >= MAX_SITES {
            return Ok(Arc::new(site));
        }
        site.sites = Arc::downgrade(self);
        Ok(Arc::clone(known.sites.entry(name).or_insert_with(|| Arc::new(site))))
    }

    /// Closes what has been unused for too long, and forgets sites without connections.
    pub(super) fn sweep(&self) {
        let now = self.clock.instant();
        let mut known = self.known();
        let mut closed = 0;
        known.sites.retain(|_, site| {
            let mut unused = site.unused();
            closed += unused
                .extract_if(.., |one| now.saturating_duration_since(one.since) >= self.bounds.time)
                .count();
            !unused.is_empty() || Arc::strong_count(site) > 1
        });
        known.unused = known.unused.saturating_sub(closed);
    }
}

impl Site {
    fn new(
        to: &Target<'_>,
        tls: impl FnOnce() -> Result<TlsConnector, UpstreamError>,
    ) -> Result<Self, UpstreamError> {
        let url = to.url;
        let unfit = |what: &str| UpstreamError::Name(format!("the URL has no {what}"));
        let host = url.host_str().ok_or_else(|| unfit("host"))?;
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let plain = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        Ok(Self {
            organization: to.organization,
            uri: path.parse().map_err(|_| unfit("path that HTTP can say"))?,
            authority: HeaderValue::try_from(authority).map_err(|_| unfit("host that HTTP can say"))?,
            host: plain.to_owned(),
            port: url.port_or_known_default().ok_or_else(|| unfit("port"))?,
            tls: if url.scheme() == "https" { Some(tls()?) } else { None },
            unused: Mutex::default(),
            sites: Weak::new(),
        })
    }

    fn unused(&self) -> MutexGuard<'_, Vec<Unused>> {
        self.unused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An unused connection that still stands: the one that was used last.
    pub(super) fn take(&self) -> Option<Box<Carrier>> {
        loop {
            let Unused { mut carrier, since } = self.unused().pop()?;
            let sites = self.sites.upgrade()?;
            let mut known = sites.known();
            known.unused = known.unused.saturating_sub(1);
            drop(known);
            let unused_for = sites.clock.instant().saturating_duration_since(since);
            if unused_for < sites.bounds.time && carrier.still_stands() {
                return Some(carrier);
            }
        }
    }

    /// Keeps a connection for the next request, within the bounds.
    pub(super) fn put(&self, carrier: Box<Carrier>) {
        let Some(sites) = self.sites.upgrade() else { return };
        let mut known = sites.known();
        let mut unused = self.unused();
        if unused.len() >= sites.bounds.each || known.unused >= sites.bounds.all {
            return;
        }
        known.unused += 1;
        unused.push(Unused { carrier, since: sites.clock.instant() });
    }
}
