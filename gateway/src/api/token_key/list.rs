//! `GET /api/v1/token-keys`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use events::Timestamp;
use projections::directory::{TokenKeyEntry, TokenKeyState as InLog};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::ApiState;
use crate::api::guard::{Permitted, SignersRead};
use crate::problem::Problem;
use crate::token_keys::OVERLAP;

/// Every key that was ever published, newest first.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TokenKeys {
    pub items: Vec<TokenKey>,
}

/// A key that signs access tokens, or did.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TokenKey {
    /// The `kid` of its tokens.
    pub id: Uuid,
    pub state: TokenKeyState,
    /// Such as `ES256`.
    pub algorithm: String,
    /// It signs nothing before.
    #[schema(value_type = String, format = DateTime)]
    pub used_from: Timestamp,
    /// When it is retired by itself: the last token that it signed has ended by then. `null`: no other follows it yet, or it is
    /// retired.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub retires_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenKeyState {
    /// Every node learns it, and it signs nothing yet.
    Announced,
    /// It signs.
    Signing,
    /// Another one signs; what this one signed is good until it ends.
    Former,
    /// No token of it is taken.
    Retired,
}

/// List the keys that sign access tokens
///
/// None is there before somebody has begun to sign in. Only an admin key of the installation may ask.
#[utoipa::path(
    get,
    path = "/api/v1/token-keys",
    operation_id = "token_keys_list",
    tag = "token keys",
    responses((status = 200, description = "Every key, newest first", body = TokenKeys))
)]
pub async fn list(
    State(api): State<ApiState>,
    permitted: Permitted<SignersRead>,
) -> Result<Json<TokenKeys>, Problem> {
    permitted.admin.must_be_installation("ask which keys sign access tokens")?;
    Ok(Json(TokenKeys { items: views(&api.directory.token_keys(), api.clock.now()) }))
}

/// Of all keys in the order of their publication.
fn views(keys: &[Arc<TokenKeyEntry>], now: Timestamp) -> Vec<TokenKey> {
    let signs = keys.iter().rposition(|key| key.signs(now));
    let newest = keys.iter().rposition(|key| key.state == InLog::Published);
    let followed = newest.and_then(|newest| Some((newest, keys.get(newest)?.used_from)));
    let view = |(place, key): (usize, &Arc<TokenKeyEntry>)| TokenKey {
        id: key.id.uuid(),
        state: match key.state {
            InLog::Retired => TokenKeyState::Retired,
            InLog::Published if Some(place) == signs => TokenKeyState::Signing,
            InLog::Published if key.used_from > now => TokenKeyState::Announced,
            InLog::Published => TokenKeyState::Former,
        },
        algorithm: key.algorithm.as_str().to_owned(),
        used_from: key.used_from,
        retires_at: followed
            .filter(|(newest, _)| place < *newest && key.state == InLog::Published)
            .map(|(_, used_from)| used_from.saturating_add(OVERLAP)),
    };
    keys.iter().enumerate().rev().map(view).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use events::TokenKeyId;
    use events::token_key::{Coordinate, TokenAlgorithm};

    use super::*;

    #[test]
    fn each_key_is_shown_as_it_stands() {
        let at = |second| Timestamp::UNIX_EPOCH.saturating_add(Duration::from_secs(second));
        let key = |number: u8, used_from, state| {
            Arc::new(TokenKeyEntry {
                id: TokenKeyId::new(Uuid::from_u128(number.into())),
                algorithm: TokenAlgorithm::Es256,
                x: Coordinate([number; 32]),
                y: Coordinate([number; 32]),
                used_from: at(used_from),
                state,
                published: number.into(),
                generation: number.into(),
            })
        };
        let keys = [key(1, 1, InLog::Retired), key(2, 10, InLog::Published), key(3, 100, InLog::Published)];
        let states = |now| views(&keys, at(now)).iter().map(|view| view.state).collect::<Vec<_>>();
        use TokenKeyState::{Announced, Former, Retired, Signing};
        assert_eq!(states(99), [Announced, Signing, Retired]);
        assert_eq!(states(100), [Signing, Former, Retired]);
        let shown = views(&keys, at(100));
        let retires: Vec<_> = shown.iter().map(|view| view.retires_at).collect();
        assert_eq!(retires, [None, Some(at(100).saturating_add(OVERLAP)), None]);
        assert!(views(&[], at(1)).is_empty());
    }
}
