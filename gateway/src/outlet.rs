//! What a drain and an export have alike: the work is tried again until it succeeds, and what is in its way is told where
//! its place is kept, so that everybody sees it.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use events::clock::Clock;
use events::lasting::Lasting;
use projections::postgres::Pool;
use projections::postgres::place::{self, PlaceKind};
use tokio_util::sync::CancellationToken;

/// Somebody who hands the log over.
pub trait Outlet: Sync {
    const KIND: PlaceKind;
    /// After a turn, and after the first that fails.
    const PAUSE: Duration;
    /// After one that fails as all before it.
    const LONGEST_PAUSE: Duration;

    type Trouble: Trouble + Send + Sync;

    fn name(&self) -> &str;

    /// Where its place is kept.
    fn pool(&self) -> &Pool;

    fn clock(&self) -> &dyn Clock;

    /// That it stands still, in the log.
    fn still(&self) -> &Lasting;

    /// Hands over. It says when it has got somewhere: what fails from there on fails for the first time.
    fn turn(&self, progress: &mut bool) -> impl Future<Output = Result<(), Self::Trouble>> + Send;
}

/// Why a turn failed.
pub trait Trouble: fmt::Display {
    /// It does not pass by itself.
    fn needs_an_operator(&self) -> bool;

    /// Somebody outside asks for a longer pause than the usual.
    fn asked_pause(&self) -> Option<Duration> {
        None
    }
}

/// Takes one turn after the other, until cancelled.
pub async fn keep<O: Outlet>(outlet: &O, cancel: CancellationToken) {
    let mut pause = O::PAUSE;
    loop {
        let mut progress = false;
        // Boxed: it is large, and there is one for each trouble.
        let turn = Box::pin(outlet.turn(&mut progress));
        let Some(ended) = cancel.run_until_cancelled(turn).await else { return };
        if progress || ended.is_ok() {
            pause = O::PAUSE;
        }
        let mut rest = pause;
        match ended {
            Ok(()) => outlet.still().ended(),
            Err(trouble) => {
                rest = rest.max(trouble.asked_pause().unwrap_or_default());
                tell(outlet, &trouble).await;
                pause = (pause * 2).min(O::LONGEST_PAUSE);
            }
        }
        if cancel.run_until_cancelled(tokio::time::sleep(rest)).await.is_none() {
            return;
        }
    }
}

async fn tell<O: Outlet>(outlet: &O, trouble: &O::Trouble) {
    let (kind, name) = (O::KIND.as_str(), outlet.name());
    match O::KIND {
        PlaceKind::Drain => {
            metrics::counter!("keyledger_drain_failures_total", "drain" => name.to_owned()).increment(1);
        }
        PlaceKind::Export => {
            metrics::counter!("keyledger_export_failures_total", "export" => name.to_owned()).increment(1);
        }
    }
    if trouble.needs_an_operator() {
        outlet.still().alarm(trouble);
    } else {
        outlet.still().warn(trouble);
    }
    let problem = trouble.to_string();
    let told = place::trouble(outlet.pool(), O::KIND, name, &problem, outlet.clock().now()).await;
    if let Err(error) = told {
        tracing::debug!(kind, name, %error, "its problem is not written down");
    }
}
