//! `keyledger secrets reseal`

use clap::Args;
use serde_json::json;

use super::{AsControl, unread, vaults};
use crate::cli::Environment;
use crate::cli::error::CliError;
use crate::cli::output::{Column, Output, text};
use crate::vault::renewal::Vaults;

#[derive(Debug, Args)]
pub struct Reseal {
    #[command(flatten)]
    control: AsControl,
}

const COLUMNS: &[Column] = &[
    Column { head: "VAULT", cell: |item| text(item, "vault") },
    Column { head: "SEALED ANEW", cell: |item| text(item, "sealed") },
    Column { head: "ALREADY SO", cell: |item| text(item, "already") },
];

impl Reseal {
    pub async fn run(self, environment: &Environment, output: &mut Output) -> Result<(), CliError> {
        let as_json = self.control.json;
        let parts = self.control.open(environment).await?;
        let Vaults { node, control, people } = vaults(&parts);
        let mut items = Vec::new();
        for (name, vault) in [("node", node), ("control", control), ("people", people)] {
            let done = vault.reseal(&*parts.random).await.map_err(unread)?;
            items.push(json!({ "vault": name, "sealed": done.sealed, "already": done.already }));
        }
        if as_json { output.json(&json!({ "items": items })) } else { output.table(COLUMNS, &items) }
    }
}
