//! The log's leader is cut off from its peers, and goes on answering for many seconds while they elect another.

use std::time::Duration;

use events::clock::{Clock, SystemClock};
use events::log::jetstream::JetStreamLog;
use events::log::{AppendError, Expected, FollowError, Log, Quorum, ReadError};
use events::position::Place;
use futures::StreamExt;
use gateway::config::NatsRole;
use keyledger_tests::poll;
use keyledger_tests::servers::{Cluster, Way};

use crate::setting::{bootstrap, fill, key, on, one};

const BOUND: Duration = Duration::from_secs(60);

/// Until its leader's answers are no proof any more, or are one again.
async fn until_proof(log: &JetStreamLog, proof: bool) -> Duration {
    let what =
        if proof { "the leader's answer proves something" } else { "the leader's answer proves nothing" };
    let (_, took) = poll::until(what, BOUND, async || match log.info().await {
        Ok(info) if info.is_proof() == proof => Ok(info),
        other => Err(other),
    })
    .await;
    took
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_leader_says_that_was_cut_off_proves_nothing() {
    let cluster = Cluster::set_up().await;
    let leader = cluster.leader(0, None).await;
    let other = (leader + 1) % 3;
    let (here, there) =
        (cluster.log_at(leader, NatsRole::Control).await, cluster.log_at(other, NatsRole::Control).await);
    let id = bootstrap(&here).await;
    let (known, never) = (key(), key());
    let first = here.append(one(on(id, &known), Expected::Last(0))).await.unwrap();
    let mut follower = here.follow(None).await.unwrap();
    for sequence in [1, 2] {
        let next = poll::within("an event", BOUND, follower.next()).await.unwrap().unwrap();
        assert_eq!(next.sequence, sequence);
    }
    until_proof(&here, true).await;

    cluster.routes(leader, Way::Still);
    let cut = SystemClock.instant();
    until_proof(&here, false).await;
    let unproven = cut.elapsed();
    // The rest elects another and writes on.
    cluster.leader(other, Some(leader)).await;
    let second = there.append(one(on(id, &known), Expected::Last(first.sequence))).await.unwrap();
    let elected = cut.elapsed();
    fill(&there, 2).await;
    eprintln!("answers proved nothing after {unproven:?}; the others wrote after {elected:?}");
    assert!(unproven < elected, "the old leader's word counted while there was another");

    // It answers what was true.
    let old = here.info().await.unwrap();
    assert!(matches!(old.quorum, Quorum::Lost { of: 3, .. }), "{old:?}");
    assert_eq!(old.last_sequence, 2);
    // No refusal and no "already so" may rest on that, and nothing counts as lost.
    let history = here.history(&known).await;
    assert!(matches!(history, Err(ReadError::Unavailable(_))), "{history:?}");
    let message = here.message(second.sequence).await;
    assert!(matches!(message, Err(ReadError::Unavailable(_))), "{message:?}");
    let event = there.message(second.sequence).await.unwrap().unwrap();
    let events::Read::Event(event) = event.read(id) else { panic!("an event") };
    let place = Place { log: id, sequence: second.sequence, event: Some(event.envelope.id) };
    let followed = here.follow(Some(place)).await.err();
    assert!(matches!(followed, Some(FollowError::Unavailable(_))), "{followed:?}");
    // It can store nothing, and can't say that it did not.
    let unheard = one(on(id, &never), Expected::Last(0));
    let appended = here.append(unheard.clone()).await;
    assert!(
        matches!(appended, Err(AppendError::OutcomeUnknown(_) | AppendError::Unavailable(_))),
        "{appended:?}"
    );

    cluster.routes(leader, Way::Open);
    until_proof(&here, true).await;
    for sequence in 3..=5 {
        let next = poll::within("what was missed", BOUND, follower.next()).await.unwrap().unwrap();
        assert_eq!(next.sequence, sequence);
    }
    assert_eq!(here.history(&known).await.unwrap().last, second.sequence);
    // Asked again it is stored, and once.
    poll::until("it is stored", BOUND, async || here.append(unheard.clone()).await).await;
    assert_eq!(there.history(&never).await.unwrap().events.len(), 1);
    assert_eq!(there.info().await.unwrap().last_sequence, 6);
}
