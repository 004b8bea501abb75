//! Every event there is: the one list of nouns, and the one table of kinds and versions.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::approval::ApprovalEvent;
use crate::client::ClientEvent;
use crate::consent::ConsentEvent;
use crate::envelope::data_schema;
use crate::grant::GrantEvent;
use crate::installation::InstallationEvent;
use crate::invitation::InvitationEvent;
use crate::issuer::IssuerEvent;
use crate::key::KeyEvent;
use crate::member::MemberEvent;
use crate::organization::OrganizationEvent;
use crate::person::PersonEvent;
use crate::sealed::{Field, SealedText};
use crate::server::ServerEvent;
use crate::slug::{Reservation, SlugEvent};
use crate::subject::AggregateType;
use crate::token::{end_with_the_text, object};
use crate::webhook::WebhookEvent;
use crate::{
    approval, client, consent, grant, installation, invitation, issuer, key, member, organization, person,
    server, slug, webhook,
};

macro_rules! nouns {
    ($($noun:ident($events:ty), $as:ident;)*) => {
        /// What happened, in its newest shape.
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub enum Event {
            $($noun($events),)*
        }

        impl Event {
            /// The type of aggregate that such an event belongs to.
            pub fn aggregate_type(&self) -> AggregateType {
                match self { $(Self::$noun(_) => AggregateType::$noun,)* }
            }

            /// Its sealed texts, each with its field.
            pub fn sealed(&self) -> Vec<(Field, &SealedText)> {
                match self { $(Self::$noun(event) => event.sealed(),)* }
            }

            /// The name that this event claims, stored as a reservation in the same batch.
            pub fn reserves(&self) -> Option<Reservation> {
                match self { $(Self::$noun(event) => event.reserves(),)* }
            }

            $(
                /// `None`: it is another noun's.
                pub fn $as(&self) -> Option<&$events> {
                    if let Self::$noun(event) = self { Some(event) } else { None }
                }
            )*
        }

        $(
            impl From<$events> for Event {
                fn from(event: $events) -> Self {
                    Self::$noun(event)
                }
            }

            impl TryFrom<Event> for $events {
                /// Another noun's event.
                type Error = Event;

                fn try_from(event: Event) -> Result<Self, Event> {
                    if let Event::$noun(event) = event { Ok(event) } else { Err(event) }
                }
            }
        )*
    };
}

nouns! {
    Installation(InstallationEvent), as_installation;
    Organization(OrganizationEvent), as_organization;
    Server(ServerEvent), as_server;
    Key(KeyEvent), as_key;
    Slug(SlugEvent), as_slug;
    Webhook(WebhookEvent), as_webhook;
    Person(PersonEvent), as_person;
    Member(MemberEvent), as_member;
    Invitation(InvitationEvent), as_invitation;
    Client(ClientEvent), as_client;
    Approval(ApprovalEvent), as_approval;
    Consent(ConsentEvent), as_consent;
    Grant(GrantEvent), as_grant;
    Issuer(IssuerEvent), as_issuer;
}

/// Why data was not read as an event.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("no event kind of this version")]
    UnknownKind,
    #[error("no version of this kind that is read here")]
    UnknownVersion,
    #[error("its data is not of its version's shape: {0}")]
    Data(#[from] serde_json::Error),
}

macro_rules! table {
    ($($kind:literal $(($older:literal: $shape:ty))*, $version:literal
        => $noun:ident, $enum:ident::$variant:ident($data:ty);)*) => {
        impl Event {
            /// Every kind with the versions that are written now. An event that says nothing new is written in the
            /// older version, so that a process of before can go on reading what concerns it.
            pub const WRITTEN: &'static [(&'static str, u32)] =
                &[$($(($kind, $older),)* ($kind, $version)),*];

            /// The event's kind: the CloudEvents `type`, such as `key.issued`.
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$noun($enum::$variant(_)) => $kind,)* }
            }

            /// The oldest version of the kind's shape that says all of it: the one that is written.
            pub fn version(&self) -> u32 {
                match self {
                    $($(Self::$noun($enum::$variant(data)) if data.fits($older) => $older,)*)*
                    $(Self::$noun($enum::$variant(_)) => $version,)*
                }
            }

            /// The event's data as it is stored.
            pub fn data(&self) -> Result<Box<serde_json::value::RawValue>, serde_json::Error> {
                match self { $(Self::$noun($enum::$variant(data)) => raw(data),)* }
            }

            /// Reads stored data of a kind and version.
            pub fn decode(kind: &str, version: u32, data: &str) -> Result<Self, DecodeError> {
                match (kind, version) {
                    $($(($kind, $older) => {
                        Ok(Self::$noun($enum::$variant(of_object::<$shape>(data)?.into())))
                    })*)*
                    $(($kind, $version) => Ok(Self::$noun($enum::$variant(of_object::<$data>(data)?))),)*
                    ($($kind)|*, _) => Err(DecodeError::UnknownVersion),
                    (_, _) => Err(DecodeError::UnknownKind),
                }
            }

            /// The JSON Schema of each kind's and version's data.
            pub fn schemas() -> Vec<(&'static str, u32, schemars::Schema)> {
                vec![$(
                    $(($kind, $older, identified($kind, $older, schemars::schema_for!($shape))),)*
                    ($kind, $version, identified($kind, $version, schemars::schema_for!($data))),
                )*]
            }
        }
    };
}

table! {
    "installation.bootstrapped", 1 => Installation, InstallationEvent::Bootstrapped(installation::Bootstrapped);
    "installation.recovered", 1 => Installation, InstallationEvent::Recovered(installation::Recovered);
    "installation.signer_published", 1
        => Installation, InstallationEvent::SignerPublished(installation::SignerPublished);
    "installation.signer_retired", 1 => Installation, InstallationEvent::SignerRetired(installation::SignerRetired);
    "installation.loss_accepted", 1 => Installation, InstallationEvent::LossAccepted(installation::LossAccepted);
    "installation.token_key_published", 1
        => Installation, InstallationEvent::TokenKeyPublished(installation::TokenKeyPublished);
    "installation.token_key_retired", 1
        => Installation, InstallationEvent::TokenKeyRetired(installation::TokenKeyRetired);
    "organization.created", 1 => Organization, OrganizationEvent::Created(organization::Created);
    "organization.renamed", 1 => Organization, OrganizationEvent::Renamed(organization::Renamed);
    "organization.suspended", 1 => Organization, OrganizationEvent::Suspended(organization::Suspended);
    "organization.resumed", 1 => Organization, OrganizationEvent::Resumed(organization::Resumed);
    "organization.forgotten", 1 => Organization, OrganizationEvent::Forgotten(organization::Forgotten);
    "organization.client_approval_required", 1
        => Organization, OrganizationEvent::ClientApprovalRequired(organization::ClientApprovalRequired);
    "organization.client_approval_waived", 1
        => Organization, OrganizationEvent::ClientApprovalWaived(organization::ClientApprovalWaived);
    "server.registered" (1: server::v1::Registered), 2 => Server, ServerEvent::Registered(server::Registered);
    "server.changed" (1: server::v1::Changed), 2 => Server, ServerEvent::Changed(server::Changed);
    "server.removed", 1 => Server, ServerEvent::Removed(server::Removed);
    "key.issued", 1 => Key, KeyEvent::Issued(key::Issued);
    "key.revoked", 1 => Key, KeyEvent::Revoked(key::Revoked);
    "key.disabled", 1 => Key, KeyEvent::Disabled(key::Disabled);
    "key.enabled", 1 => Key, KeyEvent::Enabled(key::Enabled);
    "key.expiry_changed", 1 => Key, KeyEvent::ExpiryChanged(key::ExpiryChanged);
    "key.renamed", 1 => Key, KeyEvent::Renamed(key::Renamed);
    "key.scopes_changed", 1 => Key, KeyEvent::ScopesChanged(key::ScopesChanged);
    "key.metadata_changed", 1 => Key, KeyEvent::MetadataChanged(key::MetadataChanged);
    "slug.reserved", 1 => Slug, SlugEvent::Reserved(slug::Reserved);
    "webhook.registered", 1 => Webhook, WebhookEvent::Registered(webhook::Registered);
    "webhook.changed", 1 => Webhook, WebhookEvent::Changed(webhook::Changed);
    "webhook.paused", 1 => Webhook, WebhookEvent::Paused(webhook::Paused);
    "webhook.resumed", 1 => Webhook, WebhookEvent::Resumed(webhook::Resumed);
    "webhook.secret_rotated", 1 => Webhook, WebhookEvent::SecretRotated(webhook::SecretRotated);
    "webhook.overlap_ended", 1 => Webhook, WebhookEvent::OverlapEnded(webhook::OverlapEnded);
    "webhook.removed", 1 => Webhook, WebhookEvent::Removed(webhook::Removed);
    "person.added", 1 => Person, PersonEvent::Added(person::Added);
    "person.identity_added", 1 => Person, PersonEvent::IdentityAdded(person::IdentityAdded);
    "person.identity_removed", 1 => Person, PersonEvent::IdentityRemoved(person::IdentityRemoved);
    "person.profile_changed", 1 => Person, PersonEvent::ProfileChanged(person::ProfileChanged);
    "person.suspended", 1 => Person, PersonEvent::Suspended(person::Suspended);
    "person.resumed", 1 => Person, PersonEvent::Resumed(person::Resumed);
    "person.signed_out", 1 => Person, PersonEvent::SignedOut(person::SignedOut);
    "person.ended", 1 => Person, PersonEvent::Ended(person::Ended);
    "person.forgotten", 1 => Person, PersonEvent::Forgotten(person::Forgotten);
    "member.added", 1 => Member, MemberEvent::Added(member::Added);
    "member.changed", 1 => Member, MemberEvent::Changed(member::Changed);
    "member.removed", 1 => Member, MemberEvent::Removed(member::Removed);
    "invitation.created", 1 => Invitation, InvitationEvent::Created(invitation::Created);
    "invitation.withdrawn", 1 => Invitation, InvitationEvent::Withdrawn(invitation::Withdrawn);
    "client.registered", 1 => Client, ClientEvent::Registered(Box<client::Registered>);
    "client.changed", 1 => Client, ClientEvent::Changed(Box<client::Changed>);
    "client.secret_issued", 1 => Client, ClientEvent::SecretIssued(client::SecretIssued);
    "client.secret_revoked", 1 => Client, ClientEvent::SecretRevoked(client::SecretRevoked);
    "client.disabled", 1 => Client, ClientEvent::Disabled(client::Disabled);
    "client.enabled", 1 => Client, ClientEvent::Enabled(client::Enabled);
    "client.removed", 1 => Client, ClientEvent::Removed(client::Removed);
    "approval.given", 1 => Approval, ApprovalEvent::Given(approval::Given);
    "approval.withdrawn", 1 => Approval, ApprovalEvent::Withdrawn(approval::Withdrawn);
    "consent.given", 1 => Consent, ConsentEvent::Given(consent::Given);
    "consent.withdrawn", 1 => Consent, ConsentEvent::Withdrawn(consent::Withdrawn);
    "grant.given", 1 => Grant, GrantEvent::Given(grant::Given);
    "grant.ended", 1 => Grant, GrantEvent::Ended(grant::Ended);
    "issuer.registered", 1 => Issuer, IssuerEvent::Registered(issuer::Registered);
    "issuer.changed", 1 => Issuer, IssuerEvent::Changed(issuer::Changed);
    "issuer.renamed", 1 => Issuer, IssuerEvent::Renamed(issuer::Renamed);
    "issuer.credential_set", 1 => Issuer, IssuerEvent::CredentialSet(issuer::CredentialSet);
    "issuer.credential_removed", 1 => Issuer, IssuerEvent::CredentialRemoved(issuer::CredentialRemoved);
    "issuer.removed", 1 => Issuer, IssuerEvent::Removed(issuer::Removed);
}

/// The schema under the name that events give as their `dataschema`.
fn identified(kind: &str, version: u32, mut schema: schemars::Schema) -> schemars::Schema {
    end_with_the_text(&mut schema);
    schema.insert("$id".to_owned(), data_schema(kind, version).into());
    schema
}

/// The data is an object, whatever else it says.
fn of_object<T: DeserializeOwned>(data: &str) -> Result<T, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(data);
    let read = object(&mut deserializer)?;
    deserializer.end()?;
    Ok(read)
}

fn raw(data: &impl Serialize) -> Result<Box<serde_json::value::RawValue>, serde_json::Error> {
    serde_json::value::to_raw_value(data)
}
