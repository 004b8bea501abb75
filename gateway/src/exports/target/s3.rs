//! S3-compatible storage: a file is one PUT, signed by AWS Signature Version 4, with its SHA-256, under the condition that
//! nothing has its name.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use events::clock::Clock;
use http::header::{CONTENT_LENGTH, IF_NONE_MATCH, USER_AGENT};
use http::{Request, StatusCode};
use http_body_util::Full;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};

use super::{Put, Target, TargetError};
use crate::config::{self, ConfigError};
use crate::outgoing::{self, Outgoing, PemError};

/// How long a signature is good: for the request that is sent at once.
const SIGNED_FOR: Duration = Duration::from_secs(900);

/// A file that is there is read back up to the bound of one, and something: it may be compressed less well.
const SLACK: u64 = 16 * 1024 * 1024;

const CHECKSUM: &str = "x-amz-checksum-sha256";

pub(super) struct Storage {
    http: Outgoing,
    bucket: Bucket,
    credentials: Credentials,
    prefix: String,
    clock: Arc<dyn Clock>,
}

impl Storage {
    pub fn new(key: &str, s3: &config::S3, longest: u64, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let tls = outgoing::tls(s3.ca_file.as_deref(), None).map_err(|PemError { path, problem }| {
            ConfigError::Value {
                key: format!("{key}.s3.ca_file"),
                problem: format!("the file {} can't be used: {problem}", path.display()),
                accepted: "a PEM file of certificates",
            }
        })?;
        let style = if s3.path_style { UrlStyle::Path } else { UrlStyle::VirtualHost };
        let bucket = Bucket::new(s3.endpoint.clone(), style, s3.bucket.clone(), s3.region.clone());
        let bucket = bucket.map_err(|error| ConfigError::Value {
            key: format!("{key}.s3"),
            problem: error.to_string(),
            accepted: "an endpoint and a bucket; with path_style = true where the endpoint is an IP address",
        })?;
        let longest = usize::try_from(longest.saturating_add(SLACK)).unwrap_or(usize::MAX);
        Ok(Self {
            http: Outgoing::new(tls, Duration::from_millis(s3.timeout_ms)).reading(longest),
            bucket,
            credentials: Credentials::new(s3.access_key_id.clone(), s3.secret(key)?.expose().to_owned()),
            prefix: s3.prefix.clone(),
            clock,
        })
    }

    fn now(&self) -> Result<jiff::Timestamp, TargetError> {
        let millis = self.clock.now().unix_millis();
        jiff::Timestamp::from_millisecond(millis).map_err(|error| TargetError::Storage(error.to_string()))
    }

    async fn send(
        &self,
        request: http::Result<Request<Full<Bytes>>>,
    ) -> Result<(StatusCode, Bytes), TargetError> {
        // No error holds the address: the signature is in it.
        let request = request.map_err(|_| TargetError::Storage("no request can be made".to_owned()))?;
        let answer = self.http.send(request).await;
        let answer = answer.map_err(|error| TargetError::Storage(error.to_string()))?;
        Ok((answer.status(), answer.into_body()))
    }
}

fn refused(status: StatusCode, body: &[u8]) -> TargetError {
    TargetError::Storage(format!("it answers {status}: {}", outgoing::excerpt(body)))
}

#[async_trait]
impl Target for Storage {
    async fn put(&self, name: &str, bytes: Bytes) -> Result<Put, TargetError> {
        let object = format!("{}{name}", self.prefix);
        let checksum = STANDARD.encode(digest(&SHA256, &bytes));
        let mut action = self.bucket.put_object(Some(&self.credentials), &object);
        action.headers_mut().insert(IF_NONE_MATCH.as_str(), "*");
        action.headers_mut().insert(CHECKSUM, checksum.as_str());
        let url = action.sign_with_time(SIGNED_FOR, &self.now()?);
        let request = Request::put(url.as_str())
            .header(USER_AGENT, outgoing::USER_AGENT)
            .header(IF_NONE_MATCH, "*")
            .header(CHECKSUM, &checksum)
            .header(CONTENT_LENGTH, bytes.len())
            .body(Full::new(bytes));
        match self.send(request).await? {
            (status, _) if status.is_success() => Ok(Put::Stored),
            (StatusCode::PRECONDITION_FAILED, _) => Ok(Put::Exists),
            (status, body) => Err(refused(status, &body)),
        }
    }

    async fn get(&self, name: &str) -> Result<Option<Bytes>, TargetError> {
        let object = format!("{}{name}", self.prefix);
        let action = self.bucket.get_object(Some(&self.credentials), &object);
        let url = action.sign_with_time(SIGNED_FOR, &self.now()?);
        let request =
            Request::get(url.as_str()).header(USER_AGENT, outgoing::USER_AGENT).body(Full::default());
        match self.send(request).await? {
            (status, body) if status.is_success() => Ok(Some(body)),
            (StatusCode::NOT_FOUND, _) => Ok(None),
            (status, body) => Err(refused(status, &body)),
        }
    }
}
