//! An identity provider to test against, over real HTTP on loopback: a generic OpenID provider and a Microsoft Entra ID
//! with several tenants, side by side on one port.
//!
//! It enforces what Entra ID is known to enforce and says so with Entra's own error codes (AADSTS…), turns its keys on
//! demand, and goes wrong on demand ([`Behaviour`]). Nobody has compared it with a real tenant.
//!
//! | at | is |
//! |---|---|
//! | `/.well-known/openid-configuration` | the OpenID provider, whose issuer is the address itself |
//! | `/{tenant}/v2.0/.well-known/openid-configuration` | Entra ID; `common` and `organizations` have an issuer with `{tenantid}` |
//! | `/{tenant}/.well-known/openid-configuration` | Entra ID's version 1 |
//! | `/graph/v1.0/…` | as much of Microsoft Graph as tells a person's groups |
//! | `/control` | [`Behaviour`], keys and what was seen, for tests of other languages |
//!
//! Who signs in is chosen on a page (a form, no script), or without one: by the query parameter or the cookie
//! `mock_user`, or by [`Behaviour::signs_in`].

#![allow(clippy::expect_used, reason = "a test's server that can't go on panics")]

mod authorize;
mod behaviour;
mod client;
mod control;
mod discovery;
mod graph;
mod id_token;
mod keys;
mod parameters;
mod person;
mod realm;
mod refusal;
mod scopes;
mod sign_in;
mod state;
mod token;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use events::clock::{Clock, Random, SystemClock, SystemRandom};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use self::behaviour::{Behaviour, Endpoint, Fault, Signing};
pub use self::client::{CLIENT, Client, SECRET};
pub use self::keys::Algorithm;
pub use self::person::{CONTOSO, FABRIKAM, Person};
pub use self::state::Seen;
use self::state::{Shared, State};

/// What an issuer starts with.
pub struct Settings {
    /// Port 0 takes a free one.
    pub listen: SocketAddr,
    pub clients: Vec<Client>,
    pub people: Vec<Person>,
    /// What the OpenID provider signs by; Entra ID signs by RS256.
    pub algorithm: Algorithm,
    /// Version 1 of Entra ID names issuers of this host: `https://sts.windows.net` outside of national clouds.
    pub sts: String,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            clients: vec![Client::confidential()],
            people: Person::cast(),
            algorithm: Algorithm::Rs256,
            sts: "https://sts.windows.net".to_owned(),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
        }
    }
}

/// A running issuer. Dropped, it ends.
pub struct Issuer {
    shared: Arc<Shared>,
    address: SocketAddr,
    cancel: CancellationToken,
    tasks: JoinSet<()>,
}

impl Issuer {
    /// With [`Settings::default`]: one confidential client ([`CLIENT`], [`SECRET`]) without redirect addresses, and
    /// everybody of [`Person::cast`].
    pub async fn start() -> std::io::Result<Self> {
        Self::with(Settings::default()).await
    }

    pub async fn with(settings: Settings) -> std::io::Result<Self> {
        let listener = TcpListener::bind(settings.listen).await?;
        let address = listener.local_addr()?;
        let state = State::new(&settings);
        let shared = Arc::new(Shared::new(format!("http://{address}"), settings, state));
        let cancel = CancellationToken::new();
        let (router, until) = (router(shared.clone()), cancel.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let serving = axum::serve(listener, router).with_graceful_shutdown(until.cancelled_owned());
            serving.await.expect("serving goes on until it is cancelled");
        });
        Ok(Self { shared, address, cancel, tasks })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The OpenID provider's issuer, and Entra ID's authority: `http://127.0.0.1:PORT`, without a slash.
    pub fn url(&self) -> &str {
        &self.shared.base
    }

    /// Entra ID's issuer of this tenant, as version 2 names it.
    pub fn entra(&self, tenant: &str) -> String {
        format!("{}/{tenant}/v2.0", self.shared.base)
    }

    /// Where `/v1.0/…` of Graph is: `…/graph`.
    pub fn graph(&self) -> String {
        format!("{}/graph", self.shared.base)
    }

    /// Lets a client's people be sent back to this address.
    pub fn allow_redirect(&self, client: &str, address: &str) {
        self.shared.state().allow_redirect(client, address);
    }

    /// Registers a client, or replaces it.
    pub fn register(&self, client: Client) {
        self.shared.state().register(client);
    }

    /// Adds a person, or replaces the one with the same `user`.
    pub fn add(&self, person: Person) {
        self.shared.state().add(person);
    }

    /// Whoever comes next, and all after, is this person, without a page. `None`: the page again.
    pub fn signs_in(&self, user: Option<&str>) {
        self.shared.state().behaviour.signs_in = user.map(str::to_owned);
    }

    /// Changes what it does from here on.
    pub fn behave<T>(&self, change: impl FnOnce(&mut Behaviour) -> T) -> T {
        change(&mut self.shared.state().behaviour)
    }

    /// Turns the key that signs; the one of before stays published. The new one's id.
    pub fn rotate(&self) -> String {
        self.shared.state().keys.rotate()
    }

    /// A further key that is published and does not sign, whose `issuer` is this one. Its id, for
    /// [`Signing::Kid`].
    pub fn publish(&self, issuer: Option<&str>) -> String {
        self.shared.state().keys.publish(issuer)
    }

    /// Takes every key off the published set but the one that signs.
    pub fn withdraw_old_keys(&self) {
        self.shared.state().keys.withdraw_old();
    }

    /// The id of the key that signs.
    pub fn kid(&self) -> String {
        self.shared.state().keys.signing().kid.clone()
    }

    /// The requests that came since the start or since [`Self::forget_seen`], oldest first; the newest thousand.
    /// Secrets in them are left out.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.state().seen.values().cloned().collect()
    }

    pub fn forget_seen(&self) {
        self.shared.state().seen.clear();
    }

    /// Ends it, and waits for that: an issuer that is away. What is open then has no more than this.
    pub async fn stop(mut self) {
        self.cancel.cancel();
        self.tasks.abort_all();
        while self.tasks.join_next().await.is_some() {}
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

fn router(shared: Arc<Shared>) -> Router {
    let authorize = || get(authorize::get).post(authorize::post);
    Router::new()
        .route("/.well-known/openid-configuration", get(discovery::document))
        .route("/authorize", authorize())
        .route("/token", post(token::token))
        .route("/jwks", get(discovery::keys))
        .route("/userinfo", get(graph::userinfo).post(graph::userinfo))
        .route("/{tenant}/v2.0/.well-known/openid-configuration", get(discovery::document))
        .route("/{tenant}/oauth2/v2.0/authorize", authorize())
        .route("/{tenant}/oauth2/v2.0/token", post(token::token))
        .route("/{tenant}/discovery/v2.0/keys", get(discovery::keys))
        .route("/{tenant}/.well-known/openid-configuration", get(discovery::document))
        .route("/{tenant}/oauth2/authorize", authorize())
        .route("/{tenant}/oauth2/token", post(token::token))
        .route("/{tenant}/discovery/keys", get(discovery::keys))
        .route("/graph/v1.0/{*path}", get(graph::groups).post(graph::groups))
        .route("/sign-in", post(sign_in::chosen))
        .route("/control", get(control::show).post(control::change))
        .layer(DefaultBodyLimit::max(64 * 1024))
        .with_state(shared)
}

#[cfg(test)]
mod tests;
