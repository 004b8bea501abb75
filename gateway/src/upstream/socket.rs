//! A connection that notices in time that the other side has closed it.
//!
//! tokio hears of a close when the runtime next asks the kernel. A request that is handed to an unused
//! connection before that would be written into nothing, and since some of it was written it could not be
//! sent again. So before an unused connection is used again, the next look at it asks the kernel itself: one system
//! call a request.

use std::io::{ErrorKind, Read};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

pub(super) struct UpstreamSocket {
    stream: TcpStream,
    inquiry: Inquiry,
}

/// Has the next look at a socket ask the kernel.
#[derive(Clone, Default)]
pub(super) struct Inquiry(Arc<AtomicBool>);

impl Inquiry {
    pub(super) fn make(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_made(&self) -> bool {
        self.0.load(Ordering::Relaxed) && self.0.swap(false, Ordering::Relaxed)
    }
}

impl UpstreamSocket {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, inquiry: Inquiry::default() }
    }

    pub(super) fn inquiry(&self) -> Inquiry {
        self.inquiry.clone()
    }
}

impl AsyncRead for UpstreamSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if polled.is_ready() || !self.inquiry.is_made() {
            return polled;
        }
        let mut bytes = [0; 512];
        let room = buffer.remaining().min(bytes.len());
        // The socket does not block. What is waited for is registered with tokio already.
        match (&*SockRef::from(&self.stream)).read(&mut bytes[..room]) {
            Ok(read) => {
                buffer.put_slice(&bytes[..read]);
                Poll::Ready(Ok(()))
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl AsyncWrite for UpstreamSocket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::task::Waker;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn look(socket: &mut (impl AsyncRead + Unpin)) -> Poll<usize> {
        let mut bytes = [0; 16];
        let mut buffer = ReadBuf::new(&mut bytes);
        let polled = Pin::new(socket).poll_read(&mut Context::from_waker(Waker::noop()), &mut buffer);
        polled.map(|read| {
            read.unwrap();
            buffer.filled().len()
        })
    }

    #[tokio::test]
    async fn a_close_is_noticed_before_the_runtime_hears_of_it() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        let mut socket = UpstreamSocket::new(stream);
        let inquiry = socket.inquiry();
        socket.write_all(b"question").await.unwrap();
        peer.read_exact(&mut [0; 8]).unwrap();
        peer.write_all(b"answer").unwrap();
        let mut answer = [0; 6];
        socket.read_exact(&mut answer).await.unwrap();
        assert_eq!(look(&mut socket), Poll::Pending);
        inquiry.make();
        assert_eq!(look(&mut socket), Poll::Pending);
        // From here on nothing is awaited: the runtime asks the kernel nothing.
        drop(peer);
        assert_eq!(look(&mut socket), Poll::Pending, "tokio has not heard of it");
        inquiry.make();
        assert_eq!(look(&mut socket), Poll::Ready(0));
    }
}
