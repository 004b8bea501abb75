//! A key is validated within a process: from a request's headers to who calls. Against the same text parsed, digested
//! and found in a plain hash map. The headers of each thousand are made before their time is taken, as a request's
//! have just come from its socket.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use domain::key::secret::{ParsedKey, Pepper};
use events::clock::{Clock, SystemClock};
use events::{Draft, EventId, Position, Read, Shard, SignerId};
use gateway::Authenticator;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use projections::directory::Directory;

use super::{Better, Row};
use crate::bench::Bench;
use crate::floor::map::Map;
use crate::installation::scopes;
use crate::keys::{Issuer, Key};
use crate::process;
use crate::statistics::{Spread, short};

/// Validations between two looks at the clock.
const BLOCK: usize = 1_000;
/// Changes that the writer applies in a second.
const CHANGES: f64 = 1_000.0;

static START: OnceLock<Instant> = OnceLock::new();

/// Keys that are validated, in a directory and in a plain map.
struct World {
    keys: Vec<Key>,
    directory: Arc<Directory>,
    authenticator: Authenticator,
    pepper: Pepper,
    map: Map,
    issuer: Issuer,
    /// Each key's newest event.
    newest: Mutex<Vec<EventId>>,
}

/// How validations are timed.
#[derive(Clone, Copy)]
struct How {
    choice: Choice,
    /// Validated for so long.
    window: Duration,
    clock: fn() -> Duration,
}

/// How keys are chosen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Choice {
    Random,
    /// Four of five calls are a fifth of the keys'.
    Uneven,
}

pub async fn take(bench: &Bench) -> Vec<Row> {
    let sizes: &[usize] =
        if bench.arguments.quick { &[1_000, 100_000] } else { &[1_000, 100_000, 1_000_000] };
    let (rounds, window) = (bench.arguments.rounds(), bench.arguments.window().min(Duration::from_secs(1)));
    super::apart(move || taken(sizes, rounds, window)).await
}

fn taken(sizes: &[usize], rounds: usize, window: Duration) -> Vec<Row> {
    let mut rows = Vec::new();
    for size in sizes {
        let world = World::of(*size);
        for choice in [Choice::Random, Choice::Uneven] {
            rows.push(beside_a_map(&world, choice, rounds, window));
        }
        if *size == 100_000 {
            for threads in [1, 2] {
                rows.push(beside_a_writer(&world, threads, rounds, window));
            }
        }
    }
    rows
}

fn beside_a_map(world: &World, choice: Choice, rounds: usize, window: Duration) -> Row {
    // Nobody waits for anything here, so the thread's own time is the time, also while others use the machine.
    let how = How { choice, window, clock: process::thread_time };
    world.validate(how, 1);
    let (mut floor, mut ours) = (Vec::new(), Vec::new());
    for seed in 0..rounds as u64 {
        floor.push(world.look_up(how, seed + 2));
        ours.push(world.validate(how, seed + 2));
    }
    let (floor, ours) = (Spread::of(&floor), Spread::of(&ours));
    let ratio = ours.median / floor.median;
    let chosen = if choice == Choice::Random { "random" } else { "80/20" };
    Row {
        row: format!("validate a key in process, {} keys, {chosen}", short(world.keys.len() as f64)),
        unit: "ns",
        better: Better::Less,
        floor: Some(floor),
        ours: Some(ours),
        ratio: Some(ratio),
        aim: "at most 1.3",
        holds: Some(ratio <= 1.3),
        notes: Vec::new(),
    }
}

fn beside_a_writer(world: &World, threads: usize, rounds: usize, window: Duration) -> Row {
    let (mut floor, mut ours, mut written) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        floor.push(world.on_threads(threads, window));
        let (nanos, changes) = world.while_written(|| world.on_threads(threads, window));
        ours.push(nanos);
        written.push(changes);
    }
    let (floor, ours) = (Spread::of(&floor), Spread::of(&ours));
    let ratio = ours.median / floor.median;
    Row {
        row: format!("the same, 100,000 keys, while a writer applies 1,000 events/s, {threads} thread(s)"),
        unit: "ns",
        better: Better::Less,
        floor: Some(floor),
        ours: Some(ours),
        ratio: Some(ratio),
        aim: "at most 1.1",
        holds: Some(ratio <= 1.1),
        notes: vec![format!(
            "floor: the same without the writer, which applied {} events/s",
            short(Spread::of(&written).median)
        )],
    }
}

impl World {
    fn of(size: usize) -> Self {
        let issuer = Issuer::alone();
        let directory = Arc::new(Directory::new());
        let mut map = Map::with_capacity(size);
        directory.apply(&read(issuer.creates(), 1));
        let (scopes, mut keys) = (scopes("mcp:*"), Vec::with_capacity(size));
        let mut newest = Vec::with_capacity(size);
        let pepper = issuer.peppers().issuing();
        for number in 0..size as u64 {
            let (key, draft) = issuer.draw(&scopes);
            newest.push(draft.id);
            directory.apply(&read(draft, number + 2));
            map.insert(digest(&pepper, &key.text), [1; 128]);
            keys.push(key);
        }
        let clock = Arc::new(SystemClock);
        let authenticator = Authenticator::new(Arc::clone(&directory), issuer.peppers().clone(), clock);
        Self { keys, directory, authenticator, pepper, map, issuer, newest: Mutex::new(newest) }
    }

    /// Nanoseconds a validation.
    fn validate(&self, how: How, seed: u64) -> f64 {
        let How { clock, .. } = how;
        self.measure(how, seed, |texts| {
            let headers: Vec<HeaderMap> = texts.iter().map(|text| bearer(text)).collect();
            let start = clock();
            for headers in &headers {
                black_box(self.authenticator.authenticate(headers)).expect("a valid key");
            }
            clock() - start
        })
    }

    /// Nanoseconds a look-up in the plain map.
    fn look_up(&self, how: How, seed: u64) -> f64 {
        let How { clock, .. } = how;
        self.measure(how, seed, |texts| {
            let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
            let start = clock();
            for text in &texts {
                let entry = self.map.get(&digest(&self.pepper, text)).expect("it is there");
                black_box(entry[0]);
            }
            clock() - start
        })
    }

    fn measure(&self, how: How, seed: u64, block: impl Fn(&[&str]) -> Duration) -> f64 {
        let How { choice, window, .. } = how;
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let (mut taken, mut count) = (Duration::ZERO, 0);
        while taken < window {
            let texts: Vec<&str> =
                (0..BLOCK).map(|_| self.keys[chance.pick(choice, self.keys.len())].text.as_str()).collect();
            taken += block(&texts);
            count += BLOCK;
        }
        taken.as_secs_f64() * 1e9 / count as f64
    }

    /// Each thread's nanoseconds a validation, in the mean.
    fn on_threads(&self, threads: usize, window: Duration) -> f64 {
        // A reader that waited for the writer would use no time meanwhile: by the clock on the wall.
        let clock = || SystemClock.instant() - *START.get_or_init(|| SystemClock.instant());
        let how = How { choice: Choice::Random, window, clock };
        std::thread::scope(|scope| {
            let readers: Vec<_> =
                (0..threads as u64).map(|seed| scope.spawn(move || self.validate(how, seed + 7))).collect();
            let nanos: f64 = readers.into_iter().map(|reader| reader.join().expect("a reader")).sum();
            nanos / threads as f64
        })
    }

    /// What `work` gives while a writer changes keys, and how many it changed a second.
    fn while_written<T>(&self, work: impl FnOnce() -> T) -> (T, f64) {
        let (stop, applied) = (AtomicBool::new(false), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            scope.spawn(|| self.write(&stop, &applied));
            let start = SystemClock.instant();
            let value = work();
            let changes = applied.load(Ordering::Relaxed) as f64;
            stop.store(true, Ordering::Relaxed);
            (value, changes / (SystemClock.instant() - start).as_secs_f64())
        })
    }

    fn write(&self, stop: &AtomicBool, applied: &AtomicUsize) {
        let mut newest = self.newest.lock().expect("one writer");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / CHANGES));
            for (key, newest) in self.keys.iter().zip(newest.iter_mut()) {
                ticks.tick().await;
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let draft = self.issuer.changes(key, *newest);
                *newest = draft.id;
                self.directory.apply(&read(draft, self.directory.applied() + 1));
                applied.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
}

fn digest(pepper: &Pepper, text: &str) -> [u8; 32] {
    pepper.digest(&ParsedKey::parse(text).expect("a key")).bytes.0
}

pub fn bearer(text: &str) -> HeaderMap {
    let value = HeaderValue::try_from(format!("Bearer {text}")).expect("a header's value");
    HeaderMap::from_iter([(AUTHORIZATION, value)])
}

pub fn read(draft: Draft, sequence: u64) -> Read {
    let position = Position { log: draft.log, shard: Shard::ZERO, sequence };
    Read::Event(Box::new(draft.recorded(SignerId::new(uuid::Uuid::nil()), position, SystemClock.now())))
}

/// A quick generator, the same at each run (xorshift64*).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    fn pick(&mut self, choice: Choice, keys: usize) -> usize {
        match choice {
            Choice::Uneven if self.below(5) > 0 => self.below(keys.div_ceil(5)),
            Choice::Random | Choice::Uneven => self.below(keys),
        }
    }
}
