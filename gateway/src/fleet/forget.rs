//! Takes the record of a member away that has died: one that no silence fences, or whose fence is not waited for.
//!
//! While a member is in the roster, `wait=fleet` waits for it. So nobody is forgotten who may still answer, unless an
//! operator says that it has ended. A process that lives in spite of that joins anew at its next renewal.

use std::time::Duration;

use uuid::Uuid;

use super::member::{self, Member, MemberStanding};
use super::{BARRIER, Fleet};
use crate::store::bucket::{Bucket, BucketError};

/// Why a member was not forgotten.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    #[error("there is no such member")]
    Unknown,
    /// Of this name, and last heard so long ago.
    #[error("{name} may still answer: it was heard {} s ago", .heard.as_secs())]
    MayAnswer { name: String, heard: Duration },
    #[error("it has renewed its record just now")]
    Renewed,
    #[error(transparent)]
    Bucket(BucketError),
}

impl Fleet {
    /// Forgets a member that is fenced, or of which an operator says that it has ended. Every control sees it.
    pub async fn forget(&self, bucket: &Bucket, id: Uuid, has_ended: bool) -> Result<Member, ForgetError> {
        let (now, as_of) = (self.0.clock.instant(), self.complete_as_of());
        let member = self.roster().into_iter().find(|member| member.id == id).ok_or(ForgetError::Unknown)?;
        match member.standing(now, as_of) {
            MemberStanding::Fenced => {}
            MemberStanding::Live | MemberStanding::Silent if has_ended => {}
            MemberStanding::Live | MemberStanding::Silent => {
                let heard = now.saturating_duration_since(member.changed_at);
                return Err(ForgetError::MayAnswer { name: member.name().to_owned(), heard });
            }
        }
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
