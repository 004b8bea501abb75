//! Answers that last: passed on frame by frame, and ended once their caller may no longer have them.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Sleep;

use super::admission::Admission;
use super::keepalive;
use crate::upstream::UpstreamBody;

/// A response's body.
#[derive(Default)]
pub enum Body {
    #[default]
    Empty,
    Whole(Bytes),
    Stream(Box<Watched>),
}

/// An upstream's body under watch.
pub struct Watched {
    inner: UpstreamBody,
    admission: Admission,
    /// Runs out at the next look; made when the body is first waited for, which short ones never are.
    next_look: Option<Pin<Box<Sleep>>>,
    every: Duration,
    /// By the gate's clock.
    looked_at: Instant,
    /// An event stream may be silent for ever, and ends between two events without harm.
    events: Option<OpenStream>,
    /// Where in an event stream whose length is open the last byte was: its silence can be broken by a comment.
    place: Option<keepalive::Place>,
    /// Looks without a frame, until then.
    comment_after: u32,
    /// Looks since the last frame; a body that is no event stream breaks off at `patience`.
    silent: u32,
    patience: u32,
    /// Frames since the last look, when none has been waited for.
    frames: u32,
    done: bool,
}

/// What a look at a silent body came to.
enum Looked {
    Cut(Cut),
    /// A comment is due.
    Comment,
}

/// Why a body ends before its end.
#[derive(Debug, thiserror::Error)]
pub enum Cut {
    #[error("the caller may no longer have it")]
    Refused,
    #[error("the upstream fell silent")]
    Silent,
    #[error("the upstream broke off")]
    Broken,
}

/// Frames that may pass without a look at the clock.
const MAX_FRAMES: u32 = 32;

/// Counts itself.
struct OpenStream;

impl OpenStream {
    fn new() -> Self {
        metrics::gauge!("keyledger_open_streams").increment(1);
        Self
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        metrics::gauge!("keyledger_open_streams").decrement(1);
    }
}

impl Watched {
    /// `events`: an event stream. `patience`: how long another body may be silent.
    pub fn new(inner: UpstreamBody, admission: Admission, events: bool, patience: Duration) -> Self {
        let every = admission.door.settings.recheck_every;
        let looks = |time: Duration| {
            u32::try_from(time.as_millis() / every.as_millis().max(1)).unwrap_or(u32::MAX).max(1)
        };
        let open_end = inner.size_hint().exact().is_none();
        Self {
            place: (events && open_end).then(keepalive::Place::default),
            comment_after: looks(admission.door.settings.comment_every),
            patience: looks(patience),
            inner,
            looked_at: admission.door.clock.instant(),
            admission,
            next_look: None,
            every,
            events: events.then(OpenStream::new),
            silent: 0,
            frames: 0,
            done: false,
        }
    }

    fn look(&mut self) -> Result<(), Cut> {
        self.looked_at = self.admission.door.clock.instant();
        self.admission.look().map_err(|refusal| {
            metrics::counter!("keyledger_streams_ended_total", "reason" => refusal.name()).increment(1);
            tracing::info!(principal = %self.admission.principal.id(), reason = refusal.name(), "an answer was ended");
            Cut::Refused
        })
    }

    /// The timer stands still while the machine sleeps, and the gate's clock does not: what came meanwhile must
    /// not pass before the next look.
    fn is_overdue(&self) -> bool {
        self.admission.door.clock.instant().saturating_duration_since(self.looked_at) > self.every
    }

    /// Ready when the body must end now or a comment is due; otherwise the next look wakes it.
    fn poll_look(&mut self, cx: &mut Context<'_>) -> Poll<Looked> {
        loop {
            let every = self.every;
            let next_look = self.next_look.get_or_insert_with(|| Box::pin(tokio::time::sleep(every)));
            ready!(next_look.as_mut().poll(cx));
            self.next_look = None;
            self.silent += 1;
            if let Err(cut) = self.look() {
                return Poll::Ready(Looked::Cut(cut));
            }
            if self.events.is_none() && self.silent > self.patience {
                return Poll::Ready(Looked::Cut(Cut::Silent));
            }
            if self.silent >= self.comment_after
                && self.place.as_ref().is_some_and(keepalive::Place::is_between_events)
            {
                self.silent = 0;
                return Poll::Ready(Looked::Comment);
            }
        }
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = self.get_mut();
        if this.done {
            return Poll::Ready(None);
        }
        if this.is_overdue()
            && let Err(cut) = this.look()
        {
            this.done = true;
            return Poll::Ready(this.events.is_none().then_some(Err(cut)));
        }
        let frame = if this.next_look.is_none() && this.frames < MAX_FRAMES {
            Pin::new(&mut this.inner).poll_frame(cx)
        } else {
            Poll::Pending
        };
        let frame = match frame {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                this.frames = 0;
                match this.poll_look(cx) {
                    Poll::Ready(Looked::Cut(cut)) => {
                        this.done = true;
                        // Between two events an event stream just ends: the client comes back and is refused.
                        return Poll::Ready(this.events.is_none().then_some(Err(cut)));
                    }
                    Poll::Ready(Looked::Comment) => {
                        return Poll::Ready(Some(Ok(Frame::data(keepalive::COMMENT))));
                    }
                    Poll::Pending => {}
                }
                ready!(Pin::new(&mut this.inner).poll_frame(cx))
            }
        };
        match frame {
            Some(Ok(frame)) if frame.is_data() => {
                if let (Some(place), Some(data)) = (&mut this.place, frame.data_ref()) {
                    place.saw(data);
                }
                this.frames += 1;
                this.silent = 0;
                Poll::Ready(Some(Ok(frame)))
            }
            // Trailers pass no list of ours.
            Some(Ok(_)) | None => {
                this.done = true;
                Poll::Ready(None)
            }
            Some(Err(error)) => {
                this.done = true;
                tracing::info!(server = %this.admission.server.id, %error, "an upstream's answer broke off");
                Poll::Ready(Some(Err(Cut::Broken)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.done || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = self.get_mut();
        match this {
            Self::Empty => Poll::Ready(None),
            Self::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                *this = Self::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Self::Stream(watched) => Pin::new(&mut **watched).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Whole(_) => false,
            Self::Stream(watched) => watched.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream(watched) => watched.size_hint(),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::Empty } else { Self::Whole(bytes) }
    }
}
