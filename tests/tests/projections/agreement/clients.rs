//! What is asked of a client and of its approval, and whether their three folds agree.

use domain::approval::Command as ApprovalCommand;
use domain::client::{Command as ClientCommand, State};
use domain::{Approval, Client, Standing};
use events::client::{ClientMetadata, Origin, Registered, SecretIssued};
use events::digest::{DigestBytes, DigestKind, KeyDigest};
use events::{ApprovalId, ClientId, Owner, PepperId, SecretId, Subject};
use projections::directory::{ApprovalState, ClientState, Directory};
use projections::postgres::{approval, client};
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::{World, clear, decide, text};
use crate::stage::{Stage, sealed};

#[derive(Clone, Debug)]
pub(super) enum Ask {
    Client(ClientCommand),
    Approval(ApprovalCommand),
}

/// A client, and what its organization says of it.
#[derive(Default)]
pub(super) struct Both {
    client: Client,
    approval: Approval,
}

fn id() -> ClientId {
    ClientId::new(Uuid::from_u128(0x0190_a1b2_c3d4_7e5f_8a6b_0000_0000_00cc))
}

fn metadata(n: u8) -> ClientMetadata {
    serde_json::from_value(json!({ "redirect_uris": [format!("https://a.example/{n}")] })).unwrap()
}

fn secret() -> impl Strategy<Value = SecretIssued> {
    (1u128..4).prop_map(|n| SecretIssued {
        secret_id: SecretId::new(Uuid::from_u128(n)),
        digest: KeyDigest {
            kind: DigestKind::Native,
            pepper: PepperId::new(Uuid::from_u128(9)),
            bytes: DigestBytes([7; 32]),
        },
        expires_at: None,
    })
}

pub(super) fn ask() -> impl Strategy<Value = Ask> {
    let reason = || prop::option::of(text());
    let client = prop_oneof![
        4 => ((0u8..3), prop::option::of(secret())).prop_map(|(n, secret)| {
            let (origin, metadata, name) = (Origin::Given, metadata(n), sealed("Client"));
            ClientCommand::Register { registered: Box::new(Registered { origin, metadata, name }), secret }
        }),
        3 => (prop::option::of(0u8..3), reason()).prop_map(|(n, name)| ClientCommand::Change {
            metadata: n.map(|n| Box::new(metadata(n))),
            name,
        }),
        2 => secret().prop_map(ClientCommand::IssueSecret),
        2 => secret().prop_map(|issued| ClientCommand::RevokeSecret { secret_id: issued.secret_id }),
        2 => reason().prop_map(|reason| ClientCommand::Disable { reason }),
        2 => reason().prop_map(|reason| ClientCommand::Enable { reason }),
        1 => reason().prop_map(|reason| ClientCommand::Remove { reason }),
    ];
    let approval = prop_oneof![
        Just(ApprovalCommand::Give { client: id() }),
        reason().prop_map(|reason| ApprovalCommand::Withdraw { reason }),
    ];
    prop_oneof![3 => client.prop_map(Ask::Client), 2 => approval.prop_map(Ask::Approval)]
}

pub(super) fn asked(world: &mut World, ask: &Ask, standing: Standing) {
    let organization = world.organization.0;
    let World { tape, last, clients, .. } = world;
    match ask {
        Ask::Client(command) => {
            let subject = Subject::client(Owner::Organization(organization), id());
            decide(tape, last, &mut clients.client, subject, command, standing);
        }
        Ask::Approval(command) => {
            let subject = Subject::approval(organization, ApprovalId::of(organization, id()));
            decide(tape, last, &mut clients.approval, subject, command, standing);
        }
    }
}

pub(super) async fn agree(world: &World, stage: &Stage, directory: &Directory) {
    let organization = world.organization.0;
    let owner = Owner::Organization(organization);
    let (row, entry) = (client::get(&stage.pool, owner, id()).await.unwrap(), directory.client(id()));
    let is_known = world.clients.client.known().is_some();
    assert_eq!((row.is_some(), entry.is_some()), (is_known, is_known));
    if let (Some(known), Some(row), Some(entry)) = (world.clients.client.known(), row, entry) {
        let (in_row, in_entry) = match known.state {
            State::Active => (client::ClientState::Active, ClientState::Active),
            State::Disabled => (client::ClientState::Disabled, ClientState::Disabled),
            State::Removed => (client::ClientState::Removed, ClientState::Removed),
        };
        assert_eq!((row.state, entry.state), (in_row, in_entry));
        assert_eq!((row.origin, &row.metadata), (known.origin.clone(), &known.metadata));
        assert_eq!(row.name, clear(&known.name));
        // What is removed proves nothing any more.
        let is_removed = known.state == State::Removed;
        let secrets: Vec<_> = known.secrets.iter().filter(|_| !is_removed).map(|secret| secret.id).collect();
        assert_eq!(row.secrets.iter().map(|secret| secret.id).collect::<Vec<_>>(), secrets);
        assert_eq!(entry.secrets.iter().map(|secret| secret.id).collect::<Vec<_>>(), secrets);
        let said = if is_removed { ClientMetadata::default() } else { known.metadata.clone() };
        assert_eq!(*entry.metadata, said);
        assert_eq!(row.changed, world.last[&Subject::client(owner, id())]);
    }
    let approval_id = ApprovalId::of(organization, id());
    let row = approval::get(&stage.pool, approval_id).await.unwrap();
    let entry = directory.approval(organization, id());
    let Approval::Known { client, withdrawn } = world.clients.approval else {
        assert!(row.is_none() && entry.is_none());
        return;
    };
    let (row, entry) = (row.unwrap(), entry.unwrap());
    let (in_row, in_entry) = if withdrawn {
        (approval::ApprovalState::Withdrawn, ApprovalState::Withdrawn)
    } else {
        (approval::ApprovalState::Given, ApprovalState::Given)
    };
    assert_eq!((row.row.state, entry.state), (in_row, in_entry));
    assert_eq!((row.row.client, entry.client), (client, client));
    // The client's name stands beside it, once there is one.
    let name = world.clients.client.known().and_then(|known| clear(&known.name));
    assert_eq!(row.known.and_then(|known| known.name), name);
    assert_eq!(row.row.changed, world.last[&Subject::approval(organization, approval_id)]);
}
