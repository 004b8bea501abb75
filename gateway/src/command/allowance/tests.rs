use domain::server::Command;
use events::clock::{SystemClock, SystemRandom, uuid_v7};
use events::sealed::SealedBytes;
use events::server::UpstreamSettings;
use events::{SealedText, SealingKeyId};

use super::*;

fn uuid() -> Uuid {
    uuid_v7(&SystemClock, &SystemRandom)
}

fn allowance() -> Arc<Allowance> {
    let bounds = Organizations {
        max_keys: 2,
        max_revoked_keys: 3,
        max_servers: 2,
        max_scope_bytes: 100,
        ..Organizations::default()
    };
    Allowance::new(Arc::new(Directory::new()), bounds)
}

fn register() -> Command {
    let name = SealedText {
        key: SealingKeyId::new(uuid()),
        nonce: SealedBytes(vec![0; 12]),
        ciphertext: SealedBytes(vec![]),
    };
    let upstream = "https://tools.example.com/mcp".parse().unwrap();
    Command::Register {
        slug: "tools".parse().unwrap(),
        upstream,
        enabled: true,
        name,
        settings: UpstreamSettings::default(),
    }
}

#[test]
fn commands_at_once_do_not_pass_a_bound_together() {
    let (allowance, owner) = (allowance(), Owner::Organization(OrganizationId::new(uuid())));
    let take = |owner, object| allowance.take::<Server>(owner, object, &register());
    let (first, second) = (uuid(), uuid());
    let taken = take(owner, first).unwrap();
    take(owner, second).unwrap().stored(7);
    let NoRoom { what, held, asked, bound, setting } = take(owner, uuid()).err().unwrap();
    assert_eq!((what, held, asked, bound, setting), ("servers", 2, 1, 2, "organizations.max_servers"));
    // The same ones again, and others' and the installation's.
    assert!(take(owner, first).is_ok() && take(owner, second).is_ok());
    assert!(take(Owner::Organization(OrganizationId::new(uuid())), uuid()).is_ok());
    assert!(take(Owner::Installation, uuid()).is_ok());
    // What came to nothing gives its room back.
    drop(taken);
    assert!(take(owner, uuid()).is_ok());
}

#[test]
fn each_bound_is_told_with_its_number_and_its_name() {
    let allowance = allowance();
    let one = Holding { keys: 1, ..Holding::default() };
    let told =
        |held, takes| allowance.check(held, takes).err().map(|no| (no.held, no.asked, no.bound, no.setting));
    assert_eq!(told(Holding { keys: 1, revoked_keys: 2, ..Holding::default() }, one), None);
    let full = Holding { keys: 2, ..Holding::default() };
    assert_eq!(told(full, one), Some((2, 1, 2, "organizations.max_keys")));
    let revoked = Holding { revoked_keys: 3, ..Holding::default() };
    assert_eq!(told(revoked, one), Some((3, 1, 3, "organizations.max_revoked_keys")));
    let scopes = |scope_bytes| Holding { scope_bytes, ..Holding::default() };
    assert_eq!(told(scopes(60), scopes(40)), None);
    assert_eq!(told(scopes(60), scopes(41)), Some((60, 41, 100, "organizations.max_scope_bytes")));
}
