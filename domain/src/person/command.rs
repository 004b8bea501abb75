//! What can be asked of a person.

use events::SealedText;
use events::person::Identity;

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    Add {
        identity: Identity,
        profile: Profile,
    },
    /// The person signs in by this one as well.
    AddIdentity {
        identity: Identity,
    },
    RemoveIdentity {
        identity: Identity,
    },
    /// All that is known of the person from now on.
    ChangeProfile {
        profile: Profile,
    },
    /// Nothing of theirs works until they are resumed.
    Suspend {
        reason: Option<SealedText>,
    },
    Resume {
        reason: Option<SealedText>,
    },
    /// Every session that began before ends.
    SignOut,
    /// For ever.
    End {
        reason: Option<SealedText>,
    },
    /// What is known of one who is ended is erased, for ever.
    Forget,
}

/// What an identity provider says of a person.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Profile {
    pub email: Option<SealedText>,
    /// Whether it says that the address is the person's.
    pub email_verified: bool,
    pub name: Option<SealedText>,
    pub picture: Option<SealedText>,
}
