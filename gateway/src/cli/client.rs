//! A small client of the admin API: one connection, bounded answers, problems as errors.

use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use events::deep::Deep;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::error::CliError;
use crate::api::{AS_OF, IDEMPOTENCY_KEY, IdempotencyKey};
use crate::problem::{Kind, MEDIA_TYPE, Problem};

/// An answer of the API holds at most this many bytes.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;
const TIMEOUT: Duration = Duration::from_secs(40);
/// A command whose outcome is not known is sent again, under the same key, this often.
const REPEATS: u32 = 3;
const REPEAT_AFTER: Duration = Duration::from_secs(1);

pub struct Client {
    http: hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    base: Url,
    authorization: HeaderValue,
    /// Under which a command is sent; without it each has one of its own.
    idempotency_key: Option<String>,
    /// Of the first answer that said to be behind.
    as_of: OnceLock<String>,
}

/// Where the API is and with what key.
pub struct Target {
    pub base: Url,
    pub key: Zeroizing<String>,
    /// Certificate authorities; `None`: the public ones.
    pub roots: Option<rustls::RootCertStore>,
}

impl Client {
    pub fn new(target: Target) -> Result<Self, CliError> {
        let tls = match target.roots {
            Some(roots) => rustls::ClientConfig::builder().with_root_certificates(roots),
            None => rustls::ClientConfig::builder().with_webpki_roots(),
        }
        .with_no_client_auth();
        let https = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .build();
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", target.key.trim()))
            .map_err(|_| CliError::Usage("the admin key holds characters that no key has".to_owned()))?;
        authorization.set_sensitive(true);
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(https);
        Ok(Self { http, base: target.base, authorization, idempotency_key: None, as_of: OnceLock::new() })
    }

    pub async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Value, CliError> {
        let mut url = self.url(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query.iter().map(|(name, value)| (*name, value.as_str())));
        }
        self.send(Method::GET, &url, None, Bytes::new()).await
    }

    /// Commands are sent under this idempotency key from now on: the same one sent again is done once.
    pub fn send_as(&mut self, idempotency_key: Option<String>) {
        self.idempotency_key = idempotency_key;
    }

    /// Sends a command.
    pub async fn write(&self, method: Method, path: &str, body: &impl Serialize) -> Result<Value, CliError> {
        let url = self.url(path)?;
        let body = serde_json::to_vec(body).map_err(|error| CliError::Usage(error.to_string()))?;
        let body = Bytes::from(body);
        let key = self.idempotency_key.clone().unwrap_or_else(idempotency_key);
        for _ in 0..REPEATS {
            match self.send(method.clone(), &url, Some(&key), body.clone()).await {
                Err(CliError::Problem(problem)) if problem.is(Kind::OutcomeUnknown) => {
                    tokio::time::sleep(REPEAT_AFTER).await;
                }
                other => return other,
            }
        }
        self.send(method, &url, Some(&key), body).await
    }

    /// Up to when the answers know, if the read models were behind.
    pub fn as_of(&self) -> Option<&str> {
        self.as_of.get().map(String::as_str)
    }

    fn url(&self, path: &str) -> Result<Url, CliError> {
        self.base.join(path).map_err(|error| CliError::Usage(format!("`{path}`: {error}")))
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        url: &Url,
        key: Option<&str>,
        body: Bytes,
    ) -> Result<T, CliError> {
        let mut request = Request::builder()
            .method(method)
            .uri(url.as_str())
            .header(header::AUTHORIZATION, self.authorization.clone())
            .header(header::ACCEPT, "application/json, application/problem+json");
        if let Some(key) = key {
            request = request.header(IDEMPOTENCY_KEY, key).header(header::CONTENT_TYPE, "application/json");
        }
        let request =
            request.body(Full::new(body)).map_err(|error| CliError::Usage(format!("no request: {error}")))?;
        let origin = url.origin().ascii_serialization();
        let unreachable = |why: &dyn std::fmt::Display| {
            CliError::Unavailable(format!("the admin API at {origin} can't be reached: {why}"))
        };
        let answer = async {
            let answer = self.http.request(request).await.map_err(|error| unreachable(&causes(&error)))?;
            let (parts, body) = answer.into_parts();
            let body =
                Limited::new(body, MAX_ANSWER_BYTES).collect().await.map_err(|error| unreachable(&error))?;
            Ok::<_, CliError>((parts, body.to_bytes()))
        };
        let (parts, body) = match tokio::time::timeout(TIMEOUT, answer).await {
            Ok(answer) => answer?,
            Err(_) => return Err(unreachable(&format!("no answer within {} s", TIMEOUT.as_secs()))),
        };
        let media_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_problem = media_type.is_some_and(|media_type| media_type.starts_with(MEDIA_TYPE));
        if let Some(as_of) = parts.headers.get(AS_OF).and_then(|value| value.to_str().ok()) {
            self.as_of.get_or_init(|| as_of.to_owned());
        }
        if parts.status.is_success() && !is_problem {
            let Deep(answer) =
                serde_json::from_slice(&body).map_err(|_| not_the_api(&origin, parts.status))?;
            return Ok(answer);
        }
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) if is_problem => Err(CliError::Problem(Box::new(problem))),
            Ok(_) | Err(_) => Err(not_the_api(&origin, parts.status)),
        }
    }
}

fn not_the_api(origin: &str, status: StatusCode) -> CliError {
    CliError::Unavailable(format!(
        "what answers at {origin} (with {status}) is not Keyledger's admin API: name it with --api"
    ))
}

/// An error with what lies under it.
fn causes(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        words = format!("{words}: {cause}");
        next = cause.source();
    }
    words
}

/// A key that the header can hold: 1 to 255 visible characters of ASCII.
pub fn idempotency(text: &str) -> Result<String, String> {
    let fits = (1..=IdempotencyKey::MAX_BYTES).contains(&text.len());
    if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(text.to_owned());
    }
    Err(format!("1 to {} visible ASCII characters are asked for, without spaces", IdempotencyKey::MAX_BYTES))
}

fn idempotency_key() -> String {
    let (clock, random) = (events::clock::SystemClock, events::clock::SystemRandom);
    let key: Uuid = events::clock::uuid_v7(&clock, &random);
    key.to_string()
}
