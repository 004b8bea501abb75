//! One pull consumer over one connection.

use std::time::Duration;

use async_nats::StatusCode;
use async_nats::Subscriber;
use futures::{FutureExt, StreamExt};
use serde_json::{Value, json};

use super::super::api::{self, CallError};
use super::super::config::CONSUMER_LASTS_NANOS;
use super::super::{STREAM, Shared};
use crate::log::Stored;
use crate::timestamp::Timestamp;

/// How many messages are asked for ahead. The subscription's queue (65,536) is never full.
const AHEAD: u64 = 4_000;

/// A request for messages lives this long; then the server says so, and the next one is sent.
const EXPIRES: Duration = Duration::from_secs(30);

/// How often a quiet session looks whether its connection is still the same.
const LOOK: Duration = Duration::from_millis(100);

const LOST: &str = "the connection to NATS was lost";

/// What a session gives.
pub(super) enum Next {
    Message(Stored),
    /// The message after the place did not come: this one did.
    Gap {
        found: u64,
    },
    Ended(String),
}

pub(super) struct Session {
    messages: Subscriber,
    inbox: String,
    consumer: String,
    connection: u64,
    /// How many messages the consumer has delivered here.
    delivered: u64,
    /// How many messages are still asked for.
    asked: u64,
    /// Looks without a sign of life.
    quiet: u32,
}

impl Session {
    pub(super) async fn open(log: &Shared, connection: u64, after: u64) -> Result<Self, CallError> {
        let inbox = log.client.new_inbox();
        let messages = log
            .client
            .subscribe(inbox.clone())
            .await
            .map_err(|error| CallError::Client(error.to_string()))?;
        let consumer = format!("follow-{}", log.unique());
        let config = json!({
            "stream_name": STREAM,
            "config": {
                "name": consumer,
                "description": "a follower of the log",
                "deliver_policy": "by_start_sequence",
                "opt_start_seq": after + 1,
                "ack_policy": "none",
                "replay_policy": "instant",
                "max_waiting": 16,
                "mem_storage": true,
                "num_replicas": 1,
                "inactive_threshold": CONSUMER_LASTS_NANOS,
            },
            "action": "create",
        });
        let _: Value = api::call(log, &format!("CONSUMER.CREATE.{STREAM}.{consumer}"), &config).await?;
        Ok(Self { messages, inbox, consumer, connection, delivered: 0, asked: 0, quiet: 0 })
    }

    /// The message after `after`.
    pub(super) async fn next(&mut self, log: &Shared, after: u64) -> Next {
        loop {
            if self.asked <= AHEAD / 2
                && let Err(error) = self.ask(log).await
            {
                return Next::Ended(error.to_string());
            }
            let message = match self.receive(log).await {
                Ok(message) => message,
                Err(reason) => return Next::Ended(reason),
            };
            self.quiet = 0;
            // A message of the next connection is none of this session's.
            if log.connection() != self.connection {
                return Next::Ended(LOST.to_owned());
            }
            match message.status {
                None => return self.take(message, after),
                Some(status) => {
                    if let Some(reason) = self.told(status, &message) {
                        return Next::Ended(reason);
                    }
                }
            }
        }
    }

    async fn receive(&mut self, log: &Shared) -> Result<async_nats::Message, String> {
        // In a replay the next message is there already, and no timer is needed.
        if let Some(Some(message)) = self.messages.next().now_or_never() {
            return Ok(message);
        }
        loop {
            if log.connection() != self.connection || !log.connected() {
                return Err(LOST.to_owned());
            }
            match tokio::time::timeout(LOOK, self.messages.next()).await {
                Ok(Some(message)) => return Ok(message),
                Ok(None) => return Err("the subscription ended".to_owned()),
                Err(_) => self.quiet += 1,
            }
            if LOOK * self.quiet > log.timeouts.heartbeat * 2 {
                return Err("the consumer gives no sign of life".to_owned());
            }
        }
    }

    async fn ask(&mut self, log: &Shared) -> Result<(), CallError> {
        let batch = AHEAD - self.asked;
        let body = json!({
            "batch": batch,
            "expires": nanoseconds(EXPIRES),
            "idle_heartbeat": nanoseconds(log.timeouts.heartbeat),
        });
        let subject = api::api(&format!("CONSUMER.MSG.NEXT.{STREAM}.{}", self.consumer));
        log.client
            .publish_with_reply(subject, self.inbox.clone(), body.to_string().into())
            .await
            .map_err(|error| CallError::Client(error.to_string()))?;
        self.asked += batch;
        Ok(())
    }

    fn take(&mut self, message: async_nats::Message, after: u64) -> Next {
        let Some(delivery) = message.reply.as_ref().and_then(|reply| Delivery::parse(reply)) else {
            return Next::Ended("a message without its place in the stream".to_owned());
        };
        self.asked = self.asked.saturating_sub(1);
        self.delivered += 1;
        if delivery.consumer_sequence != self.delivered {
            return Next::Ended("a message was lost on the way".to_owned());
        }
        if delivery.stream_sequence != after + 1 {
            return Next::Gap { found: delivery.stream_sequence };
        }
        Next::Message(Stored {
            sequence: delivery.stream_sequence,
            subject: message.subject.into_string(),
            stored_at: delivery.stored_at,
            payload: message.payload,
        })
    }

    /// What the server says of the consumer; the answer is why the session ends.
    fn told(&mut self, status: StatusCode, message: &async_nats::Message) -> Option<String> {
        match status {
            StatusCode::IDLE_HEARTBEAT => {
                // Sent after what was delivered: more there than here means that something was lost.
                let delivered = header(message, "Nats-Last-Consumer").unwrap_or(0);
                (delivered > self.delivered).then(|| "a message was lost on the way".to_owned())
            }
            // A request has expired (408): what was left of it is asked for again.
            StatusCode::TIMEOUT => {
                let left = header(message, "Nats-Pending-Messages").unwrap_or(self.asked);
                self.asked = self.asked.saturating_sub(left);
                None
            }
            other => Some(format!(
                "the consumer ended: {other} {}",
                message.description.as_deref().unwrap_or_default()
            )),
        }
    }
}

fn header(message: &async_nats::Message, name: &str) -> Option<u64> {
    message.headers.as_ref()?.get(name)?.as_str().parse().ok()
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Where a delivered message stands, as its reply subject tells.
#[derive(Debug, Clone, Copy)]
pub struct Delivery {
    /// In the stream.
    pub stream_sequence: u64,
    /// Among what this consumer delivered, from 1.
    pub consumer_sequence: u64,
    pub stored_at: Timestamp,
}

impl Delivery {
    /// `$JS.ACK.<stream>.<consumer>.<delivered>.<stream sequence>.<consumer sequence>.<time>.<pending>`, or the
    /// longer form with domain and account hash after `ACK` (and a token at the end).
    pub fn parse(reply: &str) -> Option<Self> {
        let tokens: Vec<&str> = reply.split('.').collect();
        let rest = match tokens.len() {
            9 => tokens.get(2..)?,
            11.. => tokens.get(4..)?,
            _ => return None,
        };
        let [_stream, _consumer, _delivered, stream_sequence, consumer_sequence, time, ..] = rest else {
            return None;
        };
        let nanoseconds: i64 = time.parse().ok()?;
        Some(Self {
            stream_sequence: stream_sequence.parse().ok()?,
            consumer_sequence: consumer_sequence.parse().ok()?,
            stored_at: Timestamp::from_unix_millis(nanoseconds.div_euclid(1_000_000))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_delivery_are_read() {
        let short = Delivery::parse("$JS.ACK.KL_EVENTS_0.follow-1.1.7.3.1700000000123456789.0").unwrap();
        let long =
            Delivery::parse("$JS.ACK._.hash.KL_EVENTS_0.follow-1.1.7.3.1700000000123456789.0.x").unwrap();
        for delivery in [short, long] {
            assert_eq!(delivery.stream_sequence, 7);
            assert_eq!(delivery.consumer_sequence, 3);
            assert_eq!(delivery.stored_at.unix_millis(), 1_700_000_000_123);
        }
        assert!(Delivery::parse("$JS.ACK.KL_EVENTS_0.follow-1").is_none());
    }
}
