//! The request path: from a request's headers to the upstream's answer, out of memory alone.
//!
//! It promises: nothing passes but what the directory allows at this moment, behind one gate; an answer that
//! lasts ends at once when its key is revoked, narrowed or expires, its organization or its server is closed or the
//! gate closes, since each of these wakes it, and within a look (1 s) whatever wakes it; a call that waits for its
//! answer's head is ended by the look; no secret of the client reaches the upstream, a log line or an error. It knows
//! no log, no database and no listener: `public` reads requests, `upstream` speaks to MCP servers, `mcp` understands
//! messages.
//!
//! In order: `credential`, `authenticate` (`token`, `principal`, `granted`, `holder`), `authorize`, `admission`, `session`, `identity`, `forward`,
//! `proxy` (`unfit`, `media`), `lists`, `stream` (`rewrite`, `owed`, `listens`, `keepalive`). `call` is one call from its headers to its answer, `admission` the list of checks that
//! an open stream is asked as well; `refusal` names each way to end early, `challenge` what it tells of how to get in, and
//! `resource` is what OAuth calls a server; `arrivals` tells of clients that try to get in.

use std::sync::Arc;

use events::clock::{Clock, Random};
use projections::directory::{Directory, Gate};
use tokio_util::sync::CancellationToken;

pub mod admission;
pub mod ancestry;
pub mod answer;
pub mod arrivals;
pub mod authenticate;
pub mod authorize;
pub mod belonging;
pub mod body;
pub mod call;
pub mod challenge;
pub mod credential;
pub mod forward;
#[cfg(test)]
mod fuzz;
pub mod granted;
pub mod holder;
pub mod identity;
pub mod keepalive;
pub mod listens;
pub mod lists;
pub mod media;
pub mod origin;
mod owed;
pub mod principal;
mod problem;
pub mod proxy;
pub mod refusal;
pub mod resource;
pub mod rewrite;
pub mod session;
pub mod settings;
pub mod stream;
pub mod tasks;
#[cfg(test)]
pub(crate) mod testing;
pub mod token;
pub mod unfit;
pub mod verify;

pub use authenticate::{AuthenticationError, Authenticator};
pub use body::Body;
pub use origin::Origins;
pub use principal::{Principal, PrincipalId};
pub use refusal::Refusal;
pub use settings::RequestSettings;

use crate::attempts;
use crate::identity::IdentitySigner;
use crate::problem::body::Bounds;
use crate::problem::room::{BodyRoom, RoomBounds};
use crate::telemetry::calls::Calls;
use crate::vault::{NodeSecrets, SessionKey};
use identity::Routes;
use resource::Resources;
use session::{SessionKeyError, Sessions};
use tasks::Tasks;
use token::Tokens;

/// What every request of a node is judged by.
pub struct Door {
    directory: Arc<Directory>,
    gate: Arc<Gate>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    authenticator: Authenticator,
    sessions: Sessions,
    tasks: Tasks,
    routes: Routes,
    origins: Origins,
    resources: Arc<Resources>,
    settings: RequestSettings,
    room: Arc<BodyRoom>,
    calls: Arc<Calls>,
    /// The process stops: answers without an end of their own end, and no request is let in any more.
    closing: CancellationToken,
    /// Where it is told how clients get in.
    attempts: Option<attempts::Recorder>,
}

/// What a door is made of.
pub struct DoorParts {
    pub directory: Arc<Directory>,
    pub gate: Arc<Gate>,
    pub secrets: Arc<NodeSecrets>,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub settings: RequestSettings,
    /// Where it is told how clients get in; `None`: nobody is told.
    pub attempts: Option<attempts::Recorder>,
}

/// Why there is no door.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    #[error(transparent)]
    Session(#[from] SessionKeyError),
}

impl Door {
    pub fn new(parts: DoorParts) -> Result<Arc<Self>, DoorError> {
        let DoorParts { directory, gate, secrets, clock, random, settings, attempts } = parts;
        let issuer = settings.issuer();
        let (server, default) = (settings.authorization_server.clone(), settings.default_server.clone());
        let resources = Arc::new(Resources::new(issuer.clone(), server, default));
        Ok(Arc::new(Self {
            authenticator: Authenticator::new(
                Arc::clone(&directory),
                secrets.peppers.clone(),
                Arc::clone(&clock),
            )
            .with_tokens(Tokens::new(Arc::clone(&resources), settings.max_tokens)),
            resources,
            tasks: Tasks::new(secrets.session.iter().map(SessionKey::bytes)),
            sessions: Sessions::new(secrets.session.iter().map(SessionKey::bytes), Arc::clone(&random))?,
            routes: Routes::new(IdentitySigner::new(&secrets.identity, &issuer), settings.max_routes),
            origins: Origins::new(issuer, &settings.allowed_origins),
            directory,
            gate,
            calls: Calls::new(Arc::clone(&clock)),
            clock,
            random,
            room: BodyRoom::new(RoomBounds::shared(settings.max_held_bytes, settings.max_body_bytes)),
            settings,
            closing: CancellationToken::new(),
            attempts,
        }))
    }

    /// Others from now on; what the ones before made still counts as far as they are among them.
    pub fn renew(&self, secrets: &NodeSecrets) -> Result<(), DoorError> {
        self.authenticator.renew(&secrets.peppers);
        self.sessions.take(secrets.session.iter().map(SessionKey::bytes))?;
        self.tasks.take(secrets.session.iter().map(SessionKey::bytes));
        self.routes.take(IdentitySigner::new(&secrets.identity, &self.settings.issuer()));
        Ok(())
    }

    pub fn settings(&self) -> &RequestSettings {
        &self.settings
    }

    /// The bytes of the bodies that are held now.
    #[cfg(test)]
    pub fn held_bytes(&self) -> usize {
        self.room.held()
    }

    /// Where what became of each call waits to be told.
    pub fn calls(&self) -> &Arc<Calls> {
        &self.calls
    }

    pub fn origins(&self) -> &Origins {
        &self.origins
    }

    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub fn shared_clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    pub fn shared_random(&self) -> Arc<dyn Random> {
        Arc::clone(&self.random)
    }

    /// The servers as protected resources; `None`: nobody can sign in here, and nothing is said of it.
    pub fn resources(&self) -> Option<&Resources> {
        self.directory.has_issuers().then_some(&*self.resources)
    }

    /// The public keys of identity tokens, as JSON.
    pub fn jwks(&self) -> String {
        self.routes.jwks()
    }

    /// The process stops: answers without an end of their own end, the others have the listener's bound for it.
    pub fn close(&self) {
        self.closing.cancel();
        self.directory.wake_all();
    }

    /// Cancelled when it does.
    #[cfg(test)]
    pub fn closing(&self) -> &CancellationToken {
        &self.closing
    }

    fn is_open(&self) -> Result<(), Refusal> {
        if self.closing.is_cancelled() {
            return Err(Refusal::NotReady);
        }
        self.gate.check().map_err(|_| Refusal::NotReady)
    }

    fn body_bounds(&self) -> Bounds {
        Bounds { max: self.settings.max_body_bytes, timeout: self.settings.body_timeout }
    }
}
