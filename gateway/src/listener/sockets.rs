//! Sockets that listen on one address together; the kernel spreads connections over them.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

/// Connections that wait to be accepted, for each socket.
const BACKLOG: i32 = 1_024;
/// A peer that is gone without a word is noticed after this time without traffic, and some tries more.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// One socket a thread.
pub struct Sockets {
    sockets: Vec<TcpListener>,
    address: SocketAddr,
}

impl Sockets {
    /// Listens with this many sockets, 0: one a core. Port 0 takes a free one. An address on which another process listens
    /// is refused: sharing it would let in whoever is of the same user, unseen, with a part of the callers.
    pub fn bind(address: SocketAddr, threads: usize) -> std::io::Result<Self> {
        if address.port() != 0 {
            drop(socket(address, false)?);
        }
        let first = socket(address, true)?;
        let bound = first.local_addr()?;
        let mut sockets = vec![first];
        for _ in 1..each_core(threads) {
            sockets.push(socket(bound, true)?);
        }
        Ok(Self { sockets, address: bound })
    }

    /// Where they listen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn into_each(self) -> Vec<TcpListener> {
        self.sockets
    }
}

/// As many as are asked for; 0: one a core.
pub fn each_core(threads: usize) -> usize {
    match threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    }
}

/// One socket, which shares its address with nobody.
pub fn bind(address: SocketAddr) -> std::io::Result<tokio::net::TcpListener> {
    tokio::net::TcpListener::from_std(socket(address, false)?)
}

fn socket(address: SocketAddr, shared: bool) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    // Accepted connections inherit both.
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn an_address_is_shared_by_the_threads_of_one_process_alone() {
        let first = Sockets::bind((Ipv4Addr::LOCALHOST, 0).into(), 3).unwrap();
        let refused = Sockets::bind(first.address(), 3).err().unwrap();
        assert_eq!(refused.kind(), std::io::ErrorKind::AddrInUse);
        let address = first.address();
        assert_eq!(first.into_each().len(), 3);
        assert_eq!(Sockets::bind(address, 2).unwrap().address(), address, "free again");
    }
}
