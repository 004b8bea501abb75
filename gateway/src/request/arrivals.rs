//! What a node sees of clients that try to get in (`crate::attempts`): who is sent to sign in, who reads where, and the first
//! call of a grant. None of it is on the way of a call that was let in before.

use std::net::SocketAddr;
use std::time::Duration;

use events::{GrantId, Timestamp};
use http::HeaderMap;

use super::authenticate::{AuthenticationError, Fault};
use super::principal::{Principal, PrincipalId, Who};
use super::resource::Address;
use super::{Door, Refusal};
use crate::attempts::{Recorder, Stage, Step, Visitor, Why};

/// A grant that is older has been used: its calls begin no way in.
const YOUNG: Duration = Duration::from_secs(60 * 60);

/// Somebody at the door, as far as the connection says.
#[derive(Clone, Copy)]
pub struct Arrival<'a> {
    pub peer: Option<SocketAddr>,
    pub headers: &'a HeaderMap,
}

impl Door {
    /// Where it is told; `None`: nobody can sign in here, or nobody listens.
    fn told(&self) -> Option<&Recorder> {
        self.resources().and(self.attempts.as_ref())
    }

    /// Somebody read where people sign in for a server; `None`: for the default one.
    pub fn read_metadata(&self, address: Option<&Address>, who: Arrival<'_>) {
        let Some(attempts) = self.told() else { return };
        let Some(address) = address.or_else(|| self.resources.default_server()) else { return };
        attempts.tell(step(attempts.now(), Stage::ResourceMetadata, Some(address), Some(who)));
    }

    /// Nobody was let in. Keys that don't work are no way in.
    pub(super) fn turned_away(&self, error: AuthenticationError, address: &Address, who: Arrival<'_>) {
        let Some(attempts) = self.told() else { return };
        let now = attempts.now();
        match error.fault() {
            Fault::NoCredential => attempts.tell(step(now, Stage::Challenge, Some(address), Some(who))),
            Fault::InvalidToken => {
                let refused = step(now, Stage::Call, Some(address), Some(who));
                attempts.tell(refused.refused(Why::Token, &format!("The token does not count: {error}.")));
            }
            Fault::TwoCredentials | Fault::InvalidKey | Fault::Node => {}
        }
    }

    /// A call passes.
    pub(super) fn came_in(&self, principal: &Principal) {
        if let Who::Grant(granted) = principal.who()
            && granted.token.is_first_use()
            && let Some(attempts) = self.told()
            && is_young(granted.grant().id, attempts.now())
        {
            let done = step(attempts.now(), Stage::Call, Some(&granted.token.server), None);
            attempts.tell(Step { grant: Some(granted.grant().id), ..done });
        }
    }

    /// A call does not pass that came by a client's token.
    pub(super) fn refused(&self, id: PrincipalId, refusal: &Refusal) {
        let PrincipalId::Grant(grant) = id else { return };
        let Refusal::InsufficientScope { .. } = refusal else { return };
        if let Some(attempts) = self.told().filter(|attempts| is_young(grant, attempts.now())) {
            let refused =
                step(attempts.now(), Stage::Call, None, None).refused(Why::Scope, &refusal.to_string());
            attempts.tell(Step { grant: Some(grant), ..refused });
        }
    }
}

fn step(at: Timestamp, stage: Stage, address: Option<&Address>, who: Option<Arrival<'_>>) -> Step {
    let server = address.map(|address| format!("{}/{}", address.organization, address.server));
    let visitor = who.map(|who| Visitor::of(who.peer.map(|peer| peer.ip()), who.headers));
    Step { server, ..Step::new(at, stage) }.by(visitor.unwrap_or_default())
}

/// Its id says when its person allowed it (RFC 9562 §5.7).
fn is_young(grant: GrantId, now: Timestamp) -> bool {
    let made = grant.uuid().get_timestamp().map(|made| {
        let (seconds, nanos) = made.to_unix();
        Duration::new(seconds, nanos)
    });
    let now = u64::try_from(now.unix_millis()).map(Duration::from_millis).unwrap_or_default();
    made.is_some_and(|made| now.saturating_sub(made) < YOUNG)
}

#[cfg(test)]
mod tests {
    use events::clock::{ManualClock, SystemRandom, uuid_v7};

    use super::*;

    #[test]
    fn a_grant_is_young_for_an_hour() {
        let at = Timestamp::from_unix_millis(1_800_000_000_000).unwrap();
        let grant = GrantId::new(uuid_v7(&ManualClock::new(at), &SystemRandom));
        assert!(is_young(grant, at) && is_young(grant, at.saturating_add(Duration::from_secs(3_599))));
        assert!(!is_young(grant, at.saturating_add(Duration::from_secs(3_600))));
        assert!(!is_young(GrantId::new(uuid::Uuid::from_u128(7)), at));
    }
}
