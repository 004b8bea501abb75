//! How far the projections have come, as gauges: of all of them, whoever keeps them.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use events::log::{Log, StreamInfo};

use crate::Projection;
use crate::checkpoint::{self, Checkpoint};
use crate::parked;
use crate::postgres::{Pool, ReadModelError};

/// Keeps the gauges.
pub async fn measure(log: Arc<dyn Log>, pool: Pool, every: Duration) -> Infallible {
    loop {
        if let Ok(info) = log.info().await
            && let Err(error) = once(&info, &pool).await
        {
            tracing::debug!(%error, "the projections were not measured");
        }
        tokio::time::sleep(every).await;
    }
}

async fn once(info: &StreamInfo, pool: &Pool) -> Result<(), ReadModelError> {
    for (projection, checkpoint) in checkpoint::all(pool).await? {
        set(projection, info, checkpoint.as_ref(), parked::count(pool, projection).await?);
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; the counts stay far below 2^53")]
fn set(projection: Projection, info: &StreamInfo, checkpoint: Option<&Checkpoint>, parked: u64) {
    let name = projection.as_str();
    let sequence = checkpoint.map_or(0, |checkpoint| checkpoint.sequence);
    let behind = info.last_sequence.saturating_sub(sequence);
    let seconds = match checkpoint {
        Some(checkpoint) if behind > 0 => info.server_time.since(checkpoint.stored_at).as_secs_f64(),
        Some(_) | None => 0.0,
    };
    metrics::gauge!("keyledger_projection_lag_events", "projection" => name).set(behind as f64);
    metrics::gauge!("keyledger_projection_lag_seconds", "projection" => name).set(seconds);
    metrics::gauge!("keyledger_parked_events", "projection" => name).set(parked as f64);
}
