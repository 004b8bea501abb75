//! What an answer leaves of its request's body. A client that is answered early (401, 413, …) may still be sending:
//! were the connection closed under it, it would see a broken pipe in place of the answer, and a proxy would take
//! the gateway for broken. So a little is read on and thrown away, and the connection lives on; where more is left,
//! the answer says that the connection ends (RFC 9112 §9.6), and `linger` takes what still comes.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Version, header};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;

/// So much of a body is thrown away for the sake of its connection, and for so long.
const BYTES: u64 = 256 * 1024;
const TIME: Duration = Duration::from_secs(1);

/// A request's body. What is left of it when it is dropped before the answer is there goes back to the connection.
pub struct RequestBody {
    incoming: Option<Incoming>,
    polled: bool,
    /// Nothing more can be read of it, nor of its connection.
    broken: bool,
    left: Weak<Left>,
}

/// Where the connection finds what a handler has left of one body.
#[derive(Default)]
pub(super) struct Left(Mutex<Option<Unread>>);

struct Unread {
    incoming: Incoming,
    polled: bool,
    broken: bool,
}

impl RequestBody {
    /// The body, and where to find what is left of it; `None`: there is none, so that nothing can be left.
    pub(super) fn new(incoming: Incoming) -> (Self, Option<Arc<Left>>) {
        let left = (!incoming.is_end_stream()).then(Arc::<Left>::default);
        let weak = left.as_ref().map_or_else(Weak::new, Arc::downgrade);
        (Self { incoming: Some(incoming), polled: false, broken: false, left: weak }, left)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let (polled, broken) = (self.polled, self.broken);
        if let Some(incoming) = self.incoming.take().filter(|incoming| broken || !incoming.is_end_stream())
            && let Some(left) = self.left.upgrade()
        {
            *left.lock() = Some(Unread { incoming, polled, broken });
        }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let Some(incoming) = &mut this.incoming else { return Poll::Ready(None) };
        this.polled = true;
        let polled = Pin::new(incoming).poll_frame(cx);
        match &polled {
            Poll::Ready(None) if !this.broken => this.incoming = None,
            Poll::Ready(Some(Err(_))) => this.broken = true,
            Poll::Ready(_) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Left {
    fn lock(&self) -> MutexGuard<'_, Option<Unread>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads on to the body's end, if that is near. False: there is more, so the connection must end.
    pub(super) async fn is_read_out(&self, waits_for_continue: bool) -> bool {
        let Some(Unread { incoming, polled, broken }) = self.lock().take() else { return true };
        // To read on would ask for a body (100) that nobody wants any more.
        if broken || (waits_for_continue && !polled) || incoming.size_hint().lower() > BYTES {
            return false;
        }
        tokio::time::timeout(TIME, read_out(incoming)).await.unwrap_or(false)
    }
}

async fn read_out(mut body: Incoming) -> bool {
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        read += frame.data_ref().map_or(0, |data| data.len() as u64);
        if read > BYTES {
            return false;
        }
    }
    true
}

/// Whether the client sends its body only once it is asked to (RFC 9110 §10.1.1).
pub(super) fn waits_for_continue(version: Version, headers: &HeaderMap) -> bool {
    let expected = headers.get_all(header::EXPECT).iter().next_back();
    version == Version::HTTP_11
        && expected.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}
