//! `?wait=fleet`: the answer to a command comes when every member of the fleet has applied it or is fenced, and
//! names each.
//!
//! The command is done before the waiting begins. Nothing that happens then can hide that: who can't be asked,
//! or does not show in time, is told in an answer that is not complete.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use events::{Owner, Position};
use http::request::Parts;
use serde::Deserialize;
use tokio::time::timeout;
use utoipa::IntoParams;
use uuid::Uuid;

use super::ApiState;
use super::bounds::Seat;
use super::guard::Admin;
use super::proof::{FleetProof, MemberProof};
use super::query::Query;
use super::seconds::{length, seconds};
use crate::fleet::{MemberState, Proof};
use crate::problem::Problem;
use crate::request::PrincipalId;

/// After this long without an answer the fleet is asked again.
const AGAIN: Duration = Duration::from_millis(250);
/// The roster is looked at at most so often, however fast it changes: each look holds it, and takes all members.
const COALESCE: Duration = Duration::from_millis(20);

/// What a command takes beside its path and body.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WaitQuery {
    /// `fleet`: the answer comes when every member of the fleet has applied the command or is fenced, and its
    /// `fleet` names each. Without it the answer comes when the command is done.
    #[param(inline)]
    wait: Option<WaitFor>,
    /// How long it waits at most. Whatever is proven by then, the command is done.
    #[param(value_type = Option<f64>, minimum = 0.001, maximum = 25, default = 10)]
    wait_timeout_seconds: Option<WaitTimeout>,
}

/// For whom an answer waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaitFor {
    Fleet,
}

/// How long an answer waits: at most 25 s, which leaves a request of 30 s the time to do its command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "f64")]
pub struct WaitTimeout(Duration);

/// A request that will wait.
pub struct Wait {
    pub seat: Seat,
    pub timeout: Duration,
}

/// For whom the fleet is asked.
#[derive(Clone, Copy)]
pub struct Asker {
    pub owner: Owner,
    pub principal: PrincipalId,
}

/// Whence a position comes.
#[derive(Clone, Copy)]
pub enum PositionFrom {
    /// The log has acknowledged it to this request.
    Acknowledged,
    /// Whoever asks has named it: it may not be stored yet, and what is known before it is says nothing of it.
    Named,
}

/// A position whose proof is waited for.
struct Watch<'a> {
    api: &'a ApiState,
    position: &'a Position,
    asked: Instant,
    until: Instant,
    /// How long after `asked` each member was first seen to be proven.
    shown: HashMap<Uuid, Duration>,
}

/// Why the waiting ended without a proof.
enum Open {
    /// As many wait already as may.
    Busy,
    /// It is not known whether the position is stored.
    NotStored,
    /// The members may be more than those that are known.
    NotAsked(String),
    /// Not everybody has shown yet, or somebody never can.
    Unproven,
    /// The process that waits is told to end.
    Ending,
}

impl WaitTimeout {
    const MAX: Duration = Duration::from_secs(25);
}

impl Default for WaitTimeout {
    fn default() -> Self {
        Self(Duration::from_secs(10))
    }
}

impl TryFrom<f64> for WaitTimeout {
    type Error = String;

    fn try_from(seconds: f64) -> Result<Self, String> {
        length(seconds)
            .filter(|asked| (Duration::from_millis(1)..=Self::MAX).contains(asked))
            .map(Self)
            .ok_or_else(|| format!("an answer waits 0.001 to {} seconds", Self::MAX.as_secs()))
    }
}

impl Wait {
    pub fn new(seat: Seat, timeout: Option<WaitTimeout>) -> Self {
        Self { seat, timeout: timeout.unwrap_or_default().0 }
    }

    /// What a command's query asks for. `None`: to be answered when it is done.
    pub async fn of_command(parts: &mut Parts, api: &ApiState) -> Result<Option<Self>, Problem> {
        let Query(WaitQuery { wait, wait_timeout_seconds }) = Query::from_request_parts(parts, api).await?;
        match (wait, wait_timeout_seconds) {
            (Some(WaitFor::Fleet), timeout) => {
                Ok(Some(Self::new(Seat::from_request_parts(parts, api).await?, timeout)))
            }
            (None, None) => Ok(None),
            (None, Some(_)) => Err(Problem::invalid(
                "?wait_timeout_seconds",
                "Send it with `wait=fleet`: without that no command waits.",
            )),
        }
    }
}

impl Asker {
    pub fn of(admin: &Admin) -> Self {
        Self { owner: admin.owner(), principal: admin.id() }
    }

    /// Machines are the operators': an organization is told of them by id alone.
    fn sees_names(self) -> bool {
        self.owner == Owner::Installation
    }
}

impl ApiState {
    /// Waits, in bounded time, until the whole fleet has this position or is fenced, or until what is known is
    /// `enough`; and says what is known then.
    pub async fn prove(
        &self,
        asker: Asker,
        wait: &Wait,
        position: &Position,
        from: PositionFrom,
        enough: impl Fn(&Proof) -> bool,
    ) -> FleetProof {
        let asked = self.clock.instant();
        let until = (asked + wait.timeout).min(wait.seat.waits_until());
        let mut watch = Watch { api: self, position, asked, until, shown: HashMap::new() };
        let (proof, open) = match self.slots.wait(&wait.seat, asker.owner, asker.principal) {
            None => (watch.look(), Some(Open::Busy)),
            Some(_waiting) => match watch.begin(from).await {
                Err(open) => (watch.look(), Some(open)),
                Ok(()) => watch.run(enough).await,
            },
        };
        let answer = watch.answer(&proof, open, asker);
        match from {
            PositionFrom::Acknowledged => {
                let complete = answer.complete.to_string();
                metrics::counter!("keyledger_api_fleet_waits_total", "complete" => complete).increment(1);
            }
            // Whoever asks again and again is no other command.
            PositionFrom::Named => {}
        }
        answer
    }
}

impl Watch<'_> {
    /// Waits until the position is stored, and then until what the roster says speaks of it.
    async fn begin(&self, from: PositionFrom) -> Result<(), Open> {
        match from {
            PositionFrom::Acknowledged => {}
            PositionFrom::Named => tokio::select! {
                biased;
                () = self.api.ending.cancelled() => return Err(Open::Ending),
                applied = self.api.gate.wait_applied(self.position, self.left()) => {
                    if !applied {
                        return Err(Open::NotStored);
                    }
                }
            },
        }
        self.barrier().await.map_err(Open::NotAsked)
    }

    /// Waits until the roster holds every member that was there when this was asked.
    async fn barrier(&self) -> Result<(), String> {
        loop {
            let why = match timeout(self.left(), self.api.fleet.barrier()).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "the fleet's bucket did not answer in time".to_owned(),
            };
            if !self.sleep(AGAIN).await {
                return Err(why);
            }
        }
    }

    async fn run(&mut self, enough: impl Fn(&Proof) -> bool) -> (Proof, Option<Open>) {
        loop {
            let changed = self.api.fleet.changed();
            let looked_at = self.api.clock.instant();
            let proof = self.look();
            if proof.complete {
                return (proof, None);
            }
            if proof.unproven == 0 && proof.why_never.is_some() || enough(&proof) {
                return (proof, Some(Open::Unproven));
            }
            tokio::select! {
                biased;
                () = self.api.ending.cancelled() => return (proof, Some(Open::Ending)),
                changed = timeout(self.left(), changed) => {
                    if changed.is_err() {
                        return (proof, Some(Open::Unproven));
                    }
                }
            }
            let rest = COALESCE.saturating_sub(self.api.clock.instant().duration_since(looked_at));
            tokio::time::sleep(rest.min(self.left())).await;
        }
    }

    /// What the roster says now; notes who is proven for the first time.
    fn look(&mut self) -> Proof {
        let proof = self.api.fleet.proof(self.position);
        let after = self.api.clock.instant().duration_since(self.asked);
        for member in &proof.members {
            match member.state {
                MemberState::Applied | MemberState::Fenced => {
                    self.shown.entry(member.id).or_insert(after);
                }
                MemberState::Unproven => {}
            }
        }
        proof
    }

    fn left(&self) -> Duration {
        self.until.saturating_duration_since(self.api.clock.instant())
    }

    /// False: no time is left.
    async fn sleep(&self, time: Duration) -> bool {
        let left = self.left();
        if left <= time || self.api.ending.is_cancelled() {
            return false;
        }
        tokio::time::sleep(time).await;
        true
    }
    fn answer(&self, proof: &Proof, open: Option<Open>, asker: Asker) -> FleetProof {
        let note = open.map(|open| self.note(proof, &open, asker));
        let complete = proof.complete && note.is_none();
        FleetProof {
            complete,
            unproven: u32::try_from(proof.unproven).unwrap_or(u32::MAX),
            members: proof
                .members
                .iter()
                .map(|member| MemberProof {
                    id: member.id,
                    name: asker.sees_names().then(|| member.name.clone()),
                    state: member.state.into(),
                    after_seconds: self.shown.get(&member.id).copied().map(seconds),
                })
                .collect(),
            never: proof.why_never.is_some(),
            note,
        }
    }

    /// Why it is not complete, and what to do.
    fn note(&self, proof: &Proof, open: &Open, asker: Asker) -> String {
        let again = format!("ask `GET {}?position={}` again", super::proof::PATH, self.position);
        match (&proof.why_never, open) {
            (_, Open::NotStored) => format!(
                "It is not known here whether the command is done: this process has not applied the log up to its \
                 position; {again}."
            ),
            (Some(why), _) if asker.sees_names() => {
                format!("The command is done. It is never known to hold everywhere: {why}.")
            }
            (Some(_), _) => {
                "The command is done. It is never known to hold everywhere: there is a member of which \
                             that can't be proven. The installation's operators are told which."
                    .to_owned()
            }
            (None, Open::Busy) => format!(
                "The command is done. As many requests as may be wait for the fleet already; {again}."
            ),
            (None, Open::NotAsked(why)) => format!(
                "The command is done. Who is in the fleet can't be asked now ({why}), so there may be members that \
                 are not named here; {again}."
            ),
            (None, Open::Unproven) => format!(
                "The command is done. Of {} members {} may still answer as before it; {again}.",
                proof.members.len(),
                proof.unproven
            ),
            (None, Open::Ending) => {
                format!("The command is done. The process that waited for the fleet ends; {again}.")
            }
        }
    }
}
