//! `POST /api/v1/signers/rotate`

use axum::Json;
use domain::installation::Command;
use events::SignerPurpose;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Purpose;
use crate::api::body::Body;
use crate::api::command::{Asked, unavailable};
use crate::api::guard::{Permitted, SignersWrite};
use crate::api::written::Written;
use crate::problem::Problem;
use crate::vault::{VaultError, signer};

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateSigner {
    purpose: Purpose,
}

/// The key that signs from now on.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Rotated {
    #[serde(flatten)]
    pub written: Written,
    pub signer: NewSigner,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct NewSigner {
    pub id: Uuid,
    pub purpose: Purpose,
    /// The public half: Ed25519, 32 bytes in base64url without padding.
    pub public: String,
}

/// Publish a new key that signs
///
/// It signs from now on. The key before it is retired five minutes later, when every control has long known of the new
/// one; what it signed until then stays good for ever. Only an admin key of the installation may do it.
#[utoipa::path(
    post,
    path = "/api/v1/signers/rotate",
    operation_id = "signers_rotate",
    tag = "signers",
    request_body = RotateSigner,
    responses((status = 200, description = "Done", body = Rotated))
)]
pub async fn rotate(
    asked: Asked<Permitted<SignersWrite>>,
    Body(request): Body<RotateSigner>,
) -> Result<Json<Rotated>, Problem> {
    asked.by.admin.must_be_installation("rotate the keys that sign")?;
    let api = asked.api.clone();
    let purpose = SignerPurpose::from(request.purpose);
    let order = asked.order_installation("signers.rotate", &request).await?;
    // It is in the vault before the log tells of it.
    let drawn = signer::draw(&api.control, purpose, &*api.clock, &*api.random).await;
    let drawn = drawn.map_err(|error| vault(&error))?.public();
    let executed = order.execute(Command::PublishSigner { purpose, key: drawn }).await;
    // Where the outcome is not known it stays: the log may tell of it yet.
    let unpublished = match &executed {
        Ok(executed) => executed.state.signers().iter().all(|signer| signer.key != drawn),
        Err(problem) => problem.status < 500,
    };
    if unpublished && let Err(error) = signer::purge(&api.control, purpose, drawn.id).await {
        tracing::warn!(id = %drawn.id, %error, "a key that signs nothing was left in the control vault");
    }
    let executed = executed?;
    let newest = executed.state.newest(purpose).ok_or_else(Problem::internal)?;
    let signer = NewSigner {
        id: newest.key.id.uuid(),
        purpose: request.purpose,
        public: newest.key.public.to_string(),
    };
    Ok(Json(Rotated { written: executed.written, signer }))
}

fn vault(error: &VaultError) -> Problem {
    tracing::warn!(%error, "the control vault did not answer");
    unavailable()
}
