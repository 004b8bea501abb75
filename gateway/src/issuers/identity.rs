//! Who signed in, and what the issuer's claims give them.

use events::issuer::{ClaimRule, MappedRole};
use events::{IssuerId, OrganizationId, Owner, Scope, ScopeSet, TenantId};
use projections::directory::IssuerEntry;

use super::claims::{email, says, text};
use super::error::SignInError;
use super::token::Claims;

/// A person, as an issuer tells. They are known by issuer, tenant and subject together, and by nothing else: names and
/// addresses change, and pass from one to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub issuer: IssuerId,
    /// Whose issuer it is: what an organization's own issuer says counts within that organization alone.
    pub owner: Owner,
    /// At Entra ID.
    pub tenant: Option<TenantId>,
    /// `sub`; at Entra ID `oid`.
    pub subject: String,
    pub email: Option<String>,
    /// The issuer vouches that the address is the person's own.
    pub email_verified: bool,
    pub name: Option<String>,
    /// An https URL.
    pub picture: Option<String>,
    /// By the issuer's rules, at most one for each organization.
    pub granted: Vec<Granted>,
}

/// What rules give a person in an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    pub organization: OrganizationId,
    /// Of the first rule that gives one.
    pub role: Option<MappedRole>,
    /// Of all rules, put together: what of MCP servers the person may be granted. `None`: no rule says.
    pub scopes: Option<ScopeSet>,
}

impl Identity {
    /// Of good claims, where the issuer's restrictions let the person in. `groups`: read elsewhere, since the token does
    /// not tell them.
    pub(super) fn of(
        entry: &IssuerEntry,
        claims: &Claims,
        groups: Option<&[String]>,
    ) -> Result<Self, SignInError> {
        let settings = &entry.settings;
        let email = email(settings, claims);
        let domains = &settings.restrictions.domains;
        if !domains.is_empty() {
            let domain = match &email {
                None => return Err(SignInError::NoEmail),
                Some((_, false)) => return Err(SignInError::UnverifiedEmail),
                Some((address, true)) => address.rsplit_once('@').map(|(_, domain)| domain),
            };
            let domain = domain.unwrap_or_default().to_ascii_lowercase();
            if !domains.iter().any(|own| own.as_str() == domain) {
                return Err(SignInError::OtherDomain);
            }
        }
        for required in &settings.restrictions.required {
            let claim = required.claim.as_str();
            if !required.any_of.iter().any(|value| says(claims, groups, claim, value.as_str())) {
                return Err(SignInError::Required(claim.to_owned()));
            }
        }
        let (email, email_verified) = email.unzip();
        Ok(Self {
            issuer: entry.id,
            owner: entry.owner,
            tenant: claims.tenant,
            subject: claims.subject.clone(),
            email,
            email_verified: email_verified.unwrap_or(false),
            name: text(claims, "name", 200),
            picture: text(claims, "picture", 2_048).filter(|url| url.starts_with("https://")),
            granted: granted(entry, claims, groups),
        })
    }
}

fn granted(entry: &IssuerEntry, claims: &Claims, groups: Option<&[String]>) -> Vec<Granted> {
    let mut granted: Vec<Granted> = Vec::new();
    let matches = |rule: &&ClaimRule| says(claims, groups, rule.claim.as_str(), rule.value.as_str());
    for rule in entry.settings.rules.iter().filter(matches) {
        let organization = match (entry.owner, rule.organization) {
            (Owner::Installation, Some(organization)) => organization,
            (Owner::Organization(own), None) => own,
            // What an organization's issuer says of another one is nothing; nor is what is said of none.
            (Owner::Organization(own), Some(said)) if own == said => own,
            (Owner::Organization(_), Some(_)) | (Owner::Installation, None) => continue,
        };
        let place = granted.iter().position(|one| one.organization == organization);
        let place = place.unwrap_or_else(|| {
            granted.push(Granted { organization, role: None, scopes: None });
            granted.len() - 1
        });
        let Some(one) = granted.get_mut(place) else { continue };
        one.role = one.role.or(rule.role);
        one.scopes = together(one.scopes.take(), rule.scopes.as_ref());
    }
    granted
}

/// Both; what would be too many for one set is left as it was.
fn together(before: Option<ScopeSet>, more: Option<&ScopeSet>) -> Option<ScopeSet> {
    let Some(more) = more.filter(|more| more.is_mcp()) else { return before };
    let Some(before) = before else { return Some(more.clone()) };
    let all: Vec<Scope> = before.iter().chain(more.iter()).cloned().collect();
    Some(ScopeSet::new(all).unwrap_or(before))
}
