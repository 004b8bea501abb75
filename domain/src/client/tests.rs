use events::client::{
    Changed, ClientEvent, ClientMetadata, Disabled, Enabled, Origin, Registered, Removed, SecretIssued,
    SecretRevoked,
};
use events::digest::{DigestBytes, DigestKind, KeyDigest};
use events::{PepperId, SecretId};
use uuid::Uuid;

use super::*;
use crate::aggregate::Standing;
use crate::testing::{given, now, sealed, seconds};

fn document() -> Origin {
    Origin::Document { url: "https://client.example/metadata.json".parse().unwrap() }
}

fn registered(origin: Origin) -> Registered {
    Registered { origin, metadata: ClientMetadata::default(), name: sealed("Client") }
}

fn register(origin: Origin) -> Command {
    Command::Register { registered: Box::new(registered(origin)), secret: None }
}

fn with_secret(origin: Origin, secret: SecretIssued) -> Command {
    Command::Register { registered: Box::new(registered(origin)), secret: Some(secret) }
}

fn was_registered(origin: Origin) -> ClientEvent {
    ClientEvent::Registered(Box::new(registered(origin)))
}

fn secret(n: u128) -> SecretIssued {
    SecretIssued {
        secret_id: SecretId::new(Uuid::from_u128(n)),
        digest: KeyDigest {
            kind: DigestKind::Native,
            pepper: PepperId::new(Uuid::from_u128(9)),
            bytes: DigestBytes([7; 32]),
        },
        expires_at: Some(seconds(60)),
    }
}

#[test]
fn who_consents_to_a_new_client_second_finds_it_registered() {
    let installation = |events: Vec<ClientEvent>| given::<Client>(events).owned_by(Standing::Installation);
    for origin in [document(), Origin::Dynamic] {
        installation(vec![]).when(register(origin.clone())).then([was_registered(origin.clone())]);
        installation(vec![was_registered(origin.clone())]).when(register(origin)).then_already_so();
    }
    let again = installation(vec![was_registered(Origin::Given)]).when(register(Origin::Given));
    again.then_refused(Refusal::AlreadyRegistered);
    let other = installation(vec![was_registered(document())]).when(register(Origin::Dynamic));
    other.then_refused(Refusal::AlreadyRegistered);
    let removed = ClientEvent::Removed(Removed { reason: None });
    let back = installation(vec![was_registered(document()), removed]).when(register(document()));
    back.then_refused(Refusal::Removed);
}

#[test]
fn an_organization_has_clients_that_its_admins_entered() {
    given::<Client>([]).when(register(Origin::Given)).then([was_registered(Origin::Given)]);
    given::<Client>([]).when(register(Origin::Dynamic)).then_refused(Refusal::NotOfAnOrganization);
    for (owner, refusal) in [
        (Standing::Unknown, Refusal::OrganizationUnknown),
        (Standing::Suspended, Refusal::OrganizationSuspended),
        (Standing::Closed, Refusal::OrganizationClosed),
    ] {
        given::<Client>([]).owned_by(owner).when(register(Origin::Given)).then_refused(refusal);
    }
}

#[test]
fn a_change_says_all_of_its_metadata() {
    let change =
        |metadata: Option<ClientMetadata>, name| Command::Change { metadata: metadata.map(Box::new), name };
    let known = || given::<Client>([was_registered(document())]);
    known().when(change(Some(ClientMetadata::default()), None)).then_already_so();
    let metadata =
        ClientMetadata { application_type: Some("native".parse().unwrap()), ..ClientMetadata::default() };
    let changed = |metadata: &ClientMetadata, name| Changed { metadata: metadata.clone(), name };
    known()
        .when(change(Some(metadata.clone()), None))
        .then([ClientEvent::Changed(Box::new(changed(&metadata, None)))]);
    let renamed = changed(&ClientMetadata::default(), Some(sealed("Other")));
    known().when(change(None, Some(sealed("Other")))).then([ClientEvent::Changed(Box::new(renamed))]);
}

#[test]
fn a_client_has_few_secrets_and_one_of_a_document_has_none() {
    let issued = |n| ClientEvent::SecretIssued(secret(n));
    let given_one = || was_registered(Origin::Given);
    given::<Client>([given_one()]).when(Command::IssueSecret(secret(1))).then([issued(1)]);
    let none = given::<Client>([was_registered(document())]).when(Command::IssueSecret(secret(1)));
    none.then_refused(Refusal::NoSecrets);
    let (first, issued_first) = (with_secret(Origin::Given, secret(1)), [given_one(), issued(1)]);
    given::<Client>([]).when(first).then(issued_first);
    let by_document = given::<Client>([]).owned_by(Standing::Installation);
    by_document.when(with_secret(document(), secret(1))).then_refused(Refusal::NoSecrets);
    let full: Vec<_> = std::iter::once(given_one()).chain((1..=5).map(issued)).collect();
    given::<Client>(full.clone())
        .when(Command::IssueSecret(secret(6)))
        .then_refused(Refusal::TooManySecrets(5));
    let revoke = Command::RevokeSecret { secret_id: secret(1).secret_id };
    let revoked = ClientEvent::SecretRevoked(SecretRevoked { secret_id: secret(1).secret_id });
    given::<Client>(full).when(revoke.clone()).then([revoked]);
    given::<Client>([given_one()]).when(revoke).then_refused(Refusal::NoSecret(secret(1).secret_id));
    let old = SecretIssued { expires_at: Some(now()), ..secret(1) };
    given::<Client>([given_one()]).when(Command::IssueSecret(old)).then_refused(Refusal::ExpiryInThePast);
}

#[test]
fn it_is_disabled_enabled_and_removed_for_ever() {
    let (disable, enable) = (Command::Disable { reason: None }, Command::Enable { reason: None });
    let disabled = ClientEvent::Disabled(Disabled { reason: None });
    let enabled = ClientEvent::Enabled(Enabled { reason: None });
    let removed = ClientEvent::Removed(Removed { reason: None });
    let first = || was_registered(Origin::Given);
    given::<Client>([first()]).when(disable.clone()).then([disabled.clone()]);
    given::<Client>([first(), disabled.clone()]).when(disable).then_already_so();
    given::<Client>([first(), disabled]).when(enable.clone()).then([enabled]);
    given::<Client>([first()]).when(enable.clone()).then_already_so();
    let remove = Command::Remove { reason: None };
    given::<Client>([first()]).when(remove.clone()).then([removed.clone()]);
    given::<Client>([first(), removed.clone()]).when(remove.clone()).then_already_so();
    given::<Client>([first(), removed]).when(enable).then_refused(Refusal::Removed);
    given::<Client>([]).when(remove).then_refused(Refusal::Unknown);
}
