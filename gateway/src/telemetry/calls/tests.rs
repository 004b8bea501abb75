use std::collections::{BTreeMap, BTreeSet};

use events::OrganizationId;
use events::clock::ManualClock;
use metrics_exporter_prometheus::PrometheusBuilder;
use projections::directory::{Newest, OrganizationState, ServerState};
use uuid::Uuid;

use super::*;
use crate::config::LogFormat;

const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 50_000);

struct World {
    clock: Arc<ManualClock>,
    calls: Arc<Calls>,
}

fn server(number: u128) -> Arc<ServerEntry> {
    Arc::new(ServerEntry {
        id: events::ServerId::new(Uuid::from_u128(number)),
        organization: OrganizationId::new(Uuid::from_u128(1)),
        slug: format!("docs-{number}").parse().unwrap(),
        upstream: "http://127.0.0.1:9/mcp".parse().unwrap(),
        settings: events::server::UpstreamSettings::default(),
        state: ServerState::Enabled,
        generation: 1,
        newest: Newest::default(),
    })
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_unix_millis(1_800_000_000_000).unwrap()));
        Self { calls: Calls::new(Arc::clone(&clock) as Arc<dyn Clock>), clock }
    }

    /// A call of a known key to a server.
    fn call(&self, number: u128) -> Call {
        let started = self.clock.instant();
        let mut call = self.calls.begin(started, HeaderValue::from_static("r-1"), PEER);
        call.know(|record| {
            record.principal = Some("key:01900000-0000-7000-8000-000000000000".parse().unwrap());
            record.organization = Some(Arc::new(OrganizationEntry {
                id: OrganizationId::new(Uuid::from_u128(1)),
                slug: "acme".parse().unwrap(),
                state: OrganizationState::Active,
                requires_approval: false,
                generation: 1,
                newest: Newest::default(),
            }));
            record.server = Some(server(number));
            record.method = Some("tools/call".into());
        });
        call
    }

    fn answered(&self, number: u128, after: Duration, status: u16, outcome: &'static str) {
        let mut call = self.call(number);
        call.asks();
        self.clock.advance(after);
        call.heard();
        call.answered(status, outcome, after);
    }

    fn told(&self, format: LogFormat) -> String {
        let mut out = Vec::new();
        tracing::subscriber::with_default(tracing_subscriber::registry(), || {
            Writer::new(Arc::clone(&self.calls), Some(format), &mut out).tell();
        });
        String::from_utf8(out).unwrap()
    }
}

#[test]
fn a_line_has_all_of_a_call_and_one_line_only() {
    let world = World::new();
    let mut call = world.call(7);
    call.know(|record| record.tool = Some("add\n2026 INFO access: principal=\"root\"\u{202e}".into()));
    call.asks();
    world.clock.advance(Duration::from_millis(20));
    call.heard();
    call.answered(200, PASSED, Duration::from_millis(20));
    call.sent(12);
    let record = |call: Call| drop(call);
    record(call);
    let waiting = world.calls.waiting.lock().unwrap().clone();
    let text = world.told(LogFormat::Text);
    assert_eq!(
        text,
        "2027-01-15T08:00:00.000Z  INFO access: request_id=r-1 principal=key:01900000-0000-7000-8000-000000000000 \
         organization=acme server=docs-7 method=tools/call \
         tool=\"add\\n2026 INFO access: principal=\\\"root\\\"\\u{202e}\" status=200 outcome=passed seconds=0.020000 \
         upstream_seconds=0.020000 bytes_in=0 bytes_out=12 peer=127.0.0.1:50000\n"
    );
    *world.calls.waiting.lock().unwrap() = waiting;
    let line = world.told(LogFormat::Json);
    assert!(line.contains("root\\\"\\u202e\""), "{line}");
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["fields"]["seconds"], 0.02);
    assert_eq!((&line["level"], &line["target"]), (&"INFO".into(), &"access".into()));
}

#[test]
fn a_client_that_gave_up_is_a_call_that_was_never_answered() {
    let world = World::new();
    let mut call = world.call(1);
    call.awaited();
    call.asks();
    world.clock.advance(Duration::from_secs(20));
    drop(call);
    let records = world.calls.take(Vec::new());
    let [record] = &records[..] else { panic!("{records:?}") };
    assert_eq!((record.outcome, record.status), (CLIENT_GAVE_UP, None));
    assert_eq!(record.waited(), Duration::from_secs(20));
    assert!(record.is_warned_of() && !record.is_upstreams_fault());
}

#[test]
fn a_client_that_gives_up_on_a_stream_is_warned_of_and_one_that_closes_it_is_not() {
    for (outcome, is_warned_of) in [(CLIENT_GAVE_UP, true), (CLIENT_GONE, false)] {
        let world = World::new();
        let mut call = world.call(1);
        call.asks();
        world.clock.advance(Duration::from_secs(2));
        call.heard();
        call.answered(200, PASSED, Duration::from_secs(3));
        world.clock.advance(Duration::from_secs(13));
        call.ends_as(outcome, None);
        drop(call);
        let records = world.calls.take(Vec::new());
        let [record] = &records[..] else { panic!("{records:?}") };
        assert_eq!((record.is_warned_of(), record.is_upstreams_fault()), (is_warned_of, false));
        // Beside what is the gateway's own, until the head.
        assert_eq!(record.waited(), Duration::from_secs(if is_warned_of { 14 } else { 2 }));
    }
}

#[test]
fn a_fault_that_is_known_before_the_head_stands() {
    let world = World::new();
    let mut call = world.call(1);
    call.ends_as("upstream_no_answer", Some("its body is dropped".into()));
    call.answered(200, PASSED, Duration::ZERO);
    drop(call);
    let records = world.calls.take(Vec::new());
    assert_eq!((records[0].outcome, records[0].status), ("upstream_no_answer", Some(200)));
}

#[test]
fn waits_for_a_server_add_up_and_a_refusal_of_its_own_is_warned_of_where_its_body_was_dropped() {
    let world = World::new();
    for cause in [None, Some("its body is dropped".into())] {
        let is_dropped = cause.is_some();
        let mut call = world.call(1);
        for _ in 0..2 {
            call.asks();
            world.clock.advance(Duration::from_millis(10));
            call.heard();
        }
        call.know(|record| record.cause = cause);
        call.answered(404, "session_over", Duration::from_millis(20));
        drop(call);
        let records = world.calls.take(Vec::new());
        let [record] = &records[..] else { panic!("{records:?}") };
        assert_eq!(record.upstream, Some(Duration::from_millis(20)));
        assert_eq!((record.is_warned_of(), record.is_upstreams_fault()), (is_dropped, false));
    }
}

#[test]
fn a_fault_is_warned_of_once_a_minute_with_its_count() {
    let world = World::new();
    let mut writer = Writer::new(Arc::clone(&world.calls), None, Vec::new());
    for _ in 0..5 {
        world.answered(1, Duration::from_secs(1), 502, "upstream_failed");
    }
    writer.tell();
    assert_eq!(writer.warnings().waiting(), 4);
    world.clock.advance(Duration::from_secs(60));
    writer.tell();
    assert_eq!(writer.warnings().waiting(), 0);
    // Where nothing more came, nothing is kept.
    assert_eq!(writer.warnings().kept(), 1);
    world.clock.advance(Duration::from_secs(60));
    writer.tell();
    assert_eq!(writer.warnings().kept(), 0);
}

#[test]
fn refusals_do_not_fill_the_log() {
    let world = World::new();
    let refused = || {
        let mut call = world.call(1);
        call.know(|record| {
            record.server = None;
            record.asked = Some("doocs".parse().unwrap());
        });
        call.answered(404, "no_such_server", Duration::ZERO);
    };
    (0..150).for_each(|_| refused());
    for _ in 0..50 {
        let mut call = world.calls.begin(world.clock.instant(), HeaderValue::from_static("r-2"), PEER);
        call.answered(401, "unknown_key", Duration::ZERO);
    }
    let lines = world.told(LogFormat::Text);
    assert_eq!(lines.lines().count(), 100, "{lines}");
    // What was asked for stands there, though it is not.
    assert!(lines.lines().all(|line| line.contains(" server=doocs ") && line.contains("no_such_server")));
}

#[test]
fn what_there_is_no_room_for_is_counted_and_servers_without_end_share_a_name() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let told = metrics::with_local_recorder(&recorder, || {
        let world = World::new();
        for number in 0..300 {
            world.answered(number, Duration::from_millis(1), 504, "upstream_timeout");
        }
        Writer::new(Arc::clone(&world.calls), None, Vec::new()).tell();
        for _ in 0..ROOM + 3 {
            drop(world.call(1));
        }
        recorder.handle().render()
    });
    let values: BTreeMap<_, _> = told.lines().filter_map(|line| line.rsplit_once(' ')).collect();
    assert_eq!(values["keyledger_call_records_dropped_total"], "3");
    assert_eq!(values["keyledger_calls_in_flight"], "0");
    let failures = |server: &str| {
        let organization = if server == "_others" { "_others" } else { "acme" };
        values[&*format!(
            "keyledger_upstream_failures_total{{organization=\"{organization}\",server=\"{server}\",kind=\"upstream_timeout\"}}"
        )]
    };
    assert_eq!((failures("docs-0"), failures("_others")), ("1", "44"));
    for kind in servers::FAULTS.iter().filter(|kind| **kind != "upstream_timeout") {
        let series = format!(
            "keyledger_upstream_failures_total{{organization=\"acme\",server=\"docs-0\",kind=\"{kind}\"}}"
        );
        assert_eq!(values.get(&*series), Some(&"0"), "{series}");
    }
}

/// By the literals of the sources: a fault that was not thought of would begin with 1.
#[test]
fn every_fault_of_a_server_begins_at_zero() {
    let sources = [
        include_str!("../../request/refusal.rs"),
        include_str!("../../request/stream.rs"),
        include_str!("../../public/route.rs"),
    ];
    let words = sources.iter().flat_map(|source| source.split('"'));
    let named: BTreeSet<_> =
        words.filter(|word| word.starts_with("upstream_") && !word.contains(' ')).collect();
    assert_eq!(named, servers::FAULTS.iter().copied().collect());
}
