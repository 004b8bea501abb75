//! An answer on its way: until its body has ended or is dropped, the connection counts as busy.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::BoxError;
use super::pulse::{Doing, Pulse};
use crate::problem::Problem;

/// An answer's body.
pub(super) struct Answer<B> {
    body: Inner<B>,
    _under_way: UnderWay,
}

enum Inner<B> {
    Served(B),
    Whole(Option<Bytes>),
}

/// A request, from its head to the end of its answer.
pub(super) struct UnderWay(Arc<Pulse>);

impl<B> Answer<B> {
    pub(super) fn served(response: Response<B>, under_way: UnderWay) -> Response<Self> {
        response.map(|body| Self { body: Inner::Served(body), _under_way: under_way })
    }

    /// In place of the answer of a handler that panicked, whatever form that would have had.
    pub(super) fn broken(under_way: UnderWay) -> Response<Self> {
        let response = Problem::internal().response();
        response.map(|body| Self { body: Inner::Whole(Some(body)), _under_way: under_way })
    }
}

impl<B> HttpBody for Answer<B>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.get_mut().body {
            Inner::Served(body) => {
                Pin::new(body).poll_frame(cx).map(|frame| frame.map(|frame| frame.map_err(Into::into)))
            }
            Inner::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            Inner::Served(body) => body.is_end_stream(),
            Inner::Whole(bytes) => bytes.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Inner::Served(body) => body.size_hint(),
            Inner::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
        }
    }
}

impl UnderWay {
    pub(super) fn begin(pulse: &Arc<Pulse>) -> Self {
        pulse.set(Doing::Answering);
        Self(Arc::clone(pulse))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.set(Doing::Waiting);
    }
}
