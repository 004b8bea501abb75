//! `keyledger audit verify`: what an auditor does with nothing of ours running.

use std::path::{Path, PathBuf};

use clap::Args;
use events::tlog::{Checkpoint, Note, ProofFile, Unsigned, VerifierKey};
use serde_json::{Value, json};

use crate::cli::error::CliError;
use crate::cli::events::evidence::{read_file, read_keys};
use crate::cli::output::Output;
use crate::exports;

/// Ends with 1 when one of them proves nothing.
#[derive(Debug, Args)]
pub struct VerifyProofs {
    /// Proofs (C2SP tlog-proof), or files of an export, each with its proof beside it
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The log's public keys, and those of witnesses: C2SP verifier keys, one a line
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// So many of these witnesses must have cosigned the checkpoint
    #[arg(long, value_name = "COUNT", default_value = "0")]
    witnesses: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What nobody can tell of one message alone.
const ORDER: &str = "a proof says that an event is in the log, and not that it stands in its place: one that was stored a second \
    time has a proof as well, and nobody obeys it. `keyledger events verify` tells";

/// What a proof proves.
struct Proven {
    what: What,
    checkpoint: Checkpoint,
    witnesses: Vec<String>,
}

enum What {
    Event {
        subject: String,
        event: Value,
        sequence: u64,
    },
    /// The messages of an export's file.
    Range {
        first: u64,
        last: u64,
        origin: String,
        /// Those of which the file says that nobody obeys them.
        marked: u64,
    },
}

impl VerifyProofs {
    pub fn run(self, output: &mut Output) -> Result<(), CliError> {
        let keys = read_keys(&self.keys)?;
        let mut refused = 0;
        let (mut items, mut proven) = (Vec::new(), Vec::new());
        for file in &self.files {
            match self.prove(file, &keys) {
                Ok(one) => {
                    if self.json {
                        items.push(one.json(file))
                    } else {
                        output.line(one.told(file))?
                    }
                    proven.push(one);
                }
                Err(problem) => {
                    refused += 1;
                    let problem = problem.to_string();
                    items.push(json!({ "file": file, "good": false, "problem": problem }));
                    output.note(problem);
                }
            }
        }
        gaps(&proven).into_iter().for_each(|gap| output.note(gap));
        if proven.iter().any(|one| matches!(one.what, What::Event { .. })) {
            output.note(ORDER);
        }
        if self.json {
            output.json(&json!({ "items": items }))?;
        }
        match refused {
            0 => Ok(()),
            1 => Err(CliError::Refused("1 file proves nothing".to_owned())),
            more => Err(CliError::Refused(format!("{more} files prove nothing"))),
        }
    }

    fn prove(&self, file: &Path, keys: &[VerifierKey]) -> Result<Proven, CliError> {
        let beside = exports::verify::proof_of(file);
        if beside.exists() { self.export(file, &beside, keys) } else { self.event(file, keys) }
    }

    fn export(&self, file: &Path, beside: &Path, keys: &[VerifierKey]) -> Result<Proven, CliError> {
        let refused = |problem: String| CliError::Refused(format!("{}: {problem}", file.display()));
        let proven = exports::verify::verify(file, &read_file(beside)?, keys);
        let exports::verify::Proven { first, last, origin, checkpoint, marked, proof } =
            proven.map_err(|error| refused(error.to_string()))?;
        let witnesses = self.witnesses(&proof.checkpoint, keys, &refused)?;
        Ok(Proven { what: What::Range { first, last, origin, marked }, checkpoint, witnesses })
    }

    fn witnesses(
        &self,
        note: &Note,
        keys: &[VerifierKey],
        refused: &impl Fn(String) -> CliError,
    ) -> Result<Vec<String>, CliError> {
        let witnesses = note.cosignatures(keys).map_err(|error| refused(error.to_string()))?;
        let witnesses: Vec<_> = witnesses.iter().map(|witness| witness.key.name().to_owned()).collect();
        if witnesses.len() < self.witnesses {
            let (found, wanted) = (witnesses.len(), self.witnesses);
            return Err(refused(format!("{found} of the known witnesses cosigned it, not {wanted}")));
        }
        Ok(witnesses)
    }

    fn event(&self, file: &Path, keys: &[VerifierKey]) -> Result<Proven, CliError> {
        let refused = |problem: String| CliError::Refused(format!("{}: {problem}", file.display()));
        let proof: ProofFile = read_file(file)?
            .parse()
            .map_err(|error: events::tlog::ProofFileError| refused(error.to_string()))?;
        let origins =
            keys.iter().filter(|key| key.usage() == events::tlog::Usage::Note).map(VerifierKey::name);
        // The log is the one whose name a key has that is believed.
        let mut outcome = Err(refused("no key of a log is given".to_owned()));
        for origin in origins {
            outcome = proof.verify(origin, keys).map_err(|error| refused(error.to_string()));
            if outcome.is_ok() {
                break;
            }
        }
        let checkpoint = outcome?;
        let sequence = proof.index + 1;
        if let Unsigned::These(unsigned) = &checkpoint.unsigned
            && unsigned.contains(&sequence)
        {
            let forged =
                "it is in the log, and no writer of it signed it, as the checkpoint says: nobody believes it";
            return Err(refused(forged.to_owned()));
        }
        let witnesses = self.witnesses(&proof.checkpoint, keys, &refused)?;
        let entry = proof.entry.unwrap_or_default();
        let no_event = || refused("what it proves is no event of Keyledger's".to_owned());
        let at = entry.iter().position(|byte| *byte == b'\n').ok_or_else(no_event)?;
        let subject = std::str::from_utf8(&entry[..at]).map_err(|_| no_event())?.to_owned();
        let event = serde_json::from_slice(&entry[at + 1..]).map_err(|_| no_event())?;
        let what = What::Event { subject, event, sequence };
        Ok(Proven { what, checkpoint, witnesses })
    }
}

impl Proven {
    fn json(&self, file: &Path) -> Value {
        let mut told = json!({
            "file": file,
            "good": true,
            "log": self.checkpoint.origin,
            "checkpoint": { "size": self.checkpoint.size, "root": self.checkpoint.root },
            "witnesses": self.witnesses,
        });
        let of_it = match &self.what {
            What::Event { subject, event, sequence } => {
                json!({ "sequence": sequence, "subject": subject, "event": event })
            }
            What::Range { first, last, marked, .. } => {
                json!({ "first": first, "last": last, "unreadable": marked })
            }
        };
        if let (Value::Object(told), Value::Object(of_it)) = (&mut told, of_it) {
            told.extend(of_it);
        }
        told
    }

    fn told(&self, file: &Path) -> String {
        let witnesses = match self.witnesses.as_slice() {
            [] => String::new(),
            names => format!(", cosigned by {}", names.join(", ")),
        };
        let what = match &self.what {
            What::Event { subject, event, sequence } => {
                let text = |member: &str| event.get(member).and_then(Value::as_str).unwrap_or("?").to_owned();
                let unsaid = match self.checkpoint.unsigned {
                    Unsigned::These(_) => "",
                    Unsigned::Untold | Unsigned::Many => {
                        " (whether a writer signed it the checkpoint does not say)"
                    }
                };
                format!(
                    "{} {} of {} on {subject} is message {sequence} of {}{unsaid}",
                    text("type"),
                    text("id"),
                    text("time"),
                    self.checkpoint.origin
                )
            }
            What::Range { first, last, origin, marked } => {
                let marked = match marked {
                    0 => String::new(),
                    more => format!(
                        " ({more} of them marked `unreadable`: nobody obeys them, as who wrote the file says; the proof is of \
                         the messages)"
                    ),
                };
                format!("it holds messages {first} to {last} of {origin}, all and unchanged{marked}")
            }
        };
        let size = self.checkpoint.size;
        format!("{}: good. {what}, in a checkpoint of {size} messages{witnesses}", file.display())
    }
}

/// Which messages lie between the files of an export that were proven, and in none of them.
fn gaps(proven: &[Proven]) -> Vec<String> {
    let mut ranges: Vec<(&str, u64, u64)> = Vec::new();
    for one in proven {
        if let What::Range { first, last, origin, .. } = &one.what {
            ranges.push((origin, *first, *last));
        }
    }
    ranges.sort_unstable();
    let mut gaps = Vec::new();
    let mut before: Option<(&str, u64)> = None;
    for (origin, first, last) in ranges {
        let end = before.filter(|(of, _)| *of == origin).map_or(0, |(_, end)| end);
        if first > end + 1 {
            gaps.push(format!(
                "messages {} to {} of {origin} are in none of these files",
                end + 1,
                first - 1
            ));
        }
        before = Some((origin, last.max(end)));
    }
    gaps
}
