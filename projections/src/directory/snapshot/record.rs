//! The stored form of each thing that the directory holds, in postcard's wire format. A change here, also of an
//! order, is a new [`FORMAT`](super::FORMAT).

use std::borrow::Cow;
use std::sync::Arc;

use events::digest::DigestBytes;
use events::issuer::CredentialKind;
use events::key::{Environment, KeyOwner};
use events::server::UpstreamSettings;
use events::signers::PublishedSigner;
use events::{
    KeyId, OrganizationId, Owner, PublicKey, ScopeSet, SecretId, ServerId, SignerId, SignerKey,
    SignerPurpose, Timestamp, UnreadableCause, UserId,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::directory::{
    IssuerState, KeyEntry, KeyState, LastFour, Newest, OrganizationEntry, OrganizationState, ServerEntry,
    ServerState,
};

mod granted;
mod issuer;
mod people;

pub(super) use self::granted::Granted;
pub(super) use self::issuer::Issuer;
pub(super) use self::people::{Invitation, Member, People, Person};

/// A UUID, big-endian.
type Id = [u8; 16];

/// One thing, in the order in which they are stored.
#[derive(Serialize, Deserialize)]
pub(super) enum Record<'a> {
    InstallationClosed {
        sequence: u64,
        cause: Option<StoredCause>,
    },
    /// The one that publishes keys, as the subject's text.
    Installation {
        #[serde(borrow)]
        subject: Cow<'a, str>,
    },
    Signer(Signer),
    #[serde(borrow)]
    Organization(Organization<'a>),
    #[serde(borrow)]
    Server(Server<'a>),
    #[serde(borrow)]
    Issuer(Issuer<'a>),
    #[serde(borrow)]
    Key(Key<'a>),
    #[serde(borrow)]
    Granted(Granted<'a>),
    #[serde(borrow)]
    People(People<'a>),
    /// What was closed, as the subject's text, by which event, and why.
    Closed {
        #[serde(borrow)]
        subject: Cow<'a, str>,
        sequence: u64,
        cause: Option<StoredCause>,
    },
}

#[derive(Serialize, Deserialize)]
pub(super) struct Signer {
    purpose: StoredSignerPurpose,
    id: Id,
    public: [u8; 32],
    published: u64,
    retired: Option<u64>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Organization<'a> {
    id: Id,
    #[serde(borrow)]
    slug: Cow<'a, str>,
    state: StoredOrganizationState,
    requires_approval: bool,
    generation: u64,
    newest: u64,
    /// Whether the slug leads to it.
    pub(super) named: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Server<'a> {
    id: Id,
    organization: Id,
    #[serde(borrow)]
    slug: Cow<'a, str>,
    #[serde(borrow)]
    upstream: Cow<'a, str>,
    settings: Settings<'a>,
    state: StoredServerState,
    generation: u64,
    newest: u64,
    /// Whether its address leads to it.
    pub(super) named: bool,
}

#[derive(Serialize, Deserialize)]
struct Settings<'a> {
    credentials: Option<Cow<'a, str>>,
    ca: Option<Cow<'a, str>>,
    response_timeout_ms: Option<u32>,
    idle_timeout_ms: Option<u32>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Key<'a> {
    id: Id,
    secret: Id,
    digest: [u8; 32],
    /// `None`: the installation.
    owner: Option<Id>,
    key_owner: StoredKeyOwner,
    state: StoredKeyState,
    /// Milliseconds since 1970.
    not_before: Option<i64>,
    expires_at: Option<i64>,
    /// With spaces between them.
    #[serde(borrow)]
    pub(super) scopes: Cow<'a, str>,
    generation: u64,
    newest: u64,
    #[serde(borrow)]
    pub(super) prefix: Cow<'a, str>,
    #[serde(borrow)]
    last_four: Cow<'a, str>,
    environment: StoredEnvironment,
}

#[derive(Serialize, Deserialize)]
enum StoredKeyOwner {
    Installation,
    Organization,
    User(Id),
    Service(Id),
}

/// A state or the like as it is stored: kept apart from what the directory holds, whose order may change.
macro_rules! stored {
    ($($stored:ident of $held:ident { $($variant:ident),* })*) => {$(
        #[derive(Serialize, Deserialize)]
        pub(super) enum $stored { $($variant),* }

        impl From<$held> for $stored {
            fn from(held: $held) -> Self {
                match held { $($held::$variant => Self::$variant),* }
            }
        }

        impl From<$stored> for $held {
            fn from(stored: $stored) -> Self {
                match stored { $($stored::$variant => Self::$variant),* }
            }
        }
    )*};
}
use stored;

stored! {
    StoredOrganizationState of OrganizationState { Active, Suspended, Closed, Forgotten }
    StoredServerState of ServerState { Enabled, Disabled, Removed, Closed }
    StoredIssuerState of IssuerState { Enabled, Disabled, Removed, Closed }
    StoredCredentialKind of CredentialKind { Secret, Certificate }
    StoredKeyState of KeyState { Active, Disabled, Revoked, Closed }
    StoredEnvironment of Environment { Live, Test }
    StoredSignerPurpose of SignerPurpose { Writer, Checkpoint }
    StoredCause of UnreadableCause { Version, Signature, Place }
}

/// What of a record can't be.
pub(super) struct BadRecord(pub(super) &'static str);

impl<'a> Record<'a> {
    pub(super) fn signer(signer: &PublishedSigner) -> Self {
        let PublishedSigner { purpose, key: SignerKey { id, public }, published, retired } = *signer;
        Self::Signer(Signer {
            purpose: purpose.into(),
            id: *id.uuid().as_bytes(),
            public: public.0,
            published,
            retired,
        })
    }

    pub(super) fn organization(entry: &'a OrganizationEntry, named: bool) -> Self {
        let OrganizationEntry { id, slug, state, requires_approval, generation, newest } = entry;
        Self::Organization(Organization {
            id: *id.uuid().as_bytes(),
            slug: slug.as_str().into(),
            state: (*state).into(),
            requires_approval: *requires_approval,
            generation: *generation,
            newest: newest.0,
            named,
        })
    }

    pub(super) fn server(entry: &'a ServerEntry, named: bool) -> Self {
        let ServerEntry { id, organization, slug, upstream, settings, state, generation, newest } = entry;
        Self::Server(Server {
            id: *id.uuid().as_bytes(),
            organization: *organization.uuid().as_bytes(),
            slug: slug.as_str().into(),
            upstream: upstream.to_string().into(),
            settings: Settings::of(settings),
            state: (*state).into(),
            generation: *generation,
            newest: newest.0,
            named,
        })
    }

    pub(super) fn key(entry: &'a KeyEntry) -> Self {
        let KeyEntry {
            id,
            secret_id,
            digest,
            owner,
            key_owner,
            state,
            not_before,
            expires_at,
            scopes,
            generation,
            newest,
            prefix,
            last_four,
            environment,
        } = entry;
        Self::Key(Key {
            id: *id.uuid().as_bytes(),
            secret: *secret_id.uuid().as_bytes(),
            digest: digest.0,
            owner: stored_owner(*owner),
            key_owner: match key_owner {
                KeyOwner::Installation => StoredKeyOwner::Installation,
                KeyOwner::Organization => StoredKeyOwner::Organization,
                KeyOwner::User { id } => StoredKeyOwner::User(*id.uuid().as_bytes()),
                KeyOwner::Service { id } => StoredKeyOwner::Service(*id.uuid().as_bytes()),
            },
            state: (*state).into(),
            not_before: not_before.map(Timestamp::unix_millis),
            expires_at: expires_at.map(Timestamp::unix_millis),
            scopes: scopes.to_string().into(),
            generation: *generation,
            newest: newest.0,
            prefix: (**prefix).into(),
            last_four: last_four.as_str().into(),
            environment: (*environment).into(),
        })
    }
}

impl Signer {
    pub(super) fn entry(self) -> PublishedSigner {
        let Self { purpose, id, public, published, retired } = self;
        let key = SignerKey { id: SignerId::new(Uuid::from_bytes(id)), public: PublicKey(public) };
        PublishedSigner { purpose: purpose.into(), key, published, retired }
    }
}

impl Organization<'_> {
    pub(super) fn entry(self) -> Result<OrganizationEntry, BadRecord> {
        Ok(OrganizationEntry {
            id: OrganizationId::new(Uuid::from_bytes(self.id)),
            slug: self.slug.parse().map_err(|_| BadRecord("slug"))?,
            state: self.state.into(),
            requires_approval: self.requires_approval,
            generation: self.generation,
            newest: Newest(self.newest),
        })
    }
}

impl Server<'_> {
    pub(super) fn entry(self) -> Result<ServerEntry, BadRecord> {
        Ok(ServerEntry {
            id: ServerId::new(Uuid::from_bytes(self.id)),
            organization: OrganizationId::new(Uuid::from_bytes(self.organization)),
            slug: self.slug.parse().map_err(|_| BadRecord("slug"))?,
            upstream: self.upstream.parse().map_err(|_| BadRecord("upstream URL"))?,
            settings: self.settings.settings()?,
            state: self.state.into(),
            generation: self.generation,
            newest: Newest(self.newest),
        })
    }
}

impl<'a> Settings<'a> {
    fn of(settings: &'a UpstreamSettings) -> Self {
        let UpstreamSettings { credentials, ca, response_timeout_ms, idle_timeout_ms } = settings;
        Self {
            credentials: credentials.as_ref().map(|credentials| credentials.to_string().into()),
            ca: ca.as_ref().map(|ca| ca.as_str().into()),
            response_timeout_ms: response_timeout_ms.map(u32::from),
            idle_timeout_ms: idle_timeout_ms.map(u32::from),
        }
    }

    fn settings(self) -> Result<UpstreamSettings, BadRecord> {
        let Self { credentials, ca, response_timeout_ms, idle_timeout_ms } = self;
        let timeout = |millis: Option<u32>| {
            millis.map(TryInto::try_into).transpose().map_err(|_| BadRecord("time-out"))
        };
        let credentials = credentials.map(|text| text.parse()).transpose();
        let ca = ca.map(|text| text.parse()).transpose();
        Ok(UpstreamSettings {
            credentials: credentials.map_err(|_| BadRecord("credentials"))?,
            ca: ca.map_err(|_| BadRecord("certificate authorities"))?,
            response_timeout_ms: timeout(response_timeout_ms)?,
            idle_timeout_ms: timeout(idle_timeout_ms)?,
        })
    }
}

impl Key<'_> {
    /// With its scopes and its prefix as they are shared among keys.
    pub(super) fn entry(self, scopes: Arc<ScopeSet>, prefix: Arc<str>) -> Result<KeyEntry, BadRecord> {
        Ok(KeyEntry {
            id: KeyId::new(Uuid::from_bytes(self.id)),
            secret_id: SecretId::new(Uuid::from_bytes(self.secret)),
            digest: DigestBytes(self.digest),
            owner: read_owner(self.owner),
            key_owner: match self.key_owner {
                StoredKeyOwner::Installation => KeyOwner::Installation,
                StoredKeyOwner::Organization => KeyOwner::Organization,
                StoredKeyOwner::User(id) => KeyOwner::User { id: UserId::new(Uuid::from_bytes(id)) },
                StoredKeyOwner::Service(id) => KeyOwner::Service { id: UserId::new(Uuid::from_bytes(id)) },
            },
            state: self.state.into(),
            not_before: moment(self.not_before)?,
            expires_at: moment(self.expires_at)?,
            scopes,
            generation: self.generation,
            newest: Newest(self.newest),
            prefix,
            last_four: LastFour::new(&self.last_four),
            environment: self.environment.into(),
        })
    }
}

fn stored_owner(owner: Owner) -> Option<Id> {
    owner.organization().map(|id| *id.uuid().as_bytes())
}

fn read_owner(stored: Option<Id>) -> Owner {
    stored.map_or(Owner::Installation, |id| Owner::Organization(OrganizationId::new(Uuid::from_bytes(id))))
}

fn moment(millis: Option<i64>) -> Result<Option<Timestamp>, BadRecord> {
    millis.map(|millis| Timestamp::from_unix_millis(millis).ok_or(BadRecord("time"))).transpose()
}
