//! The metrics listener: `/livez`, `/readyz`, `/metrics`. It tells no secret and asks for no key; who may reach
//! it is the network's to say.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderValue, Response, StatusCode, header};
use metrics_exporter_prometheus::PrometheusHandle;
use projections::directory::Gate;
use projections::origin::{BuiltFrom, ReadModels};
use serde::Serialize;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::problem::{Kind, Problem};
use crate::telemetry::asked::{Asked, Lacks};
use crate::telemetry::lines;

/// What the listener tells of.
#[derive(Clone)]
pub struct Health {
    /// `None`: a process that answers for no keys, ready once it runs.
    pub gate: Option<Arc<Gate>>,
    /// `None`: a process that keeps no read models.
    pub read_models: Option<watch::Receiver<ReadModels>>,
    /// Cancelled once the process has been told to end.
    pub ending: CancellationToken,
    pub lacks: Lacks,
    /// What is measured when the metrics are asked for.
    pub at_scrape: Asked<()>,
    pub metrics: PrometheusHandle,
}

/// Prometheus's text format.
const METRICS_TYPE: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

const ENDING: &str = "ending: it serves for a little longer, send new requests elsewhere";

#[derive(Serialize)]
struct Ready {
    ready: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// It goes on with what it knows, older than it should be.
    serving_stale: bool,
    /// What it does not do, ready as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    lacks: Option<String>,
}

pub fn router(health: Health) -> Router {
    Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics).with_state((health.clone(), Arc::new(Semaphore::new(1)))))
        .fallback(|| problem(Problem::new(Kind::NotFound, "Here are /livez, /readyz and /metrics.")))
        .method_not_allowed_fallback(|| problem(Problem::method_not_allowed()))
        .with_state(health)
}

async fn problem(problem: Problem) -> Response<Body> {
    problem.response().map(Body::from)
}

/// The process runs and answers; nothing else is asked of it.
async fn live() -> &'static str {
    "live\n"
}

/// Whether the process answers for keys now, and keeps read models of the log that it serves from. What it does not do
/// beside that takes it out of no balancer.
async fn ready(State(health): State<Health>) -> (StatusCode, Json<Ready>) {
    let ready = health.ready();
    let status = if ready.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(ready))
}

impl Health {
    fn ready(&self) -> Ready {
        let ending = || self.ending.is_cancelled().then(|| ENDING.to_owned());
        let gate = || self.gate.as_ref().and_then(|gate| gate.check().err()).map(|reason| reason.to_string());
        let read_models = || self.read_models.as_ref().and_then(|state| diverged(&state.borrow().built_from));
        let reason = ending().or_else(gate).or_else(read_models);
        let serving_stale = self.gate.as_ref().is_some_and(|gate| gate.serving_stale().is_some());
        Ready { ready: reason.is_none(), reason, serving_stale, lacks: self.lacks.now() }
    }

    fn measure(&self) {
        self.at_scrape.each();
        let ready = self.ready();
        metrics::gauge!("keyledger_ready").set(u8::from(ready.ready));
        metrics::gauge!("keyledger_lacks").set(u8::from(ready.lacks.is_some()));
    }
}

/// Somebody must decide before anything rests on a log that has lost what the read models know of.
fn diverged(origin: &BuiltFrom) -> Option<String> {
    match origin {
        BuiltFrom::Diverged(reason) => Some(built_from_another(reason)),
        BuiltFrom::Unknown | BuiltFrom::SameLog => None,
    }
}

/// Beside a newer version's tables it answers for keys as ever.
pub fn lacks(read_models: &ReadModels) -> Option<String> {
    read_models.newer.as_ref().map(|reason| format!("it keeps no read models: {reason}"))
}

/// Why a process that keeps read models answers for no key yet, or no more.
pub fn why_held(origin: &BuiltFrom) -> Option<String> {
    match origin {
        BuiltFrom::Unknown => Some("the read models have not been compared with the log yet".to_owned()),
        BuiltFrom::SameLog => None,
        BuiltFrom::Diverged(reason) => Some(built_from_another(reason)),
    }
}

fn built_from_another(reason: &str) -> String {
    format!(
        "the read models were built from another log, or from events that this one has lost; see that no \
         revocation is among them, then `keyledger projections rebuild --all --accept-difference`: {reason}"
    )
}

/// To write them down takes a thread for a while: one at a time, and none of those that answer others. Nobody waits for a
/// turn, or a queue of them would hold every connection that `/livez` could come by.
async fn metrics(State((health, turn)): State<(Health, Arc<Semaphore>)>) -> Response<Body> {
    let Ok(turn) = turn.try_acquire_owned() else {
        let busy =
            Problem::new(Kind::Busy, "The metrics are being written down for somebody else; ask again.");
        return problem(busy.retry_after(1)).await;
    };
    let written = tokio::task::spawn_blocking(move || {
        metrics_process::Collector::default().collect();
        health.measure();
        lines::measure();
        let text = health.metrics.render();
        drop(turn);
        text
    });
    match written.await {
        Ok(text) => ([(header::CONTENT_TYPE, METRICS_TYPE)], text).into_response(),
        Err(_) => problem(Problem::internal()).await,
    }
}

#[cfg(test)]
mod tests {
    use events::clock::SystemClock;
    use http::Request;
    use http_body_util::BodyExt;
    use projections::directory::Directory;
    use projections::directory::gate::GateConfig;
    use tower::ServiceExt;

    use super::*;

    fn health() -> Health {
        Health {
            gate: None,
            read_models: None,
            ending: CancellationToken::new(),
            lacks: Lacks::default(),
            at_scrape: Asked::default(),
            metrics: metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder().handle(),
        }
    }

    async fn ask(path: &str) -> (StatusCode, String) {
        let directory = Arc::new(Directory::new());
        let gate = Arc::new(Gate::new(directory, Arc::new(SystemClock), GateConfig::default()));
        let router = router(Health { gate: Some(gate), ..health() });
        let answer = router.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_node_that_has_not_caught_up_is_live_and_not_ready() {
        assert_eq!(ask("/livez").await.0, StatusCode::OK);
        assert_eq!(ask("/metrics").await.0, StatusCode::OK);
        assert_eq!(ask("/health").await.0, StatusCode::NOT_FOUND);
        let (status, body) = ask("/readyz").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body.contains("\"ready\":false") && body.contains("starting"), "{body}");
    }

    #[tokio::test]
    async fn a_process_that_was_told_to_end_is_not_ready_any_more() {
        let ending = CancellationToken::new();
        let router = router(Health { ending: ending.clone(), ..health() });
        let ready = async || {
            let request = Request::get("/readyz").body(Body::empty()).unwrap();
            router.clone().oneshot(request).await.unwrap().status()
        };
        assert_eq!(ready().await, StatusCode::OK);
        ending.cancel();
        assert_eq!(ready().await, StatusCode::SERVICE_UNAVAILABLE);
    }

    #[tokio::test]
    async fn a_process_that_lacks_something_is_ready_and_says_what() {
        let health = health();
        let (tell, told) = watch::channel(ReadModels { built_from: BuiltFrom::SameLog, newer: None });
        health.lacks.add(move || lacks(&told.borrow()));
        health.lacks.add(|| Some("the read model `keys` stands still: the disk is full".to_owned()));
        tell.send_modify(|known| known.newer = Some("migration 9".to_owned()));
        let router = router(health);
        let answer = router.oneshot(Request::get("/readyz").body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            body["lacks"],
            "it keeps no read models: migration 9; the read model `keys` stands still: the disk is full"
        );
    }
}
