//! One connection: hyper's HTTP/1 server within bounds.

use std::convert::Infallible;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::route;
use crate::request::Door;
use crate::upstream::Upstream;

pub(super) struct Connection {
    pub(super) door: Arc<Door>,
    pub(super) upstream: Arc<dyn Upstream>,
    pub(super) cancel: CancellationToken,
}

impl Connection {
    pub(super) async fn serve_tls(self, stream: tokio::net::TcpStream, tls: TlsAcceptor) {
        match tokio::time::timeout(self.door.settings().handshake_timeout, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.serve(stream).await,
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake did not end in time"),
        }
    }

    /// Until the client closes it, or the process stops and what is under way has ended.
    pub(super) async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send) {
        let settings = self.door.settings();
        let service = service_fn(|request| {
            let door = Arc::clone(&self.door);
            let upstream = Arc::clone(&self.upstream);
            async move { Ok::<_, Infallible>(route::answer(&door, &*upstream, request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(settings.header_timeout)
            .max_header_size(settings.max_header_bytes)
            .max_headers(settings.max_headers)
            .max_buf_size(settings.max_header_bytes.max(64 * 1024))
            .keep_alive(true)
            // A client that closes its side has gone: what was under way for it ends.
            .half_close(false)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let result = tokio::select! {
            biased;
            result = connection.as_mut() => result,
            () = self.cancel.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = result {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}
