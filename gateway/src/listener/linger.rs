//! The end of a connection whose client may still be sending. A socket that is closed with bytes unread resets the
//! connection (RFC 1122 §4.2.2.13), and the client's system throws away the answer that it has not read yet. So our
//! side is closed first, and what comes is thrown away until the client has closed its own.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bounds: many bodies are no longer, and whoever sends more had its time to read the answer.
const BYTES: usize = 64 * 1024 * 1024;
const TIME: Duration = Duration::from_secs(30);
/// Without a byte.
const SILENCE: Duration = Duration::from_secs(5);

pub(super) async fn linger(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    // Closed already, most often.
    let _ = stream.shutdown().await;
    let mut bytes = vec![0; 32 * 1024];
    let discard = async {
        let mut left = BYTES;
        while left > 0 {
            match tokio::time::timeout(SILENCE, stream.read(&mut bytes)).await {
                Ok(Ok(read)) if read > 0 => left = left.saturating_sub(read),
                Ok(Ok(_) | Err(_)) | Err(_) => break,
            }
        }
    };
    // Cut off, the client may lose the answer; it has had time to read it.
    let _ = tokio::time::timeout(TIME, discard).await;
}
