use std::time::Duration;

use gateway::dev::children::{Child, Signal};

/// The child stands still: its connections stay open and nothing answers. Returns when it does.
pub async fn pause(child: &Child) {
    child.signal(Signal::Pause).await;
    // Sent is not yet done.
    let path = format!("/proc/{}/stat", child.id());
    crate::poll::until("the process stands still", Duration::from_secs(5), async || {
        let status = std::fs::read_to_string(&path).unwrap_or_default();
        // proc(5): the state comes after the name in parentheses; T is stopped.
        if status.contains(") T ") { Ok(()) } else { Err(status) }
    })
    .await;
}
