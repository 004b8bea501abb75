//! What can be asked of an organization.

use events::{SealedText, Slug};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    Create {
        slug: Slug,
        name: SealedText,
    },
    Rename {
        name: SealedText,
    },
    /// None of its keys works until it is resumed.
    Suspend {
        reason: Option<SealedText>,
    },
    Resume,
    /// Whether its people may use those clients alone that it approved.
    SetClientApproval {
        required: bool,
    },
    /// What people wrote of a suspended one is erased, for ever.
    Forget,
}
