//! One command on an aggregate at a time, and a history that has a bound.

use futures::future::join_all;

use super::*;

fn renamed(name: &str) -> server::Command {
    let settings = server::SettingsChange::default();
    server::Command::Change { name: Some(sealed(name)), upstream: None, enabled: None, settings }
}

#[tokio::test]
async fn of_many_commands_at_once_each_reads_what_came_since_the_one_before() {
    let (log, dispatcher) = set_up().await;
    for number in 0..5 {
        dispatcher.execute::<Server>(&tools(), &renamed("x"), &context(100 + number, 1)).await.unwrap();
    }
    let before = log.read();
    let commands: Vec<_> =
        (0..12).map(|number| (renamed(&number.to_string()), context(200 + number, 1))).collect();
    let tools = tools();
    let done =
        commands.iter().map(|(command, context)| dispatcher.execute::<Server>(&tools, command, context));
    for done in join_all(done).await {
        assert!(done.unwrap().changed);
    }
    // The six once, then each one's own.
    assert_eq!(log.read() - before, 6 + 11);
}

#[tokio::test]
async fn a_long_history_is_read_once_a_session_of_the_log() {
    let (log, dispatcher) = set_up().await;
    for number in 0..50 {
        dispatcher.execute::<Server>(&tools(), &renamed("x"), &context(100 + number, 1)).await.unwrap();
    }
    let read = async |command| {
        let before = log.read();
        dispatcher.execute::<Server>(&tools(), &renamed("y"), &context(command, 1)).await.unwrap();
        log.read() - before
    };
    assert_eq!(read(200).await, 1, "what the last one wrote");
    log.begin_session();
    assert_eq!((read(201).await, read(202).await), (52, 1));
}

#[tokio::test]
async fn a_full_history_takes_what_takes_away_and_nothing_else() {
    let (_, dispatcher) = set_up().await;
    let bound = Size { messages: 3, bytes: usize::MAX };
    let dispatcher = dispatcher.with_bound(bound);
    for number in 0..2 {
        let context = context(10 + number, 1);
        dispatcher.execute::<Server>(&tools(), &renamed("x"), &context).await.unwrap();
    }
    let full = dispatcher.execute::<Server>(&tools(), &renamed("y"), &context(20, 1)).await;
    assert!(matches!(full, Err(CommandError::Full { size: Size { messages: 3, .. }, .. })), "{full:?}");
    // One that was done before is told so all the same, and one that changes nothing.
    assert!(dispatcher.execute::<Server>(&tools(), &renamed("x"), &context(11, 1)).await.unwrap().replayed);
    assert!(!dispatcher.execute::<Server>(&tools(), &enabled(true), &context(21, 1)).await.unwrap().changed);
    dispatcher.execute::<Server>(&tools(), &enabled(false), &context(22, 1)).await.unwrap();
    let back = dispatcher.execute::<Server>(&tools(), &enabled(true), &context(23, 1)).await;
    assert!(matches!(back, Err(CommandError::Full { .. })), "{back:?}");
    let remove = server::Command::Remove { reason: None };
    dispatcher.execute::<Server>(&tools(), &remove, &context(24, 1)).await.unwrap();
}

#[tokio::test]
async fn bytes_fill_a_history_as_well() {
    let (_, dispatcher) = set_up().await;
    let dispatcher = dispatcher.with_bound(Size { messages: usize::MAX / 2, bytes: 100 });
    let full = dispatcher.execute::<Server>(&tools(), &renamed("y"), &context(20, 1)).await;
    assert!(matches!(full, Err(CommandError::Full { size: Size { messages: 1, .. }, .. })), "{full:?}");
}
