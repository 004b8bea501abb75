//! Why a person's record says no.

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("no such person")]
    Unknown,
    #[error("the person is added already")]
    AlreadyAdded,
    #[error("the identity belongs to another person, for ever")]
    IdentityTaken,
    #[error("a person has at most {max} identities", max = super::Person::MAX_IDENTITIES)]
    TooManyIdentities,
    #[error("the person is ended, for ever")]
    Ended,
    #[error("the person is not ended")]
    NotEnded,
    #[error("the person is forgotten")]
    Forgotten,
}
