use std::sync::Mutex as Shared;

use events::Timestamp;
use events::clock::ManualClock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::*;
use crate::upstream::{Guard, Resolver, UpstreamConfig};

/// A client's host, which answers as it is told.
struct Host {
    url: Url,
    answer: Arc<Shared<String>>,
    asked: Arc<Shared<usize>>,
    clock: Arc<ManualClock>,
    remote: Arc<Remote<String>>,
    _tasks: JoinSet<()>,
}

fn ok(cache: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: {cache}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

impl Host {
    async fn new(answer: &str, allow: &[&str]) -> Self {
        crate::crypto::install();
        let clock = Arc::new(ManualClock::new(Timestamp::from_unix_millis(1_800_000_000_000).unwrap()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/client", listener.local_addr().unwrap())).unwrap();
        let (answer, asked) = (Arc::new(Shared::new(answer.to_owned())), Arc::new(Shared::new(0)));
        let mut tasks = JoinSet::new();
        let (says, count) = (Arc::clone(&answer), Arc::clone(&asked));
        tasks.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut bytes = [0; 4096];
                if stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {
                    *count.lock().unwrap() += 1;
                    let answer = says.lock().unwrap().clone();
                    let _ = stream.write_all(answer.as_bytes()).await;
                }
            }
        });
        let allow = allow.iter().map(|network| network.parse().unwrap()).collect();
        let config = UpstreamConfig {
            guard: Arc::new(Guard::new(allow, vec![])),
            max_idle: 0,
            ..UpstreamConfig::default()
        };
        let upstream = HyperUpstream::new(config, Arc::new(Resolver::new().unwrap()), clock.clone());
        let remote = Arc::new(Remote::new(Arc::new(Fetcher::new(upstream, clock.clone())), 1_000));
        Self { url, answer, asked, clock, remote, _tasks: tasks }
    }

    async fn get(&self) -> Result<String, FetchFault> {
        let until = self.clock.instant() + WITHIN;
        let read = |json: &[u8]| match json {
            [b'{', ..] => Ok(String::from_utf8_lossy(json).into_owned()),
            _ => Err("no object".to_owned()),
        };
        self.remote.get(&self.url, until, read).await.map(|value| String::clone(&value))
    }

    fn says(&self, answer: &str) {
        answer.clone_into(&mut self.answer.lock().unwrap());
    }

    fn asked(&self) -> usize {
        *self.asked.lock().unwrap()
    }

    fn later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

const OPEN: &[&str] = &["127.0.0.0/8"];

#[tokio::test]
async fn what_was_fetched_is_kept_as_its_headers_say_within_bounds() {
    for (cache, kept) in [("max-age=300", 300), ("max-age=1", 60), ("no-store", 60), ("public", 600)] {
        let host = Host::new(&ok(cache, "{1}"), OPEN).await;
        for _ in 0..3 {
            assert_eq!(host.get().await.unwrap(), "{1}");
        }
        host.says(&ok(cache, "{2}"));
        host.later(kept - 1);
        assert_eq!((host.get().await.unwrap().as_str(), host.asked()), ("{1}", 1), "{cache}");
        host.later(1);
        assert_eq!((host.get().await.unwrap().as_str(), host.asked()), ("{2}", 2), "{cache}");
    }
}

#[tokio::test]
async fn a_failure_is_remembered_for_seconds_and_what_was_there_goes_on() {
    let broken = "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n";
    let host = Host::new(broken, OPEN).await;
    let status = FetchFault::Status("127.0.0.1".to_owned(), 500);
    assert_eq!(host.get().await.unwrap_err(), status);
    assert_eq!((host.get().await.unwrap_err(), host.asked()), (status.clone(), 1));
    host.later(10);
    host.says(&ok("max-age=60", "{1}"));
    assert_eq!((host.get().await.unwrap().as_str(), host.asked()), ("{1}", 2));
    // It ends to be fresh, and the host is away: it goes on, asked for once in ten seconds, for a day.
    host.says(broken);
    host.later(61);
    for _ in 0..3 {
        assert_eq!((host.get().await.unwrap().as_str(), host.asked()), ("{1}", 3));
    }
    host.later(24 * 3_600);
    assert_eq!(host.get().await.unwrap_err(), status);
}

#[tokio::test]
async fn of_many_at_once_one_fetches() {
    let host = Arc::new(Host::new(&ok("max-age=60", "{1}"), OPEN).await);
    let all = (0..20).map(|_| host.get());
    assert!(futures::future::join_all(all).await.iter().all(Result::is_ok));
    assert_eq!(host.asked(), 1);
}

#[tokio::test]
async fn nothing_but_a_small_json_answer_of_that_address_is_taken() {
    let long = ok("public", &"{".repeat(1_001));
    let html = ok("public", "<html>").replace("application/json", "text/html");
    for (answer, fault) in [
        ("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "302"),
        (long.as_str(), "1000 bytes"),
        (html.as_str(), "JSON"),
        (&ok("public", "null"), "no object"),
        ("garbage", "can't be reached"),
    ] {
        let host = Host::new(answer, OPEN).await;
        let told = host.get().await.unwrap_err().to_string();
        assert!(told.contains(fault), "{told}");
    }
}

#[tokio::test]
async fn a_closed_address_is_never_asked() {
    let host = Host::new(&ok("public", "{1}"), &[]).await;
    assert!(matches!(host.get().await, Err(FetchFault::Unreachable(..))));
    assert_eq!(host.asked(), 0);
}

/// Whoever names many hosts that never answer holds up nobody else's document.
#[tokio::test]
async fn a_host_that_is_slow_holds_up_its_own_alone() {
    let silent = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let host = Host::new(&ok("max-age=60", "{1}"), OPEN).await;
    let mut waiting = JoinSet::new();
    for n in 1..=200 {
        let url = Url::parse(&format!("http://127.0.1.{n}:{port}/client")).unwrap();
        let (remote, until) = (Arc::clone(&host.remote), host.clock.instant() + WITHIN);
        waiting.spawn(async move { remote.get(&url, until, |_| Ok(String::new())).await.is_err() });
    }
    // They hold their turns by then.
    let mut connected = Vec::new();
    while connected.len() < 64 {
        connected.push(silent.accept().await.unwrap());
    }
    assert_eq!(host.get().await.unwrap(), "{1}");
    waiting.abort_all();
}

#[tokio::test]
async fn a_body_that_is_cut_or_encoded_is_not_taken() {
    let slow = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{";
    let host = Host::new(slow, OPEN).await;
    // The host closes after its one byte: what it promised never came.
    assert!(matches!(host.get().await, Err(FetchFault::Unreachable(..) | FetchFault::Timeout(_))));
    for encoded in ["gzip", "br", "identity, gzip"] {
        let answer = ok("public", "{1}")
            .replace("Cache-Control", &format!("Content-Encoding: {encoded}\r\nCache-Control"));
        let host = Host::new(&answer, OPEN).await;
        assert!(matches!(host.get().await, Err(FetchFault::Type(_))), "{encoded}");
    }
}

#[tokio::test]
async fn a_host_is_asked_so_often_in_a_minute() {
    let host = Host::new(&ok("max-age=60", "{1}"), OPEN).await;
    let asks = async |n: u32| {
        let url = host.url.join(&format!("/{n}")).unwrap();
        host.remote.get(&url, host.clock.instant() + WITHIN, |_| Ok(String::new())).await.map(drop)
    };
    for n in 0..30 {
        assert_eq!(asks(n).await, Ok(()), "{n}");
    }
    for n in 30..90 {
        assert_eq!(asks(n).await, Err(FetchFault::Busy("127.0.0.1".to_owned())), "{n}");
    }
    assert_eq!(host.asked(), 30);
    host.later(60);
    assert_eq!(asks(90).await, Ok(()));
}
