//! Refresh tokens (RFC 6749 §6, OAuth 2.1 §4.3): a family a grant, of which one token is current and each use makes its
//! successor.
//!
//! A token is the family's id and its own number with a proof of both, so that a token's successor is always the same
//! text: who asked twice, or from two addresses at once, gets it again, for half a minute or until it is used. Whatever
//! else comes again was stolen, or its owner was robbed: the grant ends (RFC 9700 §4.14.2).

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::Timestamp;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::vault::PassingKey;

/// So long the token before the current one is answered with the current one.
pub const AGAIN: Duration = Duration::from_secs(30);

const PREFIX: &str = "klr_";
const USE: &[u8] = b"refresh";

/// Which token it is, once its proof was checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RefreshToken {
    pub family: Uuid,
    pub number: u32,
}

/// How far a family has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Place {
    /// The current token's.
    pub number: u32,
    /// When it became so.
    pub since: Timestamp,
}

/// What becomes of a token that is presented.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Judged {
    /// It was the current one: the family goes on to this place.
    Next(Place),
    /// It was the one before, a moment ago: the current one again.
    Again,
    /// It was used before.
    Reused,
}

impl RefreshToken {
    pub fn text(self, key: &PassingKey) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(52));
        bytes.extend_from_slice(self.family.as_bytes());
        bytes.extend_from_slice(&self.number.to_be_bytes());
        bytes.extend_from_slice(&self.proof(key));
        Zeroizing::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&*bytes)))
    }

    /// `None`: we never made it.
    pub fn parse(text: &str, keys: &[Arc<PassingKey>]) -> Option<Self> {
        // Beyond that nothing is decoded.
        let text = text.strip_prefix(PREFIX).filter(|text| text.len() == 70)?;
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
        let (family, rest) = bytes.split_at_checked(16)?;
        let (number, proof) = rest.split_at_checked(4)?;
        let token = Self {
            family: Uuid::from_slice(family).ok()?,
            number: u32::from_be_bytes(number.try_into().ok()?),
        };
        keys.iter().any(|key| proof.ct_eq(&token.proof(key)).into()).then_some(token)
    }

    fn proof(self, key: &PassingKey) -> [u8; 32] {
        key.prove([USE, self.family.as_bytes(), &self.number.to_be_bytes()])
    }
}

impl Place {
    pub fn first(now: Timestamp) -> Self {
        Self { number: 0, since: now }
    }

    pub fn judge(self, number: u32, now: Timestamp) -> Judged {
        if number == self.number {
            // A family that has come so far ends: u32 outlasts any grant.
            return self
                .number
                .checked_add(1)
                .map_or(Judged::Reused, |number| Judged::Next(Self { number, since: now }));
        }
        let was_before = number.checked_add(1) == Some(self.number);
        if was_before && now.since(self.since) <= AGAIN { Judged::Again } else { Judged::Reused }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(n: u8) -> Arc<PassingKey> {
        Arc::new(PassingKey::new(&[n; 32]).unwrap())
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_millis(1_800_000_000_000).unwrap().saturating_add(Duration::from_secs(seconds))
    }

    #[test]
    fn a_token_is_ours_or_none() {
        let token = RefreshToken { family: Uuid::from_u128(7), number: 3 };
        let (text, ours) = (token.text(&key(1)), [key(2), key(1)]);
        assert_eq!(RefreshToken::parse(&text, &ours), Some(token));
        assert_eq!(token.text(&key(1)), text);
        assert_eq!(RefreshToken::parse(&text, &ours[..1]), None);
        for at in 0..text.len() {
            let mut changed = text.to_string().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(RefreshToken::parse(&String::from_utf8(changed).unwrap(), &ours), None, "{at}");
        }
        for text in ["", "klr_", &text[..text.len() - 1], &format!("{}A", &*text)] {
            assert_eq!(RefreshToken::parse(text, &ours), None, "{text}");
        }
    }

    #[test]
    fn one_successor_which_is_given_again_for_a_moment() {
        let first = Place::first(at(0));
        let Judged::Next(second) = first.judge(0, at(10)) else { panic!() };
        assert_eq!(second, Place { number: 1, since: at(10) });
        // The same token again: the same successor, until half a minute has gone.
        assert_eq!(second.judge(0, at(40)), Judged::Again);
        assert_eq!(second.judge(0, at(41)), Judged::Reused);
        // Or until the successor was used.
        let Judged::Next(third) = second.judge(1, at(11)) else { panic!() };
        assert_eq!(third.judge(0, at(12)), Judged::Reused);
        assert_eq!(third.judge(1, at(12)), Judged::Again);
        // One that was not given yet can't be presented by an honest client.
        assert_eq!(third.judge(7, at(12)), Judged::Reused);
    }

    proptest! {
        /// Whatever comes in which order: a family never goes back, and an old token never moves it.
        #[test]
        fn a_family_only_goes_on(presented in prop::collection::vec((0_u32..6, 0_u64..60), 0..30)) {
            let (mut place, mut now) = (Place::first(at(0)), 0);
            for (number, pause) in presented {
                now += pause;
                match place.judge(number, at(now)) {
                    Judged::Next(next) => {
                        prop_assert_eq!((number, next.number), (place.number, place.number + 1));
                        place = next;
                    }
                    Judged::Again => prop_assert_eq!(number + 1, place.number),
                    Judged::Reused => prop_assert_ne!(number, place.number),
                }
            }
        }
    }
}
