//! Samples of clients, and of what they are granted.

use events::client::{
    Changed, ClientEvent, ClientKey, ClientKeys, ClientMetadata, Disabled, Enabled, Origin, Registered,
    Removed, SecretIssued, SecretRevoked,
};
use events::digest::{DigestBytes, DigestKind, KeyDigest};
use events::{Event, PepperId, SecretId, approval, consent, grant};

use super::{client, document, holder, sealed, server, uuid};

pub fn all() -> Vec<Event> {
    let secret_id = SecretId::new(uuid(0xa1));
    let digest = KeyDigest {
        kind: DigestKind::Native,
        pepper: PepperId::new(uuid(0x11)),
        bytes: DigestBytes([10; 32]),
    };
    vec![
        Event::Client(ClientEvent::Registered(Box::new(Registered {
            origin: Origin::Document { url: document() },
            metadata: metadata(),
            name: sealed(21),
        }))),
        Event::Client(ClientEvent::Changed(Box::new(Changed {
            metadata: ClientMetadata { jwks_uri: None, jwks: Some(keys()), ..metadata() },
            name: Some(sealed(22)),
        }))),
        Event::Client(ClientEvent::SecretIssued(SecretIssued {
            secret_id,
            digest,
            expires_at: Some("2027-11-24T08:00:00Z".parse().unwrap()),
        })),
        Event::Client(ClientEvent::SecretRevoked(SecretRevoked { secret_id })),
        Event::Client(ClientEvent::Disabled(Disabled { reason: Some(sealed(23)) })),
        Event::Client(ClientEvent::Enabled(Enabled { reason: Some(sealed(24)) })),
        Event::Client(ClientEvent::Removed(Removed { reason: Some(sealed(25)) })),
        Event::Approval(approval::ApprovalEvent::Given(approval::Given { client: client() })),
        Event::Approval(approval::ApprovalEvent::Withdrawn(approval::Withdrawn { reason: Some(sealed(26)) })),
        Event::Consent(consent::ConsentEvent::Given(consent::Given {
            holder: holder(),
            client: client(),
            server: server(),
            scopes: "mcp:docs:tools:get_* mcp:docs:prompts:*".parse().unwrap(),
        })),
        Event::Consent(consent::ConsentEvent::Withdrawn(consent::Withdrawn { reason: Some(sealed(27)) })),
        Event::Grant(grant::GrantEvent::Given(grant::Given {
            holder: holder(),
            client: client(),
            server: server(),
            scopes: "mcp:docs:tools:get_*".parse().unwrap(),
            expires_at: "2027-02-22T08:00:00Z".parse().unwrap(),
        })),
        Event::Grant(grant::GrantEvent::Ended(grant::Ended {
            cause: grant::EndCause::RefreshReused,
            reason: Some(sealed(28)),
        })),
    ]
}

fn metadata() -> ClientMetadata {
    let uri = |text: &str| text.parse().unwrap();
    let words = |list: &[&str]| {
        let list: Vec<_> = list.iter().map(|text| text.parse().unwrap()).collect();
        list.try_into().unwrap()
    };
    let redirects = ["https://client.example/callback", "http://127.0.0.1/callback", "cursor://a.b/callback"];
    ClientMetadata {
        redirect_uris: redirects.map(uri).to_vec().try_into().unwrap(),
        grant_types: words(&["authorization_code", "refresh_token"]),
        response_types: words(&["code"]),
        token_endpoint_auth_method: Some("private_key_jwt".parse().unwrap()),
        token_endpoint_auth_methods_supported: words(&["none", "private_key_jwt"]),
        token_endpoint_auth_signing_alg: Some("RS256".parse().unwrap()),
        jwks_uri: Some(uri("https://client.example/jwks.json")),
        jwks: None,
        application_type: Some("native".parse().unwrap()),
        client_uri: Some(uri("https://client.example/")),
        logo_uri: Some(uri("https://client.example/logo.png")),
        policy_uri: Some(uri("https://client.example/policy")),
        tos_uri: Some(uri("https://client.example/terms")),
        scope: Some("openid mcp:docs".parse().unwrap()),
        software_id: Some("client".parse().unwrap()),
        software_version: Some("1.2.3".parse().unwrap()),
    }
}

fn keys() -> ClientKeys {
    let word = |text: &str| Some(text.parse().unwrap());
    let key = ClientKey {
        kty: "EC".parse().unwrap(),
        kid: word("1"),
        alg: word("ES256"),
        usage: word("sig"),
        crv: word("P-256"),
        x: word("AQ"),
        y: word("Ag"),
        n: Some("Aw".parse().unwrap()),
        e: word("AQAB"),
    };
    ClientKeys { keys: vec![key].try_into().unwrap() }
}
