//! A log and its witness, request by request (C2SP tlog-witness).

use axum::body::Body;
use events::clock::ManualClock;
use events::tlog::{Signer, Unsigned, WholeTree, consistency, root};
use events::{SignerId, SigningKey};
use http::Request;
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::*;

const ORIGIN: &str = "keyledger.log/one/0";

fn signer(seed: u8) -> Signer {
    let key = SigningKey::from_seed(SignerId::new(uuid::Uuid::nil()), &[seed; 32]).unwrap();
    Signer::new(ORIGIN, key).unwrap()
}

struct Log {
    tree: WholeTree,
    signer: Signer,
}

impl Log {
    /// So many messages, of which the last are said to be others.
    fn of(size: u64, other_from: u64) -> Self {
        let mut tree = WholeTree::new();
        for n in 0..size {
            let other = if n >= other_from { b"other" } else { b"equal" };
            tree.push(Hash::leaf(&[other.as_slice(), &n.to_be_bytes()].concat()));
        }
        Self { tree, signer: signer(1) }
    }

    fn note(&self, size: u64) -> Note {
        let root = root(&self.tree, size).unwrap();
        // An extension line is the log's matter, and is cosigned with the rest.
        let unsigned = Unsigned::These(vec![2, size]);
        Checkpoint { origin: ORIGIN.to_owned(), size, root, unsigned }.sign(&self.signer)
    }

    fn body(&self, old: u64, new: u64) -> String {
        let proof = consistency(&self.tree, old, new).unwrap();
        let proof: String = proof.iter().map(|hash| format!("{hash}\n")).collect();
        format!("old {old}\n{proof}\n{}", self.note(new))
    }
}

fn opened(folder: &tempfile::TempDir, log: &Log) -> Result<Witness, WitnessError> {
    let cosigner = Cosigner::from_seed("witness.example", &[2; 32]).unwrap();
    let clock = Arc::new(ManualClock::new("2026-11-24T08:00:00Z".parse().unwrap()));
    let file = folder.path().join("state.json");
    Witness::open(cosigner, vec![log.signer.verifier().clone()], file, clock)
}

fn witness(folder: &tempfile::TempDir, log: &Log) -> Arc<Witness> {
    Arc::new(opened(folder, log).unwrap())
}

async fn send(witness: &Arc<Witness>, request: Request<Body>) -> (StatusCode, Option<HeaderValue>, String) {
    let answer = router(Arc::clone(witness)).oneshot(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let kind = parts.headers.get(header::CONTENT_TYPE).cloned();
    (parts.status, kind, String::from_utf8(body.to_vec()).unwrap())
}

async fn add(witness: &Arc<Witness>, body: String) -> (StatusCode, String) {
    let request = Request::post("/add-checkpoint").body(body.into()).unwrap();
    let (status, _, body) = send(witness, request).await;
    (status, body)
}

#[tokio::test]
async fn a_log_that_grows_is_cosigned_and_what_was_seen_outlives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::of(300, 300);
    let known = witness(&folder, &log);
    for (old, new) in [(0, 5), (5, 5), (5, 256), (256, 300)] {
        let (status, line) = add(&known, log.body(old, new)).await;
        assert_eq!(status, StatusCode::OK, "{old} {new}: {line}");
        let mut note = log.note(new);
        note.add(line.trim_end_matches('\n').parse().unwrap());
        let cosignatures = note.cosignatures(&[known.verifier().clone()]).unwrap();
        assert_eq!(cosignatures[0].timestamp, 1_795_507_200);
    }
    drop(known);
    let again = witness(&folder, &log);
    let get = |origin: &str| {
        Request::get(format!("/checkpoint/{}", origin_path(origin))).body(Body::empty()).unwrap()
    };
    let (status, _, newest) = send(&again, get(ORIGIN)).await;
    assert_eq!(status, StatusCode::OK);
    let newest: Note = newest.parse().unwrap();
    assert_eq!(newest.text(), log.note(300).text());
    assert!(newest.text().ends_with("\nkeyledger-unsigned 2 300\n"));
    assert_eq!(newest.cosignatures(&[again.verifier().clone()]).unwrap().len(), 1);
    assert_eq!(send(&again, get("another")).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_log_that_goes_back_or_another_way_is_not_cosigned() {
    let folder = tempfile::tempdir().unwrap();
    let (log, other) = (Log::of(20, 20), Log::of(20, 8));
    let witness = witness(&folder, &log);
    assert_eq!(add(&witness, log.body(0, 10)).await.0, StatusCode::OK);

    // Rolled back: it is told how far the witness has come.
    let request = Request::post("/add-checkpoint").body(log.body(0, 5).into()).unwrap();
    let (status, kind, size) = send(&witness, request).await;
    assert_eq!((status, kind, size.as_str()), (StatusCode::CONFLICT, Some(SIZE), "10\n"));
    assert_eq!(add(&witness, log.body(0, 20)).await, (StatusCode::CONFLICT, "10\n".to_owned()));
    // As long as before, and another.
    assert_eq!(add(&witness, other.body(10, 10)).await.0, StatusCode::CONFLICT);
    // Longer, and another before.
    assert_eq!(add(&witness, other.body(10, 20)).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(add(&witness, log.body(10, 20)).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_state_file_is_one_witnesss_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::of(20, 20);
    let first = witness(&folder, &log);
    assert_eq!(add(&first, log.body(0, 10)).await.0, StatusCode::OK);
    // The state was written anew meanwhile.
    let refused = opened(&folder, &log).map(|_| ()).unwrap_err();
    assert!(matches!(&refused, WitnessError::Held { path } if path.ends_with("state.json")), "{refused}");
    drop(first);
    assert_eq!(add(&witness(&folder, &log), log.body(10, 20)).await.0, StatusCode::OK);
}

#[tokio::test]
async fn what_it_does_not_know_or_can_not_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::of(20, 20);
    let witness = witness(&folder, &log);
    let stranger = Log { signer: signer(9), ..Log::of(20, 20) };
    assert_eq!(add(&witness, stranger.body(0, 5)).await.0, StatusCode::FORBIDDEN);
    let elsewhere = log.body(0, 5).replace(ORIGIN, "keyledger.log/two/0");
    assert_eq!(add(&witness, elsewhere).await.0, StatusCode::NOT_FOUND);
    for wrong in [
        String::new(),
        log.body(0, 5).replace("old 0", "old 00"),
        log.body(0, 5).replace("old 0\n", ""),
        log.body(0, 5).replace("old 0", "old 6"),
        format!("old 0\n{}\n{}", format!("{}\n", Hash::empty()).repeat(64), log.note(5)),
    ] {
        assert_eq!(add(&witness, wrong.clone()).await.0, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let long = "x".repeat(MAX_BODY + 1);
    assert_eq!(add(&witness, long).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    drop(witness);
    std::fs::write(folder.path().join("state.json"), "{}x").unwrap();
    assert!(matches!(opened(&folder, &log), Err(WitnessError::State { .. })));
}
