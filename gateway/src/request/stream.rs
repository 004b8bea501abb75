//! Answers that last: passed on frame by frame, and ended once their caller may no longer have them.
//!
//! What wakes one is the event itself: the directory tells of a change of its key, organization or server and of a gate
//! that closes, a timer of a right that ends at a known time. The look that comes every second whatever happens is the
//! safety net.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use events::ScopeSet;
use http_body::{Body as HttpBody, Frame, SizeHint};
use projections::directory::Watch;
use tokio::time::Sleep;

use super::admission::Admission;
use super::answer;
use super::challenge::Challenger;
use super::keepalive;
use super::listens::Listens;
use super::media::Form;
use super::owed::Owed;
use super::refusal::UpstreamFault;
use super::rewrite::{Rewriter, View};
use crate::mcp::list::ListFault;
use crate::telemetry::calls::{self, Call};
use crate::upstream::UpstreamBody;

/// An upstream's body under watch.
pub struct Watched {
    inner: UpstreamBody,
    /// What comes goes through it.
    rewriter: Option<Rewriter>,
    admission: Admission,
    /// Its caller's, as the last look found them.
    scopes: Arc<ScopeSet>,
    /// Who is told when they change what lists show.
    listens: Option<Listens>,
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
    owed: Owed,
    done: bool,
    /// The call that it answers, to be noted at its end.
    call: Option<Call>,
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

/// What is done to an answer that lasts.
pub struct Treatment {
    pub owed: Owed,
    pub rewriter: Option<Rewriter>,
    pub listens: Option<Listens>,
    /// How long a body that is no event stream may be silent.
    pub patience: Duration,
}

impl Treatment {
    /// It passes as it is.
    pub fn of(owed: Owed) -> Self {
        Self { owed, rewriter: None, listens: None, patience: Duration::ZERO }
    }
}

impl Watched {
    pub fn new(inner: UpstreamBody, admission: Admission, treatment: Treatment) -> Self {
        let Treatment { owed, rewriter, listens, patience } = treatment;
        let events = owed.form() == Form::Events;
        let open_end = rewriter.is_some() || inner.size_hint().exact().is_none();
        let settings = &admission.door.settings;
        Self {
            rewriter,
            scopes: Arc::clone(admission.principal.scopes()),
            listens,
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
            owed,
            done: false,
            call: None,
        }
    }

    fn look(&mut self, now: Instant) -> Result<(), Cut> {
        self.looked_at = now;
        let principal = self.admission.principal_now().map_err(|refusal| {
            metrics::counter!("keyledger_streams_ended_total", "reason" => refusal.name()).increment(1);
            self.ends_as("ended", Some(refusal.name().into()));
            Cut::Refused
        })?;
        let clock = &self.admission.door.clock;
        self.ends_at = principal.until().map(|until| now + until.since(clock.now()).max(SOON));
        if !Arc::ptr_eq(&self.scopes, principal.scopes()) {
            let server = &self.admission.server.slug;
            let differ = !self.scopes.on_server(server).eq(principal.scopes().on_server(server));
            if let Some(listens) = self.listens.as_mut().filter(|_| differ) {
                listens.change();
            }
            self.scopes = Arc::clone(principal.scopes());
        }
        Ok(())
    }

    /// What tells its client that its lists have changed, if they have.
    fn told_of_lists(&mut self) -> Option<Bytes> {
        self.listens.as_mut()?.due(self.place.as_ref()?)
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

    /// Waits for all but the next frame. Ready with what breaks the silence, or when the body must end now.
    fn poll_wait(&mut self, cx: &mut Context<'_>, mut now: Instant) -> Poll<Result<Bytes, Cut>> {
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
            if let Some(told) = self.told_of_lists() {
                return Poll::Ready(Ok(told));
            }
            let since = *self.waits_since.get_or_insert(now);
            let silent_until = self.silent_until(since);
            if silent_until.is_some_and(|until| now >= until) {
                self.waits_since = Some(now);
                if self.events.is_some() {
                    return Poll::Ready(Ok(keepalive::COMMENT));
                }
                let cause =
                    format!("its answer was cut off: nothing came for {} ms", self.patience.as_millis());
                self.ends_as("upstream_silent", Some(cause.into()));
                return Poll::Ready(Err(Cut::Silent));
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

    /// The call that it answers, to be noted at its end.
    pub fn carry(&mut self, call: Call) {
        self.call = Some(call);
    }

    fn ends_as(&mut self, outcome: &'static str, cause: Option<Box<str>>) {
        if let Some(call) = &mut self.call {
            call.ends_as(outcome, cause);
        }
    }

    /// What of a frame passes.
    fn rewritten(&mut self, data: Bytes) -> Result<Bytes, ListFault> {
        let view = View { scopes: &self.scopes, server: &self.admission.server.slug };
        match &mut self.rewriter {
            Some(rewriter) => rewriter.take(&data, view),
            None => Ok(data),
        }
    }

    /// Nothing more comes: what was held passes.
    fn finish(&mut self) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let view = View { scopes: &self.scopes, server: &self.admission.server.slug };
        let rest = self.rewriter.as_mut().map_or(Ok(Bytes::new()), |rewriter| rewriter.rest(view));
        self.done = true;
        let rest = match rest {
            Ok(rest) => rest,
            Err(fault) => return self.hide(fault),
        };
        self.owed.passes(&rest);
        let answered = self.ends_answered();
        match (rest.is_empty(), answered) {
            (false, _) => self.write(rest),
            (true, true) => Poll::Ready(None),
            (true, false) => self.end(Cut::Broken),
        }
    }

    /// All of it has gone down: whether that was an answer.
    fn ends_answered(&mut self) -> bool {
        let Some(cause) = self.owed.unanswered() else { return true };
        self.ends_as(UpstreamFault::NoAnswer.name(), Some(cause.into()));
        false
    }

    fn pass(&mut self, data: Bytes) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        if let Some(place) = &mut self.place {
            place.saw(&data);
        }
        self.owed.passes(&data);
        self.write(data)
    }

    /// Goes down, whoever says it.
    fn write(&mut self, data: Bytes) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        if let Some(call) = &mut self.call {
            call.sent(data.len());
        }
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    /// Ends a stream that brings a list which can't be shown: with an error for whoever asked for it.
    fn hide(&mut self, fault: ListFault) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        self.done = true;
        self.watch = None;
        let refusal = UpstreamFault::List.into();
        self.ends_as(UpstreamFault::List.name(), Some(fault.cause().into()));
        let id = self.rewriter.as_ref().and_then(Rewriter::lists).and_then(|lists| lists.id());
        let challenger = Challenger { realm: self.admission.door.origins.own(), advice: None };
        let told = id.map(|id| answer::answer(&refusal, Some(id), challenger).into_body());
        match told {
            Some(told) => self.write([b"data: ", &*told, b"\n\n"].concat().into()),
            None => Poll::Ready(None),
        }
    }

    /// Between two events an event stream just ends: the client comes back and is refused.
    fn end(&mut self, cut: Cut) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        self.done = true;
        self.watch = None;
        Poll::Ready(self.events.is_none().then_some(Err(cut)))
    }
}

impl Drop for Watched {
    /// hyper lets go of a body whose length it knows as soon as it has all of it.
    fn drop(&mut self) {
        if self.is_end_stream() {
            return;
        }
        if self.rewriter.is_none() && self.inner.is_end_stream() {
            self.ends_answered();
            return;
        }
        let waits = self.owed.is_owed();
        self.ends_as(if waits { calls::CLIENT_GAVE_UP } else { calls::CLIENT_GONE }, None);
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
        if let Some(told) = this.told_of_lists() {
            return this.write(told);
        }
        loop {
            let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) else {
                return match ready!(this.poll_wait(cx, now)) {
                    Ok(bytes) => this.write(bytes),
                    Err(cut) => this.end(cut),
                };
            };
            this.waits_since = None;
            let frame = match frame {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => {
                    this.done = true;
                    this.ends_as("upstream_cut", Some(format!("its answer broke off: {error}").into()));
                    return Poll::Ready(Some(Err(Cut::Broken)));
                }
                None => return this.finish(),
            };
            // Trailers pass no list of ours.
            let Ok(data) = frame.into_data() else { return this.finish() };
            if let Err(cause) = this.owed.begin(&data) {
                this.ends_as(UpstreamFault::Mislabelled.name(), Some(cause.into()));
                return this.end(Cut::Broken);
            }
            match this.rewritten(data) {
                Ok(data) if data.is_empty() => {}
                Ok(data) => return this.pass(data),
                Err(fault) => return this.hide(fault),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.done || (self.rewriter.is_none() && !self.owed.is_owed() && self.inner.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        if self.rewriter.is_some() { SizeHint::default() } else { self.inner.size_hint() }
    }
}
