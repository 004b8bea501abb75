//! Child processes that never outlive their parent.
//!
//! Each child asks the kernel to be killed when the thread that spawned it ends (`setpriv --pdeathsig KILL`),
//! so all are spawned by one thread that lasts as long as the process does: a parent that is killed takes
//! them along. Each is in a process group of its own, so that Ctrl-C reaches the parent alone, which then ends
//! them in order. Signals go by process id while the child is not yet reaped, so never to a stranger.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::Error;

/// How long a dropped handle waits for its killed child to be gone.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// A parent that died before the kernel was asked sends no signal any more; the child is another's by then.
const STILL_OURS: &str = r#"[ "$PPID" = "$0" ] && exec "$@""#;

/// What to run.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Programs and arguments that come before everything and end by executing what follows (`unshare …`).
    pub wrapper: Vec<OsString>,
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    /// Output and errors are appended here (mode 0600).
    pub log: PathBuf,
}

/// A running child. Dropped, it is killed, and gone when the drop returns.
#[derive(Debug)]
pub struct Child {
    id: u32,
    signals: mpsc::Sender<Signal>,
    exited: watch::Receiver<Option<ExitStatus>>,
    /// Closed once the child is gone: a drop can't await `exited`.
    gone: Mutex<std::sync::mpsc::Receiver<()>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM.
    Terminate,
    /// SIGINT.
    Interrupt,
    /// SIGQUIT.
    Quit,
    /// SIGKILL.
    Kill,
    /// SIGSTOP: it stands still until `Continue`.
    Pause,
    /// SIGCONT.
    Continue,
}

/// Starts a child.
pub async fn spawn(launch: &Launch) -> Result<Child, Error> {
    let failed = |source| Error::Spawn { program: launch.program.display().to_string(), source };
    let command = command(launch)?;
    let (reply, answer) = oneshot::channel();
    let spawner = spawner().map_err(failed)?;
    let ended = || failed(std::io::Error::other("the thread that keeps child processes has ended"));
    spawner.send(Request { command, reply }).await.map_err(|_| ended())?;
    answer.await.map_err(|_| ended())?.map_err(failed)
}

impl Child {
    pub fn id(&self) -> u32 {
        self.id
    }

    /// `None` while it runs.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        *self.exited.borrow()
    }

    /// Sends a signal; one that is gone gets none.
    pub async fn signal(&self, signal: Signal) {
        // Closed: the child is gone.
        let _ = self.signals.send(signal).await;
    }

    /// Waits until it is gone. `None`: its keeper ended first, so the kernel has killed it.
    pub async fn exited(&self) -> Option<ExitStatus> {
        let mut exited = self.exited.clone();
        exited.wait_for(Option::is_some).await.ok().and_then(|status| *status)
    }

    /// Asks it to end, waits so long, then kills it. Returns when it is gone.
    pub async fn stop(self, ask: Signal, patience: Duration) -> Option<ExitStatus> {
        self.signal(ask).await;
        if let Ok(status) = tokio::time::timeout(patience, self.exited()).await {
            return status;
        }
        self.signal(Signal::Kill).await;
        self.exited().await
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.exit_status().is_some() {
            return;
        }
        // Full: the keeper sees the channel close next, and kills then too.
        let _ = self.signals.try_send(Signal::Kill);
        let gone = self.gone.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Both of "closed" and "still there" leave nothing to do here.
        let _ = gone.recv_timeout(LAST_WAIT);
    }
}

fn command(launch: &Launch) -> Result<Command, Error> {
    let log = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(&launch.log)
        .map_err(Error::file(&launch.log))?;
    let errors = log.try_clone().map_err(Error::file(&launch.log))?;
    let mut words = launch.wrapper.clone();
    words.extend(["setpriv", "--pdeathsig", "KILL", "--", "/bin/sh", "-c", STILL_OURS].map(OsString::from));
    words.push(std::process::id().to_string().into());
    words.push(launch.program.clone().into_os_string());
    words.extend(launch.arguments.iter().cloned());
    let mut words = words.into_iter();
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).stdin(Stdio::null()).stdout(log).stderr(errors).process_group(0);
    // The servers are configured by what they are given: not by this process's environment, nor do they see it.
    command.env_clear();
    for name in ["PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    Ok(command)
}

struct Request {
    command: Command,
    reply: oneshot::Sender<std::io::Result<Child>>,
}

/// The one thread that spawns children, started with the first.
fn spawner() -> std::io::Result<&'static mpsc::Sender<Request>> {
    static SPAWNER: OnceLock<mpsc::Sender<Request>> = OnceLock::new();
    if let Some(spawner) = SPAWNER.get() {
        return Ok(spawner);
    }
    let (sender, receiver) = mpsc::channel(16);
    std::thread::Builder::new().name("children".into()).spawn(move || keep(receiver))?;
    // Two first callers at once: the loser's thread sees its channel close and ends, without children.
    Ok(SPAWNER.get_or_init(|| sender))
}

fn keep(mut requests: mpsc::Receiver<Request>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "the thread that keeps child processes can't start");
            return;
        }
    };
    runtime.block_on(async move {
        let mut kept = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                Some(_) = kept.join_next(), if !kept.is_empty() => {}
                request = requests.recv() => {
                    let Some(Request { mut command, reply }) = request else { break };
                    let started = command.spawn().and_then(|child| {
                        let id = child.id().ok_or_else(|| std::io::Error::other("it has no process id"))?;
                        let (signals, to_send) = mpsc::channel(8);
                        let (exited, exit_status) = watch::channel(None);
                        let (going, gone) = std::sync::mpsc::channel();
                        kept.spawn(watch_over(child, to_send, exited, going));
                        Ok(Child { id, signals, exited: exit_status, gone: Mutex::new(gone) })
                    });
                    // Nobody waits any more: the handle is dropped here, on a thread that must not wait for itself.
                    if let Err(Ok(child)) = reply.send(started) {
                        let _ = child.signals.try_send(Signal::Kill);
                        std::mem::forget(child);
                    }
                }
            }
        }
    });
}

async fn watch_over(
    mut child: tokio::process::Child,
    mut signals: mpsc::Receiver<Signal>,
    exited: watch::Sender<Option<ExitStatus>>,
    going: std::sync::mpsc::Sender<()>,
) {
    let mut held = true;
    let status = loop {
        tokio::select! {
            biased;
            status = child.wait() => break status,
            signal = signals.recv(), if held => {
                held = signal.is_some();
                deliver(&child, signal.unwrap_or(Signal::Kill));
            }
        }
    };
    // A failed wait means that it is not ours to wait for any more.
    exited.send_replace(Some(status.unwrap_or_default()));
    drop(going);
}

fn deliver(child: &tokio::process::Child, signal: Signal) {
    use rustix::process::{Pid, Signal as Number, kill_process};
    let Some(id) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) else { return };
    let number = match signal {
        Signal::Terminate => Number::TERM,
        Signal::Interrupt => Number::INT,
        Signal::Quit => Number::QUIT,
        Signal::Kill => Number::KILL,
        Signal::Pause => Number::STOP,
        Signal::Continue => Number::CONT,
    };
    if let Err(error) = kill_process(id, number) {
        tracing::warn!(%error, ?signal, "a child process could not be signalled");
    }
}

#[cfg(test)]
mod tests;
