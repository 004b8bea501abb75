//! The authorization endpoint: what is asked is judged as the provider would, and somebody signs in.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, Uri, header};
use url::Url;

use crate::behaviour::Endpoint;
use crate::discovery::is_known;
use crate::parameters::Parameters;
use crate::person::Person;
use crate::realm::{Realm, Version};
use crate::refusal::Refusal;
use crate::scopes::{self, Scopes};
use crate::sign_in;
use crate::state::{Given, Pending, Shared};

pub(crate) async fn get(State(shared): State<Arc<Shared>>, headers: HeaderMap, uri: Uri) -> Response {
    let parameters = Parameters::parse(uri.query().unwrap_or_default());
    authorize(&shared, &headers, uri.path(), &parameters).await
}

pub(crate) async fn post(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    uri: Uri,
    body: String,
) -> Response {
    authorize(&shared, &headers, uri.path(), &Parameters::parse(&body)).await
}

async fn authorize(shared: &Shared, headers: &HeaderMap, path: &str, parameters: &Parameters) -> Response {
    if let Some(fault) = shared.meet(Endpoint::Authorize, path, parameters).await {
        return fault;
    }
    let pending = match asked(shared, Realm::of(path), parameters) {
        Ok(pending) => pending,
        Err(refused) => return refused.response(shared),
    };
    let (answers, user, people) = {
        let state = shared.state();
        let user = parameters.get("mock_user").map(str::to_owned).or_else(|| cookie(headers));
        (
            state.behaviour.answers.clone(),
            user.or_else(|| state.behaviour.signs_in.clone()),
            state.people.clone(),
        )
    };
    if let Some(error) = answers {
        return back(shared, &pending, &[("error", &error), ("error_description", "as the test wants it")]);
    }
    let prompt = parameters.get("prompt");
    match user {
        Some(user) => match people.iter().find(|person| person.user == user) {
            Some(person) => sign_in(shared, pending, person),
            None => Refusal::entra("access_denied", "AADSTS50034", format!("there is no {user} here")).page(),
        },
        None if prompt == Some("none") => {
            let description = "AADSTS50058: A silent sign-in request was sent but no user is signed in.";
            back(shared, &pending, &[("error", "login_required"), ("error_description", description)])
        }
        None => {
            let name = shared.draw();
            let page = sign_in::page(&name, &pending, &people, parameters.get("login_hint"));
            shared.state().pending.insert(name, pending);
            page
        }
    }
}

/// Why somebody can't sign in, and whom that is told.
enum Refused {
    /// The person: nobody knows where to send them.
    Here(Refusal),
    Back(Box<Pending>, Refusal),
}

impl Refused {
    fn response(&self, shared: &Shared) -> Response {
        match self {
            Self::Here(refusal) => refusal.page(),
            Self::Back(pending, refusal) => {
                back(shared, pending, &[("error", refusal.error), ("error_description", &refusal.told())])
            }
        }
    }
}

fn asked(shared: &Shared, realm: Realm, parameters: &Parameters) -> Result<Pending, Refused> {
    let state = shared.state();
    if !is_known(&realm, &state.people) {
        return Err(Refused::Here(Refusal::entra("invalid_tenant", "AADSTS90002", "Tenant was not found.")));
    }
    let id = parameters.get("client_id").ok_or_else(|| Refused::Here(Refusal::missing("client_id")))?;
    let client = state.client(id).ok_or_else(|| Refused::Here(Refusal::unknown_client(id)))?.clone();
    let redirect = parameters.get("redirect_uri").unwrap_or_default();
    if !client.redirects.iter().any(|known| known == redirect) {
        let description = format!(
            "The redirect URI '{redirect}' specified in the request does not match the redirect URIs configured for \
             the application '{id}'."
        );
        return Err(Refused::Here(Refusal::entra("invalid_request", "AADSTS50011", description)));
    }
    let mut pending = Pending {
        realm,
        client,
        redirect: redirect.to_owned(),
        state: parameters.get("state").map(str::to_owned),
        nonce: parameters.get("nonce").map(str::to_owned),
        challenge: parameters.get("code_challenge").map(str::to_owned),
        scopes: Scopes::default(),
    };
    let judged = judge(&pending, parameters)
        .and_then(|()| scopes_of(&pending.realm, &pending, parameters, &state.clients))
        .and_then(|scopes| {
            let every = state.behaviour.refuses_every_resource;
            resource(&pending.realm, parameters, &scopes, every).map(|()| scopes)
        });
    match judged {
        Ok(scopes) => {
            pending.scopes = scopes;
            Ok(pending)
        }
        Err(refusal) => Err(Refused::Back(Box::new(pending), refusal)),
    }
}

fn judge(pending: &Pending, parameters: &Parameters) -> Result<(), Refusal> {
    if let Some(twice) = &parameters.twice {
        return Err(Refusal::request(format!("{twice} came more than once")));
    }
    if parameters.get("response_type") != Some("code") {
        return Err(Refusal::new("unsupported_response_type", "response_type is code here"));
    }
    if parameters.get("response_mode").is_some_and(|mode| mode != "query") {
        return Err(Refusal::request("response_mode is query here"));
    }
    if pending.challenge.is_some() && parameters.get("code_challenge_method") != Some("S256") {
        return Err(Refusal::request("code_challenge_method is S256 here"));
    }
    if pending.challenge.is_none() && pending.client.is_public() {
        let description = "Proof Key for Code Exchange is required for a public client.";
        return Err(Refusal::entra("invalid_request", "AADSTS9002325", description));
    }
    Ok(())
}

fn scopes_of(
    realm: &Realm,
    pending: &Pending,
    parameters: &Parameters,
    apps: &[crate::Client],
) -> Result<Scopes, Refusal> {
    let asked = parameters.get("scope");
    match realm {
        Realm::OpenId => scopes::openid(asked),
        Realm::Entra { version: Version::V2, .. } => scopes::entra(asked, &pending.client, apps),
        // Version 1 asks for a resource instead, and the app's permissions are its scopes.
        Realm::Entra { version: Version::V1, .. } => {
            let resource = parameters.get("resource").map(str::to_owned);
            let all = asked.unwrap_or("openid").split(' ').map(str::to_owned).collect();
            Ok(Scopes { all, resource })
        }
    }
}

/// What Entra ID's version 2 says of `resource` (RFC 8707), which it does not know.
pub(crate) fn resource(
    realm: &Realm,
    parameters: &Parameters,
    scopes: &Scopes,
    refuses_every: bool,
) -> Result<(), Refusal> {
    let (Realm::Entra { version: Version::V2, .. }, Some(resource)) = (realm, parameters.get("resource"))
    else {
        return Ok(());
    };
    if refuses_every {
        let description = "The 'resource' request parameter is not supported.";
        return Err(Refusal::entra("invalid_request", "AADSTS901002", description));
    }
    if scopes.resource.as_deref() != Some(resource) {
        let description =
            "The resource parameter provided in the request doesn't match with the requested scopes.";
        return Err(Refusal::entra("invalid_target", "AADSTS9010010", description));
    }
    Ok(())
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    cookies.split("; ").find_map(|cookie| cookie.strip_prefix("mock_user=")).map(str::to_owned)
}

/// A person has proved who they are: they go back with a code, if they may.
pub(crate) fn sign_in(shared: &Shared, pending: Pending, person: &Person) -> Response {
    let tenant = pending.realm.tenant().unwrap_or(&person.tenant).to_owned();
    let only = pending.client.tenant.as_deref().is_none_or(|only| only == tenant);
    if pending.realm.is_entra() && !(person.is_of(&tenant) && only) {
        let description = format!(
            "User account '{}' from identity provider does not exist in tenant '{tenant}' and cannot access the \
             application '{}' in that tenant.",
            person.user, pending.client.id
        );
        return Refusal::entra("access_denied", "AADSTS50020", description).page();
    }
    let code = shared.draw();
    let response = back(shared, &pending, &[("code", &code)]);
    let until = shared.now() + 600;
    shared.state().codes.insert(code, Given { asked: pending, person: person.clone(), tenant, until });
    response
}

/// Sends the person back to the client with these, and with what always goes along.
pub(crate) fn back(shared: &Shared, pending: &Pending, answer: &[(&str, &str)]) -> Response {
    let Ok(mut address) = Url::parse(&pending.redirect) else {
        return Refusal::request("the redirect address is none").page();
    };
    let issuer = match (&pending.realm, &shared.state().behaviour.answer_issuer) {
        (Realm::Entra { .. }, None) => None,
        (Realm::OpenId, None) => Some(shared.base.clone()),
        (_, Some(other)) => Some(other.clone()).filter(|other| !other.is_empty()),
    };
    {
        let mut query = address.query_pairs_mut();
        query.extend_pairs(answer);
        if let Some(state) = &pending.state {
            query.append_pair("state", state);
        }
        if let Some(issuer) = issuer {
            query.append_pair("iss", &issuer);
        }
        if pending.realm.is_entra() {
            query.append_pair("session_state", "00000000-0000-4000-8000-000000000000");
        }
    }
    (StatusCode::FOUND, [(header::LOCATION, address.to_string()), (header::CACHE_CONTROL, "no-store".into())])
        .into_response()
}
