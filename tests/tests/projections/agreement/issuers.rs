//! What is asked of an issuer, and whether its three folds agree.

use domain::issuer::{Command, Register, SettingsChange};
use events::issuer::{CredentialKind, IssuerSettings, Protocol};
use events::{Owner, SecretId, Subject};
use projections::directory::{Directory, IssuerState};
use projections::postgres::issuer;
use proptest::prelude::*;
use serde_json::json;

use super::{World, text};
use crate::stage::{Stage, sealed};

/// One tenant more, another client id each, and now and then another issuer, which is refused.
fn settings(n: u8) -> IssuerSettings {
    let tenants: Vec<_> = (0..=n % 3).map(|n| format!("0190a1b2-c3d4-7e5f-8a6b-00000000000{n}")).collect();
    let authority =
        if n == 7 { "https://login.microsoftonline.us" } else { "https://login.microsoftonline.com" };
    serde_json::from_value(json!({
        "protocol": { "kind": "entra", "authority": authority, "tenants": tenants, "guests": n.is_multiple_of(2) },
        "client_id": format!("client-{n}"),
        "authentication": "private_key_jwt",
        "scopes": ["openid"],
        "algorithms": ["RS256"],
        "rules": [{ "claim": "roles", "value": format!("role {n}"), "role": "viewer" }],
        "overage": "refuse",
        "restrictions": { "domains": ["example.com"], "required": [] },
    }))
    .unwrap()
}

fn credential() -> impl Strategy<Value = (SecretId, CredentialKind)> {
    (1u128..4, any::<bool>()).prop_map(|(n, secret)| {
        let kind = if secret { CredentialKind::Secret } else { CredentialKind::Certificate };
        (SecretId::new(uuid::Uuid::from_u128(n)), kind)
    })
}

fn change() -> impl Strategy<Value = SettingsChange> {
    let protocol = prop::option::of((0u8..8).prop_map(|n| settings(n).protocol));
    let client_id = prop::option::of((0u8..3).prop_map(|n| settings(n).client_id));
    (protocol, client_id).prop_map(|(protocol, client_id): (Option<Protocol>, _)| SettingsChange {
        protocol,
        client_id,
        ..SettingsChange::default()
    })
}

pub(super) fn ask() -> impl Strategy<Value = Command> {
    prop_oneof![
        3 => ((0u8..7), any::<bool>(), prop::option::of(credential())).prop_map(|(n, enabled, credential)| {
            Command::Register(Box::new(Register {
                slug: "entra".parse().unwrap(),
                name: sealed("Entra"),
                settings: settings(n),
                enabled,
                credential,
            }))
        }),
        3 => (prop::option::of(text()), change(), prop::option::of(any::<bool>()))
            .prop_map(|(name, settings, enabled)| Command::Change { name, settings: Box::new(settings), enabled }),
        2 => credential().prop_map(|(credential, kind)| Command::SetCredential { credential, kind }),
        1 => Just(Command::RemoveCredential),
        1 => prop::option::of(text()).prop_map(|reason| Command::Remove { reason }),
    ]
}

pub(super) async fn agree(world: &World, stage: &Stage, directory: &Directory) {
    let (id, state) = &world.issuer;
    let owner = Owner::Organization(world.organization.0);
    let (row, entry) = (issuer::get(&stage.pool, owner, *id).await.unwrap(), directory.issuer(*id));
    let Some(known) = state.known() else {
        assert!(row.is_none() && entry.is_none());
        return;
    };
    let (row, entry) = (row.unwrap(), entry.unwrap());
    let (in_row, in_entry) = match (known.removed, known.enabled) {
        (true, _) => (issuer::IssuerState::Removed, IssuerState::Removed),
        (false, true) => (issuer::IssuerState::Enabled, IssuerState::Enabled),
        (false, false) => (issuer::IssuerState::Disabled, IssuerState::Disabled),
    };
    assert_eq!((row.state, entry.state), (in_row, in_entry));
    assert_eq!((&row.settings, &*entry.settings), (&known.settings, &known.settings));
    // What is removed shows itself to nobody any more.
    let credential = known.credential.filter(|_| !known.removed);
    assert_eq!((row.credential.zip(row.credential_kind), entry.credential), (credential, credential));
    assert_eq!(row.slug, entry.slug);
    assert_eq!(row.changed, world.last[&Subject::issuer(owner, *id)]);
    assert_eq!(directory.issuers_of(owner), [entry]);
}
