//! A client that somebody let in, and its tokens.

use aws_lc_rs::rand::SystemRandom as Drawn;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use events::client::{ClientEvent, ClientMetadata, Origin, Registered};
use events::consent::ConsentEvent;
use events::grant::GrantEvent;
use events::installation::{InstallationEvent, TokenKeyPublished};
use events::member::MemberEvent;
use events::person::{Identity, IdentityDigest, PersonEvent};
use events::token_key::{Coordinate, TokenAlgorithm};
use events::*;

use super::client::{PING, Reply, post};
use super::world::{World, new_id, sealed};
use crate::access_token::{Claims, Signer};

const RESOURCE: &str = "https://mcp.example.com/mcp/acme/docs";

/// A client with a grant on `docs`, and the key that signs its tokens.
pub struct Granted {
    pub signer: Signer,
    pub token_key: TokenKeyId,
    pub holder: Holder,
    pub client: ClientId,
    pub grant: GrantId,
}

fn token_key(world: &World) -> (TokenKeyId, Signer) {
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &Drawn::new()).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).unwrap();
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let id = TokenKeyId::new(new_id());
    world.installation_event(InstallationEvent::TokenKeyPublished(TokenKeyPublished {
        id,
        algorithm: TokenAlgorithm::Es256,
        x: Coordinate(x.try_into().unwrap()),
        y: Coordinate(y.try_into().unwrap()),
        used_from: Timestamp::UNIX_EPOCH,
    }));
    (id, Signer::new(pkcs8.as_ref(), id.to_string()))
}

/// Somebody can sign in from now on.
pub async fn signs_in(world: &World) {
    provider(world, Owner::Installation);
    world.told().await;
}

/// An identity provider whose word counts.
pub fn provider(world: &World, owner: Owner) -> IssuerId {
    let settings = serde_json::json!({
        "protocol": { "kind": "openid", "issuer": "https://login.example.com" },
        "client_id": "keyledger",
        "authentication": "client_secret_basic",
        "scopes": ["openid"],
        "algorithms": ["RS256"],
        "rules": [],
        "overage": "refuse",
        "restrictions": { "domains": [], "required": [] },
    });
    let registered = issuer::Registered {
        slug: "login".parse().unwrap(),
        name: sealed(),
        settings: serde_json::from_value(settings).unwrap(),
        enabled: true,
    };
    let id = IssuerId::new(new_id());
    world.push(Subject::issuer(owner, id), issuer::IssuerEvent::Registered(registered).into());
    id
}

/// Somebody at an identity provider.
pub fn identity(issuer: IssuerId) -> Identity {
    let mut digest = [7; 20];
    digest.iter_mut().zip(new_id().as_bytes()).for_each(|(to, from)| *to = *from);
    Identity { issuer, digest: IdentityDigest(digest) }
}

/// A member of `acme` who may give these scopes.
pub fn member(world: &World, scopes: &str) -> UserId {
    let person = UserId::new(new_id());
    let identity = identity(provider(world, Owner::Installation));
    let added = person::Added { identity, email: None, email_verified: false, name: None, picture: None };
    world.push(Subject::person(person), PersonEvent::Added(added).into());
    let scopes = scopes.parse().unwrap();
    let added = member::Added { person, role: Role::Viewer, scopes, invitation: None };
    let id = MemberId::of(world.organization, person);
    world.push(Subject::member(world.organization, id), MemberEvent::Added(added).into());
    person
}

impl Granted {
    pub async fn with(world: &World, holder: Holder, scopes: &str) -> Self {
        let (token_key, signer) = token_key(world);
        let client = ClientId::new(new_id());
        let (metadata, name) = (ClientMetadata::default(), sealed());
        let registered = Registered { origin: Origin::Given, metadata, name };
        let subject = Subject::client(Owner::Installation, client);
        world.push(subject, ClientEvent::Registered(Box::new(registered)).into());
        let granted = Self { signer, token_key, holder, client, grant: GrantId::new(new_id()) };
        granted.consents(world, scopes);
        let (server, scopes) = (world.server, scopes.parse().unwrap());
        let expires_at = world.door.clock().now().saturating_add(std::time::Duration::from_secs(3_600));
        let given = grant::Given { holder, client, server, scopes, expires_at };
        granted.event(world, GrantEvent::Given(given));
        world.told().await;
        granted
    }

    pub async fn of_person(world: &World, scopes: &str) -> Self {
        let id = member(world, "mcp:*");
        Self::with(world, Holder::Person { id }, scopes).await
    }

    pub fn consents(&self, world: &World, scopes: &str) {
        let Self { holder, client, .. } = *self;
        let (server, scopes) = (world.server, scopes.parse().unwrap());
        self.consent_event(world, ConsentEvent::Given(consent::Given { holder, client, server, scopes }));
    }

    pub fn consent_event(&self, world: &World, event: ConsentEvent) {
        let id = ConsentId::of(world.organization, self.holder, self.client, world.server);
        world.push(Subject::consent(world.organization, id), event.into());
    }

    pub fn event(&self, world: &World, event: GrantEvent) {
        world.push(Subject::grant(world.organization, self.grant), event.into());
    }

    pub fn claims(&self, world: &World) -> Claims {
        let now = world.door.clock().now().unix_seconds();
        Claims {
            iss: "https://mcp.example.com".to_owned(),
            sub: self.holder.to_string(),
            aud: RESOURCE.to_owned(),
            client_id: "https://client.example/metadata.json".to_owned(),
            iat: now,
            exp: now + 600,
            jti: new_id().to_string(),
            scope: "mcp:docs".to_owned(),
            grant: self.grant,
            organization: world.organization,
        }
    }

    pub async fn call(&self, world: &World, change: impl FnOnce(&mut Claims), body: &str) -> Reply {
        world.told().await;
        let mut claims = self.claims(world);
        change(&mut claims);
        let token = self.signer.sign(&claims).unwrap();
        world.exchange(&post(&format!("Authorization: Bearer {token}\r\n"), body)).await
    }

    pub async fn ping(&self, world: &World) -> (u16, String) {
        let reply = self.call(world, |_| {}, PING).await;
        let reason = if reply.status == 200 { String::new() } else { reply.reason() };
        (reply.status, reason)
    }
}
