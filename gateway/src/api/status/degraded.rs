//! What of the installation is not as it should be, in words: what a person on call reads first.

use projections::directory::gate::Aging;

use super::{LogStatus, NodeStatus, OutletStatus, ReadModelsStatus, Status, WitnessStatus};
use crate::api::fleet::{FleetLease, FleetMember, Standing};
use crate::checkpoints::WitnessState;

/// Everything that is known here; none: all is well.
pub fn degraded(
    status: &Status,
    aging: Option<Aging>,
    members: &[FleetMember],
    leases: &[FleetLease],
) -> Vec<String> {
    let Status { version: _, degraded: _, node, log, read_models, witnesses, drains, exports } = status;
    let mut found = Vec::new();
    log_lacks(log, &mut found);
    // With the age, once that is more than it should be.
    found.extend(aging.map(|aging| format!("this process: {aging}")));
    node_lacks(node, &mut found);
    read_models_lack(read_models, &mut found);
    let unheld = leases.iter().filter(|lease| lease.holder.is_none());
    found.extend(unheld.map(|lease| format!("no worker keeps `{}`", lease.name)));
    found.extend(drains.iter().filter_map(|one| stands_still("drain", one)));
    found.extend(exports.iter().filter_map(|one| stands_still("export", one)));
    found.extend(witnesses.iter().filter_map(witness_lacks));
    found.extend(members.iter().filter_map(member_lacks));
    found
}

fn log_lacks(log: &LogStatus, found: &mut Vec<String>) {
    if !log.reachable {
        found.push(
            "the log can't be reached: commands are refused, and keys are once what is known is too old"
                .to_owned(),
        );
    }
    found.extend(log.unproven.as_ref().map(|reason| format!("the log's leader proves nothing: {reason}")));
}

fn node_lacks(node: &NodeStatus, found: &mut Vec<String>) {
    if node.closed > 0 {
        found.push(format!(
            "{} objects are closed: a newer version wrote an event of theirs, or nobody may obey it; `keyledger events \
             verify` tells which",
            node.closed
        ));
    }
}

fn read_models_lack(read_models: &ReadModelsStatus, found: &mut Vec<String>) {
    if read_models.reachable {
        found.extend(read_models.problem.clone());
    } else {
        found.push("PostgreSQL does not answer: lists and the history can't be read".to_owned());
    }
    found.extend(
        read_models
            .diverged
            .as_ref()
            .map(|reason| format!("the read models were built from another log: {reason}")),
    );
    if let Some(parked) = read_models.parked.filter(|parked| *parked > 0) {
        found.push(format!("{parked} events are parked: `keyledger projections parked list`"));
    }
}

fn stands_still(kind: &str, outlet: &OutletStatus) -> Option<String> {
    outlet.problem.as_ref().map(|problem| format!("the {kind} {} stands still: {problem}", outlet.name))
}

fn witness_lacks(witness: &WitnessStatus) -> Option<String> {
    match witness.state {
        WitnessState::Unasked | WitnessState::Cosigns => None,
        WitnessState::Away
        | WitnessState::PutBack
        | WitnessState::BeforeALoss
        | WitnessState::Contradicts => Some(format!(
            "the witness {} {}: {}",
            witness.name,
            witness.state.as_str(),
            witness.problem.as_deref().unwrap_or("no reason was told")
        )),
    }
}

fn member_lacks(member: &FleetMember) -> Option<String> {
    let name = member.record.as_ref().map_or_else(|| member.id.to_string(), |record| record.name.clone());
    let heard = member.heard_age_seconds.map_or_else(
        || "it was not heard since this process began".to_owned(),
        |seconds| format!("it was heard {} s ago", seconds.floor()),
    );
    match (member.state, &member.record) {
        (Standing::Silent, _) => Some(format!("{name} is silent: {heard}")),
        (Standing::Fenced, _) => Some(format!("{name} is fenced: {heard}")),
        (Standing::Live, Some(record)) => match (&record.reason, &record.lacks) {
            (Some(reason), _) => Some(format!("{name} is not ready: {reason}")),
            (None, Some(lacks)) => Some(format!("{name}: {lacks}")),
            (None, None) => None,
        },
        (Standing::Live, None) => Some(format!("{name} has a record that this version can't read")),
    }
}
