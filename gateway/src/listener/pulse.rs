//! What a connection is at, written down by the connection and looked at by its listener: so that times need no
//! timer of each connection, and a full listener knows whom it can do without.

use std::io::IoSlice;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use events::clock::Clock;
use futures::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

pub(super) struct Pulse {
    clock: Arc<dyn Clock>,
    opened: Instant,
    /// A [`Doing`] in the two lowest bits, and since when in milliseconds after `opened` above them.
    doing: AtomicU64,
    /// Since when the client takes nothing of what is written, in milliseconds; 0: it does.
    blocked: AtomicU64,
    /// A [`How`], once it is told to end; 0: it is not.
    told: AtomicU8,
    /// The connection's, to be told.
    task: AtomicWaker,
}

/// How a connection is told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum How {
    /// After what is under way.
    Asked,
    /// Now.
    Cut,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// For the next request, or for the first.
    Waiting,
    /// Some of a request's head is there.
    Head,
    /// A request is under way.
    Answering,
    /// The last answer was given; what the client still sends is thrown away.
    Leaving,
}

impl Pulse {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            opened: clock.instant(),
            clock,
            doing: AtomicU64::new(0),
            blocked: AtomicU64::new(0),
            told: AtomicU8::new(0),
            task: AtomicWaker::new(),
        }
    }

    /// Tells the connection to end.
    pub(super) fn tell(&self, how: How) {
        let told = match how {
            How::Asked => 1,
            How::Cut => 2,
        };
        self.told.fetch_max(told, Ordering::AcqRel);
        self.task.wake();
    }

    /// How it is told to end.
    pub(super) fn told(&self) -> Option<How> {
        match self.told.load(Ordering::Acquire) {
            0 => None,
            1 => Some(How::Asked),
            _ => Some(How::Cut),
        }
    }

    /// How it is told to end; if it is not, or not to end now, this task is woken when it is.
    pub(super) fn poll_told(&self, cx: &Context<'_>) -> Option<How> {
        self.task.register(cx.waker());
        self.told()
    }

    fn since_opened(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.opened);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX >> 2)
    }

    fn now(&self) -> u64 {
        self.since_opened(self.clock.instant())
    }

    pub(super) fn set(&self, doing: Doing) {
        let bits = match doing {
            Doing::Waiting => 0,
            Doing::Head => 1,
            Doing::Answering => 2,
            Doing::Leaving => 3,
        };
        self.doing.store(self.now() << 2 | bits, Ordering::Relaxed);
    }

    /// What it does, and for how long.
    pub(super) fn doing(&self, now: Instant) -> (Doing, Duration) {
        let stored = self.doing.load(Ordering::Relaxed);
        let doing = match stored & 3 {
            0 => Doing::Waiting,
            1 => Doing::Head,
            2 => Doing::Answering,
            _ => Doing::Leaving,
        };
        (doing, Duration::from_millis(self.since_opened(now).saturating_sub(stored >> 2)))
    }

    /// How long the client has taken nothing.
    pub(super) fn blocked(&self, now: Instant) -> Option<Duration> {
        match self.blocked.load(Ordering::Relaxed) {
            0 => None,
            since => Some(Duration::from_millis(self.since_opened(now).saturating_sub(since))),
        }
    }

    fn wrote(&self) {
        if self.blocked.load(Ordering::Relaxed) != 0 {
            self.blocked.store(0, Ordering::Relaxed);
        }
    }

    fn could_not_write(&self) {
        if self.blocked.load(Ordering::Relaxed) == 0 {
            self.blocked.store(self.now().max(1), Ordering::Relaxed);
        }
    }

    fn was_sent_something(&self) {
        if self.doing.load(Ordering::Relaxed) & 3 == 0 {
            self.set(Doing::Head);
        }
    }
}

/// A connection's socket, which says what happens to it.
pub(super) struct Socket {
    stream: TcpStream,
    pulse: Arc<Pulse>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, pulse: Arc<Pulse>) -> Self {
        Self { stream, pulse }
    }

    fn note<T>(&self, written: Poll<std::io::Result<T>>) -> Poll<std::io::Result<T>> {
        match &written {
            Poll::Ready(_) => self.pulse.wrote(),
            Poll::Pending => self.pulse.could_not_write(),
        }
        written
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.pulse.was_sent_something();
        }
        polled
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.note(written)
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
