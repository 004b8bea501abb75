//! Dynamic Client Registration (RFC 7591) and its management (RFC 7592).
//!
//! A registration is an entry with an end, at a bounded rate: nobody is known by it yet. With the first consent the client
//! becomes an event, and what was registered here lasts. Its access token is worked out of its id under the key of what passes,
//! and stored nowhere: so it manages the client before its first consent and after it (decision 0036).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::key::secret::{PlainKey, Prefix};
use events::clock::uuid_v7;
use events::{Actor, ClientId};
use http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use http::{HeaderMap, Method, StatusCode};
use subtle::ConstantTimeEq;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::acts::{self, Failed};
use super::client_id::ClientName;
use super::client_metadata::{Authentication, ClientMetadata, Source};
use super::clients::{ClientFault, Known, Registered, SECRET_PREFIX};
use super::error::{Code, OauthError};
use super::metadata::path;
use super::people;
use super::state::Accounts;
use super::{form, noted, web};
use crate::attempts::Stage;
use crate::config::Registration;
use crate::passing::{Held, PassingError};
use crate::problem::body::is_json;
use crate::vault::PassingKey;

/// What is kept of one is at most so long, in bytes.
const LONGEST: usize = 8 * 1_024;

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
    may_write(accounts)?;
    let id = uuid_v7(&*accounts.clock, &*accounts.random);
    noted::client_id(&id.to_string());
    let secret = match metadata.authentication {
        Authentication::Secret { .. } => Some(drawn(accounts)?),
        Authentication::None | Authentication::PrivateKey { .. } => None,
    };
    let registered = Registered {
        metadata: kept(&metadata)?,
        secret: secret.as_ref().map(|secret| accounts.peppers.issuing().digest(&secret.parsed())),
        issued_at: accounts.clock.now().unix_seconds(),
    };
    let lasts = accounts.settings.registration_lasts();
    let made = accounts.passing.create(&id.to_string(), &registered, lasts).await.map_err(unavailable)?;
    if !made {
        return Err(OauthError::unavailable("the registration could not be stored"));
    }
    let issued_at = Some(registered.issued_at);
    Ok(told(accounts, id, &metadata, issued_at, secret.as_ref()))
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
    let is_of = |key: &Arc<PassingKey>| bool::from(token.as_bytes().ct_eq(management(key, id).as_bytes()));
    if !accounts.passing.keys().iter().any(is_of) {
        return Err(refused());
    }
    if accounts.directory.client(ClientId::new(id)).is_some() {
        return recorded(accounts, id, method, headers, body).await;
    }
    let found = accounts.passing.get::<Registered>(&id.to_string()).await.map_err(unavailable)?;
    let held: Held<Registered> = found.ok_or_else(refused)?;
    let changed = || OauthError::unavailable("the registration changed meanwhile: ask again");
    match *method {
        Method::DELETE => {
            let gone = accounts.passing.delete(&held).await.map_err(unavailable)?;
            if gone { Ok(StatusCode::NO_CONTENT.into_response()) } else { Err(changed()) }
        }
        Method::PUT => {
            let metadata = judged(accounts, headers, body).await?;
            let has_secret = matches!(metadata.authentication, Authentication::Secret { .. });
            keeps_its_way(has_secret, held.value.secret.is_some())?;
            let mut registered = held.value.clone();
            registered.metadata = kept(&metadata)?;
            let lasts = accounts.settings.registration_lasts();
            let stored = accounts.passing.swap(&held, &registered, lasts).await;
            if !stored.map_err(unavailable)? {
                return Err(changed());
            }
            let issued_at = Some(registered.issued_at);
            Ok(web::json(StatusCode::OK, told(accounts, id, &metadata, issued_at, None)))
        }
        _ => {
            let json = held.value.metadata.as_bytes();
            let metadata = ClientMetadata::parse(json, Source::Registration, accounts.clients.presets())?;
            let issued_at = Some(held.value.issued_at);
            Ok(web::json(StatusCode::OK, told(accounts, id, &metadata, issued_at, None)))
        }
    }
}

/// The same once the client is an event: what changes is an event too.
async fn recorded(
    accounts: &Accounts,
    id: Uuid,
    method: &Method,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, OauthError> {
    let refused = || OauthError::new(Code::InvalidToken, "this is not the registration's access token");
    let client_id = ClientId::new(id);
    let found = accounts.clients.find(&ClientName::Given(id), accounts.clients.due()).await;
    let client = found.map_err(|fault| match fault {
        // RFC 7592 §2.1: whoever is removed has no token either.
        ClientFault::Unknown | ClientFault::Document(_) => refused(),
        ClientFault::Disabled => {
            OauthError::new(Code::AccessDenied, "the client is disabled here: ask the operator")
        }
        ClientFault::Closed | ClientFault::Passing(_) => OauthError::unavailable(fault),
    })?;
    let Known::Recorded(entry) = &client.known else { return Err(refused()) };
    if !client.is_self_registered() {
        return Err(refused());
    }
    let failed = |failed: Failed| match failed {
        Failed::Refused(problem) => OauthError::new(Code::InvalidClientMetadata, problem),
        Failed::Unavailable(problem) => OauthError::unavailable(problem),
    };
    match *method {
        Method::DELETE => {
            let done = accounts.granting.unregister(client_id).await;
            let position = done.map_err(|error| failed(Failed::of(error)))?.position;
            acts::wait(accounts, &position, acts::FLEET).await;
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        Method::PUT => {
            let metadata = judged(accounts, headers, body).await?;
            let has_secret = matches!(metadata.authentication, Authentication::Secret { .. });
            keeps_its_way(has_secret, !entry.secrets.is_empty())?;
            kept(&metadata)?;
            // Each is an event, and nobody has signed in for it.
            may_write(accounts)?;
            let said = serde_json::from_value(metadata.json())
                .map_err(|error| OauthError::new(Code::InvalidClientMetadata, error))?;
            let name = metadata.name.clone().unwrap_or_else(|| id.to_string());
            let by = Actor::Client(client_id);
            let changed = accounts.granting.change(by, client_id, said, Some(&name)).await;
            let position = changed.map_err(|error| failed(Failed::of(error)))?.position;
            acts::wait(accounts, &position, acts::FLEET).await;
            Ok(web::json(StatusCode::OK, told(accounts, id, &metadata, None, None)))
        }
        _ => {
            let mut metadata = ClientMetadata::clone(&client.metadata);
            metadata.name = people::client_name(accounts, &client).await;
            Ok(web::json(StatusCode::OK, told(accounts, id, &metadata, None, None)))
        }
    }
}

/// A secret is drawn at registration alone.
fn keeps_its_way(wants_secret: bool, has_one: bool) -> Result<(), OauthError> {
    if wants_secret && !has_one {
        let problem = "a client without a secret gets none later: register a new one";
        return Err(OauthError::new(Code::InvalidClientMetadata, problem));
    }
    Ok(())
}

/// What anybody may cause has a pace.
fn may_write(accounts: &Accounts) -> Result<(), OauthError> {
    let passed = accounts.registrations.pass(accounts.clock.instant());
    passed.map_err(|after| OauthError::too_many("too many clients register at the moment", after))
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
    Ok(ClientMetadata::parse(&json, Source::Registration, accounts.clients.presets())?)
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
    issued_at: Option<i64>,
    secret: Option<&PlainKey>,
) -> String {
    let mut json = metadata.json();
    json["client_id"] = id.to_string().into();
    if let Some(issued_at) = issued_at {
        json["client_id_issued_at"] = issued_at.into();
    }
    // RFC 7592 §3: whoever reads or changes a registration may be told another token, which follows the one that it has.
    json["registration_access_token"] = management(&accounts.passing.key(), id).as_str().into();
    json["registration_client_uri"] = accounts.issuer.at(&format!("{}/{id}", path::REGISTER)).into();
    if let Some(secret) = secret {
        json["client_secret"] = secret.expose().into();
        json["client_secret_expires_at"] = 0.into();
    }
    json.to_string()
}

/// The registration access token of a client: nobody else comes to it, and it needs to be kept nowhere. It ends with its key.
fn management(key: &PassingKey, id: Uuid) -> Zeroizing<String> {
    Zeroizing::new(URL_SAFE_NO_PAD.encode(key.prove([MANAGEMENT, id.as_bytes()])))
}

fn drawn(accounts: &Accounts) -> Result<PlainKey, OauthError> {
    let prefix = SECRET_PREFIX.parse::<Prefix>().map_err(OauthError::unavailable)?;
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
