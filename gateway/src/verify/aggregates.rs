//! Every aggregate as its events make it: each event must be one that a decision on the state before it makes, and
//! no earlier than the event before it.

use std::collections::HashMap;

use domain::{
    Approval, Client, Consent, Decide, Grant, Installation, Invitation, Issuer, Key, Member, Organization,
    Person, Server, Webhook,
};
use events::{AggregateType, Envelope, Event, EventId, Read, Recorded, Subject, Timestamp};

use super::{At, Check};

#[derive(Default)]
pub(super) struct Aggregates {
    known: HashMap<Subject, Aggregate>,
}

struct Aggregate {
    /// Of its newest event whose time can be read.
    time: Option<Timestamp>,
    /// Its newest event.
    newest: Option<EventId>,
    state: State,
}

enum State {
    Installation(Installation),
    Organization(Organization),
    Server(Server),
    Key(Key),
    Webhook(Webhook),
    Client(Box<Client>),
    Approval(Approval),
    Consent(Consent),
    Grant(Grant),
    Person(Person),
    Member(Member),
    Invitation(Invitation),
    Issuer(Issuer),
    /// Its reservations are `claims`' to judge.
    Slug,
    /// An event of it can't be read: what came of it is not known.
    Closed,
}

impl Aggregates {
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// What an event is after those of its aggregate that were taken. Of one that is closed nobody can tell.
    pub fn in_place(&self, read: Read) -> Read {
        let Read::Event(recorded) = &read else { return read };
        match self.known.get(&recorded.envelope.subject) {
            Some(Aggregate { state: State::Closed, .. }) => read,
            Some(aggregate) => read.after(aggregate.newest),
            None => read.after(None),
        }
    }

    pub fn take(&mut self, recorded: &Recorded, at: &mut At<'_>) {
        self.owner_is_known(&recorded.envelope.subject, at);
        let Envelope { subject, time, .. } = &recorded.envelope;
        let aggregate = self.at_its_time(subject, Some(*time), State::of(&recorded.event), at);
        aggregate.newest = Some(recorded.envelope.id);
        let event = &recorded.event;
        match &mut aggregate.state {
            State::Installation(state) => replay(state, event.as_installation(), recorded, at),
            State::Organization(state) => replay(state, event.as_organization(), recorded, at),
            State::Server(state) => replay(state, event.as_server(), recorded, at),
            State::Key(state) => replay(state, event.as_key(), recorded, at),
            State::Webhook(state) => replay(state, event.as_webhook(), recorded, at),
            State::Client(state) => replay(&mut **state, event.as_client(), recorded, at),
            State::Approval(state) => replay(state, event.as_approval(), recorded, at),
            State::Consent(state) => replay(state, event.as_consent(), recorded, at),
            State::Grant(state) => replay(state, event.as_grant(), recorded, at),
            State::Person(state) => replay(state, event.as_person(), recorded, at),
            State::Member(state) => replay(state, event.as_member(), recorded, at),
            State::Invitation(state) => replay(state, event.as_invitation(), recorded, at),
            State::Issuer(state) => replay(state, event.as_issuer(), recorded, at),
            State::Slug | State::Closed => {}
        }
    }

    /// An event of it can't be read: what follows of it can't be judged.
    pub fn close(&mut self, subject: &Subject, time: Option<Timestamp>, at: &mut At<'_>) {
        self.at_its_time(subject, time, State::Closed, at).state = State::Closed;
    }

    /// The aggregate, where the event's time is no earlier than that of the event before it. `None`: it can't be read.
    fn at_its_time(
        &mut self,
        subject: &Subject,
        time: Option<Timestamp>,
        first: State,
        at: &mut At<'_>,
    ) -> &mut Aggregate {
        let aggregate = self.known.entry(subject.clone()).or_insert_with(|| Aggregate {
            time,
            newest: None,
            state: first,
        });
        if let (Some(time), Some(before)) = (time, aggregate.time)
            && time < before
        {
            at.found(Check::Order, format!("its time {time} is before {before}, the event's before it"));
        }
        aggregate.time = aggregate.time.max(time);
        aggregate
    }

    /// What belongs to an organization comes after it. The name of what it owns may be reserved just before.
    fn owner_is_known(&self, subject: &Subject, at: &mut At<'_>) {
        let Some(organization) = subject.owner.organization() else { return };
        if subject.aggregate_type != AggregateType::Slug
            && !self.known.contains_key(&Subject::organization(organization))
        {
            at.found(Check::Replay, "it belongs to an organization that was never created");
        }
    }
}

impl State {
    /// Before the first event.
    fn of(event: &Event) -> Self {
        match event {
            Event::Installation(_) => Self::Installation(Installation::default()),
            Event::Organization(_) => Self::Organization(Organization::default()),
            Event::Server(_) => Self::Server(Server::default()),
            Event::Key(_) => Self::Key(Key::default()),
            Event::Slug(_) => Self::Slug,
            Event::Client(_) => Self::Client(Box::default()),
            Event::Approval(_) => Self::Approval(Approval::default()),
            Event::Consent(_) => Self::Consent(Consent::default()),
            Event::Grant(_) => Self::Grant(Grant::default()),
            Event::Webhook(_) => Self::Webhook(Webhook::default()),
            Event::Person(_) => Self::Person(Person::default()),
            Event::Member(_) => Self::Member(Member::default()),
            Event::Invitation(_) => Self::Invitation(Invitation::default()),
            Event::Issuer(_) => Self::Issuer(Issuer::default()),
        }
    }
}

fn replay<A: Decide>(state: &mut A, event: Option<&A::Event>, recorded: &Recorded, at: &mut At<'_>) {
    // An envelope with another type of aggregate is unreadable.
    let Some(event) = event else { return };
    if !state.admits(event) {
        let kind = &recorded.envelope.kind;
        at.found(Check::Replay, format!("no decision makes {kind} of what the {} is before it", A::TYPE));
    }
    state.apply(event);
}
