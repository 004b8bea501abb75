//! What happened: Keyledger's events, the envelope that carries them, and the log that holds them.
//!
//! Other teams depend on this crate to read the history. It knows nobody: no aggregate, no read model,
//! no HTTP. What two rooms need alike (ids, slugs, scopes, digests, actors) lives here.

pub mod actor;
pub mod approval;
pub mod client;
pub mod clock;
pub mod consent;
pub mod deep;
pub mod digest;
pub mod envelope;
pub mod event;
pub mod fingerprint;
pub mod grant;
pub mod holder;
pub mod id;
pub mod installation;
pub mod invitation;
pub mod issuer;
pub mod key;
pub mod lasting;
pub mod log;
pub mod member;
pub mod members;
mod named;
pub mod organization;
pub mod parts;
pub mod pattern;
pub mod person;
pub mod position;
pub mod role;
pub mod scope;
pub mod sealed;
pub mod server;
pub mod signature;
pub mod signer;
pub mod signers;
pub mod slug;
pub mod subject;
pub mod timestamp;
pub mod tlog;
mod token;
pub mod token_key;
pub mod webhook;

pub use actor::Actor;
pub use envelope::{
    Chain, Draft, Envelope, Foreign, Read, Recorded, Signed, Unreadable, UnreadableCause, UnreadableReason,
};
pub use event::Event;
pub use fingerprint::Fingerprint;
pub use holder::Holder;
pub use id::{
    ApprovalId, ClientId, CommandId, ConsentId, EventId, GrantId, InstallationId, InvitationId, IssuerId,
    KeyId, LogId, MemberId, OrganizationId, PepperId, SealingKeyId, SecretId, ServerId, SignerId, TenantId,
    TokenKeyId, UserId, WebhookId,
};
pub use pattern::EventPattern;
pub use position::{Frontier, Position, Shard};
pub use role::Role;
pub use scope::{Scope, ScopeSet};
pub use sealed::{Keyholder, SealedText};
pub use signer::{PublicKey, SignerKey, SignerPurpose, SigningKey};
pub use signers::{SignerSet, Signers};
pub use slug::Slug;
pub use subject::{AggregateId, AggregateType, Owner, Subject};
pub use timestamp::Timestamp;
