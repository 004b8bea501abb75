//! What the issuer remembers, all in memory and all bounded.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::clock::{Clock, Random};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};

use crate::Settings;
use crate::behaviour::{Behaviour, Endpoint};
use crate::client::Client;
use crate::keys::{Algorithm, Keys};
use crate::parameters::Parameters;
use crate::person::Person;
use crate::realm::Realm;
use crate::scopes::Scopes;

/// A request that came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    pub endpoint: Endpoint,
    pub path: String,
    /// Of the query and of the form; what is secret is told as `…`.
    pub parameters: BTreeMap<String, String>,
}

/// A person who is to sign in for a client.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub realm: Realm,
    pub client: Client,
    pub redirect: String,
    pub state: Option<String>,
    pub nonce: Option<String>,
    /// S256 (RFC 7636 §4.2).
    pub challenge: Option<String>,
    pub scopes: Scopes,
}

/// What a code, a refresh token or an access token stands for.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    pub asked: Pending,
    pub person: Person,
    /// Of Entra ID: the tenant that the token is of.
    pub tenant: String,
    /// Seconds since 1970.
    pub until: i64,
}

/// The newest so many of something, by name.
pub(crate) struct Newest<T> {
    values: BTreeMap<String, T>,
    order: VecDeque<String>,
}

const MOST: usize = 1_000;

impl<T> Default for Newest<T> {
    fn default() -> Self {
        Self { values: BTreeMap::new(), order: VecDeque::new() }
    }
}

impl<T> Newest<T> {
    /// What stood under the name before.
    pub fn insert(&mut self, name: String, value: T) -> Option<T> {
        if self.order.len() >= MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.values.remove(&oldest);
        }
        self.order.push_back(name.clone());
        self.values.insert(name, value)
    }

    pub fn get(&self, name: &str) -> Option<&T> {
        self.values.get(name)
    }

    pub fn take(&mut self, name: &str) -> Option<T> {
        self.order.retain(|one| one != name);
        self.values.remove(name)
    }

    pub fn clear(&mut self) {
        self.values.clear();
        self.order.clear();
    }

    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.order.iter().filter_map(|name| self.values.get(name))
    }
}

pub(crate) struct State {
    pub behaviour: Behaviour,
    pub keys: Keys,
    pub clients: Vec<Client>,
    pub people: Vec<Person>,
    pub pending: Newest<Pending>,
    pub codes: Newest<Given>,
    pub refresh: Newest<Given>,
    pub access: Newest<Given>,
    /// Client assertions that were used.
    pub assertions: Newest<()>,
    pub seen: Newest<Seen>,
    count: u64,
}

impl State {
    pub fn new(settings: &Settings) -> Self {
        Self {
            behaviour: Behaviour::default(),
            keys: Keys::new(),
            clients: settings.clients.clone(),
            people: settings.people.clone(),
            pending: Newest::default(),
            codes: Newest::default(),
            refresh: Newest::default(),
            access: Newest::default(),
            assertions: Newest::default(),
            seen: Newest::default(),
            count: 0,
        }
    }

    pub fn client(&self, id: &str) -> Option<&Client> {
        self.clients.iter().find(|client| client.id == id)
    }

    pub fn person(&self, user: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.user == user)
    }

    pub fn register(&mut self, client: Client) {
        self.clients.retain(|one| one.id != client.id);
        self.clients.push(client);
    }

    pub fn allow_redirect(&mut self, client: &str, address: &str) {
        if let Some(client) = self.clients.iter_mut().find(|one| one.id == client) {
            client.redirects.push(address.to_owned());
        }
    }

    pub fn add(&mut self, person: Person) {
        self.people.retain(|one| one.user != person.user);
        self.people.push(person);
    }

    fn see(&mut self, seen: Seen) {
        self.count += 1;
        self.seen.insert(format!("{:020}", self.count), seen);
    }
}

/// What every handler has.
pub(crate) struct Shared {
    /// `http://127.0.0.1:PORT`
    pub base: String,
    pub sts: String,
    algorithm: Algorithm,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    state: Mutex<State>,
}

impl Shared {
    pub fn new(base: String, settings: Settings, state: State) -> Self {
        let Settings { sts, algorithm, clock, random, .. } = settings;
        Self { base, sts, algorithm, clock, random, state: Mutex::new(state) }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seconds since 1970.
    pub fn now(&self) -> i64 {
        self.clock.now().unix_seconds()
    }

    /// A name that nobody guesses.
    pub fn draw(&self) -> String {
        let mut bytes = [0; 24];
        self.random.fill(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    pub fn algorithm(&self, realm: &Realm) -> Algorithm {
        if realm.is_entra() { Algorithm::Rs256 } else { self.algorithm }
    }

    /// Notes a request and has it meet the endpoint's fault: the answer that it gets instead, if any.
    pub async fn meet(&self, endpoint: Endpoint, path: &str, parameters: &Parameters) -> Option<Response> {
        let fault = {
            let mut state = self.state();
            state.see(Seen { endpoint, path: path.to_owned(), parameters: parameters.told() });
            let fault = state.behaviour.faults.get_mut(&endpoint)?;
            match &mut fault.times {
                Some(0) => return None,
                Some(times) => *times -= 1,
                None => {}
            }
            fault.clone()
        };
        tokio::time::sleep(Duration::from_millis(fault.delay_ms)).await;
        let status = StatusCode::from_u16(fault.status?).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut headers = HeaderMap::new();
        for (name, value) in &fault.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                headers.insert(name, value);
            }
        }
        Some((status, headers, fault.body).into_response())
    }
}
