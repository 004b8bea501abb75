//! Which event of an object is its newest: the next one must say that it follows it.

use events::{
    EventId, InvitationId, IssuerId, KeyId, MemberId, OrganizationId, Owner, Recorded, ServerId, Subject,
    UnreadableCause, UserId,
};

use super::Directory;

/// An event by the half of its id that is drawn: an event that a writer signed can't be chosen to have another's. That of
/// an entry that no event made is the default.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Newest(pub(super) u64);

impl From<EventId> for Newest {
    fn from(event: EventId) -> Self {
        Self(event.uuid().as_u64_pair().1)
    }
}

/// The event that makes an entry, and its sequence.
#[derive(Clone, Copy)]
pub(super) struct Cause {
    pub sequence: u64,
    pub newest: Newest,
}

impl From<&Recorded> for Cause {
    fn from(recorded: &Recorded) -> Self {
        Self { sequence: recorded.position.sequence, newest: recorded.envelope.id.into() }
    }
}

impl Directory {
    /// Whether an event comes where it says that it does. Of what the directory has no entry of, it does: an object's
    /// first event says that it is the first, and any other changes nothing here. The installation's own events and
    /// reservations of names do once, or for ever, what they do.
    pub(super) fn is_in_place(&self, recorded: &Recorded) -> bool {
        let previous = recorded.envelope.previous.map(Newest::from);
        self.newest(&recorded.envelope.subject).is_none_or(|newest| Some(newest) == previous)
    }

    /// Closes what an event is about that does not.
    pub(super) fn is_out_of_place(&self, recorded: &Recorded) {
        let (envelope, sequence) = (&recorded.envelope, recorded.position.sequence);
        tracing::error!(sequence, subject = %envelope.subject, kind = %envelope.kind, previous = ?envelope.previous,
            "an event follows another one than it says, as a copy does: what it is about is closed");
        self.refuse(&envelope.subject, sequence, UnreadableCause::Place);
    }

    pub(super) fn newest(&self, subject: &Subject) -> Option<Newest> {
        let Subject { aggregate_type, aggregate_id, owner, shard: _ } = subject;
        use events::AggregateType::{
            Approval, Client, Consent, Grant, Installation, Invitation, Issuer, Key, Member, Organization,
            Person, Server, Slug, Unknown, Webhook,
        };
        match (aggregate_type, owner) {
            (Key, owner) => {
                let key = self.key(KeyId::try_from(aggregate_id).ok()?)?;
                (key.owner == *owner).then_some(key.newest)
            }
            (Organization, Owner::Installation) => {
                Some(self.organization(OrganizationId::try_from(aggregate_id).ok()?)?.newest)
            }
            (Server, Owner::Organization(organization)) => {
                let server = self.server_by_id(ServerId::try_from(aggregate_id).ok()?)?;
                (server.organization == *organization).then_some(server.newest)
            }
            (Client | Approval | Consent | Grant, _) => self.newest_granted(subject),
            (Person, Owner::Installation) => Some(self.person(UserId::try_from(aggregate_id).ok()?)?.newest),
            (Member, Owner::Organization(organization)) => {
                let member = self.member_by_id(MemberId::try_from(aggregate_id).ok()?)?;
                (member.organization == *organization).then_some(member.newest)
            }
            (Invitation, Owner::Organization(organization)) => {
                let invitation = self.invitation(InvitationId::try_from(aggregate_id).ok()?)?;
                (invitation.organization == *organization).then_some(invitation.newest)
            }
            (Issuer, owner) => {
                let issuer = self.issuer(IssuerId::try_from(aggregate_id).ok()?)?;
                (issuer.owner == *owner).then_some(issuer.newest)
            }
            (Organization, Owner::Organization(_))
            | (Server, Owner::Installation)
            | (Member | Invitation, Owner::Installation)
            | (Person, Owner::Organization(_))
            | (Installation | Slug | Webhook | Unknown(_), _) => None,
        }
    }
}
