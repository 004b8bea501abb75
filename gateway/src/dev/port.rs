//! Loopback ports for the listeners: the same at each start when they are free, and never two `dev`s on one.
//!
//! Between the choice of a port and the listener on it another `dev` would find it free as well. A socket in the abstract
//! namespace, named for the port, keeps others of us away meanwhile.

use std::net::{Ipv4Addr, TcpListener};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::UnixListener;

/// A port that is this process's while the value lives.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _claim: UnixListener,
}

impl Port {
    /// The first of these that is free; else any free one.
    pub fn take(wanted: &[u16]) -> std::io::Result<Self> {
        if let Some(port) = wanted.iter().copied().filter(|port| *port != 0).find_map(Self::claim) {
            return Ok(port);
        }
        for _ in 0..TRIES {
            let number = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
            if let Some(port) = Self::claim(number) {
                return Ok(port);
            }
        }
        Err(std::io::Error::other("no free port was found"))
    }

    fn claim(number: u16) -> Option<Self> {
        let name = format!("keyledger-dev-port-{number}");
        let address = std::os::unix::net::SocketAddr::from_abstract_name(name).ok()?;
        let claim = UnixListener::bind_addr(&address).ok()?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
        Some(Self { number, _claim: claim })
    }

    pub fn number(&self) -> u16 {
        self.number
    }
}

const TRIES: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wanted_port_is_taken_once_and_free_again_after() {
        let first = Port::take(&[]).unwrap();
        let second = Port::take(&[first.number()]).unwrap();
        assert_ne!(first.number(), second.number());
        let number = first.number();
        drop(first);
        assert_eq!(Port::take(&[0, number]).unwrap().number(), number);
    }

    #[test]
    fn a_port_on_which_a_stranger_listens_is_passed_over() {
        let stranger = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let number = stranger.local_addr().unwrap().port();
        assert_ne!(Port::take(&[number]).unwrap().number(), number);
    }
}
