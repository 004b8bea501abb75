//! An upstream's answer as it comes, frame by frame. At its end the connection goes back to where it came from;
//! dropped before, it is closed, which is how a client's disconnect reaches the upstream.

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

/// A body as it comes from an upstream, or one that is made of it.
pub struct UpstreamBody(Inner);

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
        Self(Inner::Carried(Carried { incoming, carrier: Some(carrier), site }))
    }

    /// One that is made of another.
    pub fn made(body: impl Body<Data = Bytes, Error = UpstreamError> + Send + 'static) -> Self {
        Self(Inner::Made(body.boxed_unsync()))
    }

    /// Where it comes from, while it comes.
    pub fn peer(&self) -> Option<SocketAddr> {
        match &self.0 {
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

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = UpstreamError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        let carried = match &mut self.get_mut().0 {
            Inner::Made(body) => return Pin::new(body).poll_frame(cx),
            Inner::Carried(carried) => carried,
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
        match &self.0 {
            Inner::Carried(carried) => carried.carrier.is_none() || carried.incoming.is_end_stream(),
            Inner::Made(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Carried(carried) => carried.incoming.size_hint(),
            Inner::Made(body) => body.size_hint(),
        }
    }
}
