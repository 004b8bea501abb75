//! The admin API's outer bounds: how many requests at once, how long each, and what is counted of them.
//!
//! Reads and writes have slots of their own, and of each one owner and one key have a share: who reads, or waits
//! in many reads at once, keeps nobody from revoking. A request that waits for the fleet goes over to a slot of a
//! third lane, so that no number of them keeps anybody from reading or writing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use events::Owner;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::Instrument;
use utoipa::openapi::OpenApi;

use super::command::outcome_unknown;
use super::seen::Asked;
use super::{ApiSettings, ApiState};
use crate::problem::Problem;
use crate::request::PrincipalId;
use crate::shares::Shares;
use crate::telemetry;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a request does, as far as its slot goes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Lane {
    Read,
    Write,
    /// Nothing more than waiting for the fleet.
    Wait,
}

/// Slots of all requests, and who has how many.
pub struct Slots {
    reads: Arc<Semaphore>,
    writes: Arc<Semaphore>,
    waits: Arc<Semaphore>,
    per_owner: usize,
    per_key: usize,
    held: Shares<(Lane, Holder)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Holder {
    Owner(Owner),
    Principal(PrincipalId),
}

/// One request's part of its owner's and its key's share; given back when it is dropped.
pub struct Share {
    slots: Arc<Slots>,
    holders: [(Lane, Holder); 2],
}

/// The slot that a request came in by, which it leaves when it begins to wait, and when its answer is due.
#[derive(Clone)]
pub struct Seat {
    slot: Arc<Mutex<Option<OwnedSemaphorePermit>>>,
    due: Instant,
}

/// A request's place among those that wait; given back when it is dropped.
pub struct Waiting {
    _slot: OwnedSemaphorePermit,
    _share: Share,
}

/// What is left of a request's time when waiting ends, so that its answer is under way before it is due.
const MARGIN: Duration = Duration::from_secs(1);

impl Lane {
    pub fn of(method: &Method) -> Self {
        if matches!(*method, Method::GET | Method::HEAD) { Self::Read } else { Self::Write }
    }
}

impl Slots {
    pub fn new(settings: &ApiSettings) -> Arc<Self> {
        Arc::new(Self {
            reads: Arc::new(Semaphore::new(settings.max_requests)),
            writes: Arc::new(Semaphore::new(settings.max_requests)),
            waits: Arc::new(Semaphore::new(settings.max_waiting)),
            per_owner: settings.max_requests_per_owner,
            per_key: settings.max_requests_per_key,
            held: Shares::default(),
        })
    }

    /// Room in the shares of who asks. `None`: they are used up.
    pub fn share(self: &Arc<Self>, lane: Lane, owner: Owner, principal: PrincipalId) -> Option<Share> {
        let (owner, principal) = ((lane, Holder::Owner(owner)), (lane, Holder::Principal(principal)));
        self.held.take([(owner, self.per_owner), (principal, self.per_key)], 1).ok()?;
        Some(Share { slots: Arc::clone(self), holders: [owner, principal] })
    }

    /// Moves a request from the slot that it came in by to one of those that wait. `None`: they are used up, and
    /// it keeps its own.
    pub fn wait(self: &Arc<Self>, seat: &Seat, owner: Owner, principal: PrincipalId) -> Option<Waiting> {
        let share = self.share(Lane::Wait, owner, principal)?;
        let slot = Arc::clone(&self.waits).try_acquire_owned().ok()?;
        seat.slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        Some(Waiting { _slot: slot, _share: share })
    }
}

impl Seat {
    pub fn new(slot: OwnedSemaphorePermit, due: Instant) -> Self {
        Self { slot: Arc::new(Mutex::new(Some(slot))), due }
    }

    /// Until when the request may wait.
    pub fn waits_until(&self) -> Instant {
        self.due.checked_sub(MARGIN).unwrap_or(self.due)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Seat {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(Problem::internal)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.slots.held.give_back(self.holders, 1);
    }
}

/// Each route's failures begin at 0: what begins with one would not be seen to rise.
pub fn begin(document: &OpenApi) {
    for (route, item) in &document.paths.paths {
        let operations = [
            (Method::GET, &item.get),
            (Method::POST, &item.post),
            (Method::PUT, &item.put),
            (Method::PATCH, &item.patch),
            (Method::DELETE, &item.delete),
        ];
        for (method, _) in operations.into_iter().filter(|(_, operation)| operation.is_some()) {
            let labels = [("method", known(&method)), ("route", route.clone()), ("status", "5xx".to_owned())];
            metrics::counter!("keyledger_api_requests_total", &labels).absolute(0);
        }
    }
}

/// Answers within the bounds, whatever the handler does.
pub async fn within(State(api): State<ApiState>, request: Request, next: Next) -> Response {
    let id = events::clock::uuid_v7(&*api.clock, &*api.random);
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let span = tracing::info_span!("api", %id, %method, route);
    let started = api.clock.instant();
    let under_way = UnderWay::begin();
    let (mut parts, body) = request.into_parts();
    let asked = Asked::of(&mut parts, id, &route).await;
    let request = Request::from_parts(parts, body);
    let mut response = bounded(&api, request, next).instrument(span.clone()).await;
    asked.answered(&api, &response);
    let took = api.clock.instant().duration_since(started);
    let status = response.status();
    span.in_scope(|| tracing::info!(status = status.as_u16(), seconds = took.as_secs_f64(), "answered"));
    let class = telemetry::status_class(Some(status.as_u16())).to_owned();
    let labels = [("method", known(&method)), ("route", route), ("status", class)];
    drop(under_way);
    metrics::counter!("keyledger_api_requests_total", &labels).increment(1);
    metrics::histogram!("keyledger_api_request_seconds", &labels[..2]).record(took.as_secs_f64());
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        headers.insert(REQUEST_ID, id);
    }
    // Answers hold names, scopes and once a secret: for the asker alone.
    headers.insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(http::header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn bounded(api: &ApiState, mut request: Request, next: Next) -> Response {
    let lane = Lane::of(request.method());
    let slots = match lane {
        Lane::Read => &api.slots.reads,
        Lane::Write => &api.slots.writes,
        Lane::Wait => &api.slots.waits,
    };
    let Ok(slot) = Arc::clone(slots).try_acquire_owned() else {
        return Problem::busy().into_response();
    };
    let due = api.clock.instant() + api.settings.request_timeout;
    // Held here as well: for as long as the request lasts, unless it waits.
    let seat = Seat::new(slot, due);
    request.extensions_mut().insert(seat.clone());
    match tokio::time::timeout(api.settings.request_timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) if lane == Lane::Read => Problem::timed_out().into_response(),
        Err(_) => outcome_unknown().into_response(),
    }
}

/// A request that is counted among those under way until it is dropped, as its client may drop it.
struct UnderWay;

impl UnderWay {
    fn begin() -> Self {
        metrics::gauge!("keyledger_api_requests_in_flight").increment(1);
        Self
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        metrics::gauge!("keyledger_api_requests_in_flight").decrement(1);
    }
}

/// The method as a label: few values, whatever clients send.
fn known(method: &Method) -> String {
    let known = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    if known.contains(method) { method.to_string() } else { "other".to_owned() }
}

#[cfg(test)]
mod tests {
    use domain::key::secret::Prefix;
    use events::clock::{Clock, SystemClock};
    use events::{KeyId, OrganizationId};
    use uuid::Uuid;

    use super::*;

    fn slots() -> Arc<Slots> {
        let settings = ApiSettings {
            max_requests_per_owner: 3,
            max_requests_per_key: 2,
            max_waiting: 2,
            ..ApiSettings::new(Prefix::live(), &"https://mcp.example.com".parse().unwrap())
        };
        Slots::new(&settings)
    }

    fn key(id: u128) -> PrincipalId {
        PrincipalId::Key(KeyId::new(Uuid::from_u128(id)))
    }

    #[test]
    fn who_reads_a_lot_keeps_nobody_from_writing_and_no_other_owner_from_reading() {
        let slots = slots();
        let own = Owner::Organization(OrganizationId::new(Uuid::from_u128(1)));
        let share = |lane, owner, id| slots.share(lane, owner, key(id));
        let of_one_key = [share(Lane::Read, own, 1), share(Lane::Read, own, 1)];
        assert!(of_one_key.iter().all(Option::is_some));
        assert!(share(Lane::Read, own, 1).is_none(), "the key's share is used up");
        let of_another = share(Lane::Read, own, 2);
        assert!(of_another.is_some());
        assert!(share(Lane::Read, own, 3).is_none(), "the owner's share is used up");
        assert!(share(Lane::Write, own, 1).is_some());
        assert!(share(Lane::Read, Owner::Installation, 4).is_some());
        drop(of_another);
        assert!(share(Lane::Read, own, 3).is_some());
        drop(of_one_key);
        assert!(slots.held.is_empty());
    }

    #[test]
    fn who_waits_leaves_its_slot_to_others() {
        let slots = slots();
        let seat = || {
            let slot = Arc::clone(&slots.writes).try_acquire_owned().unwrap();
            Seat::new(slot, SystemClock.instant())
        };
        let free = slots.writes.available_permits();
        let seats = [seat(), seat(), seat()];
        assert_eq!(slots.writes.available_permits(), free - 3);
        let wait = |at: usize, id| slots.wait(&seats[at], Owner::Installation, key(id));
        let waiting = [wait(0, 1), wait(1, 2)];
        assert!(waiting.iter().all(Option::is_some));
        assert_eq!(slots.writes.available_permits(), free - 1);
        assert!(wait(2, 3).is_none(), "as many wait as may");
        assert_eq!(slots.writes.available_permits(), free - 1, "who may not wait keeps its slot");
        drop(waiting);
        assert!(wait(2, 3).is_some());
    }

    #[test]
    fn a_routes_failures_begin_at_zero() {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let shown = metrics::with_local_recorder(&recorder, || {
            begin(&crate::api::document::document());
            recorder.handle().render()
        });
        for (method, route) in [("GET", "/api/v1/fleet"), ("POST", "/api/v1/installation/keys")] {
            let series = format!(
                "keyledger_api_requests_total{{method=\"{method}\",route=\"{route}\",status=\"5xx\"}} 0"
            );
            assert!(shown.contains(&series), "{shown}");
        }
    }
}
