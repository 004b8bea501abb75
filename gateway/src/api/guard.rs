//! Who may ask: the admin key, its scope, and what it belongs to, all known before a body is read.
//!
//! A handler names in its signature what it needs: `Allowed<KeysWrite, KeyPath>` is an admin key with
//! `admin:keys:write` that reaches the path's organization. What a key does not reach is answered exactly as
//! what does not exist.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use events::scope::{Access, Resource, ScopeSet};
use events::{Actor, Owner};
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::ApiState;
use super::authenticate::{authenticate, authenticate_again};
use super::bounds::{Lane, Share};
use super::seen::Seen;
use crate::problem::{Kind, Problem};
use crate::request::{Principal, PrincipalId};

/// Who asks: good when it was asked for, and for management. Time goes by after that (a slow body, a slow vault),
/// so a command asks [`Admin::again`] right before it is carried out.
#[derive(Clone)]
pub struct Admin {
    /// As it was resolved; the directory may say something else by now.
    principal: Principal,
    needs: Needs,
    /// Its place among its owner's requests.
    share: Option<Arc<Share>>,
}

/// What the request needed of its key.
#[derive(Clone, Copy, Default)]
struct Needs {
    permission: Option<(Resource, Access)>,
    place: Option<Owner>,
}

/// A place in the API that belongs to somebody.
pub trait OwnedPath: DeserializeOwned + Send {
    fn owner(&self) -> Owner;
}

/// What a route needs of the key.
pub trait Permission: Send {
    const RESOURCE: Resource;
    const ACCESS: Access;
}

/// An admin key with permission `P` that reaches the place `T`.
pub struct Allowed<P, T> {
    pub admin: Admin,
    pub at: T,
    permission: PhantomData<P>,
}

/// An admin key with permission `P`, for what lies above all organizations.
pub struct Permitted<P> {
    pub admin: Admin,
    permission: PhantomData<P>,
}

macro_rules! permissions {
    ($($name:ident: $resource:ident, $access:ident;)*) => {$(
        pub struct $name;

        impl Permission for $name {
            const RESOURCE: Resource = Resource::$resource;
            const ACCESS: Access = Access::$access;
        }
    )*};
}

permissions! {
    OrganizationsRead: Organizations, Read;
    OrganizationsWrite: Organizations, Write;
    ServersRead: Servers, Read;
    ServersWrite: Servers, Write;
    KeysRead: Keys, Read;
    KeysWrite: Keys, Write;
    EventsRead: Events, Read;
    StatusRead: Status, Read;
    StatusWrite: Status, Write;
    SignersRead: Signers, Read;
    SignersWrite: Signers, Write;
    AccessRead: Access, Read;
    WebhooksRead: Webhooks, Read;
    WebhooksWrite: Webhooks, Write;
    PeopleRead: People, Read;
    PeopleWrite: People, Write;
    MembersRead: Members, Read;
    MembersWrite: Members, Write;
    InvitationsRead: Invitations, Read;
    InvitationsWrite: Invitations, Write;
    IssuersRead: Issuers, Read;
    IssuersWrite: Issuers, Write;
    ClientsRead: Clients, Read;
    ClientsWrite: Clients, Write;
    GrantsRead: Grants, Read;
    GrantsWrite: Grants, Write;
}

impl<P, T> Allowed<P, T> {
    /// The same for something that belongs to the same owner.
    pub fn at<U>(self, below: impl FnOnce(T) -> U) -> Allowed<P, U> {
        let Self { admin, at, permission } = self;
        Allowed { admin, at: below(at), permission }
    }
}

impl<P: Permission, T: OwnedPath> FromRequestParts<ApiState> for Allowed<P, T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &ApiState) -> Result<Self, Problem> {
        let mut admin = let_in(parts, api)?;
        admin.needs.permission = Some((P::RESOURCE, P::ACCESS));
        admin.meets(admin.needs)?;
        let Path(at) = Path::<T>::from_request_parts(parts, api).await.map_err(|_| Problem::not_found())?;
        admin.needs.place = Some(at.owner());
        admin.meets(admin.needs)?;
        Ok(Self { admin, at, permission: PhantomData })
    }
}

impl<P: Permission> FromRequestParts<ApiState> for Permitted<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &ApiState) -> Result<Self, Problem> {
        let mut admin = let_in(parts, api)?;
        admin.needs.permission = Some((P::RESOURCE, P::ACCESS));
        admin.meets(admin.needs)?;
        Ok(Self { admin, permission: PhantomData })
    }
}

impl FromRequestParts<ApiState> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &ApiState) -> Result<Self, Problem> {
        let_in(parts, api)
    }
}

/// The key that asks, if its owner's share of requests has room.
fn let_in(parts: &Parts, api: &ApiState) -> Result<Admin, Problem> {
    let seen = parts.extensions.get::<Seen>().cloned().unwrap_or_default();
    let admin = authenticate(api, &parts.headers, &seen)?;
    let share = api.slots.share(Lane::of(&parts.method), admin.owner(), admin.id());
    let share = share.ok_or_else(Problem::busy_with_you)?;
    Ok(Admin { share: Some(Arc::new(share)), ..admin })
}

impl Admin {
    pub fn of(principal: Principal) -> Self {
        Self { principal, needs: Needs::default(), share: None }
    }

    pub fn id(&self) -> PrincipalId {
        self.principal.id()
    }

    pub fn owner(&self) -> Owner {
        self.principal.owner()
    }

    pub fn scopes(&self) -> &Arc<ScopeSet> {
        self.principal.scopes()
    }

    /// The same as it stands now, if it may still do what it was let in for.
    pub fn again(&self, api: &ApiState) -> Result<Self, Problem> {
        let now = authenticate_again(api, &self.principal)?;
        now.meets(self.needs)?;
        Ok(Self { needs: self.needs, share: self.share.clone(), ..now })
    }

    /// The same without its place among its owner's requests: it waits elsewhere from now on.
    pub fn resting(self) -> Self {
        Self { share: None, ..self }
    }

    pub fn actor(&self) -> Actor {
        self.id().actor()
    }

    /// An installation key reaches everything, an organization's key its own organization.
    pub fn reaches(&self, owner: Owner) -> bool {
        self.owner() == Owner::Installation || self.owner() == owner
    }

    /// What only the installation itself decides.
    pub fn must_be_installation(&self, what: &str) -> Result<(), Problem> {
        if self.owner() == Owner::Installation {
            return Ok(());
        }
        Err(Problem::new(
            Kind::InstallationKeyNeeded,
            format!("Only an admin key of the installation may {what}; this one belongs to an organization."),
        ))
    }

    fn meets(&self, needs: Needs) -> Result<(), Problem> {
        if let Some((resource, access)) = needs.permission {
            self.may(resource, access)?;
        }
        match needs.place {
            Some(owner) if !self.reaches(owner) => Err(Problem::not_found()),
            Some(_) | None => Ok(()),
        }
    }

    pub fn may(&self, resource: Resource, access: Access) -> Result<(), Problem> {
        if self.scopes().allows_admin(resource, access) {
            return Ok(());
        }
        Err(Problem::new(
            Kind::ScopeMissing,
            format!("This needs a key with the scope admin:{}:{}.", resource.as_str(), access.as_str()),
        ))
    }
}

#[cfg(test)]
mod tests {
    use events::OrganizationId;
    use events::key::KeyOwner;

    use super::*;
    use crate::request::testing::key_of;

    fn admin(owner: Owner, scopes: &str) -> Admin {
        Admin::of(key_of(owner, 1, KeyOwner::Installation, scopes))
    }

    #[test]
    fn an_organizations_key_reaches_its_own_organization_only() {
        let own = Owner::Organization(OrganizationId::new(uuid::Uuid::from_u128(2)));
        let other = Owner::Organization(OrganizationId::new(uuid::Uuid::from_u128(3)));
        let key = admin(own, "admin:*:*");
        assert!(key.reaches(own));
        assert!(!key.reaches(other));
        assert!(!key.reaches(Owner::Installation));
        let key = admin(Owner::Installation, "admin:*:*");
        assert!(key.reaches(own) && key.reaches(Owner::Installation));
    }
}
