//! What can be asked of a consent.

use events::SealedText;
use events::consent::Given;

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Beside what is consented to already.
    Give(Box<Given>),
    Withdraw {
        reason: Option<SealedText>,
    },
}
