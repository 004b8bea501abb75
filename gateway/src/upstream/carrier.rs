//! One connection to an upstream, polled by the very task that waits for its answer: to hand each request to a task of
//! the connection's own and each frame back would cost more than the work itself.
//!
//! hyper splits a connection into a sender, a future that moves bytes, and a response's body. All three wake each
//! other; here they share a waker ([`Relay`]) that reaches the waiting task only for news from outside.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use futures::task::AtomicWaker;
use http::{Request, Response};
use http_body::{Body as _, Frame};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;

use super::UpstreamError;
use super::socket::Inquiry;
use super::stream::UpstreamStream;

type Conversation = Connection<TokioIo<UpstreamStream>, Full<Bytes>>;

pub(super) struct Carrier {
    sender: SendRequest<Full<Bytes>>,
    /// `None` once it has ended.
    connection: Option<Conversation>,
    relay: Arc<Relay>,
    waker: Waker,
    peer: SocketAddr,
    inquiry: Inquiry,
}

/// Why there is no answer.
pub(super) struct Unsent {
    pub(super) error: UpstreamError,
    /// The request, when no byte of it was written.
    pub(super) request: Option<Request<Full<Bytes>>>,
}

/// Passes on what wakes a connection, but not what its parts say to each other while they are polled together.
#[derive(Default)]
struct Relay {
    polling: AtomicBool,
    news: AtomicBool,
    task: AtomicWaker,
}

/// Rounds in which the parts of a connection may have news for each other before other tasks get their turn.
const MAX_ROUNDS: u32 = 16;

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.news.store(true, Ordering::SeqCst);
        if !self.polling.load(Ordering::SeqCst) {
            self.task.wake();
        }
    }
}

impl Carrier {
    /// On a stream that is connected. `head`: an answer's headers may be this long, in bytes.
    pub(super) async fn new(stream: UpstreamStream, head: usize) -> Result<Box<Self>, UpstreamError> {
        let (peer, inquiry) = (stream.peer, stream.inquiry.clone());
        let (sender, connection) = Builder::new()
            .max_buf_size(head.max(8_192))
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| UpstreamError::Broken(deepest(&error)))?;
        let relay = Arc::<Relay>::default();
        let waker = Waker::from(Arc::clone(&relay));
        Ok(Box::new(Self { sender, connection: Some(connection), relay, waker, peer, inquiry }))
    }

    pub(super) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Sends a request and waits for the answer's head.
    pub(super) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Unsent> {
        let mut answer = std::pin::pin!(self.sender.try_send_request(request));
        let (connection, relay, waker) = (&mut self.connection, &*self.relay, &self.waker);
        let answered =
            std::future::poll_fn(|cx| relay.poll(cx, waker, connection, |cx| answer.as_mut().poll(cx)));
        answered.await.map_err(|mut failed| Unsent {
            request: failed.take_message(),
            error: UpstreamError::Broken(deepest(failed.error())),
        })
    }

    /// The next frame of the answer's body.
    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
        body: &mut Incoming,
    ) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        let Self { connection, relay, waker, .. } = self;
        let frame = relay.poll(cx, waker, connection, |cx| Pin::new(&mut *body).poll_frame(cx));
        frame.map(|frame| frame.map(|frame| frame.map_err(|error| UpstreamError::Broken(deepest(&error)))))
    }

    /// Whether it can still carry a request, after a time in which nobody looked at it.
    pub(super) fn still_stands(&mut self) -> bool {
        self.inquiry.make();
        self.is_usable()
    }

    /// Whether it can carry another request now.
    pub(super) fn is_usable(&mut self) -> bool {
        let Self { connection, relay, waker, .. } = self;
        // Whoever waited for the last answer is not to be woken by this connection any more.
        relay.task.take();
        let mut cx = Context::from_waker(waker);
        let ended =
            connection.as_mut().is_none_or(|connection| Pin::new(connection).poll(&mut cx).is_ready());
        if ended {
            *connection = None;
        }
        !ended && self.sender.is_ready()
    }
}

impl Relay {
    /// Polls the connection and what waits for it, until neither has news for the other.
    fn poll<T>(
        &self,
        task: &mut Context<'_>,
        waker: &Waker,
        connection: &mut Option<Conversation>,
        mut waits: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.task.register(task.waker());
        self.polling.store(true, Ordering::SeqCst);
        let mut cx = Context::from_waker(waker);
        let mut polled = Poll::Pending;
        for _ in 0..MAX_ROUNDS {
            self.news.store(false, Ordering::SeqCst);
            polled = waits(&mut cx);
            if polled.is_ready() {
                break;
            }
            // Its error reaches the answer, or the body, as well.
            if connection.as_mut().is_some_and(|connection| Pin::new(connection).poll(&mut cx).is_ready()) {
                *connection = None;
                self.news.store(true, Ordering::SeqCst);
            }
            if !self.news.load(Ordering::SeqCst) {
                break;
            }
        }
        self.polling.store(false, Ordering::SeqCst);
        if polled.is_pending() && self.news.load(Ordering::SeqCst) {
            task.waker().wake_by_ref();
        }
        polled
    }
}

/// The reason at the bottom of hyper's.
fn deepest(error: &hyper::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(reason) = cause.source() {
        cause = reason;
    }
    cause.to_string()
}
