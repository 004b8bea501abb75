//! Which of the stored checkpoints a log is held to: the largest that a believed key signed, wherever it lies. Whoever may
//! store can put an older one behind it, and takes nothing back by that.

use events::tlog::{Checkpoint, Head, Note, NoteError, VerifierKey};

use super::StoredNote;

/// A checkpoint that a believed key signed.
#[derive(Clone, Debug)]
pub struct Believed {
    pub note: Note,
    pub checkpoint: Checkpoint,
    /// In the stream.
    pub sequence: u64,
}

/// The largest of these, the oldest first. `None`: there is none. An error: not one of them is good; it is what is wrong with
/// the last.
pub fn largest(
    stored: &[StoredNote],
    origin: &str,
    keys: &[VerifierKey],
    lost: &[Head],
) -> Result<Option<Believed>, String> {
    let (mut found, mut wrong): (Option<Believed>, _) = (None, None);
    // What was signed of a tail that an operator has accepted as lost lies before the loss: the first of its heads ends it.
    let mut before_a_loss = stored.iter().any(|stored| {
        open(&stored.text, origin, keys).is_ok_and(|(_, checkpoint)| lost.contains(&checkpoint.head()))
    });
    for stored in stored {
        let (note, checkpoint) = match open(&stored.text, origin, keys) {
            Ok(opened) => opened,
            Err(problem) => {
                wrong = Some(format!("message {} of KL_CHECKPOINTS: {problem}", stored.sequence));
                continue;
            }
        };
        if lost.contains(&checkpoint.head()) {
            before_a_loss = false;
            continue;
        }
        let larger = found.as_ref().is_none_or(|found| found.checkpoint.size <= checkpoint.size);
        if larger && !before_a_loss {
            found = Some(Believed { note, checkpoint, sequence: stored.sequence });
        }
    }
    match (found, wrong) {
        (None, Some(wrong)) => Err(wrong),
        (found, _) => Ok(found),
    }
}

/// The checkpoint that a note holds; an error says what is wrong with it.
pub fn open(text: &str, origin: &str, keys: &[VerifierKey]) -> Result<(Note, Checkpoint), String> {
    let note: Note = text.parse().map_err(|error: NoteError| error.to_string())?;
    let checkpoint = Checkpoint::open(&note, origin, keys).map_err(|error| error.to_string())?;
    // A witness that is known and says something wrong spoils it as well.
    note.cosignatures(keys).map_err(|error| error.to_string())?;
    Ok((note, checkpoint))
}

#[cfg(test)]
mod tests {
    use events::SigningKey;
    use events::tlog::{Hash, Signer, Unsigned};

    use super::*;

    const ORIGIN: &str = "log.example/0";

    fn signer(seed: u8) -> Signer {
        let id = "0190a1b2-c3d4-7e5f-8a6b-000000000007".parse().unwrap();
        Signer::new(ORIGIN, SigningKey::from_seed(id, &[seed; 32]).unwrap()).unwrap()
    }

    fn checkpoint(size: u64) -> Checkpoint {
        let root = Hash::leaf(&size.to_be_bytes());
        Checkpoint { origin: ORIGIN.to_owned(), size, root, unsigned: Unsigned::none() }
    }

    fn stored(signer: &Signer, sizes: &[u64]) -> Vec<StoredNote> {
        let text = |size| checkpoint(size).sign(signer).to_string();
        (1..).zip(sizes).map(|(sequence, size)| StoredNote { sequence, text: text(*size) }).collect()
    }

    #[test]
    fn an_older_one_that_is_stored_again_takes_nothing_back() {
        let signer = signer(1);
        let keys = [signer.verifier().clone()];
        let found = |sizes: &[u64], lost: &[u64]| {
            let lost: Vec<_> = lost.iter().map(|size| checkpoint(*size).head()).collect();
            let found = largest(&stored(&signer, sizes), ORIGIN, &keys, &lost).unwrap();
            found.map(|found| (found.checkpoint.size, found.sequence))
        };
        assert_eq!(found(&[], &[]), None);
        assert_eq!(found(&[2, 34, 2], &[]), Some((34, 2)));
        // Of two the one with the newer words of witnesses.
        assert_eq!(found(&[2, 34, 34, 2, 2], &[]), Some((34, 3)));
        // What is lost, and what was signed on the way to it, is no part of the log.
        assert_eq!(found(&[20, 30, 34, 25, 20, 34], &[34]), Some((25, 4)));
        assert_eq!(found(&[20, 34], &[34]), None);
    }

    #[test]
    fn one_that_nobody_believes_hides_none_that_is_believed() {
        let (ours, other) = (signer(1), signer(2));
        let keys = [ours.verifier().clone()];
        let mut all = stored(&ours, &[34]);
        all.push(StoredNote { sequence: 2, ..stored(&other, &[50]).remove(0) });
        assert_eq!(largest(&all, ORIGIN, &keys, &[]).unwrap().unwrap().checkpoint.size, 34);
        let problem = largest(&all[1..], ORIGIN, &keys, &[]).unwrap_err();
        assert!(problem.starts_with("message 2 of KL_CHECKPOINTS: "), "{problem}");
    }
}
