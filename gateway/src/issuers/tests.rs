//! Issuers as they are and as somebody would have them, pure and over real HTTP.

mod flow;
mod tokens;
mod trials;

use std::sync::Arc;

use events::clock::{Clock, SystemClock, SystemRandom};
use events::issuer::{CredentialKind, CredentialSet, IssuerEvent, IssuerSettings, Registered};
use events::sealed::{SealedBytes, SealedText};
use events::{
    Actor, CommandId, Draft, Event, EventId, Fingerprint, IssuerId, LogId, Owner, Position, Read,
    SealingKeyId, SecretId, Shard, SignerId, Subject, Timestamp,
};
use projections::directory::Directory;
use serde_json::{Value, json};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{SignIn, SignInParts};
use crate::upstream::{Guard, HyperUpstream, Resolver, UpstreamConfig};
use crate::vault::tests::vault;
use crate::vault::{IssuerCredential, IssuerCredentials, VaultName};

const REDIRECT: &str = "http://127.0.0.1:9/sign-in/callback";
const ID: IssuerId = IssuerId::new(Uuid::from_u128(0x1550));
const CREDENTIAL: SecretId = SecretId::new(Uuid::from_u128(0x5ec));

/// Settings, with members laid over them.
fn settings(protocol: Value, client: &str, over: Value) -> IssuerSettings {
    let mut settings = json!({
        "protocol": protocol,
        "client_id": client,
        "authentication": "client_secret_basic",
        "scopes": ["openid", "profile", "email"],
        "algorithms": ["RS256"],
        "rules": [],
        "overage": "refuse",
        "restrictions": { "domains": [], "required": [] },
    });
    for (name, value) in over.as_object().unwrap() {
        settings[name] = value.clone();
    }
    serde_json::from_value(settings).unwrap()
}

fn recorded(sequence: u64, event: IssuerEvent, previous: Option<u64>) -> Read {
    let id = |n: u64| EventId::new(Uuid::from_u128(0xe000 + u128::from(n)));
    let draft = Draft {
        id: id(sequence),
        log: LogId::new(Uuid::from_u128(1)),
        time: Timestamp::UNIX_EPOCH,
        subject: Subject::issuer(Owner::Installation, ID),
        previous: previous.map(id),
        actor: Actor::bootstrap(),
        command: CommandId::new(Uuid::from_u128(u128::from(sequence))),
        fingerprint: Fingerprint([0; 32]),
        causation: None,
        event: Event::Issuer(event),
    };
    let position = Position { log: LogId::new(Uuid::from_u128(1)), shard: Shard::ZERO, sequence };
    Read::Event(Box::new(draft.recorded(SignerId::new(Uuid::from_u128(2)), position, Timestamp::UNIX_EPOCH)))
}

/// A directory with one issuer of the installation.
fn directory(settings: IssuerSettings) -> Arc<Directory> {
    let directory = Arc::new(Directory::new());
    let name = SealedText {
        key: SealingKeyId::new(Uuid::from_u128(3)),
        nonce: SealedBytes(vec![0; 12]),
        ciphertext: SealedBytes(vec![0; 16]),
    };
    let registered = Registered { slug: "login".parse().unwrap(), name, settings, enabled: true };
    directory.apply(&recorded(1, IssuerEvent::Registered(registered), None));
    directory
}

/// Signs in at that issuer, with this credential. `open`: loopback may be called.
async fn sign_in_by(
    settings: IssuerSettings,
    credential: Option<(CredentialKind, &str)>,
    open: bool,
) -> SignIn {
    sign_in_at(settings, credential, open, Arc::new(SystemClock)).await
}

/// The same at this clock's time.
async fn sign_in_at(
    settings: IssuerSettings,
    credential: Option<(CredentialKind, &str)>,
    open: bool,
    clock: Arc<dyn Clock>,
) -> SignIn {
    crate::crypto::install();
    let directory = directory(settings);
    let (_, control) = vault(VaultName::Control, 1);
    let credentials = IssuerCredentials::new(control);
    if let Some((kind, text)) = credential {
        let kept = IssuerCredential::new(Zeroizing::new(text.to_owned()));
        credentials.keep(CREDENTIAL, &kept, &SystemRandom).await.unwrap();
        let set = CredentialSet { credential: CREDENTIAL, kind };
        directory.apply(&recorded(2, IssuerEvent::CredentialSet(set), Some(1)));
    }
    let allow = if open { vec!["127.0.0.0/8".parse().unwrap()] } else { Vec::new() };
    let config =
        UpstreamConfig { guard: Arc::new(Guard::new(allow, Vec::new())), ..UpstreamConfig::default() };
    SignIn::new(SignInParts {
        directory,
        credentials,
        upstream: HyperUpstream::new(config, Arc::new(Resolver::new().unwrap()), Arc::new(SystemClock)),
        redirect: REDIRECT.parse().unwrap(),
        clock,
        random: Arc::new(SystemRandom),
    })
}

async fn sign_in(settings: IssuerSettings) -> SignIn {
    sign_in_by(settings, Some((CredentialKind::Secret, issuer::SECRET)), true).await
}
