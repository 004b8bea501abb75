//! Who a client is: from the name that a request gives to what is known of it.

use std::sync::Arc;
use std::time::Instant;

use events::client::{Origin, Uri};
use events::digest::KeyDigest;
use events::{ClientId, OrganizationId};
use jsonwebtoken::jwk::JwkSet;
use projections::directory::{ClientEntry, ClientState, Directory};
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use super::client_id::{ClientName, DocumentUrl};
use super::client_metadata::{self, Authentication, ClientMetadata, Source};
use super::presets::Presets;
use super::remote::{FetchFault, Fetcher, Remote};
use crate::passing::{Passes, Passing, PassingError};

/// What a client's secret starts with: scanners know a leaked one by it.
pub const SECRET_PREFIX: &str = "kl_client";

/// A registration that nobody has signed in with yet (RFC 7591): it ends by itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Registered {
    /// What was kept of the client's metadata, as JSON.
    pub metadata: String,
    /// Of its secret, where it has one: as of a key, so that it becomes an event's as it is.
    pub secret: Option<KeyDigest>,
    /// In seconds since 1970.
    pub issued_at: i64,
}

impl Passes for Registered {
    const KIND: &'static str = "registration";
}

/// A client as it is known now.
#[derive(Clone, Debug)]
pub struct Client {
    pub name: ClientName,
    pub metadata: Arc<ClientMetadata>,
    pub known: Known,
}

/// How it is known.
#[derive(Clone, Debug)]
pub enum Known {
    /// By an event; the log has its secrets.
    Recorded(Arc<ClientEntry>),
    /// By a registration that nobody has signed in with yet.
    Registered(Arc<Registered>),
    /// By its document alone.
    Published,
}

impl Client {
    /// The organization whose own it is.
    pub fn organization(&self) -> Option<OrganizationId> {
        match &self.known {
            Known::Recorded(entry) => entry.owner.organization(),
            Known::Registered(_) | Known::Published => None,
        }
    }

    /// Whether nobody but the client itself vouches for what it is.
    pub fn is_self_registered(&self) -> bool {
        match &self.known {
            Known::Registered(_) => true,
            Known::Recorded(entry) => matches!(entry.origin, Origin::Dynamic),
            Known::Published => false,
        }
    }

    /// Whether nothing but PKCE proves that it is this client.
    pub fn is_public(&self) -> bool {
        match &self.metadata.authentication {
            Authentication::None => true,
            Authentication::PrivateKey { or_none, .. } => *or_none,
            Authentication::Secret { .. } => false,
        }
    }
}

/// Whether a client that the log knows may be used.
fn standing(entry: Arc<ClientEntry>) -> Result<Arc<ClientEntry>, ClientFault> {
    match entry.state {
        ClientState::Active => Ok(entry),
        ClientState::Disabled => Err(ClientFault::Disabled),
        ClientState::Removed => Err(ClientFault::Unknown),
        ClientState::Closed => Err(ClientFault::Closed),
    }
}

/// Why a client is not known.
#[derive(Debug, thiserror::Error)]
pub enum ClientFault {
    #[error("no such client is registered here, or its registration has ended: register again")]
    Unknown,
    #[error("the client is disabled here")]
    Disabled,
    /// Nobody can judge it.
    #[error("an event about the client can't be read by this version")]
    Closed,
    /// Perhaps later.
    #[error("the client's metadata document can't be had: {0}")]
    Document(FetchFault),
    #[error(transparent)]
    Passing(#[from] PassingError),
}

/// Where clients are looked up.
pub struct Clients {
    directory: Arc<Directory>,
    passing: Passing,
    presets: Arc<Presets>,
    fetcher: Arc<Fetcher>,
    documents: Remote<ClientMetadata>,
    keys: Remote<JwkSet>,
}

impl Clients {
    pub fn new(
        directory: Arc<Directory>,
        passing: Passing,
        presets: Arc<Presets>,
        fetcher: Arc<Fetcher>,
    ) -> Self {
        let documents = Remote::new(Arc::clone(&fetcher), client_metadata::MAX_BYTES);
        let keys = Remote::new(Arc::clone(&fetcher), client_metadata::MAX_BYTES);
        Self { directory, passing, presets, fetcher, documents, keys }
    }

    pub fn presets(&self) -> &Presets {
        &self.presets
    }

    /// Until when what a request needs of a client must be there.
    pub fn due(&self) -> Instant {
        self.fetcher.now() + super::remote::WITHIN
    }

    pub async fn find(&self, name: &ClientName, due: Instant) -> Result<Client, ClientFault> {
        match name {
            ClientName::Document(url) => {
                let uri: Option<Uri> = url.as_str().parse().ok();
                let entry = uri.and_then(|uri| self.directory.client_by_document(&uri));
                let entry = entry.map(standing).transpose()?;
                let metadata = match (self.document(url, due).await, &entry) {
                    (Ok(metadata), _) => metadata,
                    // What it said when it was last looked at: its host may be away for long.
                    (Err(_), Some(entry)) => self.recorded(entry, Source::Document(url))?,
                    (Err(fault), None) => return Err(ClientFault::Document(fault)),
                };
                let known = entry.map_or(Known::Published, Known::Recorded);
                Ok(Client { name: name.clone(), metadata, known })
            }
            ClientName::Given(id) => {
                if let Some(entry) = self.directory.client(ClientId::new(*id)) {
                    let entry = standing(entry)?;
                    let source = match entry.origin {
                        Origin::Given => Source::Given,
                        Origin::Dynamic => Source::Registration,
                        // One of these is known by its URL alone.
                        Origin::Document { .. } => return Err(ClientFault::Unknown),
                    };
                    let metadata = self.recorded(&entry, source)?;
                    return Ok(Client { name: name.clone(), metadata, known: Known::Recorded(entry) });
                }
                let registered = self.registered(*id).await?.ok_or(ClientFault::Unknown)?;
                let json = registered.metadata.as_bytes();
                // What an operator allows no more is no address of a registration any more.
                let metadata = ClientMetadata::parse(json, Source::Registration, &self.presets);
                let metadata = Arc::new(metadata.map_err(|_| ClientFault::Unknown)?);
                Ok(Client { name: name.clone(), metadata, known: Known::Registered(Arc::new(registered)) })
            }
        }
    }

    /// What an event says of a client, judged as all that clients say.
    fn recorded(&self, entry: &ClientEntry, source: Source<'_>) -> Result<Arc<ClientMetadata>, ClientFault> {
        let mut json = serde_json::to_value(&*entry.metadata).map_err(|_| ClientFault::Unknown)?;
        if let Source::Document(url) = source {
            // Its name is sealed, and its id is where it was read.
            json["client_id"] = url.as_str().into();
            json["client_name"] = url.host().into();
        }
        let metadata = ClientMetadata::parse(json.to_string().as_bytes(), source, &self.presets);
        metadata.map(Arc::new).map_err(|_| ClientFault::Unknown)
    }

    pub async fn registered(&self, id: Uuid) -> Result<Option<Registered>, PassingError> {
        Ok(self.passing.get::<Registered>(&id.to_string()).await?.map(|held| held.value))
    }

    async fn document(&self, url: &DocumentUrl, due: Instant) -> Result<Arc<ClientMetadata>, FetchFault> {
        let read = |json: &[u8]| {
            ClientMetadata::parse(json, Source::Document(url), &self.presets).map_err(|fault| fault.problem)
        };
        self.documents.get(url.url(), due, read).await
    }

    /// The keys at a client's `jwks_uri`; `oldest`: fetched no longer ago.
    pub async fn keys(
        &self,
        url: &Url,
        due: Instant,
        oldest: std::time::Duration,
    ) -> Result<Arc<JwkSet>, FetchFault> {
        let read = |json: &[u8]| serde_json::from_slice(json).map_err(|_| "it is no JWK set".to_owned());
        self.keys.get_newer(url, due, oldest, read).await
    }
}
