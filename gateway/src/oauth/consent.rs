//! Consent: a person, or whoever holds a key, decides what a client may do, on a page that says who asks.
//!
//! Nothing is decided by looking: a decision is a form of this browser's, with a proof that no other site has. What was
//! consented to before, by the same holder for the same client and server, is not asked for again.

use axum::extract::{RawQuery, Request as HttpRequest, State};
use axum::response::{IntoResponse, Response};
use events::clock::uuid_v7;
use events::{GrantId, Holder, ScopeSet};
use http::{HeaderMap, StatusCode};

use super::acts;
use super::ask::Prompt;
use super::authorize::{gone, retry, told, unavailable_page};
use super::client_id::ClientName;
use super::clients::Client;
use super::code::{self, Code};
use super::error::{Code as ErrorCode, OauthError};
use super::pages::{self, Answers, Claimed, Consent as ConsentPage};
use super::people;
use super::redirect::RedirectUri;
use super::request::Request;
use super::session::{Active, Use};
use super::sign_in::{self, Next, ended};
use super::state::Accounts;
use super::web::{self, Page};
use super::{form, noted, scope};
use crate::attempts::{Stage, Why};

/// What a decision is about.
struct Matter {
    id: String,
    request: Request,
    client: Client,
    active: Active,
    /// What may be granted of what is asked for.
    scopes: ScopeSet,
}

/// `GET /consent`
pub async fn page(
    State(accounts): State<Accounts>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Some(Next::Request(id)) = sign_in::next(query.as_deref()) else { return ended() };
    let matter = match matter(&accounts, &headers, id).await {
        Ok(matter) => matter,
        Err(response) => return response,
    };
    let known = acts::consented(&accounts, &matter.client, &matter.request, matter.active.session.holder);
    let covers = known.is_some_and(|known| matter.scopes.iter().all(|wanted| known.covers(wanted)));
    // A program on this machine is whoever listens there, whatever other addresses its client has: for it, consent is never
    // assumed.
    let private = accounts.clients.presets().private();
    let redirect = RedirectUri::parse(&matter.request.answer.redirect, &private);
    let is_known = covers && redirect.is_ok_and(|redirect| redirect.is_proved());
    match matter.request.prompt {
        Prompt::AsNeeded | Prompt::None | Prompt::Login if is_known => allowed(&accounts, matter).await,
        Prompt::None => {
            noted::is(Stage::Consent);
            noted::about(&accounts, &matter.id, Some(&matter.request));
            let error =
                OauthError::new(ErrorCode::ConsentRequired, "consent is needed, and nothing may be shown");
            told(&accounts, &matter.request.answer, &error)
        }
        Prompt::AsNeeded | Prompt::Login | Prompt::Consent => shown(&accounts, &matter, covers).await,
    }
}

/// `POST /consent`
pub async fn decide(State(accounts): State<Accounts>, request: HttpRequest) -> Response {
    let (headers, parameters) = match form::read(&accounts, request).await {
        Ok(read) => read,
        Err(error) => return told_page(error.description()),
    };
    let id = parameters.get("request").unwrap_or_default().to_owned();
    let matter = match matter(&accounts, &headers, id).await {
        Ok(matter) => matter,
        Err(response) => return response,
    };
    let token = parameters.get("token");
    let is_ours = accounts.is_form_token(token, matter.active.secret(), Use::Consent, &matter.id);
    if !is_ours || web::is_cross_site(&headers) {
        noted::is(Stage::Consent);
        noted::about(&accounts, &matter.id, Some(&matter.request));
        noted::refused(Why::Browser, "The decision was not sent by the page that was shown.");
        return told_page(
            "The decision was not sent by the page that you were shown. Go back, load it anew, and decide again.",
        );
    }
    match parameters.get("decision") {
        Some("allow") => allowed(&accounts, matter).await,
        Some("deny") => denied(&accounts, &matter).await,
        _ => told_page("The form says neither to allow nor to deny it."),
    }
}

async fn denied(accounts: &Accounts, matter: &Matter) -> Response {
    noted::is(Stage::Consent);
    noted::about(accounts, &matter.id, Some(&matter.request));
    noted::refused(Why::Denied, "The person did not allow it.");
    match accounts.passing.take::<Request>(&matter.id).await {
        Ok(Some(request)) => {
            let error = OauthError::new(ErrorCode::AccessDenied, "the person did not allow it");
            told(accounts, &request.answer, &error)
        }
        Ok(None) => ended(),
        Err(error) => unavailable_page(&error).into_response(),
    }
}

/// The consent becomes an event, and the client gets its code.
async fn allowed(accounts: &Accounts, matter: Matter) -> Response {
    let Matter { id, request, client, active, scopes } = matter;
    let holder = active.session.holder;
    noted::is(Stage::Consent);
    noted::about(accounts, &id, Some(&request));
    // Once: two decisions at the same time give one code.
    match accounts.passing.take::<Request>(&id).await {
        Ok(Some(_)) => {}
        Ok(None) => return ended(),
        Err(error) => return unavailable_page(&error).into_response(),
    }
    if let Err(failed) = acts::consent(accounts, &client, &request, holder, &scopes).await {
        let problem = failed.to_string();
        noted::refused(Why::Unavailable, &problem);
        return told_page(&problem);
    }
    let now = accounts.clock.now();
    let lasts = accounts.settings.code_lasts();
    let answer = request.answer.clone();
    let code = Code {
        request,
        holder,
        scopes,
        issuer: active.session.issuer,
        grant: GrantId::new(uuid_v7(&*accounts.clock, &*accounts.random)),
        redemption: uuid_v7(&*accounts.clock, &*accounts.random),
        issued_at: now,
        ends_at: now.saturating_add(lasts),
        state: code::State::Issued,
    };
    noted::grant(code.grant);
    let secret = accounts.passing.draw();
    // One that was redeemed is remembered for longer, so that its replay is seen.
    match accounts.passing.create(&secret, &code, lasts + code::REMEMBERED).await {
        Ok(true) => {}
        Ok(false) => return retry("The code could not be kept.").into_response(),
        Err(error) => return unavailable_page(&error).into_response(),
    }
    let private = accounts.clients.presets().private();
    match answer.code(&secret, &accounts.issuer, &private) {
        Some(to) => web::see_other(&to),
        None => gone().into_response(),
    }
}

/// Who decides what; or the answer where nobody can.
async fn matter(accounts: &Accounts, headers: &HeaderMap, id: String) -> Result<Matter, Response> {
    let unavailable = |error| unavailable_page(&error).into_response();
    let held = accounts.passing.get::<Request>(&id).await.map_err(unavailable)?;
    let request = held.ok_or_else(ended)?.value;
    let session = accounts.session(headers).await.map_err(unavailable)?;
    let Some(active) = session else { return Err(web::see_other(&Next::Request(id).sign_in())) };
    if request.prompt == Prompt::Login {
        // Nobody has signed in for it yet: a session of before is not what was asked for.
        return Err(web::see_other(&Next::Request(id).sign_in()));
    }
    let name = ClientName::parse(&request.client, accounts.takes_plain_documents()).map_err(|_| ended())?;
    let found = accounts.clients.find(&name, accounts.clients.due()).await;
    let client = found.map_err(|fault| {
        retry(&format!("The program that asks can't be looked up: {fault}.")).into_response()
    })?;
    let holder = active.session.holder;
    let refused = |why: Why, problem: &str| {
        noted::is(Stage::Consent);
        noted::about(accounts, &id, Some(&request));
        noted::refused(why, problem);
        no_right(accounts, &id, &active, problem)
    };
    if let Err((why, problem)) = acts::may_use(accounts, &client, &request) {
        return Err(refused(why, &problem));
    }
    let held = accounts.held(holder, active.session.issuer, request.organization);
    match held.and_then(|held| scope::common(&request.scopes, &held)) {
        Some(scopes) => Ok(Matter { id, request, client, active, scopes }),
        None => Err(refused(Why::NoRight, "You have no right on this server that it could be given.")),
    }
}

async fn shown(accounts: &Accounts, matter: &Matter, known: bool) -> Response {
    let Matter { id, request, client, active, scopes } = matter;
    let private = accounts.clients.presets().private();
    let Ok(redirect) = RedirectUri::parse(&request.answer.redirect, &private) else {
        return gone().into_response();
    };
    let named = people::well_named(accounts, request).await;
    let name = people::client_name(accounts, client).await;
    let holder = people::holder_name(accounts, active.session.holder).await;
    let mut warnings = Vec::new();
    if !redirect.is_proved() {
        warnings.push(
            "The answer stays on the machine of whoever began this. Nobody can tell which program there asks: allow it only if \
             you have just begun it yourself, on this machine.",
        );
    }
    if !known {
        warnings.push("You have not allowed this before.");
    }
    if client.is_self_registered() {
        warnings.push("It has registered itself, and nobody has checked what it calls itself.");
    }
    let days = accounts.settings.grant_days;
    let duration = match active.session.holder {
        Holder::Person { .. } => {
            format!("For at most {days} days, or until you end it at {}.", accounts.issuer.at("/account"))
        }
        Holder::Key { .. } => format!("For at most {days} days, and never longer than your key."),
    };
    let page = ConsentPage {
        client: Claimed { host: &named.client, name: name.as_deref() },
        redirect: Answers {
            host: redirect.shown(),
            is_loopback: redirect.is_loopback(),
            address: redirect.as_str(),
        },
        server: &named.server,
        organization: &named.organization,
        holder: &holder,
        scopes: scopes.iter().map(scope::words).collect(),
        warnings,
        duration: &duration,
        request: id,
        token: &accounts.form_token(active.secret(), Use::Consent, id),
        sign_out_token: &accounts.form_token(active.secret(), Use::SignOut, id),
    };
    Page::ok(pages::render(&page)).leading_to(redirect.source()).into_response()
}

/// Who is signed in may not: perhaps somebody else may.
fn no_right(accounts: &Accounts, id: &str, active: &Active, problem: &str) -> Response {
    let page = pages::NoRight {
        problem,
        request: id,
        sign_out_token: &accounts.form_token(active.secret(), Use::SignOut, id),
    };
    Page::ok(pages::render(&page)).with_status(StatusCode::FORBIDDEN).into_response()
}

fn told_page(detail: &str) -> Response {
    Page::told(StatusCode::BAD_REQUEST, "Nothing was decided", detail, None).into_response()
}
