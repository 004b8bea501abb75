//! Microsoft Entra ID: which tenant a token is of, and whether that tenant's word counts here. Pure.
//!
//! Issuer, audience and version are judged together: a token is of version 2 and of version 2's issuer, or of version 1
//! and of version 1's. A person is (tenant, object): `sub` differs from app to app, and names and addresses change.

use events::TenantId;
use events::issuer::Tenants;
use serde_json::{Map, Value};

use super::discovery::Provider;
use super::discovery::callable;

/// Of private accounts: Microsoft's own tenant for them.
const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
/// In an issuer's place for the tenant.
const TEMPLATE: &str = "{tenantid}";

/// A person of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub tenant: TenantId,
    /// `oid`.
    pub object: String,
}

/// Why a token's tenant does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntraError {
    #[error("the token lacks `{0}`, by which Entra ID tells people")]
    Missing(&'static str),
    #[error("private Microsoft accounts are not let in here")]
    Consumers,
    #[error("people of the tenant {0} are not let in here")]
    OtherTenant(TenantId),
    #[error("the token's version `{0}` is none that is judged here")]
    Version(String),
    #[error("the token's issuer is not that of its tenant and version")]
    Issuer,
    #[error("guests of the tenant {0} are not let in here")]
    Guest(TenantId),
}

/// Where people of these tenants sign in.
pub(super) fn place(tenants: &Tenants) -> String {
    let consumers = tenants.iter().any(|tenant| tenant.to_string() == CONSUMERS);
    match (tenants.iter().next(), tenants.len()) {
        (Some(only), 1) if !consumers => only.to_string(),
        (Some(_), 1) => "consumers".to_owned(),
        _ if consumers => "common".to_owned(),
        _ => "organizations".to_owned(),
    }
}

/// What stands for the tenant in the issuer of such a place.
pub(super) fn template(tenants: &Tenants) -> String {
    match (tenants.iter().next(), tenants.len()) {
        (Some(only), 1) => only.to_string(),
        _ => TEMPLATE.to_owned(),
    }
}

/// Version 1's issuer, as its own document tells it: with the tenant, or the template, as a whole segment.
pub(super) fn v1_issuer(document: &Value, tenants: &Tenants, plain: bool) -> Option<String> {
    let issuer = document.get("issuer")?.as_str()?;
    let template = template(tenants);
    let mut parts = issuer.split('/').filter(|part| *part == template);
    let once = parts.next().is_some() && parts.next().is_none();
    callable(&issuer.replace(TEMPLATE, CONSUMERS), plain).filter(|_| once)?;
    Some(issuer.to_owned())
}

/// An issuer, or a key's issuer, of this tenant.
pub(super) fn of_tenant(issuer: &str, tenant: TenantId) -> String {
    issuer.replace(TEMPLATE, &tenant.to_string())
}

/// Who a token speaks of, if it may: the signature is judged beside it, by keys of the same tenant.
pub(super) fn member(
    claims: &Map<String, Value>,
    provider: &Provider,
    tenants: &Tenants,
    guests: bool,
) -> Result<Member, EntraError> {
    let text = |name: &'static str| claims.get(name).and_then(Value::as_str).ok_or(EntraError::Missing(name));
    let tenant: TenantId = text("tid")?.parse().map_err(|_| EntraError::Missing("tid"))?;
    if !tenants.contains(&tenant) {
        let consumers = tenant.to_string() == CONSUMERS;
        return Err(if consumers { EntraError::Consumers } else { EntraError::OtherTenant(tenant) });
    }
    let issuer = match text("ver")? {
        "2.0" => Some(provider.issuer.as_str()),
        "1.0" => provider.v1_issuer.as_deref(),
        other => return Err(EntraError::Version(other.chars().take(16).collect())),
    };
    if issuer.map(|issuer| of_tenant(issuer, tenant)).as_deref() != Some(text("iss")?) {
        return Err(EntraError::Issuer);
    }
    let object = text("oid")?;
    if object.is_empty() || object.len() > 64 {
        return Err(EntraError::Missing("oid"));
    }
    if !guests && is_guest(claims, tenant) {
        return Err(EntraError::Guest(tenant));
    }
    Ok(Member { tenant, object: object.to_owned() })
}

/// Of another tenant, or of no tenant at all: `acct` says so where the app asks for it, and `idp` where it is not the
/// token's own issuer.
fn is_guest(claims: &Map<String, Value>, tenant: TenantId) -> bool {
    let account = claims.get("acct");
    let says_guest =
        account.is_some_and(|account| account != &Value::from(0) && account != &Value::from("0"));
    let elsewhere = claims.get("idp").is_some_and(|idp| {
        let own = claims.get("iss").is_some_and(|iss| iss == idp);
        let tenant = tenant.to_string();
        let of_tenant = idp.as_str().is_some_and(|idp| idp.split('/').any(|part| part == tenant));
        !own && !of_tenant
    });
    says_guest || elsewhere
}
