//! Access tokens: judged within a process, seen before and for the first time, beside the check of one signature; a proxied
//! call by token beside one by key; `keys/verify` of tokens beside the same of keys.

use std::cell::{Cell, RefCell};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use bytes::Bytes;
use events::clock::SystemClock;
use events::server::{Registered, ServerEvent, UpstreamSettings};
use events::{EventId, InstallationId, ServerId, Subject};
use gateway::{Address, Authenticator, Resources, Tokens};
use http::HeaderMap;
use projections::directory::Directory;

use super::rate::{self, Side};
use super::{Better, Row, proxy, sign, validate, verify};
use crate::bench::Bench;
use crate::installation::scopes;
use crate::keys::{Issuer, new_id};
use crate::statistics::Spread;
use crate::tokens::{self, Client, PUBLIC};

/// Tokens that are seen before, by turns.
const REPEATED: usize = 200;
/// Tokens that are each seen once in a round, and forgotten with the judge that saw them.
const FIRST: usize = 4_000;

pub async fn take(bench: &Bench) -> Vec<Row> {
    let (rounds, window) = (bench.arguments.rounds(), bench.arguments.window().min(Duration::from_secs(1)));
    let mut rows = super::apart(move || in_process(rounds, window)).await;
    rows.extend(over_http(bench).await);
    rows
}

/// A client with tokens, and what a node knows of it.
struct World {
    directory: Arc<Directory>,
    issuer: Issuer,
    server: Address,
    repeated: Vec<HeaderMap>,
    first: Vec<HeaderMap>,
    /// A text of a token's length with its signature, and the public key.
    signed: (String, Vec<u8>, Vec<u8>),
}

impl World {
    fn new() -> Self {
        let issuer = Issuer::alone();
        let directory = Arc::new(Directory::new());
        let sequence = Cell::new(0);
        let apply = |draft| {
            sequence.set(sequence.get() + 1);
            directory.apply(&validate::read(draft, sequence.get()));
        };
        let server = ServerId::new(new_id());
        let client = Client::new(&issuer, server);
        apply(issuer.creates());
        let (event, subject) = (EventId::new(new_id()), Subject::server(issuer.organization(), server));
        let registered = ServerEvent::Registered(Registered {
            slug: "tools".parse().expect("a slug"),
            upstream: "http://127.0.0.1:9/mcp".parse().expect("an upstream"),
            enabled: true,
            name: issuer.seal(&subject, event),
            settings: UpstreamSettings::default(),
        });
        apply(issuer.draft(event, subject, registered.into()));
        client.introduced(Subject::installation(InstallationId::new(new_id()))).into_iter().for_each(apply);
        let holders: Vec<_> = (0..REPEATED)
            .map(|_| {
                let (key, issued) = issuer.draw(&scopes("mcp:*"));
                apply(issued);
                let (grant, drafts) = client.granted(&key);
                drafts.into_iter().for_each(apply);
                (key, grant)
            })
            .collect();
        let tokens = |count: usize| -> Vec<String> {
            let by_turns = holders.iter().cycle().take(count);
            by_turns.map(|(key, grant)| client.token(key, *grant, "acme")).collect()
        };
        let headers = |tokens: &[String]| tokens.iter().map(|token| validate::bearer(token)).collect();
        let repeated = tokens(REPEATED);
        // All of a token but its signature is what is signed (RFC 7515 §5.1).
        let text = repeated[0].rsplit_once('.').map_or("", |(signed, _)| signed).to_owned();
        let (public, signature) = client.signs(&text);
        let (repeated, first) = (headers(&repeated), headers(&tokens(FIRST)));
        let server = Address {
            organization: "acme".parse().expect("a slug"),
            server: "tools".parse().expect("a slug"),
        };
        Self { directory, issuer, server, repeated, first, signed: (text, public, signature) }
    }

    /// One who has seen no token.
    fn authenticator(&self) -> Authenticator {
        let resources = Arc::new(Resources::new(PUBLIC.to_owned(), PUBLIC.to_owned(), None));
        let peppers = self.issuer.peppers().clone();
        let keys_alone = Authenticator::new(Arc::clone(&self.directory), peppers, Arc::new(SystemClock));
        keys_alone.with_tokens(Tokens::new(resources, 100_000))
    }

    fn admit(&self, authenticator: &Authenticator, headers: &HeaderMap) {
        black_box(authenticator.admit(headers, &self.server)).expect("a token that counts");
    }

    fn check_signature(&self) {
        let (text, public, signature) = &self.signed;
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public);
        public.verify(black_box(text.as_bytes()), signature).expect("a good signature");
    }
}

fn in_process(rounds: usize, window: Duration) -> Vec<Row> {
    let world = World::new();
    let known = world.authenticator();
    let next = Cell::new(0_usize);
    let turn = |headers: &[HeaderMap]| {
        let place = next.get() % headers.len();
        next.set(place + 1);
        place
    };
    let repeated = sign::in_turn(
        rounds,
        window,
        || world.check_signature(),
        || world.admit(&known, &world.repeated[turn(&world.repeated)]),
    );
    next.set(0);
    let judge = RefCell::new(world.authenticator());
    let first = sign::in_turn(
        rounds,
        window,
        || world.check_signature(),
        || {
            let place = turn(&world.first);
            // Whoever has seen all of them is followed by one who has seen none.
            if place == 0 {
                judge.replace(world.authenticator());
            }
            world.admit(&judge.borrow(), &world.first[place]);
        },
    );
    let row = |what: &str, seen: (Spread, Spread), most: f64, aim| {
        let ratio = seen.1.median / seen.0.median;
        Row {
            row: format!("judge an access token in process, {what}"),
            unit: "us",
            better: Better::Less,
            floor: Some(seen.0),
            ours: Some(seen.1),
            ratio: Some(ratio),
            aim,
            holds: Some(ratio <= most),
            notes: vec![
                "floor: ECDSA on P-256 alone; ours: from a request's headers to who calls, all that the grant rests on included"
                    .to_owned(),
            ],
        }
    };
    vec![
        row("seen before", repeated, 0.1, "at most 0.1"),
        row("seen for the first time", first, 1.25, "at most 1.25"),
    ]
}

/// A proxied call by token beside the same by key, and a verified token beside a verified key.
async fn over_http(bench: &Bench) -> [Row; 2] {
    let (ours, connections) = (bench.node().await, bench.arguments.connections());
    let path = ours.path("tools");
    let keys = &ours.keys[..proxy::CALLERS.min(ours.keys.len())];
    let tokens = tokens::issued(ours, keys).await;
    let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
    let keys: Vec<&str> = keys.iter().map(|key| key.text.as_str()).collect();
    let calls = |by: &[&str]| by.iter().map(|credential| proxy::call(&path, credential)).collect();
    let called: Arc<[Bytes]> = calls(&tokens);
    proxy::check(ours.public(), &called).await;
    let row = format!("proxied tools/call by access token, {connections} connections");
    let proxied = beside(bench, (row, "calls/s"), calls(&keys), called).await;
    let asked: Arc<[Bytes]> = verify::requests(ours, tokens.iter().copied());
    verify::check(ours, &asked).await;
    let row = format!("keys/verify of access tokens, {connections} connections");
    [proxied, beside(bench, (row, "requests/s"), verify::requests(ours, keys.iter().copied()), asked).await]
}

/// Both at the same node, in turn.
async fn beside(
    bench: &Bench,
    (row, unit): (String, &'static str),
    by_key: Arc<[Bytes]>,
    by_token: Arc<[Bytes]>,
) -> Row {
    let (arguments, ours) = (&bench.arguments, bench.node().await);
    let address = ours.public();
    let connections = arguments.connections();
    let side =
        |name, requests| Side { name, address, processes: vec![ours.process()], requests, connections };
    let seen = rate::in_turn(arguments, &[side("by key", by_key), side("by token", by_token)]).await;
    let ratio = seen[1].per_second.median / seen[0].per_second.median;
    Row {
        row,
        unit,
        better: Better::More,
        floor: Some(seen[0].per_second),
        ours: Some(seen[1].per_second),
        ratio: Some(ratio),
        aim: "at least 0.95",
        holds: Some(ratio >= 0.95 && rate::all_answered(&seen)),
        notes: std::iter::once("floor: the same by key".to_owned())
            .chain(seen.iter().map(rate::Seen::note))
            .collect(),
    }
}
