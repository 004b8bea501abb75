//! What a checkpoint says of signatures, beside what they are.

use events::tlog::{Checkpoint, Hash, Tree, Unsigned, origin};

use super::*;

/// What is found of a log whose messages 7 and 9 nobody signed, by checkpoints of these sizes that say this.
fn told(checkpoints: &[(u64, Unsigned)]) -> Vec<(Check, u64)> {
    let mut messages = good();
    for at in [6, 8] {
        let text = String::from_utf8(messages[at].payload.to_vec()).unwrap();
        messages[at].payload = text.replace("2027", "2028").into();
        assert_ne!(text.as_bytes(), messages[at].payload);
    }
    let known = checkpoints.iter().map(|(size, unsigned)| {
        let mut tree = Tree::new();
        messages.iter().take(usize::try_from(*size).unwrap()).for_each(|it| tree.push(Hash::message(it)));
        let (origin, unsigned) = (origin(log(), Shard::ZERO), unsigned.clone());
        let checkpoint = Checkpoint { origin, size: *size, root: tree.root(), unsigned };
        Known { checkpoint, place: format!("the checkpoint of {size}") }
    });
    let mut verifier = Verifier::new(log(), known.collect());
    for message in &messages {
        verifier.take(message);
    }
    let report = verifier.end(10);
    report
        .findings
        .iter()
        .filter(|finding| finding.check == Check::Checkpoint)
        .map(|finding| (finding.check, finding.sequence))
        .collect()
}

#[test]
fn what_a_checkpoint_says_of_signatures_is_held_to_them() {
    let these = |sequences: &[u64]| Unsigned::These(sequences.to_vec());
    assert_eq!(told(&[(10, these(&[7, 9]))]), []);
    assert_eq!(told(&[(6, these(&[])), (8, these(&[7])), (10, these(&[7, 9]))]), []);
    // One that is left out, and one that is good.
    assert_eq!(told(&[(10, these(&[9]))]), [(Check::Checkpoint, 7)]);
    assert_eq!(told(&[(10, these(&[7, 8, 9]))]), [(Check::Checkpoint, 8)]);
    // Each is told once.
    assert_eq!(told(&[(8, these(&[])), (9, these(&[9])), (10, these(&[9]))]), [(Check::Checkpoint, 7)]);
    // Nothing is said.
    assert_eq!(told(&[(9, Unsigned::Untold), (10, Unsigned::Many)]), []);
}
