//! An upstream's answer as it comes, frame by frame. At its end the connection goes back to where it came from;
//! dropped before, it is closed, which is how a client's disconnect reaches the upstream.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::UpstreamError;
use super::carrier::Carrier;
use super::site::Site;

/// Frames that are taken ahead: a body of one, and the news that it was the last.
const MAX_AHEAD: usize = 2;
/// Frames pass together until they have so many bytes.
const TOGETHER: usize = 8 * 1_024;

/// A body as it comes from an upstream.
pub struct UpstreamBody {
    /// What came already, and passes first.
    ahead: VecDeque<Result<Frame<Bytes>, UpstreamError>>,
    rest: Carried,
    /// It broke off, and what came before had its time to go out.
    broken: bool,
}

struct Carried {
    incoming: Incoming,
    /// `None` once the body has ended.
    carrier: Option<Box<Carrier>>,
    site: Arc<Site>,
}

impl UpstreamBody {
    pub(super) fn new(incoming: Incoming, carrier: Box<Carrier>, site: Arc<Site>) -> Self {
        let rest = Carried { incoming, carrier: Some(carrier), site };
        Self { ahead: VecDeque::new(), rest, broken: false }
    }

    /// The whole body, if it came with the head, as short answers do. It is then empty.
    pub async fn whole(&mut self) -> Option<Bytes> {
        std::future::poll_fn(|cx| Poll::Ready(self.take_whole(cx))).await
    }

    /// Until its first piece has come, or its end. Nothing of it is lost by who no longer waits.
    pub fn poll_begun(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.ahead.is_empty()
            && !self.rest.is_end_stream()
            && let Some(frame) = ready!(self.rest.poll_frame(cx))
        {
            self.ahead.push_back(frame);
        }
        Poll::Ready(())
    }

    /// Its first piece, as far as that has come, and whether nothing comes after it.
    pub fn first(&self) -> (&[u8], bool) {
        let first = self.ahead.front().and_then(|frame| frame.as_ref().ok()?.data_ref());
        let broke_off = self.ahead.iter().any(Result::is_err);
        (first.map_or(&[], |data| data), self.rest.is_end_stream() && !broke_off)
    }

    fn take_whole(&mut self, cx: &mut Context<'_>) -> Option<Bytes> {
        while self.ahead.len() < MAX_AHEAD && !self.rest.is_end_stream() {
            let Poll::Ready(Some(frame)) = self.rest.poll_frame(cx) else { break };
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

    /// A frame, together with small ones that are there already: each that passes on costs as much as a large one.
    fn poll_together(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        let Some(frame) = ready!(self.rest.poll_frame(cx)).transpose()? else {
            return Poll::Ready(None);
        };
        let mut together = match frame.into_data() {
            Ok(data) => Together::One(data),
            Err(other) => return Poll::Ready(Some(Ok(other))),
        };
        while together.len() < TOGETHER && !self.rest.is_end_stream() {
            let Poll::Ready(next) = self.rest.poll_frame(cx) else { break };
            match next {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => together.add(&data),
                    Err(other) => {
                        self.ahead.push_back(Ok(other));
                        break;
                    }
                },
                Some(Err(error)) => {
                    self.ahead.push_back(Err(error));
                    break;
                }
                None => break,
            }
        }
        Poll::Ready(Some(Ok(Frame::data(together.into_bytes()))))
    }

    /// Where it comes from, while it comes.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.rest.carrier.as_ref().map(|carrier| carrier.peer())
    }
}

/// Data of one frame or of several.
enum Together {
    One(Bytes),
    Several(BytesMut),
}

impl Together {
    fn len(&self) -> usize {
        match self {
            Self::One(data) => data.len(),
            Self::Several(data) => data.len(),
        }
    }

    fn add(&mut self, next: &[u8]) {
        match self {
            Self::One(first) => {
                let mut several = BytesMut::with_capacity(TOGETHER.max(first.len() + next.len()));
                several.extend_from_slice(first);
                several.extend_from_slice(next);
                *self = Self::Several(several);
            }
            Self::Several(data) => data.extend_from_slice(next),
        }
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::One(data) => data,
            Self::Several(data) => data.freeze(),
        }
    }
}

impl Carried {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        let Some(carrier) = &mut self.carrier else { return Poll::Ready(None) };
        let polled = carrier.poll_frame(cx, &mut self.incoming);
        match &polled {
            Poll::Ready(Some(Ok(_))) if self.incoming.is_end_stream() => self.give_back(),
            Poll::Ready(None) => self.give_back(),
            Poll::Ready(Some(Err(_))) => self.carrier = None,
            Poll::Ready(Some(Ok(_))) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.carrier.is_none() || self.incoming.is_end_stream()
    }

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
        let this = self.get_mut();
        let polled = match this.ahead.pop_front() {
            Some(frame) => Poll::Ready(Some(frame)),
            None => this.poll_together(cx),
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
        let mut hint = self.rest.incoming.size_hint();
        let ahead: usize =
            self.ahead.iter().flatten().filter_map(|frame| frame.data_ref()).map(Bytes::len).sum();
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(ahead as u64));
        }
        hint.set_lower(hint.lower().saturating_add(ahead as u64));
        hint
    }
}
