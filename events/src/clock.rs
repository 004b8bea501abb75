//! Time and chance come from outside: whoever needs them is handed these, so that a test or a simulation
//! decides them.

use std::sync::Mutex;
#[cfg(target_os = "linux")]
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::timestamp::Timestamp;

/// What time it is.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock. May jump.
    fn now(&self) -> Timestamp;
    /// The monotonic clock. Never goes back; ages and time-outs count on it.
    fn instant(&self) -> Instant;
}

/// Where chance comes from.
pub trait Random: Send + Sync + 'static {
    fn fill(&self, bytes: &mut [u8]);
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the wall clock is read")]
    fn now(&self) -> Timestamp {
        std::time::SystemTime::now().into()
    }

    fn instant(&self) -> Instant {
        monotonic()
    }
}

/// The monotonic clock. On Linux it goes on while the machine is suspended, which `CLOCK_MONOTONIC` does not: what a
/// node knew before it slept has grown old by then.
#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "the one place where the monotonic clock is read")]
fn monotonic() -> Instant {
    static START: OnceLock<(Instant, Duration)> = OnceLock::new();
    let (start, booted) = START.get_or_init(|| (Instant::now(), since_boot()));
    *start + since_boot().saturating_sub(*booted)
}

#[cfg(target_os = "linux")]
fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let (seconds, nanoseconds) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(seconds.unwrap_or(0), nanoseconds.unwrap_or(0))
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::disallowed_methods, reason = "the one place where the monotonic clock is read")]
fn monotonic() -> Instant {
    Instant::now()
}

/// The operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        if getrandom::fill(bytes).is_err() {
            // Without entropy every secret and nonce would be guessable: nothing may go on.
            std::process::abort();
        }
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock {
    start: Instant,
    moved: Mutex<(Timestamp, Duration)>,
}

impl ManualClock {
    pub fn new(now: Timestamp) -> Self {
        Self { start: SystemClock.instant(), moved: Mutex::new((now, Duration::ZERO)) }
    }

    /// Moves both clocks on.
    pub fn advance(&self, by: Duration) {
        let mut moved = self.moved.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *moved = (moved.0.saturating_add(by), moved.1 + by);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.moved.lock().unwrap_or_else(std::sync::PoisonError::into_inner).0
    }

    fn instant(&self) -> Instant {
        self.start + self.moved.lock().unwrap_or_else(std::sync::PoisonError::into_inner).1
    }
}

/// A UUID version 7 (RFC 9562 §5.7) of this clock's millisecond and this source's chance.
pub fn uuid_v7(clock: &dyn Clock, random: &dyn Random) -> Uuid {
    let mut bytes = [0; 10];
    random.fill(&mut bytes);
    let millis = u64::try_from(clock.now().unix_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
}
