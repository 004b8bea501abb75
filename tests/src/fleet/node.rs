//! One `keyledger serve` process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use events::clock::{Random, SystemRandom};
use gateway::dev::children::{self, Child, Launch, Signal};
use gateway::dev::port::Port;

use super::{START, local};
use crate::poll;
use crate::servers::pause;
use crate::wire::{Answer, Ask};

/// A process ends within its drain and its grace, and some time on two busy cores.
const END: Duration = Duration::from_secs(60);

pub struct Node {
    pub name: String,
    pub public: SocketAddr,
    pub admin: SocketAddr,
    pub metrics: SocketAddr,
    launch: Launch,
    child: Option<Child>,
    _ports: [Port; 3],
}

impl Node {
    pub(super) fn new(number: usize, program: PathBuf, file: &Path, set: &[(String, String)]) -> Self {
        let name = format!("node-{}", number + 1);
        let ports = [port(), port(), port()];
        let [public, admin, metrics] = ports.each_ref().map(|port| local(port.number()));
        let mut arguments = vec!["serve".into(), "--config".into(), file.into()];
        let own = [("listen.public", public), ("listen.admin", admin), ("listen.metrics", metrics)];
        let own = own.map(|(key, address)| (key.to_owned(), address.to_string()));
        let named = [("fleet.name".to_owned(), name.clone())];
        for (key, value) in own.iter().chain(&named).chain(set) {
            arguments.extend(["--set".into(), format!("{key}={value}").into()]);
        }
        let log = file.with_file_name(format!("{name}.log"));
        let launch = Launch { wrapper: Vec::new(), program, arguments, log };
        Self { name, public, admin, metrics, launch, child: None, _ports: ports }
    }

    /// Sets a configuration key for this node alone, from its next start on.
    pub fn set(&mut self, key: &str, value: &str) {
        self.launch.arguments.extend(["--set".into(), format!("{key}={value}").into()]);
    }

    /// From its next start on it may have so many files open, and no more.
    pub fn limit_files(&mut self, most: usize) {
        let limit = format!("ulimit -n {most} && exec \"$0\" \"$@\"");
        self.launch.wrapper = vec!["sh".into(), "-c".into(), limit.into()];
    }

    /// The process's id.
    pub fn process(&self) -> u32 {
        self.child().id()
    }

    /// Starts it; it need not become ready.
    pub async fn start(&mut self) {
        assert!(self.child.is_none(), "{} runs", self.name);
        self.child = Some(children::spawn(&self.launch).await.expect("keyledger starts"));
    }

    /// Told to end, it has ended.
    pub async fn stop(&mut self) -> ExitStatus {
        let child = self.child.take().unwrap_or_else(|| panic!("{} does not run", self.name));
        child.stop(Signal::Terminate, END).await.expect("it is this process's child")
    }

    /// Tells it to end, and does not wait.
    pub async fn terminate(&self) {
        self.child().signal(Signal::Terminate).await;
    }

    /// Waits until it has ended.
    pub async fn ended(&mut self) -> ExitStatus {
        let status = poll::within("the node ends", END, self.child().exited()).await;
        self.child = None;
        status.expect("it is this process's child")
    }

    /// Killed, without a chance to say anything.
    pub fn kill(&mut self) {
        drop(self.child.take().unwrap_or_else(|| panic!("{} does not run", self.name)));
    }

    /// SIGSTOP: it stands still.
    pub async fn pause(&self) {
        pause(self.child()).await;
    }

    /// SIGCONT.
    pub async fn resume(&self) {
        self.child().signal(Signal::Continue).await;
    }

    /// What `/readyz` says; an error: nobody answers.
    pub async fn ready_answer(&self) -> std::io::Result<Answer> {
        Ask::get("/readyz").try_send(self.metrics).await
    }

    pub async fn becomes_ready(&self) -> Duration {
        let what = format!("{} is ready", self.name);
        let ((), took) = poll::until(&what, START, async || {
            if let Some(status) = self.child().exit_status() {
                panic!("{} has ended ({status}):\n{}", self.name, self.said());
            }
            match self.ready_answer().await {
                Ok(answer) if answer.status == 200 => Ok(()),
                Ok(answer) => Err(answer.text()),
                Err(error) => Err(error.to_string()),
            }
        })
        .await;
        took
    }

    /// What it has written to standard output and error.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    fn log(&self) -> PathBuf {
        self.launch.log.clone()
    }

    fn child(&self) -> &Child {
        self.child.as_ref().unwrap_or_else(|| panic!("{} does not run", self.name))
    }
}

/// A port that is still free when the node is started again: below those that the kernel gives to clients.
fn port() -> Port {
    let wanted: Vec<u16> = (0..32)
        .map(|_| {
            let mut bytes = [0; 2];
            SystemRandom.fill(&mut bytes);
            10_000 + u16::from_be_bytes(bytes) % 20_000
        })
        .collect();
    Port::take(&wanted).expect("a free port")
}
