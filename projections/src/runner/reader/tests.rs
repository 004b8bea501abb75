use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use async_trait::async_trait;
use events::log::{AppendError, Batch, History, Known, StreamInfo};
use events::{Position, Subject, Timestamp};
use futures::{FutureExt, stream};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

/// A log of so many messages, which counts what is read of it.
struct Counting {
    messages: u64,
    read: Arc<AtomicUsize>,
    session: AtomicU64,
}

fn id() -> LogId {
    LogId::new(Uuid::from_u128(1))
}

fn stored(sequence: u64) -> Stored {
    Stored {
        sequence,
        subject: "kl.events.0._.nothing.x".to_owned(),
        stored_at: Timestamp::UNIX_EPOCH,
        payload: sequence.to_string().into(),
    }
}

#[async_trait]
impl Log for Counting {
    async fn id(&self) -> Result<LogId, ReadError> {
        Ok(id())
    }

    fn session(&self) -> u64 {
        self.session.load(Ordering::Relaxed)
    }

    async fn append(&self, _: Batch) -> Result<Position, AppendError> {
        Err(AppendError::Unavailable("it is read only".to_owned()))
    }

    async fn history_after(&self, _: &Subject, _: Known) -> Result<History, ReadError> {
        Err(ReadError::Unavailable("it has none".to_owned()))
    }

    async fn message(&self, sequence: u64) -> Result<Option<Stored>, ReadError> {
        Ok((sequence <= self.messages).then(|| stored(sequence)))
    }

    async fn info(&self) -> Result<StreamInfo, ReadError> {
        Err(ReadError::Unavailable("it has none".to_owned()))
    }

    async fn follow(&self, after: Option<Place>) -> Result<Follower, FollowError> {
        let read = Arc::clone(&self.read);
        let messages = after.map_or(0, |place| place.sequence) + 1..=self.messages;
        let messages = stream::iter(messages).map(move |sequence| {
            read.fetch_add(1, Ordering::Relaxed);
            Ok(stored(sequence))
        });
        Ok(messages.chain(stream::pending()).boxed())
    }
}

fn reader(messages: u64, kept: usize) -> (Arc<Reader>, Arc<Counting>) {
    let log = Arc::new(Counting { messages, read: Arc::default(), session: AtomicU64::new(0) });
    let reader = Reader::new(Arc::<Counting>::clone(&log), Arc::default());
    (Arc::new(Reader { kept, ..reader }), log)
}

async fn follow(reader: &Arc<Reader>, after: u64) -> Following {
    let place = (after > 0).then_some(Place { log: id(), sequence: after, event: None });
    reader.follow(id(), place).await.unwrap()
}

/// `None`: there is none yet.
fn next(following: &mut Following) -> Option<u64> {
    // Many are asked for without giving others their turn.
    let next = tokio::task::unconstrained(following.next());
    next.now_or_never().map(|message| message.unwrap().stored.sequence)
}

#[tokio::test]
async fn those_near_each_other_read_each_message_once() {
    let (reader, log) = reader(1_000, 100);
    let mut all = [follow(&reader, 0).await, follow(&reader, 0).await, follow(&reader, 3).await];
    for sequence in 1..=1_000 {
        for (number, following) in all.iter_mut().enumerate() {
            if number < 2 || sequence > 3 {
                assert_eq!(next(following), Some(sequence), "{number}");
            }
        }
    }
    assert!(all.iter_mut().all(|following| next(following).is_none()));
    let read = log.read.load(Ordering::Relaxed);
    assert!((1_000..=1_003).contains(&read), "{read} messages were read of 1,000");
}

#[tokio::test]
async fn what_was_read_before_the_connection_was_lost_is_handed_to_nobody_who_comes_later() {
    let (reader, log) = reader(10, 100);
    let mut first = follow(&reader, 0).await;
    assert_eq!((1..=5).map(|_| next(&mut first)).collect::<Vec<_>>(), (1..=5).map(Some).collect::<Vec<_>>());
    let before = log.read.load(Ordering::Relaxed);
    log.session.store(1, Ordering::Relaxed);
    let mut late = follow(&reader, 2).await;
    assert_eq!(next(&mut late), Some(3));
    assert_eq!(log.read.load(Ordering::Relaxed), before + 1, "it was read anew");
    assert_eq!((next(&mut first), next(&mut late)), (Some(6), Some(4)));
}

#[tokio::test]
async fn a_message_that_nobody_waits_for_any_more_is_not_lost() {
    let (reader, _) = reader(0, 100);
    let mut waiting = follow(&reader, 0).await;
    assert!(next(&mut waiting).is_none());
    assert!(next(&mut waiting).is_none());
    let mut other = follow(&reader, 0).await;
    assert!(next(&mut other).is_none());
}

proptest! {
    /// Whoever goes on when, from wherever, with however little kept: each gets all after its place, once, in order.
    #[test]
    fn each_gets_every_message_after_its_place_in_order(
        starts in prop::collection::vec(0_u64..40, 1..5),
        steps in prop::collection::vec((0_usize..5, any::<bool>()), 0..300),
        kept in 1_usize..12,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (reader, log) = reader(40, kept);
            let mut all = Vec::new();
            for start in &starts {
                all.push((follow(&reader, *start).await, *start));
            }
            let count = all.len();
            for (who, reconnects) in steps {
                if reconnects && who == 4 {
                    log.session.fetch_add(1, Ordering::Relaxed);
                }
                let (following, at) = &mut all[who % count];
                match next(following) {
                    Some(sequence) => {
                        assert_eq!(sequence, *at + 1);
                        *at = sequence;
                    }
                    None => assert_eq!(*at, 40),
                }
            }
        });
    }
}
