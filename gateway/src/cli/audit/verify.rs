//! `keyledger audit verify`: what an auditor does with nothing of ours running.

use std::path::{Path, PathBuf};

use clap::Args;
use events::tlog::{Checkpoint, ProofFile, VerifierKey};
use serde_json::{Value, json};

use crate::cli::error::CliError;
use crate::cli::events::evidence::{read_file, read_keys};
use crate::cli::output::Output;

/// Ends with 1 when one of them proves nothing.
#[derive(Debug, Args)]
pub struct VerifyProofs {
    /// Proofs (C2SP tlog-proof)
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

/// What a proof proves.
struct Proven {
    subject: String,
    event: Value,
    sequence: u64,
    checkpoint: Checkpoint,
    witnesses: Vec<String>,
}

impl VerifyProofs {
    pub fn run(self, output: &mut Output) -> Result<(), CliError> {
        let keys = read_keys(&self.keys)?;
        let mut refused = 0;
        let mut items = Vec::new();
        for file in &self.files {
            match self.prove(file, &keys) {
                Ok(proven) if self.json => items.push(proven.json(file)),
                Ok(proven) => output.line(proven.told(file))?,
                Err(problem) => {
                    refused += 1;
                    let problem = problem.to_string();
                    items.push(json!({ "file": file, "good": false, "problem": problem }));
                    output.note(problem);
                }
            }
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
        let witnesses = proof.checkpoint.cosignatures(keys).map_err(|error| refused(error.to_string()))?;
        let witnesses: Vec<_> = witnesses.iter().map(|witness| witness.key.name().to_owned()).collect();
        if witnesses.len() < self.witnesses {
            let (found, wanted) = (witnesses.len(), self.witnesses);
            return Err(refused(format!("{found} of the known witnesses cosigned it, not {wanted}")));
        }
        let entry = proof.entry.unwrap_or_default();
        let no_event = || refused("what it proves is no event of Keyledger's".to_owned());
        let at = entry.iter().position(|byte| *byte == b'\n').ok_or_else(no_event)?;
        let subject = std::str::from_utf8(&entry[..at]).map_err(|_| no_event())?.to_owned();
        let event = serde_json::from_slice(&entry[at + 1..]).map_err(|_| no_event())?;
        Ok(Proven { subject, event, sequence: proof.index + 1, checkpoint, witnesses })
    }
}

impl Proven {
    fn json(&self, file: &Path) -> Value {
        json!({
            "file": file,
            "good": true,
            "log": self.checkpoint.origin,
            "sequence": self.sequence,
            "subject": self.subject,
            "event": self.event,
            "checkpoint": { "size": self.checkpoint.size, "root": self.checkpoint.root },
            "witnesses": self.witnesses,
        })
    }

    fn told(&self, file: &Path) -> String {
        let text = |member: &str| self.event.get(member).and_then(Value::as_str).unwrap_or("?").to_owned();
        let witnesses = match self.witnesses.as_slice() {
            [] => String::new(),
            names => format!(", cosigned by {}", names.join(", ")),
        };
        format!(
            "{}: good. {} {} of {} on {} is message {} of {}, in a checkpoint of {} messages{witnesses}",
            file.display(),
            text("type"),
            text("id"),
            text("time"),
            self.subject,
            self.sequence,
            self.checkpoint.origin,
            self.checkpoint.size
        )
    }
}
