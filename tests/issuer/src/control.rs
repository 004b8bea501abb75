//! The handle's work over HTTP, for tests that are not in Rust.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use crate::behaviour::Behaviour;
use crate::client::Client;
use crate::person::Person;
use crate::state::{Seen, Shared};

#[derive(Serialize)]
pub(crate) struct Told {
    behaviour: Behaviour,
    kid: String,
    seen: Vec<Seen>,
}

/// Each member is one thing to do.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
pub(crate) struct Change {
    /// Whole: what it does not say is as at the beginning.
    behaviour: Option<Behaviour>,
    rotate: bool,
    withdraw_old_keys: bool,
    allow_redirect: Option<Redirect>,
    register: Option<Client>,
    add: Option<Person>,
    forget_seen: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Redirect {
    client: String,
    address: String,
}

pub(crate) async fn show(State(shared): State<Arc<Shared>>) -> Json<Told> {
    let state = shared.state();
    Json(Told {
        behaviour: state.behaviour.clone(),
        kid: state.keys.signing().kid.clone(),
        seen: state.seen.values().cloned().collect(),
    })
}

pub(crate) async fn change(State(shared): State<Arc<Shared>>, Json(change): Json<Change>) -> Json<Told> {
    {
        let mut state = shared.state();
        if let Some(behaviour) = change.behaviour {
            state.behaviour = behaviour;
        }
        if change.rotate {
            state.keys.rotate();
        }
        if change.withdraw_old_keys {
            state.keys.withdraw_old();
        }
        if let Some(Redirect { client, address }) = change.allow_redirect {
            state.allow_redirect(&client, &address);
        }
        if let Some(client) = change.register {
            state.register(client);
        }
        if let Some(person) = change.add {
            state.add(person);
        }
        if change.forget_seen {
            state.seen.clear();
        }
    }
    show(State(shared)).await
}
