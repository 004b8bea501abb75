//! The last owner of an organization stays. Who the owners are is known from what this process follows, which may lag
//! behind the log; so the number of the next departure is taken first, and then each other owner is read from the log's
//! leader until one is found who is still there. The departure claims its number in the log: where another owner left
//! since, at whatever process, the number is taken, and all of this is done again.

use events::member::Departure;
use events::{MemberId, OrganizationId, Subject, UserId};

use super::owners::{Failed, Nobody};
use super::{CommandError, Dispatcher};
use crate::aggregate::OtherOwners;
use crate::member::Member;
use crate::person::Person;

/// What this process knows of the owners of an organization, because it follows the log.
pub trait Owning: Send + Sync + 'static {
    fn owners(&self, organization: OrganizationId) -> OrganizationOwners;
}

/// Of one state of what is followed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OrganizationOwners {
    /// How many have left so far: one more than these is the next one's number.
    pub departures: u32,
    pub members: Vec<(MemberId, UserId)>,
}

impl Owning for Nobody {
    fn owners(&self, _: OrganizationId) -> OrganizationOwners {
        OrganizationOwners::default()
    }
}

impl Dispatcher {
    /// Who owns the organization beside the member at this subject.
    pub(super) async fn other_owners(&self, member: &Subject) -> Result<OtherOwners, Failed> {
        let Some(organization) = member.owner.organization() else {
            return Err(Failed::Unavailable("the installation has no members".to_owned()));
        };
        let known = self.owning.owners(organization);
        let departure = Departure::after(known.departures);
        for (id, person) in known.members {
            let other = Subject::member(organization, id);
            if other != *member && self.still_owns(&other, person).await? {
                return Ok(OtherOwners { departure, remain: true });
            }
        }
        Ok(OtherOwners { departure, remain: false })
    }

    /// Whether an organization would still have an owner without this person, by the word of the log's leader.
    pub async fn has_owner_beside<R: std::error::Error>(
        &self,
        organization: OrganizationId,
        person: UserId,
    ) -> Result<bool, CommandError<R>> {
        let member = Subject::member(organization, MemberId::of(organization, person));
        Ok(self.other_owners(&member).await?.remain)
    }

    async fn still_owns(&self, member: &Subject, person: UserId) -> Result<bool, Failed> {
        let loaded = self.turns.read(member, self.store.load::<Member>(member)).await??;
        if loaded.closed().is_some() || !loaded.state().is_owner() {
            return Ok(false);
        }
        let person = Subject::person(person);
        let loaded = self.turns.read(&person, self.store.load::<Person>(&person)).await??;
        Ok(loaded.closed().is_none() && loaded.state().lives())
    }
}
