//! The authorization endpoint (RFC 6749 §3.1): a request is judged, kept, and the browser sent on to sign in or to consent.

use axum::extract::{Request as HttpRequest, State};
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};

use super::ask::{self, Ask, Prompt, Untold};
use super::clients::ClientFault;
use super::error::{Code, OauthError};
use super::noted;
use super::parameters::Parameters;
use super::remote::FetchFault;
use super::request::{Answer, Request};
use super::state::Accounts;
use super::web::{self, Page};
use super::{form, par};
use crate::attempts::{Stage, Why};
use crate::passing::PassingError;

/// Why a browser is not sent on, and its client told nothing.
pub enum Shown {
    Page(Page),
    /// The client is told by a redirect.
    Told(Answer, OauthError),
}

/// `GET` and `POST /oauth/authorize`
pub async fn authorize(State(accounts): State<Accounts>, request: HttpRequest) -> Response {
    noted::is(Stage::Authorization);
    match begun(&accounts, request).await {
        Ok(response) => response,
        Err(Shown::Page(page)) => page.into_response(),
        Err(Shown::Told(answer, error)) => told(&accounts, &answer, &error),
    }
}

/// Sends an error to the client, by the browser.
pub fn told(accounts: &Accounts, answer: &Answer, error: &OauthError) -> Response {
    noted::refused_by(error);
    tracing::debug!(%error, "an authorization request is refused");
    let private = accounts.clients.presets().private();
    match answer.error(error, &accounts.issuer, &private) {
        Some(to) => web::see_other(&to),
        None => gone().into_response(),
    }
}

/// The client's address is no longer one that is answered to.
pub fn gone() -> Page {
    Page::told(
        StatusCode::BAD_REQUEST,
        "The answer can't be sent",
        "The address that the answer would go to is not allowed any more.",
        None,
    )
}

async fn begun(accounts: &Accounts, request: HttpRequest) -> Result<Response, Shown> {
    let (headers, parameters) = read(accounts, request).await?;
    let plain = accounts.takes_plain_documents();
    let name = ask::client(&parameters, plain).map_err(untold)?;
    noted::client(&name);
    let parameters = match parameters.get("request_uri") {
        None => parameters,
        Some(uri) => par::take(accounts, uri, &name).await.map_err(unavailable)?.ok_or_else(|| {
            untold_page(
                Why::PushedGone,
                "The pushed request (`request_uri`) has been used, has expired, or is another client's.",
            )
        })?,
    };
    let client = accounts.clients.find(&name, accounts.clients.due()).await.map_err(client_fault)?;
    let private = accounts.clients.presets().private();
    let redirect = ask::redirect(&parameters, &client.metadata, &private).map_err(untold)?;
    noted::redirect(redirect.as_str());
    // From here on the client is told what is wrong.
    let state = ask::state(&parameters);
    let kept = state.as_ref().ok().copied().flatten().map(str::to_owned);
    let answer = Answer { redirect: redirect.to_string(), state: kept };
    let tell = |error: OauthError| Shown::Told(answer.clone(), error);
    state.map_err(tell)?;
    let ask = Ask::parse(&parameters, &accounts.public_url).map_err(tell)?;
    let request = Request::of(accounts, name.to_string(), answer.clone(), ask).map_err(tell)?;
    noted::of(accounts, &request);
    accounts.requests.pass(accounts.clock.instant()).map_err(|_| {
        noted::refused(Why::TooMany, "Too many sign-ins begin at the moment.");
        tell(OauthError::new(
            Code::TemporarilyUnavailable,
            "too many sign-ins begin at the moment: try again",
        ))
    })?;
    // The first of all publishes the first key: it is known everywhere by the time that the person has decided.
    if let Err(error) = accounts.token_keys.ensure().await {
        tracing::warn!(%error, "no key that signs access tokens could be published");
    }
    let session = accounts.session(&headers).await.map_err(unavailable)?;
    if request.prompt == Prompt::None && session.is_none() {
        return Err(tell(OauthError::new(
            Code::LoginRequired,
            "nobody is signed in, and nothing may be shown",
        )));
    }
    let secret = accounts.passing.draw();
    noted::about(accounts, &secret, None);
    let lasts = accounts.settings.request_lasts();
    accounts.passing.create(&secret, &request, lasts).await.map_err(unavailable)?;
    let goes_on = session.is_some() && request.prompt != Prompt::Login;
    if goes_on {
        noted::is(Stage::SignIn);
    }
    let page = if goes_on { "/consent" } else { "/sign-in" };
    Ok(web::see_other(&format!("{page}?request={}", *secret)))
}

async fn read(accounts: &Accounts, request: HttpRequest) -> Result<(http::HeaderMap, Parameters), Shown> {
    if request.method() == Method::POST {
        return form::read(accounts, request)
            .await
            .map_err(|error| untold_page(Why::Request, error.description()));
    }
    let (head, _) = request.into_parts();
    let query = head.uri.query().unwrap_or_default();
    let parameters = Parameters::parse(query.as_bytes(), ask::MAX_BYTES)
        .map_err(|fault| untold_page(Why::Request, &format!("The request can't be read: {fault}.")))?;
    Ok((head.headers, parameters))
}

fn untold(fault: Untold) -> Shown {
    let why = match fault {
        Untold::NoClient | Untold::ClientName(_) => Why::ClientUnknown,
        Untold::NoRedirect | Untold::Redirect { .. } => Why::Redirect,
    };
    untold_page(why, &fault.to_string())
}

/// An open redirector is who sends errors to an address that nobody vouches for: so these are shown here.
fn untold_page(why: Why, detail: &str) -> Shown {
    noted::refused(why, detail);
    Shown::Page(Page::told(
        StatusCode::BAD_REQUEST,
        "This sign-in can't begin",
        detail,
        Some(
            "Go back to the program that sent you here, and connect again. If that does not help, tell whoever runs it.",
        ),
    ))
}

fn client_fault(fault: ClientFault) -> Shown {
    match fault {
        ClientFault::Unknown => untold_page(
            Why::ClientUnknown,
            "The program that sent you here is not known here, or its registration has ended: it must register again.",
        ),
        ClientFault::Disabled => untold_page(
            Why::ClientDisabled,
            "The program that sent you here is disabled here: ask whoever runs this gateway.",
        ),
        ClientFault::Closed => {
            Shown::Page(retry("An event about the program can't be read by this version."))
        }
        ClientFault::Document(FetchFault::Unfit(problem)) => untold_page(
            Why::DocumentUnfit,
            &format!(
                "The program that sent you here describes itself in a way that is not taken: {problem}."
            ),
        ),
        ClientFault::Document(fault) => {
            let problem = format!("What the program says of itself can't be had: {fault}.");
            noted::refused(Why::DocumentAway, &problem);
            Shown::Page(retry(&problem))
        }
        ClientFault::Passing(error) => unavailable(error),
    }
}

pub fn unavailable(error: PassingError) -> Shown {
    Shown::Page(unavailable_page(&error))
}

pub fn unavailable_page(error: &PassingError) -> Page {
    tracing::warn!(%error, "the authorization server's entries can't be reached");
    retry("What sign-in rests on can't be reached at the moment.")
}

/// Perhaps in a moment.
pub fn retry(detail: &str) -> Page {
    noted::refused(Why::Unavailable, detail);
    let advice = Some("Try again in a moment.");
    Page::told(StatusCode::SERVICE_UNAVAILABLE, "Not now", detail, advice)
}
