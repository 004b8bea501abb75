//! Whose a name is, by the word of the log's leader.

use events::person::IdentityDigest;
use events::slug::SlugKind;
use events::{AggregateId, OrganizationId, Owner, Slug, UserId};

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
        let holder = self.store.holder(Owner::Installation, SlugKind::Organization, slug).await;
        let holder = holder.map_err(told::<Organization>)?;
        Ok(holder.is_some_and(|holder| holder != AggregateId::from(organization)))
    }

    /// The person to whom an identity belongs, which it does for ever.
    pub async fn holder_of(
        &self,
        identity: &IdentityDigest,
    ) -> Result<Option<UserId>, CommandError<person::Refusal>> {
        let holder = self.store.holder(Owner::Installation, SlugKind::Identity, &identity.slug()).await;
        Ok(holder.map_err(told::<Person>)?.and_then(|holder| UserId::try_from(&holder).ok()))
    }
}
