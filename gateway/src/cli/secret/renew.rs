//! `keyledger secrets renew`

use clap::Args;
use serde_json::json;

use super::{AsControl, vaults};
use crate::cli::Environment;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::vault::renewal::Kind;

#[derive(Debug, Args)]
pub struct Renew {
    /// Which
    #[arg(value_enum)]
    kind: Kind,
    #[command(flatten)]
    control: AsControl,
}

impl Renew {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let (kind, as_json) = (self.kind, self.control.json);
        let parts = self.control.open(environment).await?;
        let (id, from) = vaults(&parts).renew(kind, &*parts.clock, &*parts.random).await?;
        if as_json {
            return output.json(&json!({ "kind": kind.as_str(), "id": id, "used_from": from }));
        }
        let words = kind.words();
        output
            .line(format!("{id}: the next {words}, used from {from} on; the one before it still counts then"))
    }
}
