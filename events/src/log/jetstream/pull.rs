//! One pull consumer over one connection: a stream's messages in their order, each once. Whatever is strange (silence, a
//! message that was lost on the way, another connection, what the server says) ends it: open another.
//!
//! An empty message without headers, which no writer of ours stores, ends what a NATS service that is imported from another account
//! answers: the server takes it for the end, and what it delivers after it goes nowhere. So it is the consumer's last one.

use std::time::Duration;

use async_nats::{HeaderMap, StatusCode, Subscriber};
use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use serde_json::{Value, json};

use super::wire::{CallError, Wire, api};
use crate::timestamp::Timestamp;

/// How many bytes of messages are asked for ahead, at most: what a server has sent and its client has not taken waits in
/// the server, which ends a connection where that is too much.
const AHEAD_BYTES: usize = 8 * 1024 * 1024;

/// A request for messages lives this long; then the server says so, and the next one is sent.
const EXPIRES: Duration = Duration::from_secs(30);

/// How often a quiet one looks whether its connection is still the same.
const LOOK: Duration = Duration::from_millis(100);

/// What is followed, and how.
#[derive(Clone, Debug)]
pub struct Follow {
    pub stream: String,
    /// The first sequence.
    pub from: u64,
    /// In the server's lists: the first part of the consumer's name, and what it is for.
    pub name: &'static str,
    pub description: &'static str,
    /// How many messages are asked for ahead, at most.
    pub ahead: u64,
    /// Between two signs of life; twice this without one, and it has ended.
    pub heartbeat: Duration,
    /// The server forgets the consumer when nobody asked it for so long.
    pub lasts: Duration,
    /// For the server's answer to its creation.
    pub timeout: Duration,
}

pub struct Pull {
    wire: Wire,
    follow: Follow,
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
    /// An empty message has come, of this sequence: nothing comes after it.
    cut: Option<u64>,
}

/// A message that was delivered.
#[derive(Debug)]
pub struct Pulled {
    pub subject: String,
    pub payload: Bytes,
    pub headers: Option<HeaderMap>,
    pub delivery: Delivery,
}

/// Why it ended.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("the subscription ended")]
    Subscription,
    #[error("the consumer gives no sign of life")]
    Silence,
    #[error("a message was lost on the way")]
    Lost,
    #[error("a message without its place in the stream")]
    NoPlace,
    #[error("the consumer ended: {0}")]
    Told(String),
}

impl Pull {
    /// Over this connection of the wire's, which may be another one already.
    pub async fn open(wire: &Wire, connection: u64, follow: Follow) -> Result<Self, CallError> {
        let inbox = wire.client().new_inbox();
        let messages = wire.client().subscribe(inbox.clone()).await;
        let messages = messages.map_err(|error| CallError::Client(error.to_string()))?;
        // As unique as the inbox.
        let consumer = format!("{}-{}", follow.name, inbox.rsplit('.').next().unwrap_or_default());
        let config = json!({
            "stream_name": follow.stream,
            "config": {
                "name": consumer,
                "description": follow.description,
                "deliver_policy": "by_start_sequence",
                "opt_start_seq": follow.from,
                "ack_policy": "none",
                "replay_policy": "instant",
                "max_waiting": 16,
                "mem_storage": true,
                "num_replicas": 1,
                "inactive_threshold": nanoseconds(follow.lasts),
            },
            "action": "create",
        });
        let create = format!("CONSUMER.CREATE.{}.{consumer}", follow.stream);
        let _: Value = wire.call(&create, &config, follow.timeout).await?;
        let wire = wire.clone();
        Ok(Self {
            wire,
            follow,
            messages,
            inbox,
            consumer,
            connection,
            delivered: 0,
            asked: 0,
            quiet: 0,
            cut: None,
        })
    }

    /// The next message. An error ends it.
    pub async fn next(&mut self) -> Result<Pulled, Ended> {
        if let Some(cut) = self.cut {
            let follow = Follow { from: cut + 1, ..self.follow.clone() };
            *self = Self::open(&self.wire, self.connection, follow).await?;
        }
        loop {
            if self.asked <= self.follow.ahead / 2 {
                self.ask().await?;
            }
            let message = self.receive().await?;
            self.quiet = 0;
            // A message of the next connection is none of this one's.
            if self.wire.connection() != self.connection {
                return Err(CallError::ConnectionLost.into());
            }
            match message.status {
                None => return self.take(message),
                Some(status) => self.told(status, &message)?,
            }
        }
    }

    async fn receive(&mut self) -> Result<async_nats::Message, Ended> {
        // In a replay the next message is there already, and no timer is needed.
        if let Some(Some(message)) = self.messages.next().now_or_never() {
            return Ok(message);
        }
        loop {
            if self.wire.connection() != self.connection || !self.wire.is_connected() {
                return Err(CallError::ConnectionLost.into());
            }
            match tokio::time::timeout(LOOK, self.messages.next()).await {
                Ok(Some(message)) => return Ok(message),
                Ok(None) => return Err(Ended::Subscription),
                Err(_) => self.quiet += 1,
            }
            if LOOK * self.quiet > self.follow.heartbeat * 2 {
                return Err(Ended::Silence);
            }
        }
    }

    async fn ask(&mut self) -> Result<(), CallError> {
        let batch = self.follow.ahead - self.asked;
        let body = json!({
            "batch": batch,
            "max_bytes": AHEAD_BYTES,
            "expires": nanoseconds(EXPIRES),
            "idle_heartbeat": nanoseconds(self.follow.heartbeat),
        });
        let subject = api(&format!("CONSUMER.MSG.NEXT.{}.{}", self.follow.stream, self.consumer));
        let asked =
            self.wire.client().publish_with_reply(subject, self.inbox.clone(), body.to_string().into());
        asked.await.map_err(|error| CallError::Client(error.to_string()))?;
        self.asked += batch;
        Ok(())
    }

    fn take(&mut self, message: async_nats::Message) -> Result<Pulled, Ended> {
        let delivery = message.reply.as_ref().and_then(|reply| Delivery::parse(reply));
        let delivery = delivery.ok_or(Ended::NoPlace)?;
        self.asked = self.asked.saturating_sub(1);
        self.delivered += 1;
        if delivery.consumer_sequence != self.delivered {
            return Err(Ended::Lost);
        }
        let async_nats::Message { subject, payload, headers, .. } = message;
        if payload.is_empty() {
            self.cut = Some(delivery.stream_sequence);
        }
        Ok(Pulled { subject: subject.into_string(), payload, headers, delivery })
    }

    /// What the server says of the consumer.
    fn told(&mut self, status: StatusCode, message: &async_nats::Message) -> Result<(), Ended> {
        let description = message.description.as_deref().unwrap_or_default();
        match status {
            StatusCode::IDLE_HEARTBEAT => {
                // Sent after what was delivered: more there than here means that something was lost.
                let delivered = header(message, "Nats-Last-Consumer").unwrap_or(0);
                if delivered > self.delivered { Err(Ended::Lost) } else { Ok(()) }
            }
            // A request has ended: it has expired (408), the next message is beyond its bytes, or all of its messages
            // came before its bytes were used up (409, among many others). What was left of it is asked for again.
            status
                if status == StatusCode::TIMEOUT
                    || description.ends_with("MaxBytes")
                    || description == "Batch Completed" =>
            {
                let left = header(message, "Nats-Pending-Messages").unwrap_or(self.asked);
                self.asked = self.asked.saturating_sub(left);
                Ok(())
            }
            other => Err(Ended::Told(format!("{other} {description}"))),
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
