//! `/api/v1/signers`: the keys that sign events and heads of the log. The log publishes their public halves; the private
//! ones lie in the control vault and are told to nobody.

use events::SignerPurpose;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ApiState;

mod list;
pub mod problem;
mod rotate;

pub fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list::list)).routes(routes!(rotate::rotate))
}

/// What a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Events.
    Writer,
    /// Heads of the log.
    Checkpoint,
}

impl From<Purpose> for SignerPurpose {
    fn from(purpose: Purpose) -> Self {
        match purpose {
            Purpose::Writer => Self::Writer,
            Purpose::Checkpoint => Self::Checkpoint,
        }
    }
}

impl From<SignerPurpose> for Purpose {
    fn from(purpose: SignerPurpose) -> Self {
        match purpose {
            SignerPurpose::Writer => Self::Writer,
            SignerPurpose::Checkpoint => Self::Checkpoint,
        }
    }
}
