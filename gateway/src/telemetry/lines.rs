//! Where log lines go: a thread of its own writes them. Whoever reads a process's output and stands still (a pipe, a journal, a
//! container's log driver) holds up nobody who says something: what there is no room for is dropped and counted.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};

static DROPPED: Mutex<Vec<ErrorCounter>> = Mutex::new(Vec::new());

/// Kept for as long as there are lines to write: dropped, it waits a moment until those that wait are written.
#[must_use]
pub struct Writing(#[expect(dead_code, reason = "it is dropped at the end")] WorkerGuard);

/// At most so many writes wait.
pub fn written_to(out: impl Write + Send + 'static, room: usize) -> (NonBlocking, Writing) {
    let lines = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(room).thread_name("lines");
    let (lines, guard) = lines.finish(out);
    DROPPED.lock().unwrap_or_else(PoisonError::into_inner).push(lines.error_counter());
    (lines, Writing(guard))
}

/// Brings the count of what was dropped up to date.
pub fn measure() {
    let dropped = DROPPED.lock().unwrap_or_else(PoisonError::into_inner);
    let dropped: usize = dropped.iter().map(ErrorCounter::dropped_lines).sum();
    metrics::counter!("keyledger_log_writes_dropped_total")
        .absolute(u64::try_from(dropped).unwrap_or(u64::MAX));
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use super::*;

    /// Somebody who reads when told.
    struct Still(Receiver<()>);

    impl Write for Still {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn who_reads_nothing_holds_up_nobody() {
        let (goes_on, still) = channel();
        let (mut lines, writing) = written_to(Still(still), 4);
        let counter = lines.error_counter();
        let (done, all_said) = channel();
        // On a thread of its own: a write that waits would never end.
        std::thread::spawn(move || {
            for _ in 0..100 {
                lines.write_all(b"a line\n").unwrap();
            }
            done.send(()).unwrap();
        });
        all_said.recv_timeout(Duration::from_secs(10)).expect("nobody waits");
        assert!(counter.dropped_lines() >= 90, "{}", counter.dropped_lines());
        drop(goes_on);
        drop(writing);
    }
}
