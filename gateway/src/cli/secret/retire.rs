//! `keyledger secrets retire`

use clap::Args;
use events::PepperId;
use serde_json::json;
use uuid::Uuid;

use super::{AsControl, list, vaults};
use crate::cli::Environment;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::vault::renewal::Kind;

#[derive(Debug, Args)]
pub struct Retire {
    /// Which
    #[arg(value_enum)]
    kind: Kind,
    /// As `keyledger secrets list` shows it. Of a snapshot key: nodes that start believe no snapshot of it any more, and
    /// without another replay the whole log
    id: Uuid,
    /// Of a pepper: also where keys rest on it, which work no more from then on
    #[arg(long)]
    lose_keys: bool,
    #[command(flatten)]
    control: AsControl,
}

/// What that costs.
fn ends(kind: Kind) -> &'static str {
    match kind {
        Kind::Pepper => ", and with it the keys that rested on it",
        Kind::Identity => {
            ": upstreams take no token of it any more once their copy of jwks.json is five minutes old"
        }
        Kind::Session => ": MCP sessions and tasks under it end (404), and clients begin anew",
        Kind::Passing => {
            ": sign-ins, sessions, refresh tokens and unused registrations that began under it end, and their people sign in anew"
        }
        Kind::Snapshot => {
            ": nodes believe none of the snapshots that it signed, and one that starts while there is no other replays the \
             whole log. `keyledger snapshots write` makes one"
        }
    }
}

impl Retire {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let Self { kind, id, lose_keys, control } = self;
        let as_json = control.json;
        let (parts, log) = control.open_with_log(environment).await?;
        let now = parts.clock.now();
        if kind == Kind::Pepper && !lose_keys {
            let resting = list::resting(&log, now).await?;
            let rest = resting.get(&PepperId::new(id)).copied().unwrap_or_default();
            if rest.keys > 0 {
                return Err(CliError::Refused(format!(
                    "{} keys that are neither revoked nor expired rest on it and would work no more: replace them first, or \
                     say --lose-keys",
                    rest.keys
                )));
            }
        }
        vaults(&parts).retire(kind, id, now).await?;
        if as_json {
            return output.json(&json!({ "kind": kind.as_str(), "id": id, "retired": true }));
        }
        output.line(format!("{id}: this {} is deleted for ever{}", kind.words(), ends(kind)))
    }
}
