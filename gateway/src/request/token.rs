//! Access tokens at the door: each is judged once, and then known by its SHA-256 until it ends. That says nothing of
//! what it rests on: whether its grant stands is asked of the directory on every use.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use events::{GrantId, OrganizationId, ScopeSet, Timestamp, TokenKeyId};
use moka::sync::Cache;
use projections::directory::Directory;

use super::authenticate::TokenError;
use super::resource::{Address, Resources};
use crate::access_token::{self, Claims, Fault};

/// No token that is kept is older: it is judged anew.
const KEPT: Duration = Duration::from_secs(3_600);

/// What was read of tokens whose signatures were good, each by its SHA-256. Whether one counts still is for who asks.
pub struct Known<T>(Cache<[u8; 32], Arc<T>>);

impl<T: Send + Sync + 'static> Known<T> {
    /// `max`: so many are kept.
    pub fn new(max: u64) -> Self {
        Self(Cache::builder().max_capacity(max).time_to_live(KEPT).build())
    }

    /// What is known of this text, or is read of it now. What can't be read is not kept.
    pub fn get<E>(&self, text: &str, read: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E> {
        let mut name = [0; 32];
        name.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        if let Some(known) = self.0.get(&name) {
            return Ok(known);
        }
        let read = Arc::new(read()?);
        self.0.insert(name, Arc::clone(&read));
        Ok(read)
    }
}

/// What a token of ours says, by its signature and its times, and the key that signed it, whatever that one's state.
pub fn read(
    directory: &Directory,
    issuer: &str,
    text: &str,
    now: Timestamp,
) -> Result<(Claims, TokenKeyId), Fault> {
    let mut signed_by = None;
    let key = |kid: &str| {
        let key = directory.token_key(kid.parse().ok()?)?;
        signed_by = Some(key.id);
        Some(access_token::public_key(&key.x.0, &key.y.0))
    };
    let claims = access_token::judge(text, issuer, now.unix_seconds(), key)?;
    Ok((claims, signed_by.ok_or(Fault::Signature)?))
}

/// Judges access tokens.
pub struct Tokens {
    resources: Arc<Resources>,
    judged: Known<AccessToken>,
}

/// What a token says that was signed by us.
#[derive(Debug)]
pub struct AccessToken {
    pub grant: GrantId,
    pub organization: OrganizationId,
    /// The client, as OAuth knows it.
    pub client_id: Box<str>,
    /// The server that it is for.
    pub server: Address,
    /// Of its grant's, those that its client asked for.
    pub scopes: Arc<ScopeSet>,
    /// The key that signed it.
    pub key: TokenKeyId,
    pub expires_at: Timestamp,
    /// A call with it has passed.
    used: AtomicBool,
}

impl AccessToken {
    /// Whether this is the first call with it here.
    pub fn is_first_use(&self) -> bool {
        !self.used.load(Ordering::Relaxed) && !self.used.swap(true, Ordering::Relaxed)
    }
}

impl Tokens {
    /// `max`: so many are kept.
    pub fn new(resources: Arc<Resources>, max: u64) -> Self {
        Self { resources, judged: Known::new(max) }
    }

    /// What the token says, if it counts now by itself.
    pub fn judge(
        &self,
        directory: &Directory,
        text: &str,
        now: Timestamp,
    ) -> Result<Arc<AccessToken>, TokenError> {
        let token = self.judged.get(text, || self.read(directory, text, now))?;
        if now < token.expires_at { Ok(token) } else { Err(Fault::Expired.into()) }
    }

    fn read(&self, directory: &Directory, text: &str, now: Timestamp) -> Result<AccessToken, TokenError> {
        let issuer = self.resources.authorization_server();
        let (claims, key) = read(directory, issuer, text, now)?;
        let Claims { aud, exp, scope, grant, organization, client_id, iss: _, sub: _, iat: _, jti: _ } =
            claims;
        Ok(AccessToken {
            grant,
            organization,
            client_id: client_id.into(),
            server: self.resources.named(&aud).ok_or(TokenError::Audience)?,
            scopes: Arc::new(scope.parse().map_err(|_| Fault::Foreign)?),
            key,
            expires_at: exp.checked_mul(1_000).and_then(Timestamp::from_unix_millis).ok_or(Fault::Foreign)?,
            used: AtomicBool::new(false),
        })
    }
}
