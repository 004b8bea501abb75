//! Where it is told how clients get in, and what stores it. A node and control each have one, over a connection of their own
//! role. What was told is stored until after the listeners have ended.

use std::sync::Arc;

use events::lasting::{Lasting, Words};

use super::Process;
use crate::attempts::{Recorder, Writer};
use crate::store;
use crate::store::attempts::{AttemptSteps, Side};

pub(super) fn recorder(process: &Process, client: store::Client, side: Side) -> Recorder {
    let (recorder, queue) = Recorder::new(Arc::clone(&process.clock));
    let words =
        Words { lasts: "how clients get in is not stored", ends: "how clients get in is stored again" };
    let writer = Writer {
        queue,
        steps: AttemptSteps::new(client),
        side,
        unstored: Lasting::new(Arc::clone(&process.clock), words),
    };
    process.followers.tasks.spawn(writer.run(process.followers.cancel.clone()));
    recorder
}
