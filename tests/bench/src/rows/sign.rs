//! Signing an event and judging one, in process, beside Ed25519 alone over the same bytes.

use std::hint::black_box;
use std::time::Duration;

use events::clock::{Clock, SystemClock};
use events::log::Stored;
use events::signers::PublishedSigner;
use events::{Draft, SignerPurpose, SignerSet, SigningKey};

use super::{Better, Row};
use crate::bench::Bench;
use crate::installation::scopes;
use crate::keys::Issuer;
use crate::process;
use crate::statistics::Spread;

/// Between two looks at the clock.
const AT_ONCE: u32 = 200;

pub async fn take(bench: &Bench) -> Vec<Row> {
    let (rounds, window) = (bench.arguments.rounds(), bench.arguments.window().min(Duration::from_secs(1)));
    super::apart(move || taken(rounds, window)).await
}

fn taken(rounds: usize, window: Duration) -> Vec<Row> {
    let issuer = Issuer::alone();
    let (_, draft) = issuer.draw(&scopes("mcp:*"));
    let message = vec![b'a'; issuer.signed(draft.clone()).payload().len()];
    let (signs, judges) = (Signs { draft, key: issuer.signing() }, Judges::of(&issuer, &message));
    let signing = in_turn(
        rounds,
        window,
        || {
            black_box(issuer.signing().sign(&message));
        },
        || signs.once(),
    );
    let judging = in_turn(rounds, window, || judges.bare(), || judges.once());
    let row = |what: &str, (floor, ours): (Spread, Spread), note: &str| {
        let ratio = ours.median / floor.median;
        Row {
            row: what.to_owned(),
            unit: "us",
            better: Better::Less,
            floor: Some(floor),
            ours: Some(ours),
            ratio: Some(ratio),
            aim: "at most 1.25",
            holds: Some(ratio <= 1.25),
            notes: vec![note.to_owned()],
        }
    };
    vec![
        row("sign an event", signing, "floor: Ed25519 alone; ours: from a draft to the payload"),
        row(
            "judge an event",
            judging,
            "floor: Ed25519 alone; ours: from the message to the event, JSON included",
        ),
    ]
}

struct Signs<'a> {
    draft: Draft,
    key: &'a SigningKey,
}

impl Signs<'_> {
    fn once(&self) {
        black_box(self.draft.clone().signed(self.key).expect("JSON"));
    }
}

struct Judges<'a> {
    stored: Stored,
    log: events::LogId,
    /// The set itself: a process remembers what it has judged a moment before.
    signers: SignerSet,
    message: &'a [u8],
    signature: events::signer::Signature,
    public: events::PublicKey,
}

impl<'a> Judges<'a> {
    fn of(issuer: &Issuer, message: &'a [u8]) -> Self {
        let (_, draft) = issuer.draw(&scopes("mcp:*"));
        let (log, key) = (draft.log, issuer.signing().public());
        let event = issuer.signed(draft);
        let stored = Stored {
            sequence: 9,
            subject: event.draft().subject.to_string(),
            stored_at: SystemClock.now(),
            payload: event.payload().clone(),
        };
        let (purpose, published, retired) = (SignerPurpose::Writer, 1, None);
        let known = PublishedSigner { purpose, key, published, retired };
        let signers = SignerSet::restored(vec![known], None);
        assert!(matches!(signers.read(&stored, log), events::Read::Event(_)), "it is judged good");
        let signature = issuer.signing().sign(message);
        Self { stored, log, signers, message, signature, public: key.public }
    }

    fn once(&self) {
        black_box(self.signers.read(&self.stored, self.log));
    }

    fn bare(&self) {
        assert!(black_box(self.public.verifies(self.message, &self.signature)));
    }
}

/// Floor and ours by turns: microseconds of this thread's time each.
pub fn in_turn(rounds: usize, window: Duration, floor: impl Fn(), ours: impl Fn()) -> (Spread, Spread) {
    let (mut floors, mut own) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        floors.push(micros(window, &floor));
        own.push(micros(window, &ours));
    }
    (Spread::of(&floors), Spread::of(&own))
}

fn micros(window: Duration, work: impl Fn()) -> f64 {
    let (start, mut done) = (process::thread_time(), 0_u32);
    loop {
        (0..AT_ONCE).for_each(|_| work());
        done += AT_ONCE;
        let took = process::thread_time() - start;
        if took >= window {
            return took.as_secs_f64() * 1e6 / f64::from(done);
        }
    }
}
