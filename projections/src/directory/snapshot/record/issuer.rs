//! The stored form of issuers.

use std::borrow::Cow;
use std::sync::Arc;

use events::issuer::{CredentialKind, IssuerSettings};
use events::{IssuerId, SecretId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{BadRecord, Id, Record, StoredCredentialKind, StoredIssuerState, read_owner, stored_owner};
use crate::directory::{IssuerEntry, Newest};

#[derive(Serialize, Deserialize)]
pub(in super::super) struct Issuer<'a> {
    id: Id,
    /// `None`: the installation.
    owner: Option<Id>,
    #[serde(borrow)]
    slug: Cow<'a, str>,
    /// JSON, as events hold them.
    #[serde(borrow)]
    settings: Cow<'a, str>,
    state: StoredIssuerState,
    credential: Option<(Id, StoredCredentialKind)>,
    registered: u64,
    generation: u64,
    newest: u64,
}

impl<'a> Record<'a> {
    pub(in super::super) fn issuer(entry: &'a IssuerEntry) -> Self {
        let IssuerEntry { id, owner, slug, settings, state, credential, registered, generation, newest } =
            entry;
        Self::Issuer(Issuer {
            id: *id.uuid().as_bytes(),
            owner: stored_owner(*owner),
            slug: slug.as_str().into(),
            // Settings are texts and lists of them, which JSON can say: what is empty is refused when it is read.
            settings: serde_json::to_string(&**settings).unwrap_or_default().into(),
            state: (*state).into(),
            credential: credential.map(|(id, kind)| (*id.uuid().as_bytes(), kind.into())),
            registered: *registered,
            generation: *generation,
            newest: newest.0,
        })
    }
}

impl Issuer<'_> {
    pub(in super::super) fn entry(self) -> Result<IssuerEntry, BadRecord> {
        let settings: IssuerSettings =
            serde_json::from_str(&self.settings).map_err(|_| BadRecord("settings"))?;
        let credential = |(id, kind): (Id, StoredCredentialKind)| {
            (SecretId::new(Uuid::from_bytes(id)), CredentialKind::from(kind))
        };
        Ok(IssuerEntry {
            id: IssuerId::new(Uuid::from_bytes(self.id)),
            owner: read_owner(self.owner),
            slug: self.slug.parse().map_err(|_| BadRecord("slug"))?,
            settings: Arc::new(settings),
            state: self.state.into(),
            credential: self.credential.map(credential),
            registered: self.registered,
            generation: self.generation,
            newest: Newest(self.newest),
        })
    }
}
