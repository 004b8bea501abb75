//! Who can sign in.

use serde::{Deserialize, Serialize};

/// The tenant at home here.
pub const CONTOSO: &str = "c0000000-0000-4000-8000-000000000001";
/// Another tenant.
pub const FABRIKAM: &str = "f0000000-0000-4000-8000-000000000002";

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Person {
    /// What the page and `mock_user` call them.
    pub user: String,
    pub name: String,
    /// The home tenant of Entra ID.
    pub tenant: String,
    /// Other tenants where they are a guest.
    #[serde(default)]
    pub guest_of: Vec<String>,
    #[serde(default)]
    pub email: Option<String>,
    #[serde(default)]
    pub email_verified: bool,
    /// By name at the OpenID provider, by id at Entra ID: the same texts.
    #[serde(default)]
    pub groups: Vec<String>,
    /// App roles.
    #[serde(default)]
    pub roles: Vec<String>,
}

impl Person {
    /// Of Contoso, with a verified e-mail address of `contoso.example`, in no group.
    pub fn new(user: &str, name: &str) -> Self {
        Self {
            user: user.to_owned(),
            name: name.to_owned(),
            tenant: CONTOSO.to_owned(),
            guest_of: Vec::new(),
            email: Some(format!("{user}@contoso.example")),
            email_verified: true,
            groups: Vec::new(),
            roles: Vec::new(),
        }
    }

    /// Somebody for each case that matters.
    pub fn cast() -> Vec<Self> {
        let groups = |names: &[&str]| names.iter().map(|name| group(name)).collect();
        let mut anna = Self::new("anna", "Anna Adler");
        anna.groups = groups(&["engineering", "everyone"]);
        anna.roles = vec!["Keyledger.Developer".to_owned()];
        let mut ben = Self::new("ben", "Ben Bauer");
        ben.groups = groups(&["administrators", "everyone"]);
        ben.roles = vec!["Keyledger.Admin".to_owned()];
        let mut gus = Self::new("gus", "Gus the guest");
        gus.tenant = FABRIKAM.to_owned();
        gus.guest_of = vec![CONTOSO.to_owned()];
        gus.email = Some("gus@fabrikam.example".to_owned());
        let mut olga = Self::new("olga", "Olga of too many groups");
        olga.groups = (0..250).map(|number| group(&format!("group-{number:03}"))).collect();
        let mut wim = Self::new("wim", "Wim of another tenant");
        wim.tenant = FABRIKAM.to_owned();
        wim.email = Some("wim@fabrikam.example".to_owned());
        let mut una = Self::new("una", "Una with an unverified e-mail");
        una.email = Some("anna@contoso.example".to_owned());
        una.email_verified = false;
        let mut noe = Self::new("noe", "Noe without an e-mail");
        noe.email = None;
        vec![anna, ben, gus, olga, wim, una, noe]
    }

    /// `sub` at the OpenID provider, for ever theirs.
    pub fn subject(&self) -> String {
        format!("subject-of-{}", self.user)
    }

    /// Their object in this tenant of Entra ID (a guest has another in each), as a UUID.
    pub fn object(&self, tenant: &str) -> String {
        named_uuid(&format!("object {tenant} {}", self.user))
    }

    /// `sub` at Entra ID: another for each app.
    pub fn pairwise(&self, tenant: &str, client: &str) -> String {
        named_uuid(&format!("pairwise {tenant} {client} {}", self.user))
    }

    pub fn is_of(&self, tenant: &str) -> bool {
        self.tenant == tenant || self.guest_of.iter().any(|guest_of| guest_of == tenant)
    }
}

/// A group's id at Entra ID, from its name: the same each time.
pub fn group(name: &str) -> String {
    named_uuid(&format!("group {name}"))
}

/// A UUIDv8 of SHA-256.
fn named_uuid(name: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, name.as_bytes());
    let hex: String = digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-8{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}
