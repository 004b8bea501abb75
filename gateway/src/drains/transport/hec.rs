//! Splunk's HTTP Event Collector: JSON events one after another, to `/services/collector/event`.
//!
//! Without acknowledgement an answer of 200 takes them: Splunk then holds them in memory. With it, a batch is there once
//! its number is acknowledged at `/services/collector/ack`; until then it counts as not sent.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use events::clock::{Clock, Random, uuid_v7};
use http::{HeaderName, HeaderValue, Response, StatusCode, response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use url::Url;

use super::https::{post, unavailable};
use super::{Transport, Undelivered, answered, not_taken};
use crate::config::{self, ConfigError, Secret};
use crate::drains::format::Message;
use crate::outgoing::Outgoing;

/// How often it is asked whether the indexers have a batch.
const ASK_EVERY: Duration = Duration::from_millis(200);
const ASK_EVERY_AT_MOST: Duration = Duration::from_secs(5);

/// HEC's codes that are about an event: no data, invalid data, no event field, a blank one, indexed fields.
const ABOUT_THE_EVENT: &[u64] = &[5, 6, 12, 13, 15];

pub(super) struct Hec {
    http: Outgoing,
    events: Url,
    acks: Url,
    token: Secret,
    gzip: bool,
    /// The channel whose acknowledgements are asked for.
    channel: Option<HeaderValue>,
    timeout: Duration,
    host: String,
    source: String,
    sourcetype: String,
    index: Option<String>,
    clock: Arc<dyn Clock>,
}

/// One event.
#[derive(Serialize)]
struct Event<'a> {
    /// Seconds since 1970, with milliseconds.
    time: Box<RawValue>,
    host: &'a str,
    source: &'a str,
    sourcetype: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<&'a str>,
    event: Body<'a>,
    /// Indexed: a receiver knows by it what it has already.
    fields: Value,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Body<'a> {
    Json(&'a RawValue),
    Text(&'a str),
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    code: Option<u64>,
    #[serde(default, rename = "ackId")]
    ack: Option<u64>,
}

impl Hec {
    pub fn new(
        key: &str,
        config: &config::Drain,
        http: Outgoing,
        token: Option<Secret>,
        host: String,
        clock: &Arc<dyn Clock>,
        random: &dyn Random,
    ) -> Result<Self, ConfigError> {
        let wrong = |of: &str, problem: &str, accepted: &'static str| ConfigError::Value {
            key: format!("{key}.{of}"),
            problem: problem.to_owned(),
            accepted,
        };
        let token = token.ok_or_else(|| wrong("token", "there is none", "the token of the collector"))?;
        let below = |path: &str| {
            let mut url = config.address.clone();
            url.set_path(&format!("{}/services/collector/{path}", url.path().trim_end_matches('/')));
            url
        };
        let channel = (config.acknowledge == Some(true)).then(|| uuid_v7(&**clock, random).to_string());
        let channel = channel.map(|channel| HeaderValue::from_str(&channel)).transpose();
        let format = if config.format == config::DrainFormat::Ocsf { "ocsf" } else { "keyledger:event" };
        Ok(Self {
            http,
            events: below("event"),
            acks: below("ack"),
            token: Secret::from(format!("Splunk {}", token.expose())),
            gzip: config.gzip,
            channel: channel.map_err(|_| wrong("acknowledge", "no channel can be named", "true or false"))?,
            timeout: config.timeout(),
            host,
            source: config.source.clone().unwrap_or_else(|| "keyledger".to_owned()),
            sourcetype: config.sourcetype.clone().unwrap_or_else(|| format.to_owned()),
            index: config.index.clone(),
            clock: Arc::clone(clock),
        })
    }

    fn body(&self, messages: &[Message]) -> Result<String, serde_json::Error> {
        let mut body = String::new();
        for message in messages {
            let millis = message.time.unix_millis();
            let time = format!("{}.{:03}", millis.div_euclid(1_000), millis.rem_euclid(1_000));
            let event = if message.is_json {
                Body::Json(serde_json::from_str(&message.body)?)
            } else {
                Body::Text(&message.body)
            };
            body.push_str(&serde_json::to_string(&Event {
                time: RawValue::from_string(time)?,
                host: &self.host,
                source: &self.source,
                sourcetype: &self.sourcetype,
                index: self.index.as_deref(),
                event,
                fields: json!({ "position": message.position, "type": message.kind }),
            })?);
        }
        Ok(body)
    }

    async fn ask(&self, url: &Url, body: String, gzip: bool) -> Result<Response<Bytes>, Undelivered> {
        let mut request = post(url, "application/json", Some(self.token.expose()), body, gzip)?;
        if let Some(channel) = &self.channel {
            request
                .headers_mut()
                .insert(HeaderName::from_static("x-splunk-request-channel"), channel.clone());
        }
        self.http.send(request).await.map_err(unavailable)
    }

    fn not_taken(&self, answer: &response::Parts, body: &[u8]) -> Undelivered {
        let words = answered(answer.status, body, Some(&self.token));
        not_taken(answer.status, &answer.headers, words, &*self.clock)
    }

    /// Waits until the indexers have the batch of this number.
    async fn acknowledged(&self, ack: u64) -> Result<(), Undelivered> {
        let asking = async {
            let mut pause = ASK_EVERY;
            loop {
                let asked = json!({ "acks": [ack] }).to_string();
                let (answer, body) = self.ask(&self.acks, asked, false).await?.into_parts();
                if !answer.status.is_success() {
                    return Err(self.not_taken(&answer, &body));
                }
                let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
                if answer["acks"][ack.to_string()] == Value::Bool(true) {
                    return Ok(());
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(ASK_EVERY_AT_MOST);
            }
        };
        let late = || Undelivered::Unavailable("its indexers have not acknowledged what it took".to_owned());
        tokio::time::timeout(self.timeout, asking).await.unwrap_or_else(|_| Err(late()))
    }
}

#[async_trait]
impl Transport for Hec {
    async fn deliver(&self, messages: &[Message]) -> Result<(), Undelivered> {
        let body = self.body(messages).map_err(|error| Undelivered::Refused(error.to_string()))?;
        let (answer, body) = self.ask(&self.events, body, self.gzip).await?.into_parts();
        let status = answer.status;
        let Answer { code, ack } = serde_json::from_slice(&body).unwrap_or(Answer { code: None, ack: None });
        let about_the_event = match status {
            StatusCode::BAD_REQUEST => code.is_some_and(|code| ABOUT_THE_EVENT.contains(&code)),
            StatusCode::PAYLOAD_TOO_LARGE => true,
            _ => false,
        };
        if about_the_event {
            return Err(Undelivered::Refused(answered(status, &body, Some(&self.token))));
        }
        if !status.is_success() {
            return Err(self.not_taken(&answer, &body));
        }
        match (&self.channel, ack) {
            (None, _) => Ok(()),
            (Some(_), Some(ack)) => self.acknowledged(ack).await,
            (Some(_), None) => Err(Undelivered::Unavailable(
                "it acknowledges nothing: switch indexer acknowledgement on for this token, or `acknowledge` off".to_owned(),
            )),
        }
    }
}
