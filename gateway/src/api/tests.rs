//! The router alone: what it answers before anything is known of a key, and that every answer is a problem.

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use domain::key::secret::{Pepper, Prefix};
use domain::{Dispatcher, SignError, Writer};
use events::clock::{SystemClock, SystemRandom};
use events::log::{
    AppendError, Batch, FollowError, Follower, History, Known, Log, ReadError, Stored, StreamInfo,
};
use events::position::Place;
use events::{Draft, LogId, PepperId, Position, Signed, Subject};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use projections::directory::gate::GateConfig;
use tower::ServiceExt;
use uuid::Uuid;

use super::*;
use crate::command::CommandParts;
use crate::issuers::{SignIn, SignInParts};
use crate::problem::MEDIA_TYPE;
use crate::upstream::{HyperUpstream, Resolver, UpstreamConfig};
use crate::vault::{
    Entries, IssuerCredentials, MasterKey, SealingKeys, Vault, VaultError, VaultName, WebhookSecrets,
};

mod waiting;

/// A log that nobody reaches.
struct Unreachable;

fn unavailable() -> ReadError {
    ReadError::Unavailable("nobody is there".to_owned())
}

#[async_trait]
impl Log for Unreachable {
    async fn id(&self) -> Result<LogId, ReadError> {
        Err(unavailable())
    }

    async fn append(&self, _: Batch) -> Result<Position, AppendError> {
        Err(AppendError::Unavailable("nobody is there".to_owned()))
    }

    async fn history_after(&self, _: &Subject, _: Known) -> Result<History, ReadError> {
        Err(unavailable())
    }

    async fn message(&self, _: u64) -> Result<Option<Stored>, ReadError> {
        Err(unavailable())
    }

    async fn info(&self) -> Result<StreamInfo, ReadError> {
        Err(unavailable())
    }

    async fn follow(&self, _: Option<Place>) -> Result<Follower, FollowError> {
        Err(FollowError::Unavailable("nobody is there".to_owned()))
    }
}

#[async_trait]
impl Writer for Unreachable {
    async fn sign(&self, _: Draft) -> Result<Signed, SignError> {
        Err(SignError::NoKey("nobody is there".to_owned()))
    }
}

#[async_trait]
impl Entries for Unreachable {
    async fn get(&self, _: &str) -> Result<Option<Bytes>, VaultError> {
        Err(VaultError::Unavailable { vault: "people", reason: "nobody is there".to_owned() })
    }

    async fn create(&self, _: &str, _: Bytes) -> Result<bool, VaultError> {
        Err(VaultError::Unavailable { vault: "people", reason: "nobody is there".to_owned() })
    }

    async fn replace(&self, _: &str, _: Bytes) -> Result<(), VaultError> {
        Err(VaultError::Unavailable { vault: "people", reason: "nobody is there".to_owned() })
    }

    async fn purge(&self, _: &str) -> Result<(), VaultError> {
        Err(VaultError::Unavailable { vault: "people", reason: "nobody is there".to_owned() })
    }

    async fn names(&self) -> Result<Vec<String>, VaultError> {
        Err(VaultError::Unavailable { vault: "people", reason: "nobody is there".to_owned() })
    }

    async fn swap(&self, _: &str, _: &Bytes, _: Bytes) -> Result<bool, VaultError> {
        Err(VaultError::Unavailable { vault: "people", reason: "nobody is there".to_owned() })
    }
}

/// The router of a node that has not caught up.
fn starting(settings: ApiSettings) -> Router {
    router(state(settings))
}

fn state(settings: ApiSettings) -> ApiState {
    crate::crypto::install();
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let directory = Arc::new(Directory::new());
    let gate = Arc::new(Gate::new(Arc::clone(&directory), clock.clone(), GateConfig::default()));
    let master = MasterKey::of(&[9; 32]).unwrap();
    let people = Vault::new(VaultName::People, Arc::new(Unreachable), master);
    ApiState::new(ApiParts {
        commands: Commands::new(CommandParts {
            dispatcher: Dispatcher::new(Arc::new(Unreachable), Arc::new(Unreachable), random.clone()),
            allowance: None,
            sealing: SealingKeys::new(people, clock.clone(), random.clone()),
            clock: clock.clone(),
            random: random.clone(),
        }),
        log: Arc::new(Unreachable),
        directory,
        gate,
        peppers: Peppers::one(Pepper::new(PepperId::new(Uuid::from_u128(1)), &[7; 32])),
        webhooks: WebhookSecrets::new(Vault::new(
            VaultName::People,
            Arc::new(Unreachable),
            MasterKey::of(&[9; 32]).unwrap(),
        )),
        control: Vault::new(VaultName::Control, Arc::new(Unreachable), MasterKey::of(&[8; 32]).unwrap()),
        presets: Arc::new(Presets::new(&[]).unwrap()),
        reads: None,
        fleet: Fleet::new(clock.clone()),
        members: None,
        checkpoints: None,
        access: None,
        attempts: None,
        issuer_credentials: IssuerCredentials::new(Vault::new(
            VaultName::Control,
            Arc::new(Unreachable),
            MasterKey::of(&[8; 32]).unwrap(),
        )),
        sign_in: SignIn::new(SignInParts {
            directory: Arc::new(Directory::new()),
            credentials: IssuerCredentials::new(Vault::new(
                VaultName::Control,
                Arc::new(Unreachable),
                MasterKey::of(&[8; 32]).unwrap(),
            )),
            upstream: HyperUpstream::new(
                UpstreamConfig::default(),
                Arc::new(Resolver::new().unwrap()),
                clock.clone(),
            ),
            redirect: "https://mcp.example.com/sign-in/callback".parse().unwrap(),
            clock: clock.clone(),
            random: random.clone(),
        }),
        passing: None,
        trials: Trials::new(HyperUpstream::new(
            UpstreamConfig::default(),
            Arc::new(Resolver::new().unwrap()),
            clock.clone(),
        )),
        clock,
        random,
        ending: CancellationToken::new(),
        settings,
    })
}

async fn ask(method: Method, path: &str) -> (Response<()>, Problem) {
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    let answer = starting(ApiSettings::new(Prefix::live(), &"https://mcp.example.com".parse().unwrap()))
        .oneshot(request)
        .await
        .unwrap();
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let problem = serde_json::from_slice(&body).unwrap_or_else(|_| panic!("no problem: {body:?}"));
    (Response::from_parts(parts, ()), problem)
}

#[tokio::test]
async fn what_is_no_route_is_a_problem() {
    let (answer, problem) = ask(Method::GET, "/api/v1/nothing").await;
    assert_eq!((answer.status(), problem.name()), (StatusCode::NOT_FOUND, "not-found"));
    assert_eq!(answer.headers()[header::CONTENT_TYPE], MEDIA_TYPE);
    assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    assert!(answer.headers().contains_key("x-request-id"));
}

#[tokio::test]
async fn a_wrong_method_is_a_problem_that_names_the_right_ones() {
    for method in [Method::PUT, Method::OPTIONS] {
        let (answer, problem) = ask(method, "/api/v1/organizations").await;
        assert_eq!((answer.status(), problem.name()), (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed"));
        let allowed = answer.headers()[header::ALLOW].to_str().unwrap();
        assert!(allowed.contains("GET") && allowed.contains("POST"), "{allowed}");
    }
}

#[tokio::test]
async fn a_closed_gate_answers_every_route_alike() {
    let document = serde_json::to_value(document::document()).unwrap();
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        // Served by the public listener.
        if path == "/api/v1/keys/verify" {
            continue;
        }
        for method in item.as_object().unwrap().keys() {
            let path = path.replace(['{', '}'], "");
            let (answer, problem) = ask(method.to_uppercase().parse().unwrap(), &path).await;
            assert_eq!((answer.status(), problem.name()), (StatusCode::SERVICE_UNAVAILABLE, "not-ready"));
            assert_eq!(answer.headers()[header::RETRY_AFTER], "1");
            asked += 1;
        }
    }
    assert!(asked > 30, "{asked}");
}

#[tokio::test]
async fn more_requests_than_the_bound_are_told_so() {
    let settings = ApiSettings {
        max_requests: 0,
        ..ApiSettings::new(Prefix::live(), &"https://mcp.example.com".parse().unwrap())
    };
    let request = Request::get("/api/v1/status").body(Body::empty()).unwrap();
    let answer = starting(settings).oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let problem: Problem = serde_json::from_slice(&body).unwrap();
    assert_eq!(problem.name(), "busy");
}
