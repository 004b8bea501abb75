//! Keeps control's roster: follows every change of the fleet's bucket, until it is told to stop.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use events::clock::Clock;
use events::lasting::{Lasting, Words};
use tokio_util::sync::CancellationToken;

use super::Fleet;
use super::member::{self, Record};
use super::roster::Roster;
use crate::store::bucket::{Bucket, BucketError};
use crate::store::changes::{Change, Changes};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
const MEASURE_EVERY: Duration = Duration::from_secs(5);
/// The entries of the workers' leases.
const LEASES: &str = "lease.";

pub async fn run(fleet: Fleet, bucket: Bucket, clock: Arc<dyn Clock>, cancel: CancellationToken) {
    let words = Words {
        lasts: "who is in the fleet is not known for certain",
        ends: "who is in the fleet is known again",
    };
    let unknown = Lasting::new(Arc::clone(&clock), words);
    let following = async {
        let mut pause = FIRST_PAUSE;
        loop {
            let opened_at = clock.instant();
            let Err(error) = follow(&fleet, &bucket, &*clock, &unknown).await;
            if clock.instant().saturating_duration_since(opened_at) > LONGEST_PAUSE {
                pause = FIRST_PAUSE;
            }
            unknown.warn(&error);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    };
    let measuring = async {
        loop {
            tokio::time::sleep(MEASURE_EVERY).await;
            fleet.measure();
        }
    };
    tokio::select! {
        biased;
        () = cancel.cancelled() => {}
        () = following => {}
        () = measuring => {}
    }
}

async fn follow(
    fleet: &Fleet,
    bucket: &Bucket,
    clock: &dyn Clock,
    unknown: &Lasting,
) -> Result<Infallible, BucketError> {
    let mut changes = Changes::open(bucket).await?;
    unknown.ended();
    fleet.tell(Roster::opened);
    loop {
        let Change { key, revision, value } = changes.next().await?;
        let now = clock.instant();
        let anew = fleet.tell(|roster| {
            if let Some(name) = key.strip_prefix(LEASES) {
                roster.saw_lease(name, value.as_deref().and_then(|value| serde_json::from_slice(value).ok()));
            } else if let Some(id) = member::id(&key) {
                match value {
                    Some(value) => roster.saw(id, Record::read(&value, id), revision, now),
                    None => roster.ended(id),
                }
            }
            roster.passes(revision, now);
            roster.has_room_again()
        });
        if anew {
            return Err(bucket.unavailable("there were more members than are kept, and there is room again"));
        }
    }
}
