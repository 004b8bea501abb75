//! Principals and servers as the directory would have them, for the tests of what judges them.

use std::sync::Arc;

use events::digest::DigestBytes;
use events::key::{Environment, KeyOwner};
use events::{KeyId, OrganizationId, Owner, SecretId, ServerId};
use projections::directory::{Directory, KeyEntry, KeyState, LastFour, Newest, ServerEntry, ServerState};
use uuid::Uuid;

use super::principal::Principal;

pub const ORGANIZATION: OrganizationId = OrganizationId::new(Uuid::from_u128(1));

/// A key of the organization that works.
pub fn key(id: u128, key_owner: KeyOwner, scopes: &str) -> Principal {
    key_of(Owner::Organization(ORGANIZATION), id, key_owner, scopes)
}

pub fn key_of(owner: Owner, id: u128, key_owner: KeyOwner, scopes: &str) -> Principal {
    let key = KeyEntry {
        id: KeyId::new(Uuid::from_u128(id)),
        secret_id: SecretId::new(Uuid::from_u128(3)),
        digest: DigestBytes([0; 32]),
        owner,
        key_owner,
        state: KeyState::Active,
        not_before: None,
        expires_at: None,
        scopes: Arc::new(scopes.parse().unwrap()),
        generation: 1,
        newest: Newest::default(),
        prefix: "kl_live".into(),
        last_four: LastFour::new("abcd"),
        environment: Environment::Live,
    };
    Principal::of_key(&Directory::new(), Arc::new(key), 0)
}

/// The organization's server `docs`, whose generation changes with the address.
pub fn server(id: u128, upstream: &str) -> ServerEntry {
    ServerEntry {
        id: ServerId::new(Uuid::from_u128(id)),
        organization: ORGANIZATION,
        slug: "docs".parse().unwrap(),
        upstream: upstream.parse().unwrap(),
        settings: events::server::UpstreamSettings::default(),
        state: ServerState::Enabled,
        generation: upstream.len() as u64,
        newest: Newest::default(),
    }
}
