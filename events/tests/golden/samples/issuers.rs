//! Settings of issuers, with every field set.

use events::issuer::{
    Algorithm, Authentication, Changed, ClaimRule, CredentialKind, CredentialRemoved, CredentialSet, Domain,
    IssuerEvent, IssuerSettings, MappedRole, Overage, Protocol, Registered, Removed, Renamed, Required,
    Restrictions, SignInScope,
};
use events::{Event, OrganizationId, SecretId};

use super::{organization, sealed, uuid};

/// Each event of an issuer.
pub fn all() -> Vec<Event> {
    vec![
        Event::Issuer(IssuerEvent::Registered(Registered {
            slug: "entra".parse().unwrap(),
            name: sealed(21),
            settings: entra(organization()),
            enabled: true,
        })),
        Event::Issuer(IssuerEvent::Changed(Changed { settings: openid(), enabled: false })),
        Event::Issuer(IssuerEvent::Renamed(Renamed { name: sealed(22) })),
        Event::Issuer(IssuerEvent::CredentialSet(CredentialSet {
            credential: SecretId::new(uuid(0x82)),
            kind: CredentialKind::Certificate,
        })),
        Event::Issuer(IssuerEvent::CredentialRemoved(CredentialRemoved {})),
        Event::Issuer(IssuerEvent::Removed(Removed { reason: Some(sealed(23)) })),
    ]
}

fn scopes(list: &[&str]) -> Vec<SignInScope> {
    list.iter().map(|scope| scope.parse().unwrap()).collect()
}

fn domains(list: &[&str]) -> Vec<Domain> {
    list.iter().map(|domain| domain.parse().unwrap()).collect()
}

/// A field of each kind that no single issuer has.
pub fn entra(organization: OrganizationId) -> IssuerSettings {
    let rule = ClaimRule {
        claim: "roles".parse().unwrap(),
        value: "Keyledger.Developer".parse().unwrap(),
        organization: Some(organization),
        role: Some(MappedRole::Developer),
        scopes: Some("mcp:docs mcp:tools:tools:get_*".parse().unwrap()),
    };
    let required = Required {
        claim: "groups".parse().unwrap(),
        any_of: vec!["5f0a2c11-9d3e-4b7a-8c21-0a1b2c3d4e5f".parse().unwrap()].try_into().unwrap(),
    };
    IssuerSettings {
        protocol: Protocol::Entra {
            authority: "https://login.microsoftonline.com".parse().unwrap(),
            tenants: vec!["0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b".parse().unwrap()].try_into().unwrap(),
            guests: true,
        },
        client_id: "6f2b7a10-1111-4222-8333-444455556666".parse().unwrap(),
        authentication: Authentication::PrivateKeyJwt,
        scopes: scopes(&["openid", "profile", "https://graph.microsoft.com/User.Read"]).try_into().unwrap(),
        algorithms: vec![Algorithm::Rs256].try_into().unwrap(),
        rules: vec![rule].try_into().unwrap(),
        overage: Overage::Graph,
        restrictions: Restrictions {
            domains: domains(&["example.com", "xn--bcher-kva.example"]).try_into().unwrap(),
            required: vec![required],
        },
    }
}

pub fn openid() -> IssuerSettings {
    let rule = ClaimRule {
        claim: "/realm_access/roles".parse().unwrap(),
        value: "Büro 7".parse().unwrap(),
        organization: None,
        role: Some(MappedRole::Auditor),
        scopes: None,
    };
    IssuerSettings {
        protocol: Protocol::OpenId { issuer: "https://login.example.com/realms/acme".parse().unwrap() },
        client_id: "keyledger".parse().unwrap(),
        authentication: Authentication::ClientSecretBasic,
        scopes: scopes(&["openid"]).try_into().unwrap(),
        algorithms: vec![Algorithm::Es256, Algorithm::EdDsa].try_into().unwrap(),
        rules: vec![rule].try_into().unwrap(),
        overage: Overage::Refuse,
        restrictions: Restrictions { domains: vec![].try_into().unwrap(), required: vec![] },
    }
}
