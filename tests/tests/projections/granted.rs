//! Consents and grants: one history gives the same aggregate, directory entry and row, and lists are narrowed.

use domain::{Consent, Decide, Facts, Grant, Standing, consent, grant};
use events::clock::{Clock, SystemClock};
use events::grant::EndCause;
use events::{
    ClientId, ConsentId, GrantId, Holder, KeyId, OrganizationId, Owner, SealedText, ServerId, Subject,
    Timestamp, UserId,
};
use projections::directory::{self, Directory};
use projections::postgres::consent::ConsentState;
use projections::postgres::grant::GrantState;
use projections::postgres::granted::GrantedFilter;
use projections::postgres::{self, PageQuery};
use proptest::prelude::*;

use crate::stage::{Stage, Tape, created, issued, sealed, uuid};

#[derive(Clone, Debug)]
enum Ask {
    Consent(consent::Command),
    Grant(grant::Command),
}

/// What a client is let do by one holder on one server, until then.
#[derive(Clone, Copy)]
struct Let {
    organization: OrganizationId,
    holder: Holder,
    client: ClientId,
    server: ServerId,
    until: Timestamp,
}

impl Let {
    fn new(organization: OrganizationId, holder: Holder) -> Self {
        let until = SystemClock.now().unix_millis() + 600_000;
        let until = Timestamp::from_unix_millis(until).unwrap();
        Self { organization, holder, client: ClientId::new(uuid()), server: ServerId::new(uuid()), until }
    }

    fn consent(self, scopes: &str) -> events::consent::Given {
        let Self { holder, client, server, .. } = self;
        events::consent::Given { holder, client, server, scopes: scopes.parse().unwrap() }
    }

    fn grant(self, scopes: &str) -> events::grant::Given {
        let Self { holder, client, server, until, .. } = self;
        events::grant::Given { holder, client, server, scopes: scopes.parse().unwrap(), expires_at: until }
    }

    fn consent_id(self) -> ConsentId {
        ConsentId::of(self.organization, self.holder, self.client, self.server)
    }

    fn told(self, tape: &mut Tape, id: GrantId) {
        let subject = Subject::consent(self.organization, self.consent_id());
        tape.add(&subject, events::consent::ConsentEvent::Given(self.consent("mcp:docs")).into());
        let subject = Subject::grant(self.organization, id);
        tape.add(&subject, events::grant::GrantEvent::Given(self.grant("mcp:docs")).into());
    }
}

fn reason() -> impl Strategy<Value = Option<SealedText>> {
    prop::option::of(Just(sealed("left")))
}

fn asks(of: Let) -> impl Strategy<Value = Vec<Ask>> {
    let scopes = || prop::sample::select(vec!["mcp:docs", "mcp:docs:tools:get", "mcp:*"]);
    let causes = || prop::sample::select(EndCause::ALL.to_vec());
    let consents = prop_oneof![
        2 => scopes().prop_map(move |scopes| consent::Command::Give(Box::new(of.consent(scopes)))),
        1 => reason().prop_map(|reason| consent::Command::Withdraw { reason }),
    ];
    let grants = prop_oneof![
        2 => scopes().prop_map(move |scopes| grant::Command::Give(Box::new(of.grant(scopes)))),
        1 => (causes(), reason()).prop_map(|(cause, reason)| grant::Command::End { cause, reason }),
    ];
    let one = prop_oneof![consents.prop_map(Ask::Consent), grants.prop_map(Ask::Grant)];
    prop::collection::vec(one, 0..20)
}

fn decide<A: Decide>(tape: &mut Tape, state: &mut A, subject: &Subject, command: &A::Command) {
    let facts = Facts {
        now: SystemClock.now(),
        owner: Standing::Active,
        bootstrapped: true,
        authority: domain::Authority::Whole,
        other_owners: None,
    };
    for event in state.decide(command, &facts).unwrap_or_default() {
        assert!(state.admits(&event), "{event:?}");
        state.apply(&event);
        tape.add(subject, event.into());
    }
}

#[test]
fn one_history_gives_the_same_everywhere() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stage = runtime.block_on(Stage::new());
    let holder = Holder::Person { id: UserId::new(uuid()) };
    let of = Let::new(OrganizationId::new(uuid()), holder);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(48));
    runner
        .run(&asks(of), |asks| {
            let (mut tape, mut consent, mut grant) = (Tape::new(), Consent::default(), Grant::default());
            let id = GrantId::new(uuid());
            tape.add(&Subject::organization(of.organization), created("acme"));
            for ask in &asks {
                match ask {
                    Ask::Consent(command) => {
                        let subject = Subject::consent(of.organization, of.consent_id());
                        decide(&mut tape, &mut consent, &subject, command);
                    }
                    Ask::Grant(command) => {
                        decide(&mut tape, &mut grant, &Subject::grant(of.organization, id), command);
                    }
                }
            }
            runtime.block_on(agree(&stage, &tape, of, &consent, (id, &grant)));
            Ok(())
        })
        .unwrap();
    runtime.block_on(stage.pool.close());
}

async fn agree(stage: &Stage, tape: &Tape, of: Let, consent: &Consent, (id, grant): (GrantId, &Grant)) {
    let directory = Directory::new();
    for message in &tape.messages {
        directory.apply(&message.read(tape.log));
    }
    stage.empty().await;
    stage.projector().project(tape.log, &mut None, &tape.messages).await.unwrap();
    let (query, every) = (PageQuery::new(10, None), GrantedFilter::default());
    let rows = postgres::consent::list(&stage.pool, of.organization, &every, &query).await.unwrap().items;
    let row = rows.first().map(|listed| &listed.row);
    let entry = directory.consent_by_id(of.consent_id());
    match (consent, row, entry) {
        (Consent::Unknown, None, None) => {}
        (Consent::Known { given, withdrawn }, Some(row), Some(entry)) => {
            let (in_row, in_entry) = match withdrawn {
                true => (ConsentState::Withdrawn, directory::ConsentState::Withdrawn),
                false => (ConsentState::Given, directory::ConsentState::Given),
            };
            assert_eq!((row.state, entry.state), (in_row, in_entry));
            assert_eq!((row.client, row.server), (given.client, given.server));
            if !withdrawn {
                assert_eq!((&row.scopes, &*entry.scopes), (&given.scopes, &given.scopes));
            }
        }
        told => panic!("{told:?}"),
    }
    let now = SystemClock.now();
    let row = postgres::grant::get(&stage.pool, of.organization, id, now).await.unwrap();
    match (grant, row, directory.grant(id)) {
        (Grant::Unknown, None, None) => {}
        (Grant::Known { given, ended }, Some(listed), Some(entry)) => {
            let (in_row, in_entry) = match ended {
                Some(_) => (GrantState::Ended, directory::GrantState::Ended),
                None => (GrantState::Given, directory::GrantState::Active),
            };
            assert_eq!((listed.state, entry.state), (in_row, in_entry));
            assert_eq!((listed.row.cause, listed.row.ended_at.is_some()), (*ended, ended.is_some()));
            assert_eq!((&listed.row.scopes, listed.row.expires_at), (&given.scopes, given.expires_at));
            let over = postgres::grant::get(&stage.pool, of.organization, id, of.until).await.unwrap();
            let expired = if ended.is_some() { GrantState::Ended } else { GrantState::Expired };
            assert_eq!(over.unwrap().state, expired);
        }
        told => panic!("{told:?}"),
    }
}

#[tokio::test]
async fn lists_are_narrowed_by_who_what_where_and_how_it_stands() {
    let stage = Stage::new().await;
    let mut tape = Tape::new();
    let organization = OrganizationId::new(uuid());
    tape.add(&Subject::organization(organization), created("acme"));
    let (person, key) = (UserId::new(uuid()), KeyId::new(uuid()));
    tape.key(Owner::Organization(organization), key, issued("a robot"));
    let of_person = Let::new(organization, Holder::Person { id: person });
    let of_key = Let::new(organization, Holder::Key { id: key });
    let elsewhere = Let::new(OrganizationId::new(uuid()), Holder::Person { id: person });
    let ids = [GrantId::new(uuid()), GrantId::new(uuid()), GrantId::new(uuid())];
    for (one, id) in [of_person, of_key, elsewhere].into_iter().zip(ids) {
        one.told(&mut tape, id);
    }
    let ended = events::grant::Ended { cause: EndCause::Revoked, reason: None };
    let subject = Subject::grant(organization, ids[1]);
    tape.add(&subject, events::grant::GrantEvent::Ended(ended).into());
    stage.projector().project(tape.log, &mut None, &tape.messages).await.unwrap();

    let (now, query) = (SystemClock.now(), PageQuery::new(10, None));
    let found = async |filter: GrantedFilter<GrantState>| {
        let page = postgres::grant::list(&stage.pool, organization, &filter, now, &query).await.unwrap();
        page.items.iter().map(|listed| listed.row.id).collect::<Vec<_>>()
    };
    let every = GrantedFilter::default;
    assert_eq!(found(every()).await, [ids[1], ids[0]]);
    assert_eq!(found(GrantedFilter { person: Some(person), ..every() }).await, [ids[0]]);
    assert_eq!(found(GrantedFilter { client: Some(of_key.client), ..every() }).await, [ids[1]]);
    assert_eq!(found(GrantedFilter { server: Some(of_person.server), ..every() }).await, [ids[0]]);
    assert_eq!(found(GrantedFilter { state: Some(GrantState::Ended), ..every() }).await, [ids[1]]);
    assert_eq!(found(GrantedFilter { state: Some(GrantState::Expired), ..every() }).await, []);
    let both = GrantedFilter { person: Some(person), client: Some(of_key.client), ..every() };
    assert_eq!(found(both).await, []);
    let row = postgres::grant::get(&stage.pool, organization, ids[1], now).await.unwrap().unwrap();
    assert_eq!((row.key_name.as_deref(), row.row.key, row.row.person), (Some("a robot"), Some(key), None));
    let foreign = postgres::grant::get(&stage.pool, organization, ids[2], now).await.unwrap();
    assert!(foreign.is_none(), "another organization's is nobody's here");

    let client = GrantedFilter { client: Some(of_person.client), ..GrantedFilter::default() };
    let consents = postgres::consent::list(&stage.pool, organization, &client, &query).await.unwrap().items;
    assert_eq!(consents.iter().map(|it| it.row.id).collect::<Vec<_>>(), [of_person.consent_id()]);
    let withdrawn = GrantedFilter { state: Some(ConsentState::Withdrawn), ..GrantedFilter::default() };
    let none = postgres::consent::list(&stage.pool, organization, &withdrawn, &query).await.unwrap();
    assert!(none.items.is_empty());
}
