//! Names that belong to another object already, as whoever would create one asks before.

use events::person::IdentityDigest;
use events::slug::SlugKind;
use events::{OrganizationId, Slug, Subject, UserId};

use super::{CommandError, Dispatcher, told};
use crate::organization::Organization;
use crate::person::Person;
use crate::{organization, person};

impl Dispatcher {
    /// Whether an organization's slug belongs to another one already, which it does for ever.
    pub async fn slug_is_taken(
        &self,
        organization: OrganizationId,
        slug: &Slug,
    ) -> Result<bool, CommandError<organization::Refusal>> {
        let subject = Subject::organization(organization);
        let reserved = self.store.reserved_by_another(&subject, SlugKind::Organization, slug).await;
        reserved.map_err(told::<Organization>)
    }

    /// Whether an identity belongs to another person already, which it does for ever.
    pub async fn identity_is_taken(
        &self,
        person: UserId,
        identity: &IdentityDigest,
    ) -> Result<bool, CommandError<person::Refusal>> {
        let subject = Subject::person(person);
        let reserved = self.store.reserved_by_another(&subject, SlugKind::Identity, &identity.slug()).await;
        reserved.map_err(told::<Person>)
    }
}
