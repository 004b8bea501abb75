//! An upstream's answer as it comes, frame by frame. At its end the connection goes back to where it came from;
//! dropped before, it is closed, which is how a client's disconnect reaches the upstream.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;

use super::UpstreamError;
use super::carrier::Carrier;
use super::site::Site;

/// Frames that are taken ahead: a body of one, and the news that it was the last.
const MAX_AHEAD: usize = 2;

/// A body as it comes from an upstream, or one that is made of it.
pub struct UpstreamBody {
    /// What came already, and passes first.
    ahead: VecDeque<Result<Frame<Bytes>, UpstreamError>>,
    rest: Inner,
    /// It broke off, and what came before had its time to go out.
    broken: bool,
}

enum Inner {
    Carried(Carried),
    Made(UnsyncBoxBody<Bytes, UpstreamError>),
}

struct Carried {
    incoming: Incoming,
    /// `None` once the body has ended.
    carrier: Option<Box<Carrier>>,
    site: Arc<Site>,
}

impl UpstreamBody {
    pub(super) fn new(incoming: Incoming, carrier: Box<Carrier>, site: Arc<Site>) -> Self {
        Self::of(Inner::Carried(Carried { incoming, carrier: Some(carrier), site }))
    }

    /// One that is made of another.
    pub fn made(body: impl Body<Data = Bytes, Error = UpstreamError> + Send + 'static) -> Self {
        Self::of(Inner::Made(body.boxed_unsync()))
    }

    fn of(rest: Inner) -> Self {
        Self { ahead: VecDeque::new(), rest, broken: false }
    }

    /// The whole body, if it came with the head, as short answers do. It is then empty.
    pub async fn whole(&mut self) -> Option<Bytes> {
        std::future::poll_fn(|cx| Poll::Ready(self.take_whole(cx))).await
    }

    fn take_whole(&mut self, cx: &mut Context<'_>) -> Option<Bytes> {
        while self.ahead.len() < MAX_AHEAD && !self.rest.is_end_stream() {
            let Poll::Ready(Some(frame)) = Pin::new(&mut self.rest).poll_frame(cx) else { break };
            self.ahead.push_back(frame);
        }
        match self.ahead.pop_front()? {
            Ok(frame) if frame.is_data() && self.is_end_stream() => frame.into_data().ok(),
            frame => {
                self.ahead.push_front(frame);
                None
            }
        }
    }

    /// Where it comes from, while it comes.
    pub fn peer(&self) -> Option<SocketAddr> {
        match &self.rest {
            Inner::Carried(carried) => carried.carrier.as_ref().map(|carrier| carrier.peer()),
            Inner::Made(_) => None,
        }
    }
}

impl Carried {
    fn give_back(&mut self) {
        if let Some(mut carrier) = self.carrier.take()
            && carrier.is_usable()
        {
            self.site.put(carrier);
        }
    }
}

impl Drop for Carried {
    fn drop(&mut self) {
        if self.incoming.is_end_stream() {
            self.give_back();
        }
    }
}

impl Inner {
    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        let carried = match self.get_mut() {
            Self::Made(body) => return Pin::new(body).poll_frame(cx),
            Self::Carried(carried) => carried,
        };
        let Some(carrier) = &mut carried.carrier else { return Poll::Ready(None) };
        let polled = carrier.poll_frame(cx, &mut carried.incoming);
        match &polled {
            Poll::Ready(Some(Ok(_))) if carried.incoming.is_end_stream() => carried.give_back(),
            Poll::Ready(None) => carried.give_back(),
            Poll::Ready(Some(Err(_))) => carried.carrier = None,
            Poll::Ready(Some(Ok(_))) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Carried(carried) => carried.carrier.is_none() || carried.incoming.is_end_stream(),
            Self::Made(body) => body.is_end_stream(),
        }
    }
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = UpstreamError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        let this = self.get_mut();
        let polled = match this.ahead.pop_front() {
            Some(frame) => Poll::Ready(Some(frame)),
            None => Pin::new(&mut this.rest).poll_frame(cx),
        };
        match polled {
            // Whoever passes it on throws away, at an error, what it has not written yet.
            Poll::Ready(Some(Err(error))) if !this.broken => {
                this.broken = true;
                this.ahead.push_front(Err(error));
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            polled @ (Poll::Ready(_) | Poll::Pending) => polled,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ahead.is_empty() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = match &self.rest {
            Inner::Carried(carried) => carried.incoming.size_hint(),
            Inner::Made(body) => body.size_hint(),
        };
        let ahead: usize =
            self.ahead.iter().flatten().filter_map(|frame| frame.data_ref()).map(Bytes::len).sum();
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(ahead as u64));
        }
        hint.set_lower(hint.lower().saturating_add(ahead as u64));
        hint
    }
}
