//! Dynamic Client Registration (RFC 7591) and its management (RFC 7592).
//!
//! A registration is an entry with an end, at a bounded rate: nobody is known by it yet. With the first consent the client
//! becomes an event, and what was registered here lasts.

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use domain::key::secret::{PlainKey, Prefix};
use events::clock::uuid_v7;
use http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use http::{HeaderMap, Method, StatusCode};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::client_metadata::{Authentication, ClientMetadata, Source};
use super::clients::Registered;
use super::error::{Code, OauthError};
use super::metadata::path;
use super::state::Accounts;
use super::{form, noted, web};
use crate::attempts::Stage;
use crate::config::Registration;
use crate::passing::{Held, PassingError};
use crate::problem::body::is_json;
use crate::vault::PassingKey;

/// What is kept of one is at most so long, in bytes.
const LONGEST: usize = 8 * 1_024;

/// What a client's secret starts with: scanners know a leaked one by it.
const PREFIX: &str = "kl_client";
const MANAGEMENT: &[u8] = b"registration access token";

/// `POST /oauth/register`
pub async fn register(State(accounts): State<Accounts>, request: Request) -> Response {
    noted::is(Stage::Registration);
    let (head, body) = request.into_parts();
    web::readable(match created(&accounts, &head.headers, body).await {
        Ok(json) => web::json(StatusCode::CREATED, json),
        Err(error) => {
            noted::refused_by(&error);
            error.into_response()
        }
    })
}

/// `GET`, `PUT`, `DELETE /oauth/register/{id}`
pub async fn manage(State(accounts): State<Accounts>, Path(id): Path<String>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    web::readable(match managed(&accounts, &id, &head.method, &head.headers, body).await {
        Ok(response) => response,
        Err(error) => {
            let is_token = error.code == Code::InvalidToken;
            let mut response = error.into_response();
            if is_token {
                let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
                response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
            }
            response
        }
    })
}

async fn created(accounts: &Accounts, headers: &HeaderMap, body: Body) -> Result<String, OauthError> {
    may_register(accounts, headers)?;
    let metadata = judged(accounts, headers, body).await?;
    accounts
        .registrations
        .pass(accounts.clock.instant())
        .map_err(|after| OauthError::too_many("too many clients register at the moment", after))?;
    let id = uuid_v7(&*accounts.clock, &*accounts.random);
    noted::client_id(&id.to_string());
    let (key, management) = (accounts.passing.key(), accounts.passing.draw());
    let secret = match metadata.authentication {
        Authentication::Secret { .. } => Some(drawn(accounts)?),
        Authentication::None | Authentication::PrivateKey { .. } => None,
    };
    let registered = Registered {
        metadata: kept(&metadata)?,
        secret: secret.as_ref().map(|secret| accounts.peppers.issuing().digest(&secret.parsed())),
        management: proof(&key, MANAGEMENT, id, &management),
        issued_at: accounts.clock.now().unix_seconds(),
    };
    let lasts = accounts.settings.registration_lasts();
    let made = accounts.passing.create_under(&key, &id.to_string(), &registered, lasts).await;
    if !made.map_err(unavailable)? {
        return Err(OauthError::unavailable("the registration could not be stored"));
    }
    Ok(told(accounts, id, &metadata, &registered, secret.as_ref(), &management))
}

async fn managed(
    accounts: &Accounts,
    id: &str,
    method: &Method,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, OauthError> {
    // RFC 7592 §3: who has not the token learns nothing of the client, not even whether there is one.
    let refused = || OauthError::new(Code::InvalidToken, "this is not the registration's access token");
    let token = bearer(headers).ok_or_else(refused)?;
    let id = Uuid::try_parse(id).map_err(|_| refused())?;
    let found = accounts.passing.get::<Registered>(&id.to_string()).await.map_err(unavailable)?;
    let held: Held<Registered> = found.ok_or_else(refused)?;
    if !bool::from(held.value.management.ct_eq(&proof(&held.key, MANAGEMENT, id, token))) {
        return Err(refused());
    }
    let changed = || OauthError::unavailable("the registration changed meanwhile: ask again");
    match *method {
        Method::DELETE => {
            let gone = accounts.passing.delete(&held).await.map_err(unavailable)?;
            if gone { Ok(StatusCode::NO_CONTENT.into_response()) } else { Err(changed()) }
        }
        Method::PUT => {
            let metadata = judged(accounts, headers, body).await?;
            let has_secret = matches!(metadata.authentication, Authentication::Secret { .. });
            if has_secret && held.value.secret.is_none() {
                let problem = "a client without a secret gets none later: register a new one";
                return Err(OauthError::new(Code::InvalidClientMetadata, problem));
            }
            let mut registered = held.value.clone();
            registered.metadata = kept(&metadata)?;
            let lasts = accounts.settings.registration_lasts();
            let stored = accounts.passing.swap(&held, &registered, lasts).await;
            if !stored.map_err(unavailable)? {
                return Err(changed());
            }
            Ok(web::json(StatusCode::OK, told(accounts, id, &metadata, &registered, None, token)))
        }
        _ => {
            let json = held.value.metadata.as_bytes();
            let metadata = ClientMetadata::parse(json, Source::Registration, accounts.clients.presets())?;
            Ok(web::json(StatusCode::OK, told(accounts, id, &metadata, &held.value, None, token)))
        }
    }
}

/// RFC 7591 §3: the initial access token, where one is asked for.
fn may_register(accounts: &Accounts, headers: &HeaderMap) -> Result<(), OauthError> {
    match (accounts.settings.registration, &accounts.registration_token) {
        (Registration::Open, _) => Ok(()),
        (Registration::Token, Some(wanted)) => {
            let same = |token: &str| bool::from(token.as_bytes().ct_eq(wanted.expose().as_bytes()));
            if bearer(headers).is_some_and(same) {
                Ok(())
            } else {
                let problem = "clients register here with an initial access token (`Authorization: Bearer`)";
                Err(OauthError::new(Code::InvalidToken, problem))
            }
        }
        (Registration::Token, None) | (Registration::Off, _) => {
            let problem = "clients don't register themselves here: ask the operator for a client id, or use a metadata document";
            Err(OauthError::new(Code::AccessDenied, problem))
        }
    }
}

async fn judged(accounts: &Accounts, headers: &HeaderMap, body: Body) -> Result<ClientMetadata, OauthError> {
    is_json(headers).map_err(|fault| OauthError::new(Code::InvalidClientMetadata, fault))?;
    let json = form::bytes(accounts, body).await?;
    ClientMetadata::parse(&json, Source::Registration, accounts.clients.presets())
}

fn kept(metadata: &ClientMetadata) -> Result<String, OauthError> {
    let json = metadata.json().to_string();
    if json.len() > LONGEST {
        let problem = format!("what is kept of the metadata is longer than {LONGEST} bytes");
        return Err(OauthError::new(Code::InvalidClientMetadata, problem));
    }
    Ok(json)
}

/// RFC 7591 §3.2.1, RFC 7592 §3.
fn told(
    accounts: &Accounts,
    id: Uuid,
    metadata: &ClientMetadata,
    registered: &Registered,
    secret: Option<&PlainKey>,
    management: &str,
) -> String {
    let mut json = metadata.json();
    json["client_id"] = id.to_string().into();
    json["client_id_issued_at"] = registered.issued_at.into();
    json["registration_access_token"] = management.into();
    json["registration_client_uri"] = accounts.issuer.at(&format!("{}/{id}", path::REGISTER)).into();
    if let Some(secret) = secret {
        json["client_secret"] = secret.expose().into();
        json["client_secret_expires_at"] = 0.into();
    }
    json.to_string()
}

fn proof(key: &PassingKey, of: &[u8], id: Uuid, secret: &str) -> [u8; 32] {
    key.prove([of, id.as_bytes(), secret.as_bytes()])
}

fn drawn(accounts: &Accounts) -> Result<PlainKey, OauthError> {
    let prefix = PREFIX.parse::<Prefix>().map_err(OauthError::unavailable)?;
    Ok(PlainKey::draw(&prefix, &*accounts.random))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (scheme, token) = values.next()?.to_str().ok()?.split_once(' ')?;
    let is_one = values.next().is_none() && scheme.eq_ignore_ascii_case("bearer") && token.len() <= 1_024;
    is_one.then_some(token.trim())
}

fn unavailable(error: PassingError) -> OauthError {
    tracing::warn!(%error, "the authorization server's entries can't be reached");
    OauthError::unavailable("what registrations rest on can't be reached")
}
