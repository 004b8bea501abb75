//! The token endpoint (RFC 6749 §3.2): a code, or a refresh token, becomes tokens.
//!
//! Each is moved by compare-and-set, so that of several control processes one wins. A code that comes a second time ends
//! the grant that it gave (§4.1.2); a refresh token that comes again is answered as `refresh` says.

use std::time::Duration;

use axum::extract::{Request as HttpRequest, State};
use axum::response::{IntoResponse, Response};
use events::clock::uuid_v7;
use events::grant::EndCause;
use events::{GrantId, Holder, OrganizationId, ScopeSet, Timestamp};
use http::{HeaderMap, StatusCode};
use serde::Serialize;

use super::acts;
use super::clients::Client;
use super::code::{self, Code, Family};
use super::error::{Code as ErrorCode, OauthError};
use super::parameters::Parameters;
use super::redirect::RedirectUri;
use super::refresh::{Judged, Place, RefreshToken};
use super::resource::Resource;
use super::state::Accounts;
use super::{client_auth, form, noted, scope, standing, web};
use crate::access_token::Claims;
use crate::attempts::Stage;
use crate::passing::{Held, PassingError};
use crate::request::resource::Address;

/// So often a place is read anew that somebody else has changed meanwhile.
const TRIES: u32 = 8;

/// RFC 6749 §5.1.
#[derive(Serialize)]
struct Tokens<'a> {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    scope: String,
}

/// `POST /oauth/token`
pub async fn token(State(accounts): State<Accounts>, request: HttpRequest) -> Response {
    web::readable(match answered(&accounts, request).await {
        Ok(response) => response,
        Err(error) => {
            tracing::debug!(%error, "no token is given");
            noted::refused_by(&error);
            error.into_response()
        }
    })
}

async fn answered(accounts: &Accounts, request: HttpRequest) -> Result<Response, OauthError> {
    let (headers, parameters) = form::read(accounts, request).await?;
    match parameters.get("grant_type") {
        Some("authorization_code") => redeemed(accounts, &headers, &parameters).await,
        Some("refresh_token") => refreshed(accounts, &headers, &parameters).await,
        Some(_) => {
            let problem = "`grant_type` is authorization_code or refresh_token";
            Err(OauthError::new(ErrorCode::UnsupportedGrantType, problem))
        }
        None => Err(OauthError::invalid_request("`grant_type` is missing")),
    }
}

async fn redeemed(
    accounts: &Accounts,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<Response, OauthError> {
    noted::is(Stage::Token);
    if let Some(claimed) = parameters.get("client_id") {
        noted::client_id(claimed);
    }
    let client = client_auth::authenticate(accounts, headers, parameters, false).await?;
    let secret = parameters.get("code").ok_or_else(|| OauthError::invalid_request("`code` is missing"))?;
    let found = accounts.passing.get::<Code>(secret).await.map_err(unavailable)?;
    let held = found.ok_or_else(|| invalid("the code is none of this server's, or has expired"))?;
    if held.value.request.client != client.name.to_string() {
        return Err(invalid("the code was given to another client"));
    }
    noted::of(accounts, &held.value.request);
    noted::grant(held.value.grant);
    match held.value.state {
        code::State::Issued => {}
        code::State::Redeemed { grant } | code::State::Replayed { grant } => {
            return Err(replayed(accounts, secret, held, grant).await);
        }
    }
    check(accounts, &held.value, parameters)?;
    let grant = held.value.grant;
    let mut code = held.value.clone();
    code.state = code::State::Redeemed { grant };
    let won = accounts.passing.swap(&held, &code, code::REMEMBERED).await.map_err(unavailable)?;
    if !won {
        let found = accounts.passing.get::<Code>(secret).await.map_err(unavailable)?;
        let held = found.ok_or_else(|| invalid("the code has ended"))?;
        return Err(replayed(accounts, secret, held, grant).await);
    }
    given(accounts, &client, secret, code, grant).await
}

/// RFC 6749 §4.1.3, RFC 7636 §4.6, RFC 8707 §2.2: the same client, address, verifier and resource.
fn check(accounts: &Accounts, code: &Code, parameters: &Parameters) -> Result<(), OauthError> {
    if code.ends_at <= accounts.clock.now() {
        return Err(invalid("the code has expired"));
    }
    let verifier = parameters.get("code_verifier").ok_or_else(|| {
        OauthError::invalid_request("`code_verifier` is missing: PKCE (RFC 7636) is required of every client")
    })?;
    if !code.request.challenge.is_of(verifier) {
        return Err(invalid("`code_verifier` is not what the code was asked for with"));
    }
    // OAuth 2.1 needs it no more, and a client that sends it sends the same.
    if let Some(redirect) = parameters.get("redirect_uri") {
        let private = accounts.clients.presets().private();
        let same = RedirectUri::parse(redirect, &private)
            .is_ok_and(|uri| uri.as_str() == code.request.answer.redirect);
        if !same {
            return Err(invalid("`redirect_uri` is not the one that the code was sent to"));
        }
    }
    check_resource(accounts, parameters, &code.request.resource)
}

fn check_resource(accounts: &Accounts, parameters: &Parameters, bound: &str) -> Result<(), OauthError> {
    let asked = Resource::parse(parameters.get("resource"), &accounts.public_url);
    let same = match asked {
        Ok(Resource::Implied) => true,
        Ok(Resource::Server(address)) => address.identifier(&accounts.origin()) == bound,
        Err(_) => false,
    };
    if same {
        Ok(())
    } else {
        Err(OauthError::new(
            ErrorCode::InvalidTarget,
            "`resource` is not the one that was asked for at the beginning",
        ))
    }
}

/// A code came a second time. It is marked first: whoever is about to give the grant sees that and ends it.
async fn replayed(accounts: &Accounts, secret: &str, mut held: Held<Code>, grant: GrantId) -> OauthError {
    tracing::warn!(%grant, client = held.value.request.client, "a code came a second time: the grant that it gave ends");
    for _ in 0..TRIES {
        if matches!(held.value.state, code::State::Replayed { .. }) {
            break;
        }
        let code = Code { state: code::State::Replayed { grant }, ..held.value.clone() };
        match accounts.passing.swap(&held, &code, code::REMEMBERED).await {
            Ok(true) => break,
            Ok(false) => match accounts.passing.get::<Code>(secret).await {
                Ok(Some(newer)) => held = newer,
                Ok(None) => break,
                Err(error) => return unavailable(error),
            },
            Err(error) => return unavailable(error),
        }
    }
    match acts::end_grant(
        accounts,
        held.value.request.organization,
        grant,
        held.value.holder,
        EndCause::CodeReplayed,
    )
    .await
    {
        Ok(()) => invalid("the code was used before: what it gave is ended"),
        Err(failed) => OauthError::unavailable(failed),
    }
}

/// The grant becomes an event, and the client gets its tokens.
async fn given(
    accounts: &Accounts,
    client: &Client,
    secret: &str,
    code: Code,
    grant: GrantId,
) -> Result<Response, OauthError> {
    let organization = code.request.organization;
    let given = acts::give(accounts, client, &code).await.map_err(acts::Failed::at_token)?;
    // Whoever brought the code meanwhile has marked it: only a change that is acknowledged proves that nobody did.
    let found = accounts.passing.get::<Code>(secret).await.map_err(unavailable)?;
    let alone = match found {
        Some(held) if held.value.state == code.state => {
            accounts.passing.swap(&held, &code, code::REMEMBERED).await.map_err(unavailable)?
        }
        Some(_) | None => false,
    };
    if !alone {
        let ended = acts::end_grant(accounts, organization, grant, code.holder, EndCause::CodeReplayed).await;
        ended.map_err(OauthError::unavailable)?;
        return Err(invalid("the code was used twice at once: what it gave is ended"));
    }
    acts::wait(accounts, &given.position, acts::FLEET).await;
    let refreshes = client.metadata.refreshes || code.request.offline;
    let now = accounts.clock.now();
    let token = RefreshToken { family: uuid_v7(&*accounts.clock, &*accounts.random), number: 0 };
    let refresh = if refreshes {
        let key = accounts.passing.key();
        let family = Family {
            grant,
            organization,
            client: client.name.to_string(),
            holder: code.holder,
            was_public: client.is_public(),
            resource: code.request.resource.clone(),
            place: Place::first(now),
            ends_at: given.expires_at,
        };
        let lasts = lasts(accounts, given.expires_at, now);
        let name = token.family.to_string();
        accounts.passing.create_under(&key, &name, &family, lasts).await.map_err(unavailable)?;
        Some(token.text(&key))
    } else {
        None
    };
    let access = Access {
        grant,
        holder: code.holder,
        organization,
        resource: &code.request.resource,
        scopes: &given.scopes,
        client,
        expires_at: given.expires_at,
    };
    answer(accounts, access, refresh.as_ref().map(|text| text.as_str())).await
}

/// What an access token is made of.
struct Access<'a> {
    grant: GrantId,
    holder: Holder,
    organization: OrganizationId,
    resource: &'a str,
    scopes: &'a ScopeSet,
    client: &'a Client,
    expires_at: Timestamp,
}

async fn answer(
    accounts: &Accounts,
    access: Access<'_>,
    refresh: Option<&str>,
) -> Result<Response, OauthError> {
    let Access { grant, holder, organization, resource, scopes, client, expires_at } = access;
    let now = accounts.clock.now();
    let left = expires_at.since(now);
    let lasts = accounts.settings.access_token_lasts().min(left);
    let claims = Claims {
        iss: accounts.issuer.as_str().to_owned(),
        sub: holder.to_string(),
        aud: resource.to_owned(),
        client_id: client.name.to_string(),
        iat: now.unix_seconds(),
        exp: now.saturating_add(lasts).unix_seconds(),
        jti: uuid_v7(&*accounts.clock, &*accounts.random).to_string(),
        scope: scope::text(scopes),
        grant,
        organization,
    };
    let signer = accounts.token_keys.signer().await.map_err(OauthError::unavailable)?;
    let access_token = signer.sign(&claims).map_err(OauthError::unavailable)?;
    let tokens = Tokens {
        access_token,
        token_type: "Bearer",
        expires_in: lasts.as_secs(),
        refresh_token: refresh,
        scope: claims.scope,
    };
    let json = serde_json::to_string(&tokens).map_err(OauthError::unavailable)?;
    Ok(web::json(StatusCode::OK, json))
}

async fn refreshed(
    accounts: &Accounts,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<Response, OauthError> {
    let text = parameters
        .get("refresh_token")
        .ok_or_else(|| OauthError::invalid_request("`refresh_token` is missing"))?;
    let token = RefreshToken::parse(text, &accounts.passing.keys());
    let found = match token {
        Some(token) => {
            accounts.passing.get::<Family>(&token.family.to_string()).await.map_err(unavailable)?
        }
        None => None,
    };
    let was_public = found.as_ref().is_some_and(|held| held.value.was_public);
    // Who it is comes before what is wrong with the token: a client that is not known learns to register anew.
    let client = client_auth::authenticate(accounts, headers, parameters, was_public).await?;
    let none = || invalid("the refresh token is none of this server's, has expired, or was revoked");
    let (Some(token), Some(mut held)) = (token, found) else { return Err(none()) };
    if held.value.client != client.name.to_string() {
        return Err(invalid("the refresh token was given to another client"));
    }
    check_resource(accounts, parameters, &held.value.resource)?;
    // What is refused moves nothing on: its client keeps the token that it has.
    if let Some(granted) = standing::standing(accounts, held.value.grant) {
        narrowed(parameters, &granted.scopes, &held.value.resource, accounts)?;
    }
    let mut successor = None;
    for _ in 0..TRIES {
        let now = accounts.clock.now();
        let family = &held.value;
        if family.ends_at <= now || standing::standing(accounts, family.grant).is_none() {
            return Err(invalid("the grant has ended: the person must sign in again"));
        }
        match family.place.judge(token.number, now) {
            Judged::Again => {
                successor = Some(family.place.number);
                break;
            }
            Judged::Next(place) => {
                let next = Family { place, ..family.clone() };
                let lasts = lasts(accounts, family.ends_at, now);
                let name = token.family.to_string();
                if accounts.passing.swap(&held, &next, lasts).await.map_err(unavailable)? {
                    successor = Some(place.number);
                    break;
                }
                // Somebody else was first: it is looked at anew.
                let newer = accounts.passing.get::<Family>(&name).await.map_err(unavailable)?;
                held = newer.ok_or_else(none)?;
            }
            Judged::Reused => return Err(reused(accounts, &held).await),
        }
    }
    let number =
        successor.ok_or_else(|| OauthError::unavailable("the refresh token is used by many at once"))?;
    // The same text whoever asks, whichever key is used by now.
    let (family, key) = (held.value, held.key);
    let granted = standing::standing(accounts, family.grant).ok_or_else(none)?;
    let scopes = narrowed(parameters, &granted.scopes, &family.resource, accounts)?;
    let refresh = RefreshToken { family: token.family, number }.text(&key);
    let access = Access {
        grant: family.grant,
        holder: granted.holder,
        organization: granted.organization,
        resource: &family.resource,
        scopes: &scopes,
        client: &client,
        expires_at: family.ends_at,
    };
    answer(accounts, access, Some(&refresh)).await
}

/// RFC 6749 §6: of what was granted, and never more.
fn narrowed(
    parameters: &Parameters,
    granted: &ScopeSet,
    resource: &str,
    accounts: &Accounts,
) -> Result<ScopeSet, OauthError> {
    let Some(text) = parameters.get("scope") else { return Ok(granted.clone()) };
    let wrong = |problem: String| OauthError::new(ErrorCode::InvalidScope, problem);
    let address = Resource::parse(Some(resource), &accounts.public_url);
    let Ok(Resource::Server(Address { server, .. })) = address else { return Ok(granted.clone()) };
    let asked = scope::Asked::parse(Some(text), &server).map_err(|fault| wrong(fault.to_string()))?;
    scope::common(&asked.scopes, granted).ok_or_else(|| wrong("none of these scopes was granted".to_owned()))
}

/// A token that another had followed: the client was robbed, or is the robber.
async fn reused(accounts: &Accounts, held: &Held<Family>) -> OauthError {
    let Family { grant, organization, .. } = held.value;
    tracing::warn!(%grant, client = held.value.client, "a refresh token came again that another had followed: the grant ends");
    if let Err(failed) =
        acts::end_grant(accounts, organization, grant, held.value.holder, EndCause::RefreshReused).await
    {
        return OauthError::unavailable(failed);
    }
    if let Err(error) = accounts.passing.delete(held).await {
        // The grant has ended: what is left of the family opens nothing.
        tracing::debug!(%error, "a family of refresh tokens is left to its end");
    }
    invalid("the refresh token was used before: the grant is ended, and the person must sign in again")
}

/// A family that nobody uses ends, and none outlives its grant.
fn lasts(accounts: &Accounts, ends_at: Timestamp, now: Timestamp) -> Duration {
    accounts.settings.refresh_lasts().min(ends_at.since(now)).max(Duration::from_secs(1))
}

fn invalid(problem: impl std::fmt::Display) -> OauthError {
    OauthError::new(ErrorCode::InvalidGrant, problem)
}

fn unavailable(error: PassingError) -> OauthError {
    tracing::warn!(%error, "the authorization server's entries can't be reached");
    OauthError::unavailable("what tokens rest on can't be reached")
}
