//! The key under which people's identities are made into digests. It lies in control's vault, is drawn when there is none,
//! and never follows another: with another one nobody would be found again.

use std::fmt;

use aws_lc_rs::hmac;
use events::clock::Random;
use events::person::{Identity, IdentityDigest};
use events::{IssuerId, parts};
use zeroize::Zeroizing;

use super::{Purpose, Vault, VaultError};

const ENTRY: &str = "identities";

/// Makes digests of identities.
#[derive(Clone)]
pub struct Identities(hmac::Key);

impl Identities {
    /// The key of this installation.
    pub async fn of(control: &Vault, random: &dyn Random) -> Result<Self, VaultError> {
        let mut drawn = Zeroizing::new(vec![0; 32]);
        random.fill(&mut drawn);
        let key = control.get_or_create(ENTRY, Purpose::Identities, &drawn, random).await?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &key)))
    }

    /// Who somebody is: a subject is unique within its issuer, and within its tenant where the issuer has several.
    pub fn identity(&self, issuer: IssuerId, tenant: Option<&str>, subject: &str) -> Identity {
        let issuer_text = issuer.to_string();
        let words = parts::joined([&issuer_text, tenant.unwrap_or_default(), subject].map(str::as_bytes));
        let tag = hmac::sign(&self.0, &words);
        let mut bytes = [0; 20];
        bytes.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        Identity { issuer, digest: IdentityDigest(bytes) }
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identities")
    }
}

#[cfg(test)]
mod tests {
    use events::clock::SystemRandom;
    use uuid::Uuid;

    use super::super::VaultName;
    use super::super::tests::vault;
    use super::*;

    #[tokio::test]
    async fn the_same_person_is_found_again_and_nobody_else() {
        let (_, control) = vault(VaultName::Control, 1);
        let first = Identities::of(&control, &SystemRandom).await.unwrap();
        let again = Identities::of(&control, &SystemRandom).await.unwrap();
        let issuer = |n| IssuerId::new(Uuid::from_u128(n));
        let ada = first.identity(issuer(1), Some("t"), "ada");
        assert_eq!(ada, again.identity(issuer(1), Some("t"), "ada"));
        for other in [
            first.identity(issuer(2), Some("t"), "ada"),
            first.identity(issuer(1), None, "ada"),
            first.identity(issuer(1), Some("ta"), "da"),
            first.identity(issuer(1), Some("t"), "Ada"),
        ] {
            assert_ne!(ada.digest, other.digest);
        }
    }
}
