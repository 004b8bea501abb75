//! Every change of a bucket in its order, followed through a pull consumer that lives as long as one connection.
//!
//! It begins with what the bucket holds. A value that was replaced before it was delivered is never seen: its
//! successor is, and the sequences show a gap. Whatever else is strange ends it: open another.

use std::time::Duration;

use async_nats::{StatusCode, Subscriber};
use bytes::Bytes;
use events::log::jetstream::Delivery;
use futures::StreamExt;
use serde::Deserialize;
use serde_json::json;

use super::api;
use super::bucket::{Bucket, BucketError};

/// How many changes are asked for ahead.
const AHEAD: u64 = 500;
/// A request for changes lives this long; then the server says so, and the next one is sent.
const EXPIRES: Duration = Duration::from_secs(30);
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Without a sign of life for this long it has ended.
const SILENCE: Duration = Duration::from_secs(3);
/// How often a quiet one looks whether it is still connected.
const LOOK: Duration = Duration::from_millis(100);

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The entry, such as `member.<id>`.
    pub key: String,
    /// The bucket's sequence.
    pub revision: u64,
    /// `None`: the entry was deleted.
    pub value: Option<Bytes>,
}

/// The changes of one bucket.
pub struct Changes {
    bucket: Bucket,
    messages: Subscriber,
    inbox: String,
    consumer: String,
    /// How many messages the consumer has delivered here.
    delivered: u64,
    /// How many messages are still asked for.
    asked: u64,
}

#[derive(Deserialize)]
struct Created {
    error: Option<Refused>,
}

#[derive(Deserialize)]
struct Refused {
    #[serde(default)]
    description: String,
}

impl Changes {
    pub async fn open(bucket: &Bucket) -> Result<Self, BucketError> {
        let inbox = bucket.client().new_inbox();
        let messages = bucket.client().subscribe(inbox.clone()).await;
        let messages = messages.map_err(|error| bucket.unavailable(error))?;
        // As unique as the inbox.
        let consumer = format!("changes-{}", inbox.rsplit('.').next().unwrap_or_default());
        let stream = format!("KV_{}", bucket.name());
        let config = json!({
            "stream_name": stream,
            "config": {
                "name": consumer,
                "description": "follows the bucket's changes",
                "deliver_policy": "all",
                "ack_policy": "none",
                "replay_policy": "instant",
                "max_waiting": 16,
                "mem_storage": true,
                "num_replicas": 1,
                // The server forgets the consumer when nobody asks it any more.
                "inactive_threshold": nanoseconds(2 * EXPIRES),
            },
            "action": "create",
        });
        let request = async_nats::Request::new().payload(config.to_string().into());
        let answer = bucket.stream().ask(api(&format!("CONSUMER.CREATE.{stream}.{consumer}")), request).await;
        let answer = answer.map_err(|error| bucket.failed(error))?.payload;
        let created: Created = serde_json::from_slice(&answer).map_err(|error| bucket.unavailable(error))?;
        match created.error {
            Some(error) => Err(bucket.unavailable(error.description)),
            None => Ok(Self { bucket: bucket.clone(), messages, inbox, consumer, delivered: 0, asked: 0 }),
        }
    }

    /// The next change. An error ends it.
    pub async fn next(&mut self) -> Result<Change, BucketError> {
        loop {
            if self.asked <= AHEAD / 2 {
                self.ask().await?;
            }
            let message = self.receive().await?;
            match message.status {
                None => return self.take(message),
                Some(status) => self.told(status, &message)?,
            }
        }
    }

    async fn ask(&mut self) -> Result<(), BucketError> {
        let batch = AHEAD - self.asked;
        let body = json!({
            "batch": batch,
            "expires": nanoseconds(EXPIRES),
            "idle_heartbeat": nanoseconds(HEARTBEAT),
        });
        let subject = api(&format!("CONSUMER.MSG.NEXT.KV_{}.{}", self.bucket.name(), self.consumer));
        let asked =
            self.bucket.client().publish_with_reply(subject, self.inbox.clone(), body.to_string().into());
        asked.await.map_err(|error| self.bucket.unavailable(error))?;
        self.asked += batch;
        Ok(())
    }

    async fn receive(&mut self) -> Result<async_nats::Message, BucketError> {
        let mut quiet = Duration::ZERO;
        while quiet < SILENCE {
            match tokio::time::timeout(LOOK, self.messages.next()).await {
                Ok(Some(message)) => return Ok(message),
                Ok(None) => return Err(self.bucket.unavailable("the subscription ended")),
                Err(_) => quiet += LOOK,
            }
            if !self.bucket.stream().is_connected() {
                return Err(self.bucket.unavailable("the connection to NATS was lost"));
            }
        }
        Err(self.bucket.unavailable("what follows its changes gives no sign of life"))
    }

    fn take(&mut self, message: async_nats::Message) -> Result<Change, BucketError> {
        let Some(delivery) = message.reply.as_ref().and_then(|reply| Delivery::parse(reply)) else {
            return Err(self.bucket.unavailable("a change without its place"));
        };
        self.asked = self.asked.saturating_sub(1);
        self.delivered += 1;
        if delivery.consumer_sequence != self.delivered {
            return Err(self.lost());
        }
        let subject = message.subject.as_str();
        let Some((_, key)) = subject.split_once(&format!("$KV.{}.", self.bucket.name())) else {
            return Err(self.bucket.unavailable(format!("a change of no entry, at `{subject}`")));
        };
        // ADR-8: a deleted or purged entry is a message with its operation.
        let deleted = message.headers.as_ref().is_some_and(|headers| headers.get("KV-Operation").is_some());
        Ok(Change {
            key: key.to_owned(),
            revision: delivery.stream_sequence,
            value: (!deleted).then_some(message.payload),
        })
    }

    fn told(&mut self, status: StatusCode, message: &async_nats::Message) -> Result<(), BucketError> {
        match status {
            // Sent after what was delivered: more there than here means that something was lost.
            StatusCode::IDLE_HEARTBEAT => {
                let delivered = header(message, "Nats-Last-Consumer").unwrap_or(0);
                if delivered > self.delivered { Err(self.lost()) } else { Ok(()) }
            }
            // A request has expired: what was left of it is asked for again.
            StatusCode::TIMEOUT => {
                let left = header(message, "Nats-Pending-Messages").unwrap_or(self.asked);
                self.asked = self.asked.saturating_sub(left);
                Ok(())
            }
            other => {
                let why = message.description.as_deref().unwrap_or_default();
                Err(self.bucket.unavailable(format!("what follows its changes ended: {other} {why}")))
            }
        }
    }

    fn lost(&self) -> BucketError {
        self.bucket.unavailable("a change was lost on the way")
    }
}

fn header(message: &async_nats::Message, name: &str) -> Option<u64> {
    message.headers.as_ref()?.get(name)?.as_str().parse().ok()
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
