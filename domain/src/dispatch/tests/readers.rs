//! What a reader is too old for is not written.

use super::*;
use crate::readers::{Readers, TooOld, Unreadable};

/// A process that reads everything but one kind.
struct Lacks(&'static str);

impl Readers for Lacks {
    fn can_read(&self, kind: &str, version: u32) -> Result<(), Unreadable> {
        if kind != self.0 {
            return Ok(());
        }
        Err(TooOld { reader: "node-2".to_owned(), kind: kind.to_owned(), version }.into())
    }
}

#[tokio::test]
async fn an_event_that_a_reader_is_too_old_for_is_not_written() {
    let (_log, dispatcher) = set_up().await;
    let old = dispatcher.clone().with_readers(Arc::new(Lacks("server.changed")));
    let refused = old.execute::<Server>(&tools(), &enabled(false), &context(50, 5)).await.unwrap_err();
    let CommandError::Unreadable(Unreadable::TooOld(too_old)) = refused else { panic!("{refused}") };
    assert_eq!(
        (too_old.reader.as_str(), too_old.kind.as_str(), too_old.version),
        ("node-2", "server.changed", 1)
    );
    let done = dispatcher.execute::<Server>(&tools(), &enabled(false), &context(50, 5)).await.unwrap();
    assert!(done.changed && !done.replayed, "nothing was stored the first time");
}

#[tokio::test]
async fn a_reservation_counts_as_what_it_belongs_to_does() {
    let (_log, dispatcher) = set_up().await;
    let old = dispatcher.with_readers(Arc::new(Lacks("slug.reserved")));
    let subject = Subject::server(acme(), ServerId::new(uuid(21)));
    let refused = old.execute::<Server>(&subject, &register("more"), &context(51, 5)).await;
    assert!(matches!(refused, Err(CommandError::Unreadable(_))), "{refused:?}");
}
