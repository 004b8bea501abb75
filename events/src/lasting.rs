//! A state that lasts, such as a database that does not answer. Whoever meets it says so each time; a line is written when
//! it begins, once a minute with how long it has lasted, and when it has ended.
//!
//! What begins again within seconds of its end has not ended: an end is said once it has held for a while, by whoever
//! says anything of any state then (a directory does each second). What is asked of a state is exact all the same.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::Clock;

/// Between two lines of one state.
const SAY_EVERY: Duration = Duration::from_secs(60);
/// An end that has held for so long is one.
const HELD: Duration = Duration::from_secs(5);

/// States that have ended, of which nobody has said so yet.
static ENDING: Mutex<Vec<Arc<State>>> = Mutex::new(Vec::new());
/// Whether there are any: what is looked at each time.
static SOME_ARE_ENDING: AtomicBool = AtomicBool::new(false);

/// How a state is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// Such as "PostgreSQL does not answer".
    pub lasts: &'static str,
    /// Such as "PostgreSQL answers again".
    pub ends: &'static str,
}

/// One state of one thing.
pub struct Lasting(Arc<State>);

struct State {
    words: Words,
    /// Which of several things it is.
    of: Option<String>,
    clock: Arc<dyn Clock>,
    since: Mutex<Option<Since>>,
    /// Whether it is so: what those look at who are well.
    holds: AtomicBool,
}

struct Since {
    began: Instant,
    said: Instant,
    weight: Weight,
    /// How often it was met.
    times: u64,
    /// Why, when it was met last.
    reason: String,
    /// It is not so any more, which was not said yet.
    ended: Option<Instant>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Warning,
    Error,
}

/// What is written.
#[derive(Clone, Debug, PartialEq)]
struct Line {
    text: String,
    /// `None`: it begins.
    lasted: Option<Duration>,
    times: u64,
}

/// What there is to say of an end.
#[derive(Clone, Debug, PartialEq)]
enum End {
    /// Nothing yet.
    Waits,
    Said(Line),
    /// It goes on, or somebody has said it.
    No,
}

impl Lasting {
    pub fn new(clock: Arc<dyn Clock>, words: Words) -> Self {
        Self::made(clock, words, None)
    }

    fn made(clock: Arc<dyn Clock>, words: Words, of: Option<String>) -> Self {
        let (since, holds) = (Mutex::new(None), AtomicBool::new(false));
        Self(Arc::new(State { words, of, clock, since, holds }))
    }

    /// Which one it is, where there are several: a projection, a drain, a listener.
    #[must_use]
    pub fn of(self, which: impl Into<String>) -> Self {
        Self::made(Arc::clone(&self.0.clock), self.0.words, Some(which.into()))
    }

    /// It is so, and is expected to end by itself.
    pub fn warn(&self, reason: &dyn Display) {
        self.met(Weight::Warning, reason);
    }

    /// It is so, and somebody must do something.
    pub fn alarm(&self, reason: &dyn Display) {
        self.met(Weight::Error, reason);
    }

    /// It is not so, or not any more.
    pub fn ended(&self) {
        if self.holds() && self.0.ends() {
            let mut ending = ENDING.lock().unwrap_or_else(PoisonError::into_inner);
            if !ending.iter().any(|state| Arc::ptr_eq(state, &self.0)) {
                ending.push(Arc::clone(&self.0));
            }
            SOME_ARE_ENDING.store(true, Ordering::Release);
        }
        say_ends();
    }

    /// Whether it is so, as far as somebody has met it.
    pub fn holds(&self) -> bool {
        self.0.holds.load(Ordering::Acquire)
    }

    /// It in words, with which one it is and why; `None`: as far as somebody has met it, it is not so.
    pub fn now(&self) -> Option<String> {
        let since = self.0.since();
        let Since { reason, .. } = since.as_ref().filter(|since| since.ended.is_none())?;
        let (lasts, of) = (self.0.words.lasts, self.0.of.as_ref());
        Some(of.map_or_else(|| format!("{lasts}: {reason}"), |of| format!("{lasts} ({of}): {reason}")))
    }

    fn met(&self, weight: Weight, reason: &dyn Display) {
        say_ends();
        let Some(Line { text, lasted, times }) = self.0.meet(weight, reason) else { return };
        let (of, seconds) = (self.0.of.as_deref(), lasted.map(|it| it.as_secs_f64()));
        match weight {
            Weight::Warning => tracing::warn!(of, seconds, times, %reason, "{text}"),
            Weight::Error => tracing::error!(of, seconds, times, %reason, "{text}"),
        }
    }
}

/// Of every state whose end has held by now.
fn say_ends() {
    if !SOME_ARE_ENDING.load(Ordering::Acquire) {
        return;
    }
    let mut said = Vec::new();
    let mut ending = ENDING.lock().unwrap_or_else(PoisonError::into_inner);
    ending.retain(|state| match state.end() {
        End::Waits => true,
        End::Said(line) => {
            said.push((Arc::clone(state), line));
            false
        }
        End::No => false,
    });
    SOME_ARE_ENDING.store(!ending.is_empty(), Ordering::Release);
    drop(ending);
    for (state, Line { text, lasted, times }) in said {
        tracing::info!(of = state.of, seconds = lasted.map(|it| it.as_secs_f64()), times, "{text}");
    }
}

impl State {
    fn since(&self) -> std::sync::MutexGuard<'_, Option<Since>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be said of it now.
    fn meet(&self, weight: Weight, reason: &dyn Display) -> Option<Line> {
        let now = self.clock.instant();
        let reason = reason.to_string();
        let mut since = self.since();
        self.holds.store(true, Ordering::Release);
        let Some(since) = &mut *since else {
            *since = Some(Since { began: now, said: now, weight, times: 1, reason, ended: None });
            return Some(Line { text: self.words.lasts.to_owned(), lasted: None, times: 1 });
        };
        since.times += 1;
        let is_worse = weight > since.weight;
        since.weight = weight;
        since.reason = reason;
        since.ended = None;
        if !is_worse && now.saturating_duration_since(since.said) < SAY_EVERY {
            return None;
        }
        since.said = now;
        let lasted = now.saturating_duration_since(since.began);
        let text = format!("{}, for {} now", self.words.lasts, in_words(lasted));
        Some(Line { text, lasted: Some(lasted), times: since.times })
    }

    /// Whether there is anything that ends.
    fn ends(&self) -> bool {
        let mut since = self.since();
        self.holds.store(false, Ordering::Release);
        let Some(since) = since.as_mut() else { return false };
        since.ended.get_or_insert(self.clock.instant());
        true
    }

    fn end(&self) -> End {
        let mut since = self.since();
        let Some((ended, began, times)) =
            since.as_ref().and_then(|since| Some((since.ended?, since.began, since.times)))
        else {
            return End::No;
        };
        if self.clock.instant().saturating_duration_since(ended) < HELD {
            return End::Waits;
        }
        *since = None;
        let lasted = ended.saturating_duration_since(began);
        let text = format!("{} after {}", self.words.ends, in_words(lasted));
        End::Said(Line { text, lasted: Some(lasted), times })
    }
}

/// How long, for people: `0.4 s`, `49 s`, `12 min`, `3 h 5 min`, `2 d 4 h`.
fn in_words(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..120 => format!("{seconds} s"),
        120..7_200 => format!("{minutes} min"),
        7_200..172_800 => format!("{hours} h {} min", minutes % 60),
        172_800.. => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;
    use crate::clock::ManualClock;

    const WORDS: Words = Words { lasts: "PostgreSQL does not answer", ends: "PostgreSQL answers again" };

    const WHY: &str = "connection refused";

    fn lasting() -> (Arc<ManualClock>, Lasting) {
        let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
        (Arc::clone(&clock), Lasting::new(clock, WORDS))
    }

    #[test]
    fn a_state_is_said_when_it_begins_once_a_minute_and_when_it_ends() {
        let (clock, Lasting(state)) = lasting();
        assert!(!state.ends() && state.end() == End::No, "what never was has no end");
        let mut said = Vec::new();
        for _ in 0..130 {
            said.extend(state.meet(Weight::Warning, &WHY).map(|line| line.text));
            clock.advance(Duration::from_secs(1));
        }
        assert!(state.ends());
        clock.advance(HELD);
        let End::Said(end) = state.end() else { panic!("it has held") };
        assert_eq!(
            said,
            [
                "PostgreSQL does not answer",
                "PostgreSQL does not answer, for 60 s now",
                "PostgreSQL does not answer, for 2 min now"
            ]
        );
        assert_eq!(end.text, "PostgreSQL answers again after 2 min");
        assert_eq!((end.lasted, end.times), (Some(Duration::from_secs(130)), 130));
        assert_eq!(state.end(), End::No, "once");
        assert_eq!(state.meet(Weight::Warning, &WHY).unwrap().lasted, None, "and it may begin anew");
    }

    #[test]
    fn what_begins_again_within_seconds_has_not_ended() {
        let (clock, Lasting(state)) = lasting();
        assert!(state.meet(Weight::Warning, &WHY).is_some());
        for _ in 0..3 {
            clock.advance(Duration::from_secs(1));
            assert!(state.ends());
            clock.advance(Duration::from_secs(1));
            assert_eq!(state.end(), End::Waits);
            assert_eq!(state.meet(Weight::Warning, &WHY), None);
            assert_eq!(state.end(), End::No);
        }
        clock.advance(Duration::from_secs(1));
        assert!(state.ends());
        clock.advance(HELD);
        let End::Said(end) = state.end() else { panic!("it has held") };
        assert_eq!((end.lasted, end.times), (Some(Duration::from_secs(7)), 4));
    }

    #[test]
    fn an_end_is_said_by_whoever_says_anything_later() {
        let ((clock, state), (_, other)) = (lasting(), lasting());
        let is_there = || ENDING.lock().unwrap().iter().any(|it| Arc::ptr_eq(it, &state.0));
        state.warn(&WHY);
        state.ended();
        assert!(is_there() && !state.holds() && state.now().is_none());
        clock.advance(HELD);
        other.ended();
        assert!(!is_there() && state.0.since().is_none());
    }

    #[test]
    fn what_gets_worse_is_said_at_once() {
        let (clock, Lasting(state)) = lasting();
        assert!(state.meet(Weight::Warning, &WHY).is_some());
        clock.advance(Duration::from_secs(2));
        assert!(state.meet(Weight::Error, &WHY).is_some());
        assert!(state.meet(Weight::Error, &WHY).is_none());
    }

    #[test]
    fn what_lasts_is_told_to_whoever_asks() {
        let (_, state) = lasting();
        let state = state.of("the worker's");
        assert_eq!(state.now(), None);
        state.warn(&"no answer within 3 s");
        state.alarm(&WHY);
        assert_eq!(state.now().unwrap(), "PostgreSQL does not answer (the worker's): connection refused");
        state.ended();
        assert_eq!(state.now(), None);
    }

    #[test]
    fn how_long_is_told_as_people_say_it() {
        let said = |millis| in_words(Duration::from_millis(millis));
        let told = [400, 49_900, 119_000, 720_000, 11_100_000, 187_200_000].map(said);
        assert_eq!(told, ["0.4 s", "49 s", "119 s", "12 min", "3 h 5 min", "2 d 4 h"]);
    }
}
