//! The admin API, `/api/v1` on the admin listener: commands to the domain, reads from the read models.
//!
//! It promises: an answer is what was asked for or a problem (RFC 9457); nothing is told to a key that does
//! not reach it; a write answers its position, and a read can wait for it; everything has a bound. It decides
//! nothing itself: decisions are the domain's, and the request path (`/mcp`, verify) is served elsewhere.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use domain::key::secret::Prefix;
use events::clock::{Clock, Random};
use events::lasting::{Lasting, Words};
use events::log::Log;
use projections::directory::{Directory, Gate};
use projections::postgres::Pool;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use url::Url;
use utoipa_axum::router::OpenApiRouter;

use crate::attempts;
use crate::checkpoints::Keeper;
use crate::command::Commands;
use crate::fleet::Fleet;
use crate::issuers::SignIn;
use crate::oauth::presets::Presets;
use crate::passing::Passing;
use crate::problem::Problem;
use crate::problem::room::{BodyRoom, RoomBounds};
use crate::request::Authenticator;
use crate::store::bucket::Bucket;
use crate::vault::{IssuerCredentials, Peppers, Vault, WebhookSecrets};
pub use access::AccessLog;
use bounds::Slots;
pub use idempotency::{HEADER as IDEMPOTENCY_KEY, IdempotencyKey};
pub use metadata::Metadata;
pub use proof::{FleetProof, MemberProof, MemberState, PATH as FLEET_PROOF};
pub use reads::AS_OF;
use reads::Reading;
pub use resolve::PATH as RESOLVE;
pub use seconds::seconds;
pub use server::Trials;

mod access;
mod approval;
mod attempt;
mod authenticate;
mod body;
mod bounds;
mod caller;
mod client;
mod command;
mod consent;
mod document;
mod event;
mod fleet;
mod grant;
mod guard;
mod history;
mod idempotency;
mod invitation;
mod issuer;
mod key;
mod member;
mod metadata;
mod moment;
mod organization;
mod owned;
mod person;
mod preset;
mod problem;
mod proof;
mod query;
mod reads;
mod resolve;
mod seconds;
mod seen;
mod server;
mod signer;
mod status;
mod text;
mod tlog;
mod token_key;
mod wait;
mod webhook;
mod written;

/// What the admin API is made of.
pub struct ApiParts {
    pub commands: Commands,
    pub log: Arc<dyn Log>,
    pub directory: Arc<Directory>,
    pub gate: Arc<Gate>,
    pub peppers: Peppers,
    /// Where the private halves of keys that sign lie.
    pub control: Vault,
    /// With what the gateway shows issuers who it is.
    pub issuer_credentials: IssuerCredentials,
    /// Signs people in, and tries issuers.
    pub sign_in: SignIn,
    /// What is known of people's sessions; `None`: nothing is told of them here.
    pub passing: Option<Passing>,
    /// Which addresses of clients are well known.
    pub presets: Arc<Presets>,
    /// The secrets that sign what webhooks are sent.
    pub webhooks: WebhookSecrets,
    /// The read models; `None`: every read from them is a problem.
    pub reads: Option<Pool>,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub fleet: Fleet,
    /// Where its members' records are; `None`: nobody is forgotten here.
    pub members: Option<Bucket>,
    /// The log's tree and its signed checkpoints; `None`: none are served here.
    pub checkpoints: Option<Arc<Keeper>>,
    /// Where it is told what is read and tried; `None`: nobody is told.
    pub access: Option<AccessLog>,
    /// How clients get in, as all processes saw it; `None`: nobody is told.
    pub attempts: Option<attempts::Reader>,
    /// Tries the upstreams of servers that are registered.
    pub trials: Trials,
    /// Cancelled when the process is told to end: nobody is waited for any more.
    pub ending: CancellationToken,
    pub settings: ApiSettings,
}

/// The admin API's bounds and choices.
#[derive(Clone, Debug)]
pub struct ApiSettings {
    /// What a newly issued key starts with.
    pub prefix: Prefix,
    /// Where clients reach the gateway: an origin.
    pub public_url: String,
    /// Where people sign in and accept invitations: an origin.
    pub accounts_url: String,
    /// A whole request.
    pub request_timeout: Duration,
    /// One read from the read models.
    pub read_timeout: Duration,
    /// How long a read waits for `at_least`.
    pub at_least_timeout: Duration,
    /// Reads at once, and as many writes; more are refused.
    pub max_requests: usize,
    /// Requests at once that wait for the fleet, beside those.
    pub max_waiting: usize,
    /// Of each of these, those of one owner's keys, and of one key.
    pub max_requests_per_owner: usize,
    pub max_requests_per_key: usize,
    /// Webhooks of one owner that are not removed.
    pub max_webhooks: u64,
    /// Issuers of one owner that are not removed.
    pub max_issuers: usize,
    /// Whether clients may register themselves.
    pub registers: bool,
}

impl ApiSettings {
    pub fn new(prefix: Prefix, public_url: &Url) -> Self {
        Self {
            prefix,
            public_url: public_url.origin().ascii_serialization(),
            accounts_url: public_url.origin().ascii_serialization(),
            request_timeout: Duration::from_secs(30),
            read_timeout: Duration::from_secs(5),
            at_least_timeout: Duration::from_secs(5),
            max_requests: 64,
            max_waiting: 64,
            max_requests_per_owner: 16,
            max_requests_per_key: 12,
            max_webhooks: 20,
            max_issuers: 20,
            registers: true,
        }
    }
}

/// The parts, shared by every request.
#[derive(Clone)]
pub struct ApiState(Arc<Shared>);

pub struct Shared {
    parts: ApiParts,
    authenticator: Authenticator,
    slots: Arc<Slots>,
    /// Bytes of bodies: as many requests as there are may each have one.
    room: Arc<BodyRoom>,
    reading: Reading,
    /// Issuers that are tried at once.
    issuer_tests: Semaphore,
    /// The read models do not answer.
    unread: Lasting,
}

impl ApiState {
    pub fn new(parts: ApiParts) -> Self {
        let slots = Slots::new(&parts.settings);
        let authenticator =
            Authenticator::new(Arc::clone(&parts.directory), parts.peppers.clone(), Arc::clone(&parts.clock));
        let requests = 2 * parts.settings.max_requests + parts.settings.max_waiting;
        let room = BodyRoom::new(RoomBounds::unshared(requests * body::BOUNDS.max));
        let words = Words { lasts: "the read models do not answer", ends: "the read models answer again" };
        let unread = Lasting::new(Arc::clone(&parts.clock), words);
        let reading = Reading::default();
        let issuer_tests = Semaphore::new(issuer::TESTS_AT_ONCE);
        Self(Arc::new(Shared { parts, authenticator, slots, room, reading, issuer_tests, unread }))
    }

    /// Waits for the commands that run. Called after the listener has ended.
    pub async fn drain(&self) {
        self.0.commands.drain().await;
    }
}

impl Deref for ApiState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Deref for Shared {
    type Target = ApiParts;

    fn deref(&self) -> &ApiParts {
        &self.parts
    }
}

/// The admin listener's routes.
pub fn router(state: ApiState) -> Router {
    let (router, document) = routes().split_for_parts();
    bounds::begin(&document);
    router
        .merge(tlog::routes())
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(axum::middleware::from_fn_with_state(state.clone(), bounds::within))
        .with_state(state)
}

fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .merge(organization::routes())
        .merge(event::routes())
        .merge(access::routes())
        .merge(attempt::routes())
        .merge(server::routes())
        .merge(key::routes())
        .merge(webhook::routes())
        .merge(person::routes())
        .merge(member::routes())
        .merge(invitation::routes())
        .merge(issuer::routes())
        .merge(grant::routes())
        .merge(consent::routes())
        .merge(client::routes())
        .merge(approval::routes())
        .merge(preset::routes())
        .merge(signer::routes())
        .merge(token_key::routes())
        .merge(status::routes())
        .merge(proof::routes())
        .merge(fleet::routes())
        .merge(caller::routes())
        .merge(resolve::routes())
        .merge(document::routes())
}

async fn not_found() -> Problem {
    Problem::not_found()
}

async fn method_not_allowed() -> Problem {
    Problem::method_not_allowed()
}

#[cfg(test)]
mod tests;
