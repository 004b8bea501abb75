use uuid::Uuid;

use crate::SigningKey;
use crate::id::SignerId;
use crate::tlog::{
    Checkpoint, Hash, RangeProof, RangeProofError, RangeTree, Signer, Tree, Unsigned, VerifierKey,
};

const ORIGIN: &str = "keyledger.log/test/0";

fn signer() -> Signer {
    let key = SigningKey::from_seed(SignerId::new(Uuid::from_u128(1)), &[1; 32]).unwrap();
    Signer::new(ORIGIN, key).unwrap()
}

fn leaf(index: u64) -> Hash {
    Hash::leaf(&index.to_be_bytes())
}

fn tree(size: u64) -> Tree {
    let mut tree = Tree::new();
    (0..size).for_each(|index| tree.push(leaf(index)));
    tree
}

fn proof(first: u64, last: u64, size: u64) -> RangeProof {
    let mut after = RangeTree::at(last);
    (last..size).for_each(|index| after.push(leaf(index)));
    let checkpoint =
        Checkpoint { origin: ORIGIN.to_owned(), size, root: tree(size).root(), unsigned: Unsigned::none() };
    let before = tree(first - 1).edge().to_vec();
    RangeProof { first, last, before, after: after.hashes(), checkpoint: checkpoint.sign(&signer()) }
}

fn check(
    proof: &RangeProof,
    leaves: impl Iterator<Item = Hash>,
    keys: &[VerifierKey],
) -> Result<Checkpoint, RangeProofError> {
    let mut tree = proof.begin()?;
    leaves.for_each(|leaf| tree.push(leaf));
    proof.end(tree, ORIGIN, keys)
}

#[test]
fn every_range_of_a_log_is_proven_and_nothing_else() {
    let keys = [signer().verifier().clone()];
    for size in 1..=33 {
        for last in 1..=size {
            for first in 1..=last {
                let proof = proof(first, last, size);
                let read: RangeProof = proof.to_string().parse().unwrap();
                assert_eq!(read, proof);
                let checkpoint = check(&read, (first - 1..last).map(leaf), &keys).unwrap();
                assert_eq!(checkpoint.size, size);
                // One changed, the last left out, one of the next put in, two exchanged.
                let changed =
                    (first - 1..last).map(|index| leaf(if index == last - 1 { 999 } else { index }));
                assert_eq!(check(&read, changed, &keys), Err(RangeProofError::Root));
                let short = check(&read, (first - 1..last - 1).map(leaf), &keys);
                assert!(matches!(short, Err(RangeProofError::Count { .. })), "{short:?}");
                let long = check(&read, (first - 1..last + 1).map(leaf), &keys);
                assert!(matches!(long, Err(RangeProofError::Count { .. })), "{long:?}");
                if last > first {
                    let turned = (first - 1..last).rev().map(leaf);
                    assert_eq!(check(&read, turned, &keys), Err(RangeProofError::Root));
                }
            }
        }
    }
}

#[test]
fn a_proof_that_somebody_else_signed_or_that_was_bent_proves_nothing() {
    let key = SigningKey::from_seed(SignerId::new(Uuid::from_u128(2)), &[2; 32]).unwrap();
    let other = [Signer::new(ORIGIN, key).unwrap().verifier().clone()];
    let keys = [signer().verifier().clone()];
    let good = proof(5, 9, 21);
    let leaves = || (4..9).map(leaf);
    check(&good, leaves(), &keys).unwrap();
    assert!(matches!(check(&good, leaves(), &other), Err(RangeProofError::Checkpoint(_))));
    for bent in [
        RangeProof { first: 4, ..good.clone() },
        RangeProof { last: 10, ..good.clone() },
        RangeProof { before: Vec::new(), ..good.clone() },
        RangeProof { after: good.after[1..].to_vec(), ..good.clone() },
        RangeProof { after: good.after.iter().rev().copied().collect(), ..good.clone() },
        RangeProof { checkpoint: proof(5, 8, 8).checkpoint, ..good.clone() },
    ] {
        check(&bent, leaves(), &keys).unwrap_err();
    }
    let text = good.to_string();
    for wrong in [
        text.replace("first 5", "first 05"),
        text.replace("first 5", "first 0"),
        text.replace("last 9", "last 4"),
        text.replacen("before ", "beside ", 1),
        text.replace("@v1", "@v2"),
        text.replace("\n\n", "\n"),
    ] {
        wrong.parse::<RangeProof>().unwrap_err();
    }
}
