//! A log on a private nats-server.

use events::log::jetstream::{self, JetStreamLog};
use gateway::config::NatsRole;
use keyledger_tests::servers::{Nats, ROOT};
use serde_json::{Value, json};

/// A server with an empty log, and control's view of it.
pub async fn with_log() -> (Nats, JetStreamLog) {
    let nats = Nats::start().await;
    create_stream(&nats).await;
    let log = open(&nats).await;
    (nats, log)
}

/// Another connection of control's.
pub async fn open(nats: &Nats) -> JetStreamLog {
    nats.log(NatsRole::Control).await.unwrap()
}

pub async fn create_stream(nats: &Nats) {
    ask(nats, "STREAM.CREATE.KL_EVENTS_0", &jetstream::stream_config(1)).await;
}

pub async fn delete_stream(nats: &Nats) {
    ask(nats, "STREAM.DELETE.KL_EVENTS_0", &json!({})).await;
}

/// Asks JetStream as one who may do everything.
pub async fn ask(nats: &Nats, subject: &str, body: &Value) -> Value {
    let client = nats.connect(ROOT).await;
    let answer = client.request(format!("$JS.API.{subject}"), body.to_string().into()).await.unwrap();
    let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
    assert_eq!(answer.get("error"), None, "{subject}: {answer}");
    answer
}

/// Polls until it is there; at most 20 seconds.
pub async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let bound = std::time::Duration::from_secs(20);
    keyledger_tests::poll::until(what, bound, async || probe().await.ok_or("not yet")).await.0
}
