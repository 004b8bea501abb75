//! What a node holds of a member: what a person is in an organization.

use std::sync::Arc;

use events::member::{Added, MemberEvent};
use events::{MemberId, OrganizationId, Owner, Recorded, Role, ScopeSet, UserId};

use super::fold::Closed;
use super::newest::{Cause, Newest};
use super::watch::Part;
use super::{Directory, Holding, Writer};

/// One member as of one event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberEntry {
    pub id: MemberId,
    pub organization: OrganizationId,
    pub person: UserId,
    pub role: Role,
    /// What of MCP servers clients may be granted for this person.
    pub scopes: Arc<ScopeSet>,
    pub state: MemberState,
    /// The number of the departure by which the member was an owner no longer; 0: it never was one who left.
    pub departure: u32,
    /// The sequence of the event that added the person, last: a grant of before does not come back with them.
    pub since: u64,
    /// The sequence of the event that made this entry.
    pub generation: u64,
    /// The newest event, which may have changed nothing here.
    pub newest: Newest,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MemberState {
    Active,
    /// Until the person is added again.
    Removed,
    /// An event of it can't be read here.
    Closed,
}

impl MemberEntry {
    fn is_owner(&self) -> bool {
        self.state == MemberState::Active && self.role == Role::Owner
    }

    fn after(
        &self,
        event: &MemberEvent,
        cause: Cause,
        intern: impl FnOnce(&ScopeSet) -> Arc<ScopeSet>,
    ) -> Option<Self> {
        let entry = Self { generation: cause.sequence, newest: cause.newest, ..self.clone() };
        match (self.state, event) {
            (MemberState::Removed, MemberEvent::Added(Added { role, scopes, .. })) => {
                let (state, scopes) = (MemberState::Active, intern(scopes));
                Some(Self { state, role: *role, scopes, since: cause.sequence, ..entry })
            }
            (MemberState::Active, MemberEvent::Changed(changed)) => Some(Self {
                role: changed.role,
                scopes: intern(&changed.scopes),
                departure: changed.departure.map_or(self.departure, |it| it.0.get()),
                ..entry
            }),
            (MemberState::Active, MemberEvent::Removed(removed)) => Some(Self {
                state: MemberState::Removed,
                departure: removed.departure.map_or(self.departure, |it| it.0.get()),
                ..entry
            }),
            (MemberState::Active | MemberState::Closed, MemberEvent::Added(_))
            | (
                MemberState::Removed | MemberState::Closed,
                MemberEvent::Changed(_) | MemberEvent::Removed(_),
            ) => None,
        }
    }
}

/// Who owns an organization, as of one state of the directory.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OwnersOf {
    /// The number of the newest departure of an owner.
    pub departures: u32,
    pub owners: Vec<(MemberId, UserId)>,
}

impl Directory {
    /// What the person is or was in the organization.
    pub fn member(&self, organization: OrganizationId, person: UserId) -> Option<Arc<MemberEntry>> {
        let id = *self.people.memberships.pin().get(&(organization, person))?;
        self.member_by_id(id)
    }

    pub fn member_by_id(&self, id: MemberId) -> Option<Arc<MemberEntry>> {
        self.people.members.pin().get(&id).cloned()
    }

    /// What a person is, or was, anywhere. It looks at all members that there are.
    pub fn memberships_of(&self, person: UserId) -> Vec<Arc<MemberEntry>> {
        let mut found: Vec<_> =
            self.people.members.pin().values().filter(|entry| entry.person == person).cloned().collect();
        found.sort_unstable_by_key(|entry| entry.organization);
        found
    }

    /// The owners of an organization. It looks at all members that there are.
    pub fn owners_of(&self, organization: OrganizationId) -> OwnersOf {
        // While no message is applied, so that all of it is as of one.
        let _writer = self.writer();
        let members = self.people.members.pin();
        let own = || members.values().filter(|entry| entry.organization == organization);
        let owners = own().filter(|entry| entry.is_owner()).map(|entry| (entry.id, entry.person));
        OwnersOf {
            departures: own().map(|entry| entry.departure).max().unwrap_or_default(),
            owners: owners.collect(),
        }
    }

    pub(super) fn fold_member(
        &self,
        writer: &mut Writer,
        recorded: &Recorded,
        event: &MemberEvent,
        cause: Cause,
    ) {
        let subject = &recorded.envelope.subject;
        let (Ok(id), Some(organization)) =
            (MemberId::try_from(&subject.aggregate_id), subject.owner.organization())
        else {
            return self.close(subject, Closed::by(cause.sequence));
        };
        let entry = self.member_by_id(id).filter(|entry| entry.organization == organization);
        match (event, entry) {
            (MemberEvent::Added(added), None) => {
                if id != MemberId::of(organization, added.person) {
                    return self.close(subject, Closed::by(cause.sequence));
                }
                self.people.memberships.pin().insert((organization, added.person), id);
                let owner = Owner::Organization(organization);
                writer.holdings.change(owner, Holding::default(), Holding::of_member());
                self.put_member(MemberEntry {
                    id,
                    organization,
                    person: added.person,
                    role: added.role,
                    scopes: writer.interned.scopes(&added.scopes),
                    state: MemberState::Active,
                    departure: 0,
                    since: cause.sequence,
                    generation: cause.sequence,
                    newest: cause.newest,
                });
            }
            (event, Some(entry)) => {
                match entry.after(event, cause, |scopes| writer.interned.scopes(scopes)) {
                    Some(next) => self.put_member(next),
                    None => {
                        let entry = MemberEntry { newest: cause.newest, ..(*entry).clone() };
                        self.people.members.pin().insert(id, Arc::new(entry));
                    }
                }
            }
            (MemberEvent::Changed(_) | MemberEvent::Removed(_), None) => return,
        }
        if let MemberEvent::Added(Added { invitation: Some(invitation), .. }) = event {
            self.accept(organization, *invitation, cause);
        }
    }

    pub(super) fn close_member(&self, organization: OrganizationId, id: MemberId, closed: Closed) {
        if let Some(entry) = self.member_by_id(id).filter(|entry| entry.organization == organization) {
            let state = MemberState::Closed;
            self.put_member(MemberEntry { state, generation: closed.at, ..(*entry).clone() });
        }
    }

    fn put_member(&self, entry: MemberEntry) {
        let part = Part::Member(entry.id);
        self.people.members.pin().insert(entry.id, Arc::new(entry));
        self.watches.note(part);
    }
}
