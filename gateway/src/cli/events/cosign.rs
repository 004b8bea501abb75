//! `keyledger events cosign`: what a log's checkpoint is worth grows with everybody who has seen it.

use clap::Args;
use events::Shard;
use events::tlog::{consistency, origin};
use url::Url;

use super::Reader;
use super::auditor::Auditor;
use super::evidence::{KeysFile, newest};
use super::prove::{agrees, read, unproven};
use crate::cli::Environment;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::witness::{Added, Remote, RemoteError};

/// Proves to a witness (C2SP tlog-witness) that the log goes on from what it has cosigned last; it refuses a log that
/// does not, and this ends with 1. What is printed is a checkpoint for `--checkpoint` and for proofs.
#[derive(Debug, Args)]
pub struct Cosign {
    /// The witness's submission prefix
    #[arg(value_name = "URL")]
    witness: Url,
    #[command(flatten)]
    keys: KeysFile,
    #[command(flatten)]
    auditor: Auditor,
}

impl Cosign {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let reader = Reader::open(&self.auditor, environment).await?;
        let keys = self.keys.of_log(&reader.log, reader.id).await?;
        let origin = origin(reader.id, Shard::ZERO);
        let (mut note, head) = newest(&reader, &origin, &keys).await?;
        let tree = read(&reader, head.size, |_| ()).await?;
        agrees(&tree, head.size, head.root, "the newest checkpoint")?;
        let witness = Remote::new(self.witness);
        // It says where it has come to when it is asked from elsewhere.
        let known = match witness.add(0, &[], &note).await.map_err(unanswered)? {
            Added::Cosigned(lines) => {
                lines.into_iter().for_each(|line| note.add(line));
                return output.text(&note.to_string());
            }
            Added::From(known) => known,
        };
        if known > head.size {
            return Err(CliError::Refused(format!(
                "the witness has cosigned a checkpoint of {known} messages, and the newest here is of {}: the log's \
                 tail is lost, or it is another log",
                head.size
            )));
        }
        let proof = consistency(&tree, known, head.size).map_err(unproven)?;
        match witness.add(known, &proof, &note).await.map_err(unanswered)? {
            Added::Cosigned(lines) => {
                lines.into_iter().for_each(|line| note.add(line));
                output.text(&note.to_string())
            }
            Added::From(_) => Err(CliError::Refused(
                "the witness has cosigned another log of as many messages, or has just gone on: ask again"
                    .to_owned(),
            )),
        }
    }
}

/// A log that it refuses is a finding; a witness that is away is none.
fn unanswered(error: RemoteError) -> CliError {
    if error.refused {
        CliError::Refused(error.to_string())
    } else {
        CliError::Unavailable(error.to_string())
    }
}
