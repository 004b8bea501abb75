//! What the accounts listener answers with.

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use events::clock::{Clock, Random};
use projections::directory::{Directory, Gate};
use tokio::sync::Semaphore;
use url::Url;

use super::clients::Clients;
use super::metadata::{self, Issuer};
use super::names::Names;
use super::pace::Pace;
use super::standing::Judged;
use crate::attempts;
use crate::command::Commands;
use crate::config;
use crate::fleet::Fleet;
use crate::granting::Granting;
use crate::issuers::SignIn;
use crate::passing::Passing;
use crate::problem::room::{BodyRoom, RoomBounds};
use crate::request::Authenticator;
use crate::request::resource::Address;
use crate::request::token::Known;
use crate::token_keys::TokenKeys;
use crate::vault::{Identities, Peppers};

/// What it is made of.
pub struct AccountsParts {
    pub issuer: Issuer,
    /// Of the servers that tokens are for: an origin.
    pub public_url: Url,
    /// To which calls without a server's name go.
    pub default_server: Option<Address>,
    pub settings: config::Oauth,
    /// The initial access token, where registration needs one.
    pub registration_token: Option<config::Secret>,
    pub passing: Passing,
    pub clients: Clients,
    /// With which clients' secrets are known again.
    pub peppers: Peppers,
    pub authenticator: Authenticator,
    pub commands: Commands,
    pub granting: Granting,
    pub token_keys: TokenKeys,
    pub sign_in: SignIn,
    /// What things are called, for pages.
    pub names: Names,
    pub identities: Identities,
    pub fleet: Fleet,
    pub directory: Arc<Directory>,
    pub gate: Arc<Gate>,
    /// Where it is told how clients get in; `None`: nobody is told.
    pub attempts: Option<attempts::Recorder>,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
}

/// The parts, shared by every request.
#[derive(Clone)]
pub struct Accounts(Arc<Shared>);

pub struct Shared {
    parts: AccountsParts,
    /// The metadata document.
    pub metadata: String,
    pub registrations: Pace,
    /// Authorization requests: each is an entry until it ends.
    pub requests: Pace,
    pub slots: Arc<Semaphore>,
    pub room: Arc<BodyRoom>,
    /// Access tokens that were asked about.
    pub tokens: Known<Judged>,
}

/// Requests at once.
const SLOTS: usize = 256;
/// A whole request.
pub const TIMEOUT: Duration = Duration::from_secs(30);
/// A form or a registration is at most so long, in bytes.
pub const MAX_BODY: usize = 64 * 1_024;
/// Authorization requests that one process begins: at the longest ones, and until they end by themselves, these stay
/// below what the bucket holds.
const REQUESTS_PER_MINUTE: u32 = 1_200;
const REQUESTS_AT_ONCE: u32 = 200;
/// Access tokens that are known at once; one takes about 1 KiB.
const TOKENS: u64 = 20_000;

impl Accounts {
    pub fn new(parts: AccountsParts) -> Self {
        let registers = parts.settings.registration != config::Registration::Off;
        let per_minute = parts.settings.registrations_per_minute;
        Self(Arc::new(Shared {
            metadata: metadata::document(&parts.issuer, registers),
            registrations: Pace::new(per_minute, per_minute.max(10)),
            requests: Pace::new(REQUESTS_PER_MINUTE, REQUESTS_AT_ONCE),
            slots: Arc::new(Semaphore::new(SLOTS)),
            room: BodyRoom::new(RoomBounds::unshared(SLOTS * MAX_BODY)),
            tokens: Known::new(TOKENS),
            parts,
        }))
    }
}

impl Shared {
    /// Where resources are, as their identifiers begin.
    pub fn origin(&self) -> String {
        self.parts.public_url.origin().ascii_serialization()
    }

    /// Whether what this process knows of the log may be rested on.
    pub fn is_fresh(&self) -> bool {
        self.parts.gate.check().is_ok()
    }

    /// Whether a metadata document may be plain HTTP on loopback, as nobody else's: the installation opened that.
    pub fn takes_plain_documents(&self) -> bool {
        let local = IpAddr::from([127, 0, 0, 1]);
        self.parts.settings.allow.iter().any(|network| network.contains(&local))
    }
}

impl Deref for Accounts {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Deref for Shared {
    type Target = AccountsParts;

    fn deref(&self) -> &AccountsParts {
        &self.parts
    }
}
