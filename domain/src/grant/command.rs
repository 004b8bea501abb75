//! What can be asked of a grant.

use events::SealedText;
use events::grant::{EndCause, Given};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    Give(Box<Given>),
    End { cause: EndCause, reason: Option<SealedText> },
}
