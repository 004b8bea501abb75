//! `GET /api/v1/signers`

use axum::Json;
use axum::extract::State;
use events::signers::PublishedSigner;
use events::{LogId, Position, Shard, SignerSet};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Purpose;
use crate::api::ApiState;
use crate::api::guard::{Permitted, SignersRead};
use crate::problem::Problem;

/// Every key that was ever published, newest first.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Signers {
    pub items: Vec<Signer>,
}

/// A key that signs, or did.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Signer {
    pub id: Uuid,
    pub purpose: Purpose,
    pub state: SignerState,
    /// The public half: Ed25519, 32 bytes in base64url without padding.
    pub public: String,
    /// Where in the log it was published. Opaque.
    #[schema(value_type = String)]
    pub published: Position,
    /// Where it was retired: what it signs after that is not believed. `null`: it is not.
    #[schema(value_type = Option<String>)]
    pub retired: Option<Position>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignerState {
    /// It signs.
    Signing,
    /// A newer one signs; this one is still believed until every control knows of that.
    Retiring,
    /// What it signed before stays good.
    Retired,
}

/// List the keys that sign
///
/// Only an admin key of the installation may ask.
#[utoipa::path(
    get,
    path = "/api/v1/signers",
    operation_id = "signers_list",
    tag = "signers",
    responses((status = 200, description = "Every key, newest first", body = Signers))
)]
pub async fn list(
    State(api): State<ApiState>,
    permitted: Permitted<SignersRead>,
) -> Result<Json<Signers>, Problem> {
    permitted.admin.must_be_installation("ask which keys sign")?;
    let place = api.directory.place().ok_or_else(|| Problem::not_ready("nothing of the log is known yet"))?;
    let set = api.directory.signers().now().as_of(place.sequence);
    let items = set.all().iter().rev().map(|signer| view(&set, signer, place.log)).collect();
    Ok(Json(Signers { items }))
}

fn view(set: &SignerSet, signer: &PublishedSigner, log: LogId) -> Signer {
    let at = |sequence| Position { log, shard: Shard::ZERO, sequence };
    let is_newest = set.newest(signer.purpose).is_some_and(|newest| newest.key.id == signer.key.id);
    Signer {
        id: signer.key.id.uuid(),
        purpose: signer.purpose.into(),
        state: match signer.retired {
            Some(_) => SignerState::Retired,
            None if is_newest => SignerState::Signing,
            None => SignerState::Retiring,
        },
        public: signer.key.public.to_string(),
        published: at(signer.published),
        retired: signer.retired.map(at),
    }
}
