//! Answers that last: passed on frame by frame, and ended once their caller may no longer have them.
//!
//! What wakes one is the event itself: the directory tells of a change of its key, organization or server and of a gate
//! that closes, a timer of a right that ends at a known time. The look that comes every second whatever happens is the
//! safety net.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use projections::directory::Watch;
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
    /// How often it is looked at, whatever happens.
    every: Duration,
    /// By the gate's clock, as are all moments here.
    looked_at: Instant,
    /// When the caller's right ends by itself, by what the last look found.
    ends_at: Option<Instant>,
    /// What wakes it when its caller's right changes; made when the body is first waited for, which short ones never
    /// are.
    watch: Option<Watch>,
    timer: Option<Timer>,
    /// Since when the next frame is waited for.
    waits_since: Option<Instant>,
    /// An event stream may be silent for ever, and ends between two events without harm.
    events: Option<OpenStream>,
    /// Where in an event stream whose length is open the last byte was: its silence can be broken by a comment.
    place: Option<keepalive::Place>,
    /// After so much silence.
    comment_every: Duration,
    /// A body that is no event stream breaks off after so much silence.
    patience: Duration,
    done: bool,
}

/// Rings at its moment, or before.
struct Timer {
    rings_at: Instant,
    sleep: Pin<Box<Sleep>>,
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

/// The shortest time until a right that ends by itself is looked at: the two clocks may not agree to the moment.
const SOON: Duration = Duration::from_millis(1);

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
        let open_end = inner.size_hint().exact().is_none();
        let settings = &admission.door.settings;
        Self {
            place: (events && open_end).then(keepalive::Place::default),
            comment_every: settings.comment_every,
            every: settings.recheck_every,
            patience,
            inner,
            looked_at: admission.door.clock.instant(),
            admission,
            ends_at: None,
            watch: None,
            timer: None,
            waits_since: None,
            events: events.then(OpenStream::new),
            done: false,
        }
    }

    fn look(&mut self, now: Instant) -> Result<(), Cut> {
        self.looked_at = now;
        let until = self.admission.until().map_err(|refusal| {
            metrics::counter!("keyledger_streams_ended_total", "reason" => refusal.name()).increment(1);
            tracing::info!(request_id = ?self.admission.request_id, principal = %self.admission.principal.id(), reason = refusal.name(), "an answer was ended");
            Cut::Refused
        })?;
        let clock = &self.admission.door.clock;
        self.ends_at = until.map(|until| now + until.since(clock.now()).max(SOON));
        Ok(())
    }

    /// Looks when something has changed, or it is time: a timer stands still while the machine sleeps, and the gate's
    /// clock does not, so that what came meanwhile does not pass unseen.
    fn look_if_due(&mut self, now: Instant) -> Result<(), Cut> {
        let changed = self.watch.as_ref().is_some_and(Watch::has_changed);
        if changed || now >= self.next_look() { self.look(now) } else { Ok(()) }
    }

    fn next_look(&self) -> Instant {
        let look = self.looked_at + self.every;
        self.ends_at.map_or(look, |ends_at| ends_at.min(look))
    }

    /// When the silence that has begun then is broken off or broken by a comment.
    fn silent_until(&self, since: Instant) -> Option<Instant> {
        if self.events.is_none() {
            return Some(since + self.patience);
        }
        let place = self.place.as_ref()?;
        place.is_between_events().then(|| since + self.comment_every)
    }

    /// Waits for all but the next frame. Ready when a comment is due, or the body must end now.
    fn poll_wait(&mut self, cx: &mut Context<'_>, mut now: Instant) -> Poll<Result<(), Cut>> {
        if self.watch.is_none() {
            self.watch = Some(self.admission.watch());
            // What changed before it is told to nobody.
            self.look(now)?;
        }
        loop {
            if self.watch.as_ref().is_some_and(|watch| watch.poll_changed(cx).is_ready()) {
                self.look(now)?;
                continue;
            }
            self.look_if_due(now)?;
            let since = *self.waits_since.get_or_insert(now);
            let silent_until = self.silent_until(since);
            if silent_until.is_some_and(|until| now >= until) {
                self.waits_since = Some(now);
                return Poll::Ready(if self.events.is_some() { Ok(()) } else { Err(Cut::Silent) });
            }
            let next_look = self.next_look();
            ready!(self.poll_timer(cx, silent_until.map_or(next_look, |until| until.min(next_look)), now));
            now = self.admission.door.clock.instant();
        }
    }

    /// Ready at this moment, or at one that was asked for before.
    fn poll_timer(&mut self, cx: &mut Context<'_>, at: Instant, now: Instant) -> Poll<()> {
        let left = at.saturating_duration_since(now);
        let timer = self
            .timer
            .get_or_insert_with(|| Timer { rings_at: at, sleep: Box::pin(tokio::time::sleep(left)) });
        // One that rings before it has to is left: most waits are short, and moving it costs more.
        if timer.rings_at > at {
            timer.rings_at = at;
            timer.sleep.set(tokio::time::sleep(left));
        }
        ready!(timer.sleep.as_mut().poll(cx));
        self.timer = None;
        Poll::Ready(())
    }

    /// Between two events an event stream just ends: the client comes back and is refused.
    fn end(&mut self, cut: Cut) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        self.done = true;
        self.watch = None;
        Poll::Ready(self.events.is_none().then_some(Err(cut)))
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
        let now = this.admission.door.clock.instant();
        if let Err(cut) = this.look_if_due(now) {
            return this.end(cut);
        }
        let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) else {
            return match ready!(this.poll_wait(cx, now)) {
                Ok(()) => Poll::Ready(Some(Ok(Frame::data(keepalive::COMMENT)))),
                Err(cut) => this.end(cut),
            };
        };
        this.waits_since = None;
        match frame {
            Some(Ok(frame)) if frame.is_data() => {
                if let (Some(place), Some(data)) = (&mut this.place, frame.data_ref()) {
                    place.saw(data);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            // Trailers pass no list of ours.
            Some(Ok(_)) | None => {
                this.done = true;
                Poll::Ready(None)
            }
            Some(Err(error)) => {
                this.done = true;
                tracing::info!(request_id = ?this.admission.request_id, server = %this.admission.server.id, %error, "an upstream's answer broke off");
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
