//! What can be asked of an approval.

use events::{ClientId, SealedText};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    Give { client: ClientId },
    Withdraw { reason: Option<SealedText> },
}
