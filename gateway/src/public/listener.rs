//! Sockets that listen on one address together; the kernel spreads connections over them.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use super::PublicError;

/// Connections that wait to be accepted, for each socket.
const BACKLOG: i32 = 1_024;
/// A peer that is gone without a word is noticed after this time without traffic, and some tries more.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// One socket a thread.
pub struct Listeners {
    pub(super) sockets: Vec<TcpListener>,
    address: SocketAddr,
}

impl Listeners {
    /// Listens with this many sockets, 0: one a core. Port 0 takes a free one.
    pub fn bind(address: SocketAddr, threads: usize) -> Result<Self, PublicError> {
        let threads = match threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        let refused = |source| PublicError::Bind { address, source };
        let first = socket(address).map_err(refused)?;
        let bound = first.local_addr().map_err(refused)?;
        let mut sockets = vec![first];
        for _ in 1..threads {
            sockets.push(socket(bound).map_err(refused)?);
        }
        Ok(Self { sockets, address: bound })
    }

    /// Where they listen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn socket(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    // Accepted connections inherit both.
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
