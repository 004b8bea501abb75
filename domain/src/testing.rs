//! given / when / then for decisions: values are compared, not messages.

use std::fmt::Debug;
use std::sync::Arc;

use events::sealed::SealedBytes;
use events::{SealedText, SealingKeyId, SignerId, SignerKey, SigningKey, Timestamp};
use uuid::Uuid;

use crate::aggregate::{Decide, Facts, OtherOwners, Standing};
use crate::authority::Authority;

/// An aggregate's history, and what is so beside it.
pub struct Given<A: Decide> {
    state: A,
    facts: Facts,
}

/// What a command came to.
pub struct Outcome<A: Decide> {
    before: A,
    decided: Result<Vec<A::Event>, A::Refusal>,
}

/// These events happened. The owner is an organization in good standing, and it is 2026-11-24T08:00:00Z.
pub fn given<A: Decide>(events: impl IntoIterator<Item = A::Event>) -> Given<A> {
    let mut state = A::default();
    events.into_iter().for_each(|event| state.apply(&event));
    Given {
        state,
        facts: Facts {
            authority: Authority::Whole,
            now: now(),
            owner: Standing::Active,
            bootstrapped: true,
            other_owners: None,
        },
    }
}

impl<A: Decide> Given<A> {
    pub fn owned_by(mut self, owner: Standing) -> Self {
        self.facts.owner = owner;
        self
    }

    pub fn beside(mut self, others: OtherOwners) -> Self {
        self.facts.other_owners = Some(others);
        self
    }

    pub fn by(mut self, scopes: &str) -> Self {
        self.facts.authority = Authority::Scopes(Arc::new(scopes.parse().unwrap()));
        self
    }

    pub fn in_an_empty_log(mut self) -> Self {
        self.facts.bootstrapped = false;
        self
    }

    pub fn state(self) -> A {
        self.state
    }

    pub fn when(self, command: A::Command) -> Outcome<A> {
        let decided = self.state.decide(&command, &self.facts);
        Outcome { before: self.state, decided }
    }
}

impl<A: Decide> Outcome<A>
where
    A::Refusal: PartialEq,
{
    /// These events are made; answers the state after them.
    #[track_caller]
    pub fn then(self, events: impl IntoIterator<Item = A::Event>) -> A {
        let expected: Vec<_> = events.into_iter().collect();
        assert_eq!(self.decided.unwrap(), expected);
        let mut state = self.before;
        for event in &expected {
            assert!(state.admits(event), "decided, and not admitted: {event:?}");
            state.apply(event);
        }
        state
    }

    /// What was decided, for who looks at it alone.
    pub fn events(self) -> Result<Vec<A::Event>, A::Refusal> {
        self.decided
    }

    #[track_caller]
    pub fn then_already_so(self) {
        assert_eq!(self.decided.unwrap(), vec![]);
    }

    #[track_caller]
    pub fn then_refused(self, refusal: A::Refusal)
    where
        A::Event: Debug,
    {
        assert_eq!(self.decided.unwrap_err(), refusal);
    }
}

pub fn now() -> Timestamp {
    "2026-11-24T08:00:00Z".parse().unwrap()
}

/// A moment so many seconds from [`now`].
pub fn seconds(from_now: i64) -> Timestamp {
    Timestamp::from_unix_millis(now().unix_millis() + from_now * 1_000).unwrap()
}

/// The key that signs events, whose public half the bootstrap carries.
pub fn writer() -> SigningKey {
    SigningKey::from_seed(SignerId::new(uuid(0xf1)), &[1; 32]).unwrap()
}

/// A key of this number as the log publishes it.
pub fn signer(number: u8) -> SignerKey {
    SigningKey::from_seed(SignerId::new(uuid(0xf0 + u128::from(number))), &[number; 32]).unwrap().public()
}

pub fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(0x0190_a1b2_c3d4_7e5f_8a6b_0000_0000_0000 + number)
}

/// What the domain sees of a text: that it is one or another.
pub fn sealed(text: &str) -> SealedText {
    SealedText {
        key: SealingKeyId::new(uuid(1)),
        nonce: SealedBytes(vec![0; 12]),
        ciphertext: SealedBytes(text.as_bytes().to_vec()),
    }
}
