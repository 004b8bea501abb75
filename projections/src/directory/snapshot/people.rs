//! People, members and invitations in a snapshot.

use std::sync::Arc;

use super::record::{BadRecord, Invitation, Member, People, Person, Record};
use super::{Cut, Loading};

impl Cut {
    pub(super) fn people_records(&self) -> impl Iterator<Item = Record<'_>> + Send + '_ {
        let entries = &self.people;
        let persons = entries.persons.iter().map(|entry| People::Person(Person::of(entry)));
        let members = entries.members.iter().map(|entry| People::Member(Member::of(entry)));
        let invitations = entries.invitations.iter().map(|entry| People::Invitation(Invitation::of(entry)));
        persons.chain(members).chain(invitations).map(Record::People)
    }
}

impl Loading {
    pub(super) fn take_people(&mut self, record: People<'_>) -> Result<(), BadRecord> {
        match record {
            People::Person(stored) => self.people.persons.push(Arc::new(stored.entry())),
            People::Member(stored) => {
                let scopes = self.scopes(&stored.scopes)?;
                self.people.members.push(Arc::new(stored.entry(scopes)));
            }
            People::Invitation(stored) => {
                let scopes = self.scopes(&stored.scopes)?;
                self.people.invitations.push(Arc::new(stored.entry(scopes)?));
            }
        }
        Ok(())
    }
}
