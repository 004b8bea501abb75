//! Renewed secrets reach a process that runs: it looks into its vaults now and then, and at once on SIGHUP, and uses what it
//! finds there from then on. A vault that does not answer leaves what is known.

use std::sync::Arc;

use events::clock::Clock;
use events::lasting::{Lasting, Words};
use projections::postgres;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Process;
use crate::files::keep_looking;
use crate::request::Door;
use crate::vault::ring::LOOK_EVERY;
use crate::vault::{NodeSecrets, PassingKeys, Peppers, Vault, VaultError};

/// A node's, which it began with `secrets`.
pub(super) fn follow_node(process: &Process, vault: Vault, door: Arc<Door>, secrets: &NodeSecrets) {
    let (clock, mut known) = (Arc::clone(&process.clock), secrets.ids());
    let mut times = Times::of(process, "the node's");
    process.tasks.spawn(async move {
        while times.next().await {
            let found = times.read(NodeSecrets::load(&vault, clock.now()).await);
            let Some(secrets) = found.filter(|secrets| secrets.ids() != known) else { continue };
            known = secrets.ids();
            match door.renew(&secrets) {
                Ok(()) => tracing::info!("the node's secrets have changed and are used"),
                Err(error) => tracing::error!(%error, "the node's secrets have changed and can't be used"),
            }
        }
    });
}

/// Control's: under which pepper it issues keys.
pub(super) fn follow_control(process: &Process, vault: Vault, peppers: Peppers) {
    let (clock, mut times) = (Arc::clone(&process.clock), Times::of(process, "the peppers"));
    process.tasks.spawn(async move {
        while times.next().await {
            if let Some(found) = times.read(Peppers::load(&vault, clock.now()).await) {
                peppers.take(&found);
            }
        }
    });
}

/// Control's as well: under which key what begins at the authorization server lies.
pub(super) fn follow_passing(process: &Process, vault: Vault, keys: PassingKeys) {
    let (clock, mut times) = (Arc::clone(&process.clock), Times::of(process, "the keys of sign-ins"));
    process.tasks.spawn(async move {
        while times.next().await {
            if let Some(found) = times.read(PassingKeys::load(&vault, clock.now()).await) {
                keys.take(&found);
            }
        }
    });
}

/// New connections to PostgreSQL are made with what `postgres.url_file` holds by now.
pub(super) fn follow_postgres(process: &Process, pool: postgres::Pool) {
    if process.config.postgres.as_ref().is_none_or(|postgres| postgres.url_file.is_none()) {
        return;
    }
    let (config, cancel, now) = (Arc::clone(&process.config), process.cancel.clone(), process.reload.clone());
    // As the pool was made with it a moment ago.
    let mut seen = config.postgres_url().ok();
    let look = move || {
        // What is said of it never holds the URL.
        let url = match config.postgres_url() {
            Ok(url) => url,
            Err(error) => {
                tracing::error!(%error, "postgres.url_file can't be used; the one before it is");
                return;
            }
        };
        if seen.as_ref().is_some_and(|seen| seen.expose() == url.expose()) {
            return;
        }
        match pool.connects_to(url.expose()) {
            Ok(()) => tracing::info!("postgres.url_file has changed: new connections are made with it"),
            Err(_) => tracing::error!("postgres.url_file holds no PostgreSQL URL; the one before it is used"),
        }
        seen = Some(url);
    };
    process.tasks.spawn(async move { keep_looking(now, cancel, look).await });
}

/// A master key file that does not fit is told before it is needed. One of a process's several connections to a vault is
/// enough: the file is the same.
pub(super) fn watch_keys(process: &Process, vault: Vault) {
    let told = vault.clone();
    process.at_scrape.add(move || {
        let unfit = u8::from(told.unfit_keys().is_some());
        metrics::gauge!("keyledger_master_key_file_unfit", "vault" => told.name().as_str()).set(unfit);
    });
    let told = vault.clone();
    process.lacks.add(move || told.unfit_keys());
    let mut times =
        Times::of(process, format!("what the master key opens in the {} vault", vault.name().as_str()));
    process.tasks.spawn(async move {
        while times.next().await {
            times.read(vault.look_at_keys().await);
        }
    });
}

/// When to look, and what is said of a vault that does not answer then.
struct Times {
    now: watch::Receiver<()>,
    cancel: CancellationToken,
    unread: Lasting,
}

fn unread(clock: &Arc<dyn Clock>, whose: impl Into<String>) -> Lasting {
    let words = Words {
        lasts: "whether secrets were renewed is not known",
        ends: "whether secrets were renewed is known again",
    };
    Lasting::new(Arc::clone(clock), words).of(whose)
}

impl Times {
    fn of(process: &Process, whose: impl Into<String>) -> Self {
        let unread = unread(&process.clock, whose);
        Self { now: process.reload.clone(), cancel: process.cancel.clone(), unread }
    }

    /// `None`: what is known stays.
    fn read<T>(&self, found: Result<T, VaultError>) -> Option<T> {
        found.inspect(|_| self.unread.ended()).inspect_err(|error| self.unread.warn(error)).ok()
    }

    /// `false`: never again.
    async fn next(&mut self) -> bool {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => false,
            Ok(()) = self.now.changed() => true,
            () = tokio::time::sleep(LOOK_EVERY) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use events::clock::SystemClock;

    use super::*;

    #[test]
    fn a_vault_that_does_not_answer_is_a_state_that_lasts() {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (_reload, now) = watch::channel(());
        let times = Times { now, cancel: CancellationToken::new(), unread: unread(&clock, "the node's") };
        let away = || Err::<(), _>(VaultError::Unavailable { vault: "node", reason: "no answer".to_owned() });
        for _ in 0..3 {
            assert!(times.read(away()).is_none());
        }
        let told = times.unread.now().unwrap();
        assert!(told.starts_with("whether secrets were renewed is not known (the node's)"), "{told}");
        assert_eq!(times.read(Ok(7)), Some(7));
        assert_eq!(times.unread.now(), None);
    }
}
