//! A listener with a thread and a runtime of its own: it answers whatever keeps the others busy.

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

use crate::listener::{Listener, Serve};

/// Serves until the listener is cancelled. `tasks` has one that ends with it; that it ends by itself cancels all.
pub(super) fn run<S: Serve>(
    name: &'static str,
    listener: Listener<S>,
    socket: TcpListener,
    tasks: &TaskTracker,
) -> std::io::Result<()> {
    let cancel = listener.cancel.clone();
    let socket = socket.into_std()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (tell, ended) = oneshot::channel::<()>();
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        let served = runtime.block_on(async {
            listener.run(TcpListener::from_std(socket)?).await;
            Ok::<_, std::io::Error>(())
        });
        if let Err(error) = served {
            tracing::error!(listener = name, %error, "a listener could not be served");
        }
        drop(tell);
    })?;
    tasks.spawn(async move {
        // Nothing is ever sent: it ends when the thread has.
        let _ = ended.await;
        cancel.cancel();
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::sync::Arc;
    use std::time::Duration;

    use events::clock::SystemClock;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::health::{self, Health};
    use crate::listener::{Bounds, Room, bind};
    use crate::telemetry::asked::{Asked, Lacks};

    /// The test's own runtime is the one that others would be served on.
    #[tokio::test(flavor = "current_thread")]
    async fn a_runtime_that_is_blocked_does_not_stop_livez() {
        let socket = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap();
        let (cancel, tasks) = (CancellationToken::new(), TaskTracker::new());
        let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder().handle();
        let (lacks, at_scrape) = (Lacks::default(), Asked::default());
        let health =
            Health { gate: None, read_models: None, ending: cancel.clone(), lacks, at_scrape, metrics };
        let room = Room::new("metrics", 8, Bounds::default(), Arc::new(SystemClock));
        let listener = Listener { serve: health::router(health), room, tls: None, cancel: cancel.clone() };
        run("metrics", listener, socket, &tasks).unwrap();
        for path in ["/livez", "/readyz"] {
            // Nothing else runs here until the answer is read.
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        }
        cancel.cancel();
        tasks.close();
        tasks.wait().await;
    }
}
