//! A client that whoever has a key let in: what the log holds of it, and its access tokens, signed as control signs them.

use std::time::Duration;

use aws_lc_rs::rand::SystemRandom as Drawn;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use events::client::{ClientEvent, ClientMetadata, Origin, Registered};
use events::clock::{Clock, SystemClock};
use events::consent::{self, ConsentEvent};
use events::grant::{self, GrantEvent};
use events::installation::{InstallationEvent, TokenKeyPublished};
use events::token_key::{Coordinate, TokenAlgorithm};
use events::{
    ClientId, ConsentId, Draft, EventId, GrantId, Holder, Owner, ServerId, Subject, Timestamp, TokenKeyId,
};
use gateway::{TokenClaims, TokenSigner};

use crate::installation::{Installation, scopes};
use crate::keys::{Issuer, Key, new_id};

/// As the measured installation is configured: who issues, and where its servers are.
pub const PUBLIC: &str = "https://mcp.example.com";
/// No token of ours lives longer.
const LIVES: i64 = 3_600;
const SCOPE: &str = "mcp:tools";

pub struct Client {
    issuer: Issuer,
    id: ClientId,
    server: ServerId,
    kid: TokenKeyId,
    pair: EcdsaKeyPair,
    signer: TokenSigner,
}

impl Client {
    /// One that calls this server, `tools` of the issuer's organization.
    pub fn new(issuer: &Issuer, server: ServerId) -> Self {
        let drawn = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &Drawn::new());
        let pkcs8 = drawn.expect("a key on P-256");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref());
        let kid = TokenKeyId::new(new_id());
        Self {
            issuer: issuer.clone(),
            id: ClientId::new(new_id()),
            server,
            kid,
            pair: pair.expect("a key on P-256"),
            signer: TokenSigner::new(pkcs8.as_ref(), kid.to_string()),
        }
    }

    /// The events by which it is known, and the key that signs its tokens.
    pub fn introduced(&self, installation: Subject) -> [Draft; 2] {
        let (x, y) = self.point().split_at(32);
        let published = TokenKeyPublished {
            id: self.kid,
            algorithm: TokenAlgorithm::Es256,
            x: Coordinate(x.try_into().expect("32 bytes")),
            y: Coordinate(y.try_into().expect("32 bytes")),
            used_from: Timestamp::UNIX_EPOCH,
        };
        let event = EventId::new(new_id());
        let subject = Subject::client(Owner::Installation, self.id);
        let name = self.issuer.seal(&subject, event);
        let registered = Registered { origin: Origin::Given, metadata: ClientMetadata::default(), name };
        let registered = ClientEvent::Registered(Box::new(registered));
        let published = InstallationEvent::TokenKeyPublished(published);
        [
            self.issuer.draft(EventId::new(new_id()), installation, published.into()),
            self.issuer.draft(event, subject, registered.into()),
        ]
    }

    /// The events by which whoever has this key lets it act, and the grant that comes of them.
    pub fn granted(&self, key: &Key) -> (GrantId, [Draft; 2]) {
        let (organization, holder) = (self.issuer.organization(), Holder::Key { id: key.id });
        let (client, server, scopes) = (self.id, self.server, scopes(SCOPE));
        let consent = ConsentId::of(organization, holder, client, server);
        let given = consent::Given { holder, client, server, scopes: scopes.clone() };
        let consented = ConsentEvent::Given(given);
        let expires_at = SystemClock.now().saturating_add(Duration::from_secs(24 * 3_600));
        let id = GrantId::new(new_id());
        let granted = GrantEvent::Given(grant::Given { holder, client, server, scopes, expires_at });
        let draft = |subject, event| self.issuer.draft(EventId::new(new_id()), subject, event);
        let drafts = [
            draft(Subject::consent(organization, consent), consented.into()),
            draft(Subject::grant(organization, id), granted.into()),
        ];
        (id, drafts)
    }

    /// A further access token of the grant, as long as any is good.
    pub fn token(&self, key: &Key, grant: GrantId, slug: &str) -> String {
        let now = SystemClock.now().unix_seconds();
        let claims = TokenClaims {
            iss: PUBLIC.to_owned(),
            sub: Holder::Key { id: key.id }.to_string(),
            aud: format!("{PUBLIC}/mcp/{slug}/tools"),
            client_id: self.id.to_string(),
            iat: now,
            exp: now + LIVES,
            jti: new_id().to_string(),
            scope: SCOPE.to_owned(),
            grant,
            organization: self.issuer.organization(),
        };
        self.signer.sign(&claims).expect("a signed token")
    }

    /// The public key's point, without the byte that says its form.
    fn point(&self) -> &[u8] {
        self.pair.public_key().as_ref().get(1..).unwrap_or_default()
    }

    /// A key's public point (SEC 1 §2.3.3), and a text with its signature, as long as a token's.
    pub fn signs(&self, text: &str) -> (Vec<u8>, Vec<u8>) {
        let signature = self.pair.sign(&Drawn::new(), text.as_bytes()).expect("a signature");
        (self.pair.public_key().as_ref().to_vec(), signature.as_ref().to_vec())
    }
}

/// A token for each of these keys, once the installation's node takes them.
pub async fn issued(ours: &Installation, keys: &[Key]) -> Vec<String> {
    let client = Client::new(&ours.issuer, ours.tools);
    let signers = events::Signers::default();
    let log = &*ours.log;
    signers.catch_up(log).await.expect("the log's keys");
    let installation = signers.now().installation().expect("the installation").clone();
    for draft in client.introduced(installation) {
        ours.issuer.append(log, draft).await;
    }
    let mut tokens = Vec::with_capacity(keys.len());
    for key in keys {
        let (grant, drafts) = client.granted(key);
        for draft in drafts {
            ours.issuer.append(log, draft).await;
        }
        tokens.push(client.token(key, grant, &ours.organization.slug));
    }
    if let Some(last) = tokens.last() {
        ours.knows(last).await;
    }
    tokens
}
