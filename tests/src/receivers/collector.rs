//! Splunk's HTTP Event Collector, as far as a sender meets it.

use std::collections::BTreeSet;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;

pub const TOKEN: &str = "1f7ad2a3-token";

/// A collector that runs until it is dropped.
pub struct Collector {
    pub address: SocketAddr,
    state: Arc<Shared>,
    _task: JoinSet<()>,
}

/// One event as it came.
#[derive(Clone, Debug)]
pub struct Collected {
    /// The envelope of HEC; of another POST, `null`.
    pub envelope: Value,
    pub event: Value,
}

/// What it does with what comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mood {
    Takes,
    /// 503 to everything.
    Busy,
    /// Takes a batch in, and never answers.
    Silent,
    /// 400 to a batch with an event of this type.
    Refuses(&'static str),
}

struct Shared {
    mood: Mutex<Mood>,
    taken: Mutex<Vec<Collected>>,
    /// Numbers of batches that are there; each is asked for twice until it is acknowledged.
    acks: Mutex<(u64, BTreeSet<u64>)>,
    asked: Mutex<usize>,
    changed: Notify,
}

impl Collector {
    pub async fn start() -> Self {
        let state = Arc::new(Shared {
            mood: Mutex::new(Mood::Takes),
            taken: Mutex::default(),
            acks: Mutex::default(),
            asked: Mutex::default(),
            changed: Notify::new(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new()
            .route("/services/collector/event", axum::routing::post(event))
            .route("/services/collector/ack", axum::routing::post(ack))
            .route("/lines", axum::routing::post(lines))
            .with_state(Arc::clone(&state));
        let mut task = JoinSet::new();
        task.spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { address, state, _task: task }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn becomes(&self, mood: Mood) {
        *self.state.mood.lock().expect("no panic") = mood;
        self.state.changed.notify_waiters();
    }

    pub fn taken(&self) -> Vec<Collected> {
        self.state.taken.lock().expect("no panic").clone()
    }

    /// How many batches came, whatever became of them.
    pub fn asked(&self) -> usize {
        *self.state.asked.lock().expect("no panic")
    }

    /// The sequences of what was taken, in the order in which they came.
    pub fn sequences(&self) -> Vec<u64> {
        let of = |collected: &Collected| collected.event["sequence"].as_str()?.parse().ok();
        self.taken().iter().filter_map(of).collect()
    }
}

fn unpacked(headers: &HeaderMap, body: &Bytes) -> String {
    if headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip") {
        let mut text = String::new();
        flate2::read::GzDecoder::new(&**body).read_to_string(&mut text).expect("gzip");
        return text;
    }
    String::from_utf8(body.to_vec()).expect("UTF-8")
}

/// What it answers instead of taking them.
async fn mood(state: &Shared, events: &[Collected]) -> Option<Response> {
    *state.asked.lock().expect("no panic") += 1;
    let mood = state.mood.lock().expect("no panic").clone();
    match mood {
        Mood::Takes => None,
        Mood::Busy => {
            Some((StatusCode::SERVICE_UNAVAILABLE, r#"{"text":"Server is busy","code":9}"#).into_response())
        }
        Mood::Silent => {
            state.taken.lock().expect("no panic").extend_from_slice(events);
            std::future::pending().await
        }
        Mood::Refuses(kind) => {
            let at = events.iter().position(|event| event.event["type"] == kind)?;
            let answer = json!({"text": "Invalid data format", "code": 6, "invalid-event-number": at});
            Some((StatusCode::BAD_REQUEST, answer.to_string()).into_response())
        }
    }
}

async fn event(State(state): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    if headers.get("authorization").is_none_or(|token| token != &format!("Splunk {TOKEN}")) {
        return (StatusCode::FORBIDDEN, r#"{"text":"Invalid token","code":4}"#).into_response();
    }
    let text = unpacked(&headers, &body);
    let envelopes = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
    let events: Vec<_> = envelopes
        .map(|envelope| envelope.expect("JSON values, one after another"))
        .map(|envelope| Collected { event: envelope["event"].clone(), envelope })
        .collect();
    if let Some(answer) = mood(&state, &events).await {
        return answer;
    }
    state.taken.lock().expect("no panic").extend(events);
    let mut answer = json!({"text": "Success", "code": 0});
    if headers.contains_key("x-splunk-request-channel") {
        let mut acks = state.acks.lock().expect("no panic");
        acks.0 += 1;
        answer["ackId"] = json!(acks.0);
    }
    answer.to_string().into_response()
}

async fn ack(State(state): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let asked: Value = serde_json::from_str(&unpacked(&headers, &body)).expect("JSON");
    assert!(headers.contains_key("x-splunk-request-channel"), "{headers:?}");
    let mut acks = state.acks.lock().expect("no panic");
    let number = asked["acks"][0].as_u64().expect("a number");
    // The indexers have it the second time.
    let is_there = !acks.1.insert(number);
    json!({"acks": {number.to_string(): is_there}}).to_string().into_response()
}

async fn lines(State(state): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let text = unpacked(&headers, &body);
    let events: Vec<_> = text
        .lines()
        .map(|line| Collected {
            envelope: Value::Null,
            event: serde_json::from_str(line).unwrap_or_else(|_| json!(line)),
        })
        .collect();
    if let Some(answer) = mood(&state, &events).await {
        return answer;
    }
    state.taken.lock().expect("no panic").extend(events);
    StatusCode::NO_CONTENT.into_response()
}
