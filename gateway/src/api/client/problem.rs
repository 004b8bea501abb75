//! A client's refusals as problems.

use domain::client::Refusal;

use crate::api::organization::problem::{closed, suspended};
use crate::problem::{Kind, Problem};

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unknown | Refusal::OrganizationUnknown | Refusal::NoSecret(_) => Problem::not_found(),
            Refusal::AlreadyRegistered => {
                Problem::new(Kind::ClientAlreadyRegistered, "This client is registered already.")
            }
            Refusal::Removed => {
                Problem::new(Kind::ClientRemoved, "This client is removed, for ever. Register a new one.")
            }
            Refusal::NotOfAnOrganization => Problem::new(
                Kind::ClientSpeaksForItself,
                "An organization's own clients are registered by its admins.",
            ),
            Refusal::NoSecrets => Problem::new(
                Kind::ClientHasNoSecrets,
                "A client that is known by its document has no secret: it proves itself by its keys.",
            ),
            Refusal::TooManySecrets(most) => Problem::new(
                Kind::ClientSecretsFull,
                format!(
                    "The client has {most} secrets that work. Revoke one that it does not use any more first."
                ),
            ),
            Refusal::SecretExists => {
                Problem::new(Kind::Conflict, "The client has a secret of this id. Ask again.").retry_after(1)
            }
            Refusal::ExpiryInThePast => {
                Problem::invalid("expires_at", "It is not in the future. To stop a secret now, revoke it.")
            }
            Refusal::OrganizationSuspended => suspended(),
            Refusal::OrganizationClosed => closed(),
        }
    }
}
