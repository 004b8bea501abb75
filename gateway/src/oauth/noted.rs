//! What a request at the accounts listener was of somebody's way in: noted where it is known, and told once it is answered
//! (`crate::attempts`). No code, no token, no state and no name of a person is noted.
//!
//! It lies beside the request's task, so that what is judged deep inside needs not be handed out by everything in between.

use std::cell::RefCell;

use events::GrantId;
use http::StatusCode;
use uuid::Uuid;

use super::client_id::ClientName;
use super::error::{Code, OauthError};
use super::request::Request;
use super::state::Shared;
use crate::attempts::{Recorder, Stage, Step, Visitor, Why};
use crate::request::resource::Address;

/// What is known so far of the present request.
#[derive(Default)]
struct Noted {
    /// Each step that it was.
    stages: Vec<Stage>,
    refused: Option<(Why, String)>,
    client: Option<String>,
    server: Option<String>,
    request: Option<Uuid>,
    grant: Option<GrantId>,
    redirect: Option<String>,
}

tokio::task_local! {
    static NOTED: RefCell<Noted>;
}

/// Answers a request, and tells what it was of an attempt.
pub async fn told<T>(recorder: Option<&Recorder>, visitor: Visitor, answer: impl Future<Output = T>) -> T {
    let Some(recorder) = recorder else { return answer.await };
    let (answer, noted) = NOTED
        .scope(RefCell::default(), async {
            let answer = answer.await;
            (answer, NOTED.with(RefCell::take))
        })
        .await;
    for step in noted.steps(recorder, &visitor) {
        recorder.tell(step);
    }
    answer
}

impl Noted {
    fn steps(self, recorder: &Recorder, visitor: &Visitor) -> Vec<Step> {
        let Self { stages, refused, client, server, request, grant, redirect } = self;
        let step = |stage| Step {
            client: client.clone(),
            server: server.clone(),
            request,
            grant,
            redirect: redirect.clone(),
            ..Step::new(recorder.now(), stage).by(visitor.clone())
        };
        let last = stages.len().saturating_sub(1);
        let made = |(at, stage): (usize, Stage)| match &refused {
            // What was refused was so at the last of them.
            Some((why, said)) if at == last => step(stage).refused(*why, said),
            Some(_) | None => step(stage),
        };
        stages.into_iter().enumerate().map(made).collect()
    }
}

fn note(change: impl FnOnce(&mut Noted)) {
    // Outside of a request, as in tests of one part, nobody is told.
    let _ = NOTED.try_with(|noted| change(&mut noted.borrow_mut()));
}

/// This request is that step, done unless it is refused.
pub fn is(stage: Stage) {
    note(|noted| noted.stages.push(stage));
}

/// The last step was refused. The first reason counts.
pub fn refused(why: Why, said: &str) {
    note(|noted| {
        noted.refused.get_or_insert_with(|| (why, without_queries(said)));
    });
}

/// The same with an error of the protocol's.
pub fn refused_by(error: &OauthError) {
    refused(why(error), error.description());
}

pub fn client(name: &ClientName) {
    client_id(&name.to_string());
}

pub fn client_id(id: &str) {
    note(|noted| noted.client = crate::attempts::kept(id));
}

pub fn server(address: &Address) {
    note(|noted| noted.server = Some(format!("{}/{}", address.organization, address.server)));
}

pub fn grant(grant: GrantId) {
    note(|noted| noted.grant = Some(grant));
}

/// Where the answer goes, without its query: a client may have written anything there.
pub fn redirect(address: &str) {
    let address = address.split('?').next().unwrap_or_default();
    note(|noted| noted.redirect = crate::attempts::kept(address));
}

/// The authorization request that this is about, by its secret name.
pub fn about(accounts: &Shared, id: &str, request: Option<&Request>) {
    let proof = accounts.passing.key().prove([b"attempt".as_slice(), id.as_bytes()]);
    let name = proof.first_chunk::<16>().map(|bytes| Uuid::from_bytes(*bytes));
    note(|noted| noted.request = name);
    if let Some(request) = request {
        of(accounts, request);
    }
}

/// Who asked for what.
pub fn of(accounts: &Shared, request: &Request) {
    client_id(&request.client);
    redirect(&request.answer.redirect);
    let origin = accounts.origin();
    let path = request.resource.strip_prefix(&origin).and_then(Address::of_path);
    if let Some(address) = path {
        server(&address);
    }
}

/// Addresses without what stands after `?`: a client may have written anything there.
fn without_queries(text: &str) -> String {
    let word = |word: &str| match word.split_once('?') {
        Some((address, _)) if address.contains("://") => address.to_owned(),
        Some(_) | None => word.to_owned(),
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn why(error: &OauthError) -> Why {
    if error.status() == StatusCode::TOO_MANY_REQUESTS {
        return Why::TooMany;
    }
    match error.code {
        Code::InvalidClient | Code::UnauthorizedClient => Why::ClientProof,
        Code::InvalidGrant => Why::Code,
        Code::InvalidScope => Why::Scope,
        Code::InvalidTarget => Why::Resource,
        Code::InvalidToken => Why::RegistrationToken,
        Code::InvalidRedirectUri => Why::Redirect,
        Code::InvalidClientMetadata => Why::Metadata,
        Code::AccessDenied => Why::RegistrationOff,
        Code::LoginRequired | Code::ConsentRequired => Why::Silent,
        Code::InvalidRequest
        | Code::UnsupportedGrantType
        | Code::UnsupportedResponseType
        | Code::UnsupportedTokenType
        | Code::RequestNotSupported => Why::Request,
        Code::ServerError | Code::TemporarilyUnavailable => Why::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use events::clock::SystemClock;

    use super::*;

    #[tokio::test]
    async fn a_request_is_its_steps_of_which_the_last_may_be_refused() {
        let (recorder, mut queue) = Recorder::new(Arc::new(SystemClock));
        let answer = told(Some(&recorder), Visitor::default(), async {
            is(Stage::Authorization);
            client_id("c");
            redirect("http://localhost:1/cb?secret=x");
            is(Stage::SignIn);
            refused(Why::Person, "nobody at https://a.example/cb?secret=x, why?");
            refused(Why::Issuer, "a second reason");
            7
        });
        assert_eq!(answer.await, 7);
        let steps: Vec<_> = std::iter::from_fn(|| queue.try_recv().ok()).collect();
        let seen: Vec<_> = steps.iter().map(|step| (step.stage, step.why, step.said.as_deref())).collect();
        assert_eq!(
            seen,
            [
                (Stage::Authorization, None, None),
                (Stage::SignIn, Some(Why::Person), Some("nobody at https://a.example/cb why?"))
            ]
        );
        assert!(steps.iter().all(|step| step.client.as_deref() == Some("c")));
        assert!(steps.iter().all(|step| step.redirect.as_deref() == Some("http://localhost:1/cb")));
        // What is none of them, and what nobody listens to, tells nothing.
        told(Some(&recorder), Visitor::default(), async { client_id("c") }).await;
        refused(Why::Person, "outside");
        assert!(queue.try_recv().is_err());
    }
}
