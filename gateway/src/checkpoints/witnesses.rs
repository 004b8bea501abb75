//! Control hands each new checkpoint to the configured witnesses (C2SP tlog-witness) by itself, and keeps their words with
//! it. Off the signing path: who is slow or away delays nobody.
//!
//! What a witness knows is worth most when it contradicts. A checkpoint that it shows, signed by a key of this log and
//! not of this log as it is, is proof that the log was cut or rewritten: control signs no more and puts it into the vaults,
//! where every process finds it. Its mere word proves nothing, and is told (decision 0022).

use std::sync::Arc;
use std::time::{Duration, Instant};

use events::clock::Clock;
use events::lasting::{Lasting, Words};
use events::tlog::{Checkpoint, Note, Signature, VerifierKey, verify_consistency};
use futures::future::join_all;
use tokio_util::sync::CancellationToken;

use super::error::KeeperError;
use super::keeper::{Evidence, Keeper, Standing, WitnessState};
use crate::config;
use crate::store::checkpoints::Checkpoints;
use crate::witness::{Added, Remote, RemoteError};

/// How often it is looked whether there is something to hand on.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After a failure it is asked again, later each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// So many of the newest checkpoints are looked through for a witness's word.
const LOOKED_THROUGH: u64 = 64;

/// All of them, and the one who signs.
pub struct Witnesses {
    keeper: Arc<Keeper>,
    stream: Checkpoints,
    clock: Arc<dyn Clock>,
    all: Vec<Asked>,
    /// It is known what each has cosigned before.
    looked_back: bool,
}

/// One witness.
struct Asked {
    remote: Remote,
    key: VerifierKey,
    /// The size that it has come to; `None`: to be asked.
    at: Option<u64>,
    standing: Standing,
    silent: Lasting,
    contradicts: Lasting,
    /// When it is asked again.
    pause: Duration,
    next: Option<Instant>,
}

/// Why there is no cosignature.
enum Trouble {
    Is(WitnessState, String),
    Proven(Box<Evidence>),
}

impl From<RemoteError> for Trouble {
    fn from(error: RemoteError) -> Self {
        Self::Is(WitnessState::Away, error.to_string())
    }
}

impl From<KeeperError> for Trouble {
    fn from(error: KeeperError) -> Self {
        Self::Is(WitnessState::Away, error.to_string())
    }
}

impl Witnesses {
    pub fn new(
        keeper: Arc<Keeper>,
        stream: Checkpoints,
        clock: Arc<dyn Clock>,
        configured: &[config::Witness],
    ) -> Self {
        let all = configured.iter().map(|one| Asked::new(one, &clock)).collect();
        Self { keeper, stream, clock, all, looked_back: false }
    }

    pub async fn run(mut self, cancel: CancellationToken) {
        if self.all.is_empty() {
            return;
        }
        loop {
            let round = async {
                self.round().await;
                tokio::time::sleep(LOOK_EVERY).await;
            };
            if cancel.run_until_cancelled(round).await.is_none() {
                return;
            }
        }
    }

    async fn round(&mut self) {
        let Some((checkpoint, note)) = self.keeper.newest_read() else { return };
        if !self.looked_back {
            match self.look_back().await {
                Ok(()) => self.looked_back = true,
                Err(error) => {
                    return tracing::debug!(%error, "what witnesses have cosigned before is not known");
                }
            }
        }
        let (keeper, clock) = (&*self.keeper, &*self.clock);
        let asked = self.all.iter_mut().map(|one| one.ask(keeper, &checkpoint, &note, clock));
        let lines: Vec<Signature> = join_all(asked).await.into_iter().flatten().collect();
        if !lines.is_empty() {
            let mut cosigned = note;
            lines.into_iter().for_each(|line| cosigned.add(line));
            self.keeper.cosigned(cosigned);
        }
        self.keeper.tell(self.all.iter().map(|one| one.standing.clone()).collect());
    }

    /// What each has cosigned, as the newest checkpoints of the stream have it.
    async fn look_back(&mut self) -> Result<(), KeeperError> {
        let newest = self.stream.newest().await?.map_or(0, |newest| newest.sequence);
        let mut at = newest.saturating_sub(LOOKED_THROUGH) + 1;
        while at <= newest {
            let Some(stored) = self.stream.from(at).await? else { break };
            at = stored.sequence + 1;
            let Ok(note) = stored.text.parse::<Note>() else { continue };
            for one in &mut self.all {
                one.remember(&note);
            }
        }
        Ok(())
    }
}

impl Asked {
    fn new(configured: &config::Witness, clock: &Arc<dyn Clock>) -> Self {
        let (remote, key) = (Remote::new(configured.url.clone()), configured.key.clone());
        let standing = Standing {
            name: key.name().to_owned(),
            url: remote.url().to_string(),
            state: WitnessState::Unasked,
            cosigned: None,
            cosigned_at: None,
            problem: None,
        };
        let state = |lasts, ends| Lasting::new(Arc::clone(clock), Words { lasts, ends }).of(key.name());
        Self {
            remote,
            silent: state("the witness cosigns no checkpoint", "the witness cosigns again"),
            contradicts: state(
                "the witness contradicts what is known here",
                "the witness contradicts nothing any more",
            ),
            key,
            at: None,
            standing,
            pause: FIRST_PAUSE,
            next: None,
        }
    }

    /// Its word on a checkpoint; the newest counts. Whether there is one.
    fn remember(&mut self, note: &Note) -> bool {
        let Ok(checkpoint) = note.text().parse::<Checkpoint>() else { return false };
        let words = note.cosignatures(std::slice::from_ref(&self.key)).unwrap_or_default();
        let Some(word) = words.first() else { return false };
        if self.standing.cosigned.is_none_or(|before| before <= checkpoint.size) {
            self.standing.cosigned = Some(checkpoint.size);
            let at = i64::try_from(word.timestamp).ok().and_then(|seconds| seconds.checked_mul(1_000));
            self.standing.cosigned_at = at.and_then(events::Timestamp::from_unix_millis);
            measure(self.key.name(), checkpoint.size, word.timestamp);
        }
        true
    }

    /// Hands it the checkpoint, unless it has cosigned it or is left alone for now. Its word, where it is new.
    async fn ask(
        &mut self,
        keeper: &Keeper,
        checkpoint: &Checkpoint,
        note: &Note,
        clock: &dyn Clock,
    ) -> Vec<Signature> {
        let now = clock.instant();
        if self.next.is_some_and(|next| now < next) {
            return Vec::new();
        }
        // Also where its word is there already: it may be another's by now who answers.
        if self.standing.state == WitnessState::Cosigns && self.remember(note) {
            return Vec::new();
        }
        match self.submit(keeper, checkpoint, note).await {
            Ok(lines) => {
                self.is_well();
                lines
            }
            Err(Trouble::Is(state, problem)) => {
                self.is_wrong(state, problem, now);
                Vec::new()
            }
            Err(Trouble::Proven(evidence)) => {
                self.is_wrong(WitnessState::Contradicts, evidence.problem.clone(), now);
                keeper.accuse(*evidence);
                Vec::new()
            }
        }
    }

    async fn submit(
        &mut self,
        keeper: &Keeper,
        checkpoint: &Checkpoint,
        note: &Note,
    ) -> Result<Vec<Signature>, Trouble> {
        let mut old = match self.at {
            Some(at) => at,
            None => self.newest(keeper, checkpoint).await?,
        };
        // What it said is asked for once more where it says otherwise now.
        for _ in 0..2 {
            if old > checkpoint.size {
                // Another control is ahead, and has handed it more.
                self.at = None;
                return Ok(Vec::new());
            }
            let proof = keeper.consistency(old, checkpoint.size).await?;
            match self.remote.add(old, &proof, note).await {
                Ok(Added::Cosigned(lines)) => {
                    let mut cosigned = note.clone();
                    lines.iter().for_each(|line| cosigned.add(line.clone()));
                    if !self.remember(&cosigned) {
                        let problem = "its cosignature is not by the configured key".to_owned();
                        return Err(Trouble::Is(WitnessState::Away, problem));
                    }
                    self.at = Some(checkpoint.size);
                    let new = |line: &Signature| self.key.made(line) && !note.signatures().contains(line);
                    return Ok(lines.into_iter().filter(new).collect());
                }
                Ok(Added::From(size)) => {
                    self.at = None;
                    self.was_not_put_back(size)?;
                    // More than this log has, or as much of another one: it is asked what. One that shows nothing is
                    // taken at its word, which proves nothing.
                    if size > checkpoint.size || size == old {
                        self.newest(keeper, checkpoint).await?;
                    }
                    let last = if size > checkpoint.size { keeper.last().await? } else { size };
                    if last < size {
                        let problem = format!(
                            "it has cosigned {size} messages, by its word, and the log ends at {last}"
                        );
                        return Err(Trouble::Is(WitnessState::Contradicts, problem));
                    }
                    if size == old {
                        let problem = format!("it has cosigned another log of {size} messages, by its word");
                        return Err(Trouble::Is(WitnessState::Contradicts, problem));
                    }
                    old = size;
                }
                Err(error) => {
                    self.at = None;
                    // It has judged the proof (422): what it keeps is not what this log goes on from.
                    if error.refused && error.problem.starts_with("422") {
                        self.newest(keeper, checkpoint).await?;
                        return Err(Trouble::Is(WitnessState::Contradicts, error.to_string()));
                    }
                    return Err(error.into());
                }
            }
        }
        Err(Trouble::Is(WitnessState::Away, "it says another size each time".to_owned()))
    }

    /// The size that it has come to, once what it shows was judged; it may have nothing to show.
    async fn newest(&self, keeper: &Keeper, checkpoint: &Checkpoint) -> Result<u64, Trouble> {
        let is = |state, problem: String| Err(Trouble::Is(state, problem));
        let Some(note) = self.remote.newest(&checkpoint.origin).await? else {
            return Ok(self.standing.cosigned.unwrap_or(0));
        };
        let (keys, lost) = keeper.believed(&checkpoint.origin).await?;
        let its = match Checkpoint::open(&note, &checkpoint.origin, &keys) {
            Ok(its) => its,
            Err(error) => {
                return is(
                    WitnessState::Contradicts,
                    format!("it shows a checkpoint that is none of this log: {error}"),
                );
            }
        };
        if lost.contains(&its.head()) {
            let problem = format!(
                "it keeps a checkpoint of {} messages, which an operator has accepted as lost: its own operator takes its \
                 state file away",
                its.size
            );
            return is(WitnessState::BeforeALoss, problem);
        }
        self.was_not_put_back(its.size)?;
        let name = self.key.name();
        let proven = |problem| {
            Err(Trouble::Proven(Box::new(Evidence { note: note.clone(), checkpoint: its.clone(), problem })))
        };
        if its.size > checkpoint.size {
            let last = keeper.last().await?;
            if last < its.size {
                return proven(format!(
                    "it ends at {last}, and the witness {name} has cosigned a checkpoint of {} messages: its tail is lost",
                    its.size
                ));
            }
            return Ok(its.size);
        }
        let proof = keeper.consistency(its.size, checkpoint.size).await?;
        match verify_consistency(its.size, its.root, checkpoint.size, checkpoint.root, &proof) {
            Ok(()) => Ok(its.size),
            Err(_) => proven(format!(
                "its first {} messages are not those of the checkpoint that the witness {name} has cosigned",
                its.size
            )),
        }
    }

    /// It has cosigned so much before.
    fn was_not_put_back(&self, size: u64) -> Result<(), Trouble> {
        match self.standing.cosigned {
            Some(before) if size < before => Err(Trouble::Is(
                WitnessState::PutBack,
                format!(
                    "it has cosigned {before} messages and says {size} now: an older copy of its state was put back, and what \
                     it has cosigned since is not known. `keyledger events cosign` hands it the newest, once that is cleared up"
                ),
            )),
            Some(_) | None => Ok(()),
        }
    }

    fn is_well(&mut self) {
        self.silent.ended();
        self.contradicts.ended();
        (self.next, self.pause) = (None, FIRST_PAUSE);
        self.standing.problem = None;
        self.is(WitnessState::Cosigns);
    }

    fn is_wrong(&mut self, state: WitnessState, problem: String, now: Instant) {
        let changed = self.standing.state != state;
        match state {
            WitnessState::Contradicts | WitnessState::PutBack => self.contradicts.alarm(&problem),
            WitnessState::Unasked
            | WitnessState::Cosigns
            | WitnessState::Away
            | WitnessState::BeforeALoss => self.silent.warn(&problem),
        }
        self.pause = if changed { FIRST_PAUSE } else { (self.pause * 2).min(LONGEST_PAUSE) };
        self.next = Some(now + self.pause);
        self.standing.problem = Some(problem);
        self.is(state);
    }

    fn is(&mut self, state: WitnessState) {
        self.standing.state = state;
        for each in WitnessState::ALL {
            let gauge = metrics::gauge!(
                "keyledger_witness_state",
                "witness" => self.key.name().to_owned(),
                "state" => each.as_str()
            );
            gauge.set(u8::from(each == state));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; both stay far below 2^53")]
fn measure(name: &str, size: u64, seconds: u64) {
    metrics::gauge!("keyledger_witness_cosigned_size", "witness" => name.to_owned()).set(size as f64);
    metrics::gauge!("keyledger_witness_cosigned_timestamp_seconds", "witness" => name.to_owned())
        .set(seconds as f64);
}
