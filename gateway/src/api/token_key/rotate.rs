//! `POST /api/v1/token-keys/rotate`

use axum::Json;
use domain::installation::Command;
use events::Timestamp;
use events::installation::TokenKeyPublished;
use events::token_key::TokenAlgorithm;
use projections::directory::TokenKeyState;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::command::{Asked, vault};
use crate::api::guard::{Permitted, SignersWrite};
use crate::api::written::Written;
use crate::problem::Problem;
use crate::token_keys::AHEAD;
use crate::vault::token_key;

/// The key that will sign.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RotatedTokenKey {
    #[serde(flatten)]
    pub written: Written,
    pub token_key: NewTokenKey,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct NewTokenKey {
    /// The `kid` of its tokens.
    pub id: Uuid,
    /// It signs from then on, when every node has long known it.
    #[schema(value_type = String, format = DateTime)]
    pub used_from: Timestamp,
}

/// Publish the next key that signs access tokens
///
/// It signs five minutes later; the key before it is retired by itself 65 minutes after that, once the last token that it
/// signed has ended, so that nothing valid is refused meanwhile. Each key is followed at an age of thirty days without
/// anybody's doing. Only an admin key of the installation may do it.
#[utoipa::path(
    post,
    path = "/api/v1/token-keys/rotate",
    operation_id = "token_keys_rotate",
    tag = "token keys",
    responses((status = 200, description = "Done", body = RotatedTokenKey))
)]
pub async fn rotate(asked: Asked<Permitted<SignersWrite>>) -> Result<Json<RotatedTokenKey>, Problem> {
    asked.by.admin.must_be_installation("rotate the keys that sign access tokens")?;
    let api = asked.api.clone();
    let order = asked.order_installation("token_keys.rotate", &()).await?;
    // It is in the vault before the log tells of it.
    let drawn = token_key::draw(&api.control, &*api.clock, &*api.random).await;
    let drawn = drawn.map_err(|error| vault(&error))?;
    // The first of all waits for nobody: there is nothing that it follows.
    let follows = api.directory.token_keys().iter().any(|key| key.state == TokenKeyState::Published);
    let now = api.clock.now();
    let published = TokenKeyPublished {
        id: drawn.id,
        algorithm: TokenAlgorithm::Es256,
        x: drawn.x,
        y: drawn.y,
        used_from: if follows { now.saturating_add(AHEAD) } else { now },
    };
    let executed = order.execute(Command::PublishTokenKey(published)).await;
    // Where the outcome is not known it stays: the log may tell of it yet.
    let unpublished = match &executed {
        Ok(executed) => executed.state.token_keys().iter().all(|key| key.id != drawn.id),
        Err(problem) => problem.status < 500,
    };
    if unpublished && let Err(error) = token_key::purge(&api.control, drawn.id).await {
        tracing::warn!(id = %drawn.id, %error, "a key that signs no token was left in the control vault");
    }
    let executed = executed?;
    let newest = executed.state.newest_token_key().ok_or_else(Problem::internal)?;
    let token_key = NewTokenKey { id: newest.id.uuid(), used_from: newest.used_from };
    Ok(Json(RotatedTokenKey { written: executed.written, token_key }))
}
