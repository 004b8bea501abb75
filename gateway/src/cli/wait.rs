//! `--wait fleet`: a command that is done, followed until it holds on every member of the fleet.
//!
//! Whatever happens while it is followed, the command is done; the exit code tells whether it is proven to hold
//! everywhere.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use events::clock::{Clock, SystemClock};
use serde_json::Value;
use tokio::signal::unix::{Signal, SignalKind, signal};
use uuid::Uuid;

use super::connection::Session;
use super::error::CliError;
use super::length::time;
use crate::api::{FLEET_PROOF, FleetProof, MemberProof, MemberState, seconds};

/// What every command takes.
#[derive(Debug, Clone, Copy, Args)]
pub struct Waiting {
    /// Wait until it holds on every process: each has applied it, or answers for no key until it has
    #[arg(long, value_enum, value_name = "FOR")]
    wait: Option<For>,
    /// For at most so long, such as 90s, 500ms or 2m; exit code 4: done, and not proven to hold everywhere
    #[arg(long, value_name = "TIME", requires = "wait", default_value = "90s", value_parser = time)]
    wait_timeout: Duration,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum For {
    Fleet,
}

/// The command's own answer waits no longer than this; the rest is asked for and shown node by node.
const FIRST: Duration = Duration::from_secs(1);
/// One question waits no longer than this.
const QUESTION: Duration = Duration::from_secs(10);
/// Between questions that told nothing new.
const PAUSE: Duration = Duration::from_millis(250);

/// A command that is about to be sent, and will be followed.
pub struct Begun {
    sent: Instant,
    timeout: Duration,
    interrupt: Signal,
    terminate: Signal,
}

/// A command that is followed.
struct Following<'s, 'o> {
    session: &'s mut Session<'o>,
    position: String,
    sent: Instant,
    timeout: Duration,
    proof: FleetProof,
    /// After how long each member was proven.
    proven: HashMap<Uuid, Duration>,
}

/// Why it is not followed any longer.
enum Stopped {
    Complete,
    Never,
    TimeOut,
    Interrupted,
    /// The API refuses to say more, such as to a key that has revoked itself.
    Refused(String),
}

impl Waiting {
    /// The path with what asks the command to wait.
    pub fn path(&self, path: &str) -> String {
        match self.wait {
            None => path.to_owned(),
            Some(For::Fleet) => {
                let first = wait_seconds(self.wait_timeout.min(FIRST));
                format!("{path}?wait=fleet&wait_timeout_seconds={first}")
            }
        }
    }

    /// Called before the command is sent. From then on Ctrl-C ends the waiting and not the command, whose answer
    /// tells that it is done. `None`: it is not to be followed.
    pub fn begin(&self) -> Result<Option<Begun>, CliError> {
        let Some(For::Fleet) = self.wait else { return Ok(None) };
        let listen = |kind| signal(kind).map_err(|error| CliError::Unavailable(format!("signals: {error}")));
        Ok(Some(Begun {
            sent: SystemClock.instant(),
            timeout: self.wait_timeout,
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        }))
    }
}

impl Begun {
    /// Follows the command, and puts what is proven into its answer.
    pub async fn follow(self, session: &mut Session<'_>, written: &mut Value) -> Result<(), CliError> {
        let first = written.get("fleet").cloned().map(serde_json::from_value);
        let position = written.get("position").and_then(Value::as_str).map(str::to_owned);
        let (Some(Ok(proof)), Some(position)) = (first, position) else {
            return Err(CliError::NotProven(
                "done; the gateway did not say where it holds: it may be of an older version".to_owned(),
            ));
        };
        let Self { sent, timeout, interrupt, terminate } = self;
        let mut following = Following { session, position, sent, timeout, proof, proven: HashMap::new() };
        let stopped = following.run(interrupt, terminate).await;
        let outcome = following.outcome(&stopped);
        if let Ok(proof) = serde_json::to_value(&following.proof) {
            written["fleet"] = proof;
        }
        outcome
    }
}

impl Following<'_, '_> {
    async fn run(&mut self, mut interrupt: Signal, mut terminate: Signal) -> Stopped {
        let end = async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        };
        let mut end = std::pin::pin!(end);
        self.seen(true);
        loop {
            if self.proof.complete {
                return Stopped::Complete;
            }
            if self.proof.never && self.proof.unproven == 0 {
                return Stopped::Never;
            }
            let left = self.timeout.saturating_sub(self.elapsed());
            if left.is_zero() {
                return Stopped::TimeOut;
            }
            let asked = tokio::select! {
                biased;
                () = end.as_mut() => return Stopped::Interrupted,
                asked = self.ask(left.min(QUESTION)) => asked,
            };
            let news = match asked {
                Ok(proof) => {
                    let news = proof.unproven != self.proof.unproven;
                    self.proof = proof;
                    self.seen(false);
                    news
                }
                Err(CliError::Problem(problem)) if problem.status < 500 => {
                    return Stopped::Refused(problem.detail);
                }
                // It is asked again until the time has passed.
                Err(_) => false,
            };
            if !news && !self.proof.complete {
                tokio::select! {
                    biased;
                    () = end.as_mut() => return Stopped::Interrupted,
                    () = tokio::time::sleep(PAUSE.min(left)) => {}
                }
            }
        }
    }

    async fn ask(&self, wait: Duration) -> Result<FleetProof, CliError> {
        let query = [
            ("position", self.position.clone()),
            ("unproven", self.proof.unproven.to_string()),
            ("wait_timeout_seconds", wait_seconds(wait).to_string()),
        ];
        let proof = self.session.client.get(FLEET_PROOF, &query).await?;
        serde_json::from_value(proof).map_err(|error| CliError::Unavailable(error.to_string()))
    }

    /// Takes note of who is proven for the first time, and says so. `first`: in the command's own answer, which
    /// tells the times since the command.
    fn seen(&mut self, first: bool) {
        let elapsed = self.elapsed();
        for at in 0..self.proof.members.len() {
            let Some(member) = self.proof.members.get(at) else { continue };
            if member.state == MemberState::Unproven {
                continue;
            }
            let (id, new) = (member.id, !self.proven.contains_key(&member.id));
            let told = time_told(member).filter(|_| first).unwrap_or(elapsed);
            let after = *self.proven.entry(id).or_insert(told);
            let line = new.then(|| format!("{}: {}", self.name(member), proven(member.state, after)));
            if let Some(member) = self.proof.members.get_mut(at) {
                member.after_seconds = Some(seconds(after));
            }
            self.say(line);
        }
        if first && self.proof.unproven > 0 {
            let line =
                format!("waiting for {} of {} processes", self.proof.unproven, self.proof.members.len());
            self.say(Some(line));
        }
    }

    fn outcome(&mut self, stopped: &Stopped) -> Result<(), CliError> {
        let count = self.proof.members.len();
        if matches!(stopped, Stopped::Complete) {
            let last = self.proven.values().max().copied().unwrap_or_default();
            self.say(Some(format!("it holds on {count} of {count} processes after {}", time_of(last))));
            return Ok(());
        }
        let unproven: Vec<String> = self
            .proof
            .members
            .iter()
            .filter(|member| member.state == MemberState::Unproven)
            .map(|member| self.name(member))
            .collect();
        let open = match unproven.as_slice() {
            [] => String::new(),
            names => format!("; may still answer as before: {}", names.join(", ")),
        };
        let note = self.proof.note.as_deref().map(|note| format!("; {note}")).unwrap_or_default();
        let after = time_of(self.elapsed());
        Err(CliError::NotProven(match stopped {
            Stopped::Complete | Stopped::Never => format!("done, but not proven everywhere{note}"),
            Stopped::TimeOut if unproven.is_empty() => format!("done, but not proven everywhere{note}"),
            Stopped::TimeOut => format!("done, but not proven everywhere after {after}{open}"),
            Stopped::Interrupted => {
                format!("the command is done; the waiting was interrupted after {after}{open}")
            }
            Stopped::Refused(why) => format!("done, but not proven everywhere, since nobody may ask: {why}"),
        }))
    }

    /// A node's name where it is told and no other's; else with its id.
    fn name(&self, member: &MemberProof) -> String {
        let same = self.proof.members.iter().filter(|other| other.name == member.name).count();
        match &member.name {
            Some(name) if same == 1 => name.clone(),
            Some(name) => format!("{name} ({})", member.id),
            None => member.id.to_string(),
        }
    }

    fn elapsed(&self) -> Duration {
        SystemClock.instant().duration_since(self.sent)
    }

    /// For people, beside what was asked for.
    fn say(&mut self, line: Option<String>) {
        if let Some(line) = line
            && !self.session.json
        {
            self.session.output.note(line);
        }
    }
}

/// A millisecond at least, as the API takes it.
fn wait_seconds(time: Duration) -> f64 {
    seconds(time.max(Duration::from_millis(1)))
}

/// When a member was proven, as the answer says.
fn time_told(member: &MemberProof) -> Option<Duration> {
    Duration::try_from_secs_f64(member.after_seconds?).ok()
}

fn proven(state: MemberState, after: Duration) -> String {
    match state {
        MemberState::Applied => format!("applied after {}", time_of(after)),
        MemberState::Fenced => {
            format!("fenced after {}: it answers for no key until it has caught up", time_of(after))
        }
        MemberState::Unproven => "unproven".to_owned(),
    }
}

fn time_of(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}
