//! What is held of an invitation: whoever shows its secret is answered from memory.

use std::sync::Arc;

use events::digest::DigestBytes;
use events::invitation::InvitationEvent;
use events::{InvitationId, OrganizationId, Owner, Recorded, Role, ScopeSet, Timestamp};

use super::fold::Closed;
use super::newest::{Cause, Newest};
use super::{Directory, Holding, Writer};

/// One invitation as of one event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InvitationEntry {
    pub id: InvitationId,
    pub organization: OrganizationId,
    /// Under which its secret is looked up.
    pub digest: DigestBytes,
    pub role: Role,
    pub scopes: Arc<ScopeSet>,
    pub expires_at: Timestamp,
    pub state: InvitationState,
    /// The sequence of the event that made this entry.
    pub generation: u64,
    /// Its own newest event, which may have changed nothing here.
    pub newest: Newest,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum InvitationState {
    Open,
    /// Somebody has become a member by it.
    Accepted,
    /// For ever.
    Withdrawn,
    /// An event of it can't be read here.
    Closed,
}

impl Directory {
    pub fn invitation(&self, id: InvitationId) -> Option<Arc<InvitationEntry>> {
        self.people.invitations.pin().get(&id).cloned()
    }

    /// The invitation whose secret has this digest.
    pub fn invitation_by_digest(&self, digest: &DigestBytes) -> Option<Arc<InvitationEntry>> {
        let id = *self.people.invitation_digests.pin().get(digest)?;
        self.invitation(id)
    }

    pub(super) fn fold_invitation(
        &self,
        writer: &mut Writer,
        recorded: &Recorded,
        event: &InvitationEvent,
        cause: Cause,
    ) {
        let subject = &recorded.envelope.subject;
        let (Ok(id), Some(organization)) =
            (InvitationId::try_from(&subject.aggregate_id), subject.owner.organization())
        else {
            return self.close(subject, Closed::by(cause.sequence));
        };
        match (event, self.invitation(id)) {
            (InvitationEvent::Created(created), None) => {
                // The first to have a digest keeps it.
                let digest = created.digest.bytes;
                if *self.people.invitation_digests.pin().get_or_insert(digest, id) != id {
                    return self.close(subject, Closed::by(cause.sequence));
                }
                let owner = Owner::Organization(organization);
                writer.holdings.change(owner, Holding::default(), Holding::of_invitation());
                self.put_invitation(InvitationEntry {
                    id,
                    organization,
                    digest,
                    role: created.role,
                    scopes: writer.interned.scopes(&created.scopes),
                    expires_at: created.expires_at,
                    state: InvitationState::Open,
                    generation: cause.sequence,
                    newest: cause.newest,
                });
            }
            (event, Some(entry)) if entry.organization == organization => {
                let next = InvitationEntry { newest: cause.newest, ..(*entry).clone() };
                self.put_invitation(match (event, entry.state) {
                    (InvitationEvent::Withdrawn(_), InvitationState::Open) => InvitationEntry {
                        state: InvitationState::Withdrawn,
                        generation: cause.sequence,
                        ..next
                    },
                    (
                        InvitationEvent::Created(_) | InvitationEvent::Withdrawn(_),
                        InvitationState::Open
                        | InvitationState::Accepted
                        | InvitationState::Withdrawn
                        | InvitationState::Closed,
                    ) => next,
                });
            }
            (InvitationEvent::Created(_) | InvitationEvent::Withdrawn(_), _) => {}
        }
    }

    /// Somebody has become a member by it.
    pub(super) fn accept(&self, organization: OrganizationId, id: InvitationId, cause: Cause) {
        let entry = self
            .invitation(id)
            .filter(|entry| entry.organization == organization && entry.state == InvitationState::Open);
        if let Some(entry) = entry {
            let state = InvitationState::Accepted;
            self.put_invitation(InvitationEntry { state, generation: cause.sequence, ..(*entry).clone() });
        }
    }

    pub(super) fn close_invitation(&self, organization: OrganizationId, id: InvitationId, closed: Closed) {
        if let Some(entry) = self.invitation(id).filter(|entry| entry.organization == organization) {
            let state = InvitationState::Closed;
            self.put_invitation(InvitationEntry { state, generation: closed.at, ..(*entry).clone() });
        }
    }

    fn put_invitation(&self, entry: InvitationEntry) {
        self.people.invitations.pin().insert(entry.id, Arc::new(entry));
    }
}
