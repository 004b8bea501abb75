//! Pushed authorization requests (RFC 9126): the parameters come from the client itself, past no browser.

use std::time::Duration;

use axum::extract::{Request as HttpRequest, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

use super::ask::{self, Ask};
use super::client_id::ClientName;
use super::error::{Code, OauthError};
use super::parameters::Parameters;
use super::request::{Answer, Pushed, Request};
use super::state::Accounts;
use super::{client_auth, form, noted, web};
use crate::attempts::Stage;
use crate::passing::PassingError;

pub const URN: &str = "urn:ietf:params:oauth:request_uri:";
/// Until the browser comes with it.
const LASTS: Duration = Duration::from_secs(90);
/// What stands in a push and is no part of the request.
const PROOFS: &[&str] = &["client_secret", "client_assertion", "client_assertion_type"];

/// `POST /oauth/par`
pub async fn push(State(accounts): State<Accounts>, request: HttpRequest) -> Response {
    web::readable(match pushed(&accounts, request).await {
        Ok(response) => response,
        Err(error) => {
            noted::is(Stage::Authorization);
            noted::refused_by(&error);
            error.into_response()
        }
    })
}

async fn pushed(accounts: &Accounts, request: HttpRequest) -> Result<Response, OauthError> {
    let (headers, parameters) = form::read(accounts, request).await?;
    if parameters.get("request_uri").is_some() {
        return Err(OauthError::invalid_request("`request_uri` can't be pushed (RFC 9126 §2.1)"));
    }
    if let Some(claimed) = parameters.get("client_id") {
        noted::client_id(claimed);
    }
    let client = client_auth::authenticate(accounts, &headers, &parameters, false).await?;
    // What would be refused at the authorization endpoint is refused here, where the client reads it.
    let private = accounts.clients.presets().private();
    let redirect = ask::redirect(&parameters, &client.metadata, &private)
        .map_err(|fault| OauthError::new(Code::InvalidRequest, fault))?;
    let ask = Ask::parse(&parameters, &accounts.public_url)?;
    let state = ask::state(&parameters)?.map(str::to_owned);
    let name = client.name.to_string();
    Request::of(accounts, name.clone(), Answer { redirect: redirect.to_string(), state }, ask)?;
    accounts
        .requests
        .pass(accounts.clock.instant())
        .map_err(|after| OauthError::too_many("too many sign-ins begin at the moment", after))?;
    let secret = accounts.passing.draw();
    let parameters = parameters.without(PROOFS);
    let stored = accounts.passing.create(&secret, &Pushed { client: name, parameters }, LASTS).await;
    stored.map_err(OauthError::unavailable)?;
    let told = json!({"request_uri": format!("{URN}{}", *secret), "expires_in": LASTS.as_secs()});
    Ok(web::json(StatusCode::CREATED, told.to_string()))
}

/// What was pushed under this name by this client; it is gone then.
pub async fn take(
    accounts: &Accounts,
    request_uri: &str,
    client: &ClientName,
) -> Result<Option<Parameters>, PassingError> {
    let Some(secret) = request_uri.strip_prefix(URN) else { return Ok(None) };
    let pushed = accounts.passing.take::<Pushed>(secret).await?;
    let own = pushed.filter(|pushed| pushed.client == client.to_string());
    Ok(own.map(|pushed| Parameters::of(pushed.parameters)))
}
