//! From steps to attempts: which of them belong to one client's way in. Pure.
//!
//! Until a client has a name an attempt is known by where it is asked from and by which program, for which server; then by the
//! authorization request, which a browser takes from place to place; then by the grant. Where a browser and its program
//! ask from different places, what came before is known by the server, if nobody else asked for it just then, and by the
//! token at the latest, which the program itself fetches.

use std::collections::HashMap;
use std::time::Duration;

use events::{GrantId, Timestamp};
use uuid::Uuid;

use super::cause::{self, Advice, Facts};
use super::step::{Stage, Step, Visitor};

/// One client's way in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    pub steps: Vec<Step>,
    /// `client_id`.
    pub client: Option<String>,
    /// `organization/server`.
    pub server: Option<String>,
    /// Where the answer goes.
    pub redirect: Option<String>,
    /// Of the program, as far as it was seen, and else of the browser.
    pub visitor: Visitor,
    pub came: Came,
}

/// What it came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Came {
    /// It calls.
    In,
    UnderWay,
    /// The step that is missing, and why it probably is.
    Stopped {
        missing: Stage,
        advice: Advice,
    },
}

/// After so long without a step it has stopped.
const PATIENCE: Duration = Duration::from_secs(120);
/// What came before a sign-in began no longer ago.
const BEFORE: Duration = Duration::from_secs(15 * 60);
/// Steps of one attempt; of more the first and the last ones are kept.
const MOST: usize = 64;

/// Puts steps, in order, together to attempts, the newest first.
pub fn gather(steps: Vec<Step>, now: Timestamp, facts: &Facts<'_>) -> Vec<Attempt> {
    let mut gathering = Gathering::default();
    for step in steps {
        gathering.take(step);
    }
    let mut attempts: Vec<Attempt> = gathering
        .ways
        .into_iter()
        .filter(|way| !way.0.is_empty())
        .map(|way| way.judged(now, facts))
        .collect();
    attempts.sort_by_key(|attempt| std::cmp::Reverse(attempt.last()));
    attempts
}

impl Attempt {
    pub fn began(&self) -> Timestamp {
        self.steps.first().map_or(Timestamp::UNIX_EPOCH, |step| step.at)
    }

    pub fn last(&self) -> Timestamp {
        self.steps.last().map_or(Timestamp::UNIX_EPOCH, |step| step.at)
    }
}

#[derive(Default)]
struct Gathering {
    ways: Vec<Way>,
    by_request: HashMap<Uuid, usize>,
    by_grant: HashMap<GrantId, usize>,
    /// The newest of each.
    by_client: HashMap<String, usize>,
    by_visitor: HashMap<Visitor, usize>,
    by_server: HashMap<String, Vec<usize>>,
}

/// The steps of one.
#[derive(Default)]
struct Way(Vec<Step>);

impl Gathering {
    fn take(&mut self, step: Step) {
        let at = self.place(&step);
        if step.stage == Stage::Token {
            self.merge(at, &step);
        }
        self.index(at, &step);
        if let Some(way) = self.ways.get_mut(at) {
            way.0.push(step);
        }
    }

    /// Where a step belongs; a new way where it belongs to none.
    fn place(&mut self, step: &Step) -> usize {
        let known = step
            .request
            .and_then(|request| self.by_request.get(&request))
            .or_else(|| step.grant.and_then(|grant| self.by_grant.get(&grant)))
            .copied();
        if let Some(known) = known {
            return known;
        }
        let found = match step.stage {
            Stage::Authorization | Stage::SignIn | Stage::Consent => self.before(step),
            Stage::Challenge
            | Stage::ResourceMetadata
            | Stage::ServerMetadata
            | Stage::Registration
            | Stage::Token
            | Stage::Call => self.of_visitor(step),
        };
        found.unwrap_or_else(|| {
            self.ways.push(Way::default());
            self.ways.len() - 1
        })
    }

    /// What a program did before its browser came.
    fn before(&self, step: &Step) -> Option<usize> {
        let fits = |at: &usize| {
            self.ways.get(*at).is_some_and(|way| !way.has_begun() && way.is_near(step) && way.is_for(step))
        };
        let registered = step.client.as_ref().and_then(|client| self.by_client.get(client)).copied();
        let near = || {
            let visits = self.by_visitor.iter();
            let same_place =
                visits.filter(|(visitor, _)| visitor.from == step.visitor.from).map(|(_, at)| *at);
            same_place.filter(fits).max_by_key(|at| self.ways.get(*at).map(Way::last))
        };
        let only = || {
            let visits = step.server.as_ref().and_then(|server| self.by_server.get(server))?;
            let mut fitting = visits.iter().filter(|at| fits(at));
            let first = fitting.next()?;
            fitting.next().is_none().then_some(*first)
        };
        registered.filter(fits).or_else(near).or_else(only)
    }

    /// The newest of whoever asks, if this goes on with it.
    fn of_visitor(&self, step: &Step) -> Option<usize> {
        let goes_on = |at: &usize| {
            let Some(way) = self.ways.get(*at) else { return false };
            // Whoever asks without a token once more begins once more.
            let is_anew = step.stage == Stage::Challenge && way.has_begun();
            way.is_near(step) && way.is_for(step) && !is_anew
        };
        let own = self.by_visitor.get(&step.visitor).copied().filter(goes_on);
        let clients = || {
            let client = step.client.as_ref()?;
            self.by_client.get(client).copied().filter(goes_on)
        };
        own.or_else(clients)
    }

    /// A program fetched its token: what it did before, apart from its browser, is of the same way.
    fn merge(&mut self, into: usize, step: &Step) {
        let Some(visit) = self.by_visitor.get(&step.visitor).copied() else { return };
        let is_its = |way: &Way| !way.has_begun() && way.is_near(step) && way.is_for(step);
        if visit == into || !self.ways.get(visit).is_some_and(is_its) {
            return;
        }
        let before = self.ways.get_mut(visit).map(|way| std::mem::take(&mut way.0)).unwrap_or_default();
        if let Some(way) = self.ways.get_mut(into) {
            way.0.extend(before);
            way.0.sort_by_key(|step| (step.at, step.stage));
        }
        self.by_visitor.insert(step.visitor.clone(), into);
    }

    fn index(&mut self, at: usize, step: &Step) {
        if let Some(request) = step.request {
            self.by_request.insert(request, at);
        }
        if let Some(grant) = step.grant {
            self.by_grant.insert(grant, at);
        }
        if let Some(client) = &step.client {
            self.by_client.insert(client.clone(), at);
        }
        if step.visitor != Visitor::default() {
            self.by_visitor.insert(step.visitor.clone(), at);
        }
        if let Some(server) = &step.server {
            let visits = self.by_server.entry(server.clone()).or_default();
            if visits.last() != Some(&at) {
                visits.push(at);
            }
        }
    }
}

impl Way {
    fn last(&self) -> Timestamp {
        self.0.last().map_or(Timestamp::UNIX_EPOCH, |step| step.at)
    }

    /// A browser has come.
    fn has_begun(&self) -> bool {
        self.0.iter().any(|step| step.stage >= Stage::Authorization && step.why.is_none())
    }

    fn is_near(&self, step: &Step) -> bool {
        step.at.since(self.last()) <= BEFORE
    }

    /// Whether it is not for another server.
    fn is_for(&self, step: &Step) -> bool {
        let own = self.0.iter().rev().find_map(|step| step.server.as_ref());
        own.is_none_or(|own| step.server.as_ref().is_none_or(|other| own == other))
    }

    fn judged(self, now: Timestamp, facts: &Facts<'_>) -> Attempt {
        let Self(mut steps) = self;
        let newest = |of: fn(&Step) -> Option<&String>| steps.iter().rev().find_map(of).cloned();
        let client = newest(|step| step.client.as_ref());
        let server = newest(|step| step.server.as_ref());
        let redirect = newest(|step| step.redirect.as_ref());
        let is_program =
            |step: &&Step| !matches!(step.stage, Stage::Authorization | Stage::SignIn | Stage::Consent);
        let seen = |step: &Step| (step.visitor != Visitor::default()).then(|| step.visitor.clone());
        let visitor = steps.iter().filter(is_program).find_map(seen).or_else(|| steps.iter().find_map(seen));
        let came = came(&steps, now, redirect.as_deref(), facts);
        if steps.len() > MOST {
            steps.drain(MOST / 2..steps.len() - MOST / 2);
        }
        Attempt { steps, client, server, redirect, visitor: visitor.unwrap_or_default(), came }
    }
}

fn came(steps: &[Step], now: Timestamp, redirect: Option<&str>, facts: &Facts<'_>) -> Came {
    let done = steps.iter().filter(|step| step.why.is_none());
    let furthest = done.map(|step| step.stage).max().unwrap_or(Stage::Challenge);
    if furthest == Stage::Call {
        return Came::In;
    }
    // What was refused counts, unless the same or a later step was done after it.
    let refused = steps.iter().rposition(|step| step.why.is_some());
    let refused = refused.and_then(|at| {
        let step = steps.get(at)?;
        let mut after = steps.iter().skip(at + 1).filter(|step| step.why.is_none());
        after.all(|later| later.stage < step.stage).then_some(step)
    });
    if let Some((step, why)) = refused.and_then(|step| Some((step, step.why?))) {
        return Came::Stopped {
            missing: step.stage,
            advice: cause::refused(step.stage, why, step.said.as_deref()),
        };
    }
    let last = steps.last().map_or(Timestamp::UNIX_EPOCH, |step| step.at);
    if now.since(last) < PATIENCE {
        return Came::UnderWay;
    }
    let (missing, advice) = cause::stopped(furthest, redirect, facts);
    Came::Stopped { missing, advice }
}
