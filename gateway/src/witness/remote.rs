//! A witness as others meet it: over HTTP, with a bound on everything.

use std::time::Duration;

use bytes::Bytes;
use events::tlog::{Hash, MAX_NOTE, Note, Signature};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use url::Url;

use super::origin_path;

/// For one answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A witness (C2SP tlog-witness) at this URL.
#[derive(Clone)]
pub struct Remote {
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: Url,
}

/// What it answered to a checkpoint.
#[derive(Debug)]
pub enum Added {
    Cosigned(Vec<Signature>),
    /// It has come to this size: the proof must begin there.
    From(u64),
}

#[derive(Debug, thiserror::Error)]
#[error("the witness at {url}: {problem}")]
pub struct RemoteError {
    pub url: Url,
    pub problem: String,
    /// It has judged what it was asked, and refuses it.
    pub refused: bool,
}

impl Remote {
    pub fn new(mut url: Url) -> Self {
        // A prefix, below which both addresses are.
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        let tls = rustls::ClientConfig::builder().with_webpki_roots().with_no_client_auth();
        let https = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .build();
        Self { http: Client::builder(TokioExecutor::new()).build(https), url }
    }

    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The newest checkpoint that it has cosigned; `None`: none of this log.
    pub async fn newest(&self, origin: &str) -> Result<Option<Note>, RemoteError> {
        let path = format!("checkpoint/{}", origin_path(origin));
        match self.ask("GET", &path, Bytes::new()).await? {
            (StatusCode::OK, text) => text
                .parse()
                .map(Some)
                .map_err(|error: events::tlog::NoteError| self.failed(&error.to_string())),
            (StatusCode::NOT_FOUND, _) => Ok(None),
            (status, text) => Err(self.failed(&format!("{status}: {}", text.trim_end()))),
        }
    }

    /// Hands it a checkpoint, with the proof that it goes on from the size that it knows.
    pub async fn add(&self, old: u64, proof: &[Hash], note: &Note) -> Result<Added, RemoteError> {
        let proof: String = proof.iter().map(|hash| format!("{hash}\n")).collect();
        let body = format!("old {old}\n{proof}\n{note}");
        match self.ask("POST", "add-checkpoint", body.into()).await? {
            (StatusCode::OK, text) => {
                let lines: Result<Vec<Signature>, _> = text.lines().map(str::parse).collect();
                lines.map(Added::Cosigned).map_err(|error| self.failed(&error.to_string()))
            }
            (StatusCode::CONFLICT, text) => match text.trim_end().parse() {
                Ok(size) => Ok(Added::From(size)),
                Err(_) => {
                    Err(self.failed("it refuses the checkpoint, and does not say from where it would go on"))
                }
            },
            (status, text) => {
                let error = self.failed(&format!("{status}: {}", text.trim_end()));
                Err(RemoteError { refused: status.is_client_error(), ..error })
            }
        }
    }

    async fn ask(&self, method: &str, path: &str, body: Bytes) -> Result<(StatusCode, String), RemoteError> {
        let url = self.url.join(path).map_err(|error| self.failed(&error.to_string()))?;
        let request = Request::builder().method(method).uri(url.as_str()).body(Full::new(body));
        let request = request.map_err(|error| self.failed(&error.to_string()))?;
        let answered = async {
            let answer = self.http.request(request).await.map_err(|error| self.failed(&error.to_string()))?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), MAX_NOTE).collect().await;
            let body = body.map_err(|error| self.failed(&error.to_string()))?.to_bytes();
            Ok((status, String::from_utf8_lossy(&body).into_owned()))
        };
        tokio::time::timeout(TIMEOUT, answered).await.map_err(|_| self.failed("no answer in time"))?
    }

    fn failed(&self, problem: &str) -> RemoteError {
        RemoteError { url: self.url.clone(), problem: problem.chars().take(300).collect(), refused: false }
    }
}
