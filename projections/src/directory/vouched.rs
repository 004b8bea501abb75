//! Reading messages for the directory: which of their signatures are judged here, and which control has judged.
//!
//! A signed checkpoint may say which of its messages carry no good signature (`events::tlog::Unsigned`). What it vouches
//! for is taken as judged, as long as nobody is let in before what was read has that checkpoint's root: then these are
//! the messages that control judged, byte for byte. So it is chosen once, before anything is read, and the gate's proof
//! holds on to it ([`Proof::rest_on`](super::proof::Proof)). What is of the installation is judged always: by it all
//! else is.

use std::sync::Arc;

use events::log::{Log, ReadError, Stored};
use events::tlog::{Head, Unsigned};
use events::{LogId, Read, SignerSet, Signers};

use super::proof::Attested;

/// What a checkpoint vouches for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Vouched {
    pub head: Head,
    unsigned: Unsigned,
}

/// Reads messages of a log.
#[derive(Clone)]
pub(super) struct Reading {
    pub log: LogId,
    pub signers: Arc<Signers>,
    pub vouched: Option<Arc<Vouched>>,
}

impl Vouched {
    /// Of what was found, the longest that vouches for something, unless the log's own events say that it is of
    /// another log that ended otherwise.
    pub async fn of(found: &[Attested], log: &dyn Log, signers: &Signers) -> Result<Option<Self>, ReadError> {
        let told = found.iter().filter(|it| matches!(it.unsigned, Unsigned::These(_)));
        let mut told: Vec<Self> = told.map(Self::by).collect();
        told.sort_by_key(|vouched| vouched.head.size);
        if told.is_empty() {
            return Ok(None);
        }
        let lost = signers.lost(log).await?;
        Ok(told.into_iter().rev().find(|vouched| !lost.contains(&vouched.head)))
    }

    /// What this one vouches for.
    pub fn by(attested: &Attested) -> Self {
        let head = Head { size: attested.size, root: attested.root };
        Self { head, unsigned: attested.unsigned.clone() }
    }

    fn covers(&self, stored: &Stored) -> bool {
        stored.sequence <= self.head.size
            && self.unsigned.vouches_for(stored.sequence)
            && !stored.subject.contains(".installation.")
    }
}

impl Reading {
    pub fn now(&self) -> Arc<SignerSet> {
        self.signers.now()
    }

    /// What a message says, once a writer of the log is seen to have signed it, here or by control.
    pub fn read(&self, stored: &Stored) -> Read {
        if self.is_vouched(stored) { stored.read(self.log) } else { self.signers.read(stored, self.log) }
    }

    pub fn is_vouched(&self, stored: &Stored) -> bool {
        self.vouched.as_ref().is_some_and(|vouched| vouched.covers(stored))
    }
}
