//! By what a log is judged: the keys that are believed, the checkpoints that it must go on from, the key that it begins
//! with.

use events::tlog::{Checkpoint, Usage, VerifierKey, origin};
use events::{LogId, Shard, SignerKey};

use crate::cli::error::CliError;
use crate::cli::events::evidence::{Beyond, Word, Words, open};
use crate::vault::{Remembered, Vault, VaultError, signer};
use crate::verify::{Known, Verifier};

/// What is known of a log beside what it says itself.
#[derive(Default)]
pub struct Knowledge {
    pub known: Vec<Known>,
    /// Where something is wrong with a checkpoint itself, and what.
    pub refused: Vec<(u64, String)>,
    pub first: Option<SignerKey>,
    /// What witnesses have cosigned, as checkpoints elsewhere show.
    pub words: Words,
}

impl Knowledge {
    pub fn verifier(self, log: LogId) -> Verifier {
        let mut verifier = Verifier::new(log, self.known);
        if let Some(first) = self.first {
            verifier.begins_with(first);
        }
        self.refused.into_iter().for_each(|(at, problem)| verifier.refuse_checkpoint(at, problem));
        verifier
    }

    /// A checkpoint that somebody handed over, who was believed until now: a wrong one is a mistake of the command line's.
    /// Whether a witness's word on it was checked.
    pub fn add(
        &mut self,
        text: &str,
        log: LogId,
        keys: &[VerifierKey],
        place: &str,
    ) -> Result<bool, CliError> {
        let (note, checkpoint) = open(text, &origin(log, Shard::ZERO), keys, place)?;
        let size = checkpoint.size;
        let here = format!("{place} is of {size} messages");
        // A witness was put back where its own word elsewhere is of more.
        let problem = self.words.beyond(&note, size).map(|beyond| match beyond {
            Beyond::Checked(Word { size: more, place: elsewhere }) => {
                format!("{here}, and {elsewhere} has its word on {more}: it was put back")
            }
            // Whoever wrote that line: what is kept is not what was.
            Beyond::Unchecked(Word { size: more, place: elsewhere }) => format!(
                "{here}, and {elsewhere} has a line of its key on {more}: it was put back, or that line is forged, which \
                 its key would tell"
            ),
        });
        self.refused.extend(problem.map(|problem| (size + 1, problem)));
        self.words.take(&note, &checkpoint, keys, place);
        self.known.push(Known { checkpoint, place: place.to_owned() });
        Ok(!note.cosignatures(keys).unwrap_or_default().is_empty())
    }

    /// What a node's vault knows, and the keys that it believes; none where nothing was signed yet.
    pub async fn ask(&mut self, vault: &Vault, log: LogId) -> Result<Option<Vec<VerifierKey>>, CliError> {
        const PLACE: &str = "the node's vault";
        self.first = signer::first(vault).await.map_err(unopened)?;
        let Some(Remembered { note, keys }) = Remembered::load(vault).await.map_err(unopened)? else {
            return Ok(None);
        };
        match Checkpoint::open(&note, &origin(log, Shard::ZERO), &keys) {
            Ok(checkpoint) => self.known.push(Known { checkpoint, place: PLACE.to_owned() }),
            // Sealed, and so control's own: it is this log that is another one.
            Err(error) => self.refused.push((1, format!("{PLACE} knows another log's checkpoint: {error}"))),
        }
        Ok(Some(keys))
    }
}

fn unopened(error: VaultError) -> CliError {
    let told = error.to_string();
    if error.is_forgery() { CliError::Refused(told) } else { CliError::Unavailable(told) }
}

/// The log whose keys these are: it is in their name.
pub fn log_of(keys: &[VerifierKey]) -> Result<LogId, CliError> {
    let mut found: Vec<LogId> = keys
        .iter()
        .filter(|key| key.usage() == Usage::Note)
        .filter_map(|key| key.name().strip_prefix("keyledger.log/")?.strip_suffix("/0")?.parse().ok())
        .collect();
    found.sort_unstable();
    found.dedup();
    match found.as_slice() {
        [log] => Ok(*log),
        [] => Err(CliError::Usage("--keys: none of them is a Keyledger log's".to_owned())),
        [_, _, ..] => {
            Err(CliError::Usage("--keys: they are of several logs; keep those of one alone".to_owned()))
        }
    }
}
