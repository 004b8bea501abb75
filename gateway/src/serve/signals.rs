//! What the process is told by signals.

use std::convert::Infallible;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Waits for SIGTERM or Ctrl-C.
pub async fn end_asked() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

/// SIGHUP: what can be read anew is. It ends nothing from when this is made.
pub struct Hangups(Option<Signal>);

impl Hangups {
    pub fn listen() -> Self {
        let hangups = signal(SignalKind::hangup());
        if let Err(error) = &hangups {
            tracing::warn!(%error, "SIGHUP can't be listened to, and ends the process");
        }
        Self(hangups.ok())
    }

    pub async fn each(self, reload: impl Fn()) -> Infallible {
        if let Some(mut hangups) = self.0 {
            while hangups.recv().await.is_some() {
                tracing::info!(
                    "SIGHUP: the files of TLS and of master keys, upstreams.ca_file, postgres.url_file and the vaults are looked at; all \
                     else that is configured needs a restart"
                );
                reload();
            }
        }
        std::future::pending().await
    }
}
