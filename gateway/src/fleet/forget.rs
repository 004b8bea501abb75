//! Takes the record of a member away that has died: one that no silence fences, or whose fence is not waited for.
//!
//! While a member is in the roster, `wait=fleet` waits for it. So nobody is forgotten who may still answer, unless an
//! operator says that it has ended; and nobody who was heard within its lease, whatever an operator says. A process that lives
//! in spite of that joins anew at its next renewal.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::member::{self, Member, MemberStanding};
use super::{BARRIER, Fleet, Record};
use crate::store::bucket::{Bucket, BucketError};

/// Why a member was not forgotten.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    #[error("there is no such member")]
    Unknown,
    /// Of this name, and last heard so long ago; `None`: never here.
    #[error("{name} may still answer: {}", last_heard(*.heard))]
    MayAnswer { name: String, heard: Option<Duration> },
    /// Its process was there a moment ago, or may have been: nobody here has looked for its lease yet.
    #[error("{}: {name} renews its lease within {} s while it lives", last_heard(*.heard), .lease.as_secs())]
    Lives { name: String, heard: Option<Duration>, lease: Duration },
    #[error("it has renewed its record just now")]
    Renewed,
    #[error(transparent)]
    Bucket(BucketError),
}

fn last_heard(ago: Option<Duration>) -> String {
    ago.map_or_else(
        || "this control has not heard it since it began".to_owned(),
        |ago| format!("it was heard {} s ago", ago.as_secs()),
    )
}

/// Takes away the records of processes of which whoever calls knows that they have ended, by their names. How many.
pub async fn forget_ended(bucket: &Bucket, has_ended: impl Fn(&str) -> bool) -> Result<usize, BucketError> {
    let mut forgotten = 0;
    for key in bucket.keys(member::ENTRY).await? {
        let (Some(id), Some(entry)) = (member::id(&key), bucket.get(&key).await?) else { continue };
        if !Record::read(&entry.value, id).is_some_and(|record| has_ended(&record.name)) {
            continue;
        }
        match bucket.delete(&key, entry.revision).await {
            Ok(_) => forgotten += 1,
            // It has just renewed its record: it lives.
            Err(BucketError::Conflict) => {}
            Err(error @ BucketError::Unavailable { .. }) => return Err(error),
        }
    }
    Ok(forgotten)
}

impl Fleet {
    /// Forgets a member that is fenced, or of which an operator says that it has ended. Every control sees it.
    pub async fn forget(&self, bucket: &Bucket, id: Uuid, has_ended: bool) -> Result<Member, ForgetError> {
        let (now, as_of) = (self.0.clock.instant(), self.complete_as_of());
        let member = self.roster().into_iter().find(|member| member.id == id).ok_or(ForgetError::Unknown)?;
        may_be_forgotten(&member, now, as_of, has_ended)?;
        match bucket.delete(&member::entry(id), member.revision).await {
            Ok(revision) => {
                // So that who asks next is not told of it again.
                let _ = tokio::time::timeout(BARRIER, self.passes(revision)).await;
                Ok(member)
            }
            Err(BucketError::Conflict) => Err(ForgetError::Renewed),
            Err(error @ BucketError::Unavailable { .. }) => Err(ForgetError::Bucket(error)),
        }
    }
}

/// `as_of`: every change of its record is known until then.
fn may_be_forgotten(
    member: &Member,
    now: Instant,
    as_of: Option<Instant>,
    has_ended: bool,
) -> Result<(), ForgetError> {
    let (name, heard) = (member.name().to_owned(), member.silent_for(now));
    match member.standing(now, as_of) {
        MemberStanding::Fenced => Ok(()),
        MemberStanding::Silent if has_ended => Ok(()),
        MemberStanding::Live if has_ended => Err(ForgetError::Lives { name, heard, lease: member.lease() }),
        MemberStanding::Live | MemberStanding::Silent => Err(ForgetError::MayAnswer { name, heard }),
    }
}

#[cfg(test)]
mod tests {
    use events::Timestamp;
    use events::clock::{Clock, ManualClock};

    use super::super::roster::tests::record;
    use super::*;

    #[test]
    fn nobody_is_forgotten_who_was_heard_within_its_lease() {
        let clock = ManualClock::new(Timestamp::UNIX_EPOCH);
        let began = clock.instant();
        let record = record(2, 0);
        let lease = record.lease();
        let member =
            Member { id: record.id, record: Some(record), revision: 1, changed_at: began, heard: true };
        let judged = |has_ended| may_be_forgotten(&member, clock.instant(), Some(clock.instant()), has_ended);
        clock.advance(lease);
        assert!(matches!(judged(false), Err(ForgetError::MayAnswer { .. })));
        let told = judged(true).unwrap_err();
        assert_eq!(
            told.to_string(),
            "it was heard 10 s ago: node-2 renews its lease within 10 s while it lives"
        );
        let unheard = Member { heard: false, ..member.clone() };
        let told = may_be_forgotten(&unheard, clock.instant(), None, true).unwrap_err().to_string();
        assert!(told.contains("has not heard it since it began"), "{told}");
        clock.advance(Duration::from_millis(1));
        may_be_forgotten(&unheard, clock.instant(), None, true).unwrap();
        assert!(matches!(judged(false), Err(ForgetError::MayAnswer { .. })));
        judged(true).unwrap();
        clock.advance(Duration::from_secs(80));
        judged(false).unwrap();
    }
}
