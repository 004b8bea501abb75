//! Batches: once each, whole, by one writer, and the same rows however the log is cut.

use projections::runner::ProjectError;

use crate::stage::{Stage, Tape};

#[tokio::test]
async fn a_batch_that_comes_twice_is_stored_once() {
    let stage = Stage::new().await;
    let mut tape = Tape::new();
    tape.fill(3);
    let projector = stage.projector();
    let mut from = None;
    projector.project(tape.log, &mut from, &tape.messages[..10]).await.unwrap();
    projector.project(tape.log, &mut from, &tape.messages[..10]).await.unwrap();
    projector.project(tape.log, &mut from, &tape.messages[..4]).await.unwrap();
    assert_eq!(from.as_ref().unwrap().sequence, 10, "an older batch takes nothing back");
    projector.project(tape.log, &mut from, &tape.messages[5..]).await.unwrap();
    let twice = stage.dump().await;

    let once = Stage::new().await;
    once.projector().project(tape.log, &mut None, &tape.messages).await.unwrap();
    assert_eq!(twice, once.dump().await);
    assert_eq!(from, stage.checkpoint().await);
    assert_eq!(from.unwrap().sequence, tape.messages.len() as u64);
}

#[tokio::test]
async fn any_cut_gives_the_same_rows() {
    let mut tape = Tape::new();
    tape.fill(4);
    let whole = Stage::new().await;
    whole.projector().project(tape.log, &mut None, &tape.messages).await.unwrap();
    let expected = whole.dump().await;
    for size in [1, 2, 7] {
        let stage = Stage::new().await;
        let mut from = None;
        for batch in tape.messages.chunks(size) {
            stage.projector().project(tape.log, &mut from, batch).await.unwrap();
        }
        assert_eq!(stage.dump().await, expected, "in batches of {size}");
    }
}

#[tokio::test]
async fn a_second_writer_stops_at_the_fence_and_stores_nothing() {
    let stage = Stage::new().await;
    let mut tape = Tape::new();
    tape.fill(2);
    let (first, second) = (stage.projector(), stage.projector());
    let mut behind = None;
    first.project(tape.log, &mut behind, &tape.messages[..4]).await.unwrap();
    let mut ahead = behind.clone();
    first.project(tape.log, &mut ahead, &tape.messages[4..]).await.unwrap();
    let before = stage.dump().await;

    for from in [&mut behind, &mut None] {
        let stopped = second.project(tape.log, from, &tape.messages[4..6]).await;
        assert!(matches!(stopped, Err(ProjectError::Fenced)), "{stopped:?}");
    }
    assert_eq!(stage.dump().await, before);
}

#[tokio::test]
async fn of_two_writers_at_once_one_stores_each_batch() {
    let stage = Stage::new().await;
    let mut tape = Tape::new();
    tape.fill(5);
    let projectors = [stage.projector(), stage.projector()];
    let mut from = None;
    for batch in tape.messages.chunks(4) {
        let (mut a, mut b) = (from.clone(), from.clone());
        let (one, two) = tokio::join!(
            projectors[0].project(tape.log, &mut a, batch),
            projectors[1].project(tape.log, &mut b, batch),
        );
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        from = if one.is_ok() { a } else { b };
    }
    let alone = Stage::new().await;
    alone.projector().project(tape.log, &mut None, &tape.messages).await.unwrap();
    assert_eq!(stage.dump().await, alone.dump().await);
}
