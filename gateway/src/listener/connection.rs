//! One connection: hyper's HTTP/1 server within bounds.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use futures::FutureExt;
use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::answer::{Answer, UnderWay};
use super::linger::linger;
use super::pulse::{Doing, How, Socket};
use super::room::Place;
use super::unread::{RequestBody, waits_for_continue};
use super::{Serve, Tls};
use crate::telemetry;

pub(super) struct Connection<S> {
    pub(super) serve: S,
    pub(super) place: Place,
    pub(super) peer: SocketAddr,
}

/// Whether the client may still be sending when its connection has been served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Clean,
    MoreMayCome,
}

impl<S: Serve> Connection<S> {
    /// Until the client closes it, or it is ended.
    pub(super) async fn run(self, stream: TcpStream, tls: Option<Tls>) {
        let pulse = self.place.pulse();
        let socket = Socket::new(stream, Arc::clone(pulse));
        let mut whole = std::pin::pin!(self.whole(socket, tls));
        std::future::poll_fn(|cx| match pulse.poll_told(cx) {
            Some(How::Cut) => Poll::Ready(()),
            Some(How::Asked) | None => whole.as_mut().poll(cx),
        })
        .await;
    }

    async fn whole(&self, mut socket: Socket, tls: Option<Tls>) {
        match tls {
            None => {
                if self.speak(&mut socket).await == End::MoreMayCome {
                    self.place.pulse().set(Doing::Leaving);
                    linger(socket).await;
                }
            }
            // Boxed: connections without TLS need not have room for it.
            Some(tls) => Box::pin(self.encrypted(socket, tls)).await,
        }
    }

    async fn encrypted(&self, socket: Socket, tls: Tls) {
        let Some(mut stream) = self.handshake(socket, &tls).await else { return };
        if self.speak(&mut stream).await == End::MoreMayCome {
            self.place.pulse().set(Doing::Leaving);
            // What still comes need not be decrypted to be thrown away.
            linger(stream.get_mut().0).await;
        }
    }

    async fn handshake(&self, socket: Socket, tls: &Tls) -> Option<TlsStream<Socket>> {
        let (pulse, room) = (self.place.pulse(), self.place.room());
        let bounded = tokio::time::timeout(room.bounds().handshake, tls.acceptor().accept(socket));
        let mut bounded = std::pin::pin!(bounded);
        let agreed = std::future::poll_fn(|cx| match pulse.told() {
            Some(_) => Poll::Ready(None),
            None => bounded.as_mut().poll(cx).map(Some),
        });
        let stream = match agreed.await? {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                no_handshake(room.name());
                tracing::debug!(listener = room.name(), %error, "a TLS handshake failed");
                return None;
            }
            Err(_) => {
                no_handshake(room.name());
                tracing::debug!(listener = room.name(), "a TLS handshake did not end in time");
                return None;
            }
        };
        // What came until now was no request.
        pulse.set(Doing::Waiting);
        Some(stream)
    }

    async fn speak(&self, stream: &mut (impl AsyncRead + AsyncWrite + Unpin + Send)) -> End {
        let (pulse, bounds) = (self.place.pulse(), self.place.room().bounds());
        let left_unread = AtomicBool::new(false);
        let service = service_fn(|request| async {
            let (response, read_out) = self.answer(request).await;
            left_unread.store(!read_out, Ordering::Relaxed);
            Ok::<_, Infallible>(response)
        });
        let connection = http1::Builder::new()
            // More than 100 headers are hyper's to refuse. The room has an eye on the times.
            .header_read_timeout(None)
            .max_header_size(bounds.head_bytes)
            .max_buf_size(bounds.head_bytes.max(64 * 1024))
            .keep_alive(true)
            // A client that closes its side has gone: what was under way for it ends.
            .half_close(false)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let mut asked = false;
        let served = std::future::poll_fn(|cx| {
            if !asked && pulse.told().is_some() {
                asked = true;
                connection.as_mut().graceful_shutdown();
            }
            connection.as_mut().poll(cx)
        });
        let served = served.await;
        if let Err(error) = &served {
            tracing::debug!(listener = self.place.room().name(), %error, "a connection ended early");
        }
        // A head that can't be read was answered as well, and what follows it was not read.
        let no_head = served.is_err_and(|error| error.is_parse());
        if no_head || left_unread.load(Ordering::Relaxed) { End::MoreMayCome } else { End::Clean }
    }

    /// The answer, and whether its request's body was read to the end.
    async fn answer(&self, request: Request<Incoming>) -> (Response<Answer<S::Body>>, bool) {
        let under_way = UnderWay::begin(self.place.pulse());
        let waits = waits_for_continue(request.version(), request.headers());
        let (head, incoming) = request.into_parts();
        let (body, left) = RequestBody::new(incoming);
        // Boxed: it is large, and would be moved at each of the steps that lead to its first poll.
        let serving = Box::pin(self.serve.serve(Request::from_parts(head, body), self.peer));
        let serving = AssertUnwindSafe(serving).catch_unwind();
        let mut response = match serving.await {
            Ok(response) => Answer::served(response, under_way),
            Err(_) => {
                let name = self.place.room().name();
                telemetry::count_panic(name);
                tracing::error!(listener = name, "a handler panicked; standard error has its words");
                Answer::broken(under_way)
            }
        };
        let read_out = match left {
            None => true,
            Some(left) => left.is_read_out(waits).await,
        };
        if !read_out {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        (response, read_out)
    }
}

fn no_handshake(listener: &'static str) {
    metrics::counter!("keyledger_tls_handshake_failures_total", "listener" => listener).increment(1);
}
