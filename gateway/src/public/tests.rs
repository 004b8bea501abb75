//! The public listener in one process: hand-written HTTP on one side, scripted upstreams on the other, a
//! directory that follows a log held in memory.

mod access;
mod answers;
mod bodies;
mod client;
mod grants;
mod lists;
mod sessions;
mod streams;
mod tasks;
mod tokens;
mod told;
mod unread;
mod upstream;
mod verify;
mod wire;
mod world;

use std::future::Future;
use std::time::Duration;

/// Waits for the thing itself.
async fn until<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}
