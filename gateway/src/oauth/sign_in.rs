//! Signing in: at an issuer, or by a key for clients that speak OAuth alone.
//!
//! Before a browser leaves, a secret in a `__Host-` cookie binds what comes back to it: an answer that another browser
//! brings signs nobody in (login CSRF), and each sign-in draws its session anew (session fixation).

use std::sync::Arc;

use axum::extract::{Path, RawQuery, Request as HttpRequest, State};
use axum::response::{IntoResponse, Response};
use events::{AggregateType, Holder, IssuerId};
use http::{HeaderMap, StatusCode};
use projections::directory::IssuerEntry;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::acts;
use super::ask::{self, Prompt};
use super::authorize::{retry, unavailable_page};
use super::pages::{self, Asks, KeyForm, Provider, SignIn as SignInPage};
use super::parameters::Parameters;
use super::people;
use super::request::Request;
use super::session::Use;
use super::state::Accounts;
use super::web::{self, Cookie, Page};
use super::{form, noted, scope};
use crate::attempts::{Stage, Why};
use crate::issuers::{Callback, Kept};
use crate::passing::{Passes, PassingError};
use crate::vault::PassingKey;

/// A sign-in whose person is at an issuer.
#[derive(Serialize, Deserialize)]
struct Away {
    kept: Kept,
    /// The proof of the browser's cookie.
    browser: [u8; 32],
    next: Next,
}

impl Passes for Away {
    const KIND: &'static str = "sign-in";
}

/// Where a person goes on to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    Request(String),
    Invitation,
    Account,
}

/// A browser's sign-in cookie lasts so long, in seconds.
const COOKIE_LASTS: u64 = 3_600;
const LONGEST: usize = 4 * 1_024;

impl Next {
    /// Of a page's query.
    pub fn of(parameters: &Parameters) -> Self {
        match (parameters.get("request"), parameters.get("next")) {
            (Some(request), _) => Self::Request(request.to_owned()),
            (None, Some("invitation")) => Self::Invitation,
            (None, _) => Self::Account,
        }
    }

    fn query(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        match self {
            Self::Request(request) => query.append_pair("request", request),
            Self::Invitation => query.append_pair("next", "invitation"),
            Self::Account => &mut query,
        };
        query.finish()
    }

    pub fn page(&self) -> String {
        let page = match self {
            Self::Request(_) => "/consent",
            Self::Invitation => "/invitations/accept",
            Self::Account => "/account",
        };
        format!("{page}?{}", self.query())
    }

    pub fn sign_in(&self) -> String {
        format!("/sign-in?{}", self.query())
    }
}

/// `GET /sign-in`
pub async fn page(
    State(accounts): State<Accounts>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Some(next) = next(query.as_deref()) else { return unreadable() };
    shown(&accounts, &headers, &next, None).await
}

/// `GET /sign-in/{issuer}`
pub async fn start(
    State(accounts): State<Accounts>,
    Path(issuer): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Some(next) = next(query.as_deref()) else { return unreadable() };
    let Ok(issuer) = issuer.parse::<IssuerId>() else { return unreadable() };
    let begun = match accounts.sign_in.begin(issuer).await {
        Ok(begun) => begun,
        Err(error) => {
            note(&accounts, &next);
            noted::refused(Why::Issuer, &error.without_details());
            return shown(&accounts, &headers, &next, Some(&error.to_string())).await;
        }
    };
    let browser = browser(&accounts, &headers);
    let away = Away { browser: proof(&accounts.passing.key(), &browser), next, kept: begun.kept };
    let state = away.kept.state().to_owned();
    match accounts.passing.create(&state, &away, Kept::LASTS).await {
        Ok(true) => {
            let mut response = web::see_other(begun.redirect.as_str());
            Cookie::SIGN_IN.set(&mut response, &browser, COOKIE_LASTS);
            response
        }
        Ok(false) => retry("The sign-in could not be kept.").into_response(),
        Err(error) => unavailable_page(&error).into_response(),
    }
}

/// `GET /sign-in/callback`
pub async fn callback(
    State(accounts): State<Accounts>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    let callback = match Callback::parse(&query) {
        Ok(callback) => callback,
        Err(error) => return refused(&error.to_string()),
    };
    // Once: whoever brings it a second time finds nothing.
    let away = match accounts.passing.take::<Away>(callback.state.as_deref().unwrap_or_default()).await {
        Ok(Some(away)) => away,
        Ok(None) => {
            return refused("This sign-in has been finished already, has expired, or was never begun here.");
        }
        Err(error) => return unavailable_page(&error).into_response(),
    };
    note(&accounts, &away.next);
    let is_browsers = Cookie::SIGN_IN.of(&headers).is_some_and(|cookie| {
        accounts.passing.keys().iter().any(|key| proof(key, cookie).ct_eq(&away.browser).into())
    });
    if !is_browsers {
        noted::refused(Why::Browser, "Another browser brought the answer than the one that left.");
        return refused(
            "This browser did not begin the sign-in, or has lost the cookie that it was given then. Where a program opened its \
             own window, try again with your usual browser.",
        );
    }
    let identity = match accounts.sign_in.finish(&away.kept, &callback).await {
        Ok(identity) => identity,
        Err(error) => {
            noted::refused(Why::Issuer, &error.without_details());
            return shown(&accounts, &headers, &away.next, Some(&error.to_string())).await;
        }
    };
    let issuer = identity.issuer;
    let invited = away.next == Next::Invitation;
    match people::signed_in(&accounts, &identity, invited).await {
        Ok(person) => begin(&accounts, Holder::Person { id: person }, Some(issuer), &away.next).await,
        Err(failed) => {
            let problem = failed.to_string();
            noted::refused(Why::Person, &problem);
            shown(&accounts, &headers, &away.next, Some(&problem)).await
        }
    }
}

/// `POST /sign-in/key`
pub async fn by_key(State(accounts): State<Accounts>, request: HttpRequest) -> Response {
    let (headers, parameters) = match form::read(&accounts, request).await {
        Ok(read) => read,
        Err(error) => return refused(error.description()),
    };
    let next = Next::of(&parameters);
    let Next::Request(id) = &next else { return unreadable() };
    note(&accounts, &next);
    let cookie = Cookie::SIGN_IN.of(&headers);
    let token = parameters.get("token");
    let is_ours = cookie.is_some_and(|cookie| accounts.is_form_token(token, cookie, Use::SignInByKey, id));
    if !is_ours || web::is_cross_site(&headers) {
        let problem = "The form was not this browser's. Send it again.";
        noted::refused(Why::Browser, problem);
        return shown(&accounts, &headers, &next, Some(problem)).await;
    }
    let request = match accounts.passing.get::<Request>(id).await {
        Ok(Some(held)) => held.value,
        Ok(None) => return ended(),
        Err(error) => return unavailable_page(&error).into_response(),
    };
    noted::of(&accounts, &request);
    let key = parameters.get("key").unwrap_or_default().trim();
    let found = accounts.authenticator.find(key);
    let found = found.and_then(|principal| Ok(principal.check(accounts.clock.now()).map(|()| principal)?));
    let problem = match found {
        Ok(principal) => {
            let holder = acts::key_holder(&principal);
            let may = |holder: &Holder| {
                let held = accounts.held(*holder, None, request.organization);
                held.is_some_and(|held| scope::common(&request.scopes, &held).is_some())
            };
            if let Some(holder) = holder.filter(may) {
                return begin(&accounts, holder, None, &next).await;
            }
            "This key may not use what is asked for.".to_owned()
        }
        Err(error) => format!("The key does not work: {error}."),
    };
    noted::refused(Why::Key, &problem);
    shown(&accounts, &headers, &next, Some(&problem)).await
}

/// `POST /sign-out`
pub async fn out(State(accounts): State<Accounts>, request: HttpRequest) -> Response {
    let (headers, parameters) = match form::read(&accounts, request).await {
        Ok(read) => read,
        Err(error) => return refused(error.description()),
    };
    let next = Next::of(&parameters);
    let secret = Cookie::SESSION.of(&headers).unwrap_or_default();
    let matter = parameters.get("request").unwrap_or_default();
    let token = parameters.get("token");
    let is_ours = accounts.is_form_token(token, secret, Use::SignOut, matter);
    if !is_ours || web::is_cross_site(&headers) {
        return refused("The form was not this browser's. Go back, and send it again.");
    }
    if let Err(error) = accounts.end_session(&headers).await {
        return unavailable_page(&error).into_response();
    }
    let mut response = web::see_other(&next.sign_in());
    Cookie::SESSION.remove(&mut response);
    response
}

/// This is a step of a client's way in, where it is for one.
fn note(accounts: &Accounts, next: &Next) {
    if let Next::Request(id) = next {
        noted::is(Stage::SignIn);
        noted::about(accounts, id, None);
    }
}

/// Signs a browser in and sends it on.
async fn begin(accounts: &Accounts, holder: Holder, issuer: Option<IssuerId>, next: &Next) -> Response {
    if let Next::Request(id) = next
        && let Err(error) = signed_in_for(accounts, id).await
    {
        return unavailable_page(&error).into_response();
    }
    match accounts.begin_session(holder, issuer).await {
        Ok(secret) => {
            let mut response = web::see_other(&next.page());
            Cookie::SESSION.set(&mut response, &secret, accounts.settings.session_lasts().as_secs());
            response
        }
        Err(error) => unavailable_page(&error).into_response(),
    }
}

/// A request for which somebody must sign in anew (`prompt=login`): somebody has.
async fn signed_in_for(accounts: &Accounts, id: &str) -> Result<(), PassingError> {
    let Some(held) = accounts.passing.get::<Request>(id).await? else { return Ok(()) };
    if held.value.prompt == Prompt::Login {
        let request = Request { prompt: Prompt::AsNeeded, ..held.value.clone() };
        accounts.passing.swap(&held, &request, accounts.settings.request_lasts()).await?;
    }
    Ok(())
}

/// The page where a way to sign in is chosen.
async fn shown(accounts: &Accounts, headers: &HeaderMap, next: &Next, problem: Option<&str>) -> Response {
    let request = match next {
        Next::Request(id) => match accounts.passing.get::<Request>(id).await {
            Ok(Some(held)) => Some((id.as_str(), held.value)),
            Ok(None) => return ended(),
            Err(error) => return unavailable_page(&error).into_response(),
        },
        Next::Invitation | Next::Account => None,
    };
    let issuers = match &request {
        Some((_, request)) => {
            noted::of(accounts, request);
            accounts.directory.issuers_for(request.organization)
        }
        None => accounts
            .directory
            .issuers()
            .into_iter()
            .filter(|issuer| accounts.directory.issuer_stands(issuer.id))
            .collect(),
    };
    let browser = browser(accounts, headers);
    let wanted: Vec<_> = issuers.iter().map(|issuer| (AggregateType::Issuer, issuer.id.uuid())).collect();
    let mut known = accounts.names.of(&wanted).await;
    let name = |issuer: &Arc<IssuerEntry>| {
        (issuer.id, known.remove(&issuer.id.uuid()).unwrap_or_else(|| issuer.slug.to_string()))
    };
    let names: Vec<_> = issuers.iter().map(name).collect();
    let providers = names
        .iter()
        .map(|(id, name)| Provider { name, href: format!("/sign-in/{id}?{}", next.query()) })
        .collect();
    let token = request.as_ref().map(|(id, _)| accounts.form_token(&browser, Use::SignInByKey, id));
    let asked = request.as_ref().map(|(_, request)| people::named(accounts, request));
    let page = SignInPage {
        asks: asked.as_ref().map(|asked| Asks {
            client: &asked.client,
            server: &asked.server,
            organization: &asked.organization,
        }),
        problem,
        providers,
        key_form: request
            .as_ref()
            .zip(token.as_deref())
            .map(|((request, _), token)| KeyForm { request, token }),
    };
    let status = if problem.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let mut response = Page::ok(pages::render(&page)).with_status(status).into_response();
    Cookie::SIGN_IN.set(&mut response, &browser, COOKIE_LASTS);
    response
}

/// What the browser is known by while it signs in: what it has, or a new one. The same at each look, so that several
/// pages at once all work.
fn browser(accounts: &Accounts, headers: &HeaderMap) -> Zeroizing<String> {
    let has = Cookie::SIGN_IN.of(headers).filter(|cookie| cookie.len() == 43);
    has.map_or_else(|| accounts.passing.draw(), |cookie| Zeroizing::new(cookie.to_owned()))
}

fn proof(key: &PassingKey, browser: &str) -> [u8; 32] {
    key.prove([b"browser".as_slice(), browser.as_bytes()])
}

pub fn next(query: Option<&str>) -> Option<Next> {
    Parameters::parse(query.unwrap_or_default().as_bytes(), LONGEST.min(ask::MAX_BYTES))
        .ok()
        .map(|parameters| Next::of(&parameters))
}

fn unreadable() -> Response {
    refused("The address can't be read.")
}

fn refused(detail: &str) -> Response {
    let advice = Some("Go back to the program that sent you here, and connect again.");
    Page::told(StatusCode::BAD_REQUEST, "You are not signed in", detail, advice).into_response()
}

/// The request is answered, or its time is over.
pub fn ended() -> Response {
    Page::told(
        StatusCode::BAD_REQUEST,
        "This request has ended",
        "It was answered already, or took too long.",
        Some("Go back to the program that sent you here, and connect again."),
    )
    .into_response()
}
