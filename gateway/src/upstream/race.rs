//! Connects to the first of several addresses that answers (Happy Eyeballs, RFC 8305 §5): the next is tried as soon
//! as one fails, and when it has not answered within [`DELAY`], beside it. Whoever is first is taken.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::net::TcpStream;

use super::guard::Refused;

/// RFC 8305 §5, "Connection Attempt Delay".
const DELAY: Duration = Duration::from_millis(250);

/// What was tried, and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tried(Vec<(SocketAddr, Outcome)>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    Waited,
    Refused(Refused),
    Failed(String),
}

/// No address could be connected to.
pub(super) struct Lost;

impl Tried {
    /// Why nothing was tried, when the guard let no address through.
    pub(super) fn refused(&self) -> Option<Refused> {
        let mut refused = None;
        for (_, outcome) in &self.0 {
            match outcome {
                Outcome::Refused(why) => refused = refused.or(Some(*why)),
                Outcome::Waited | Outcome::Failed(_) => return None,
            }
        }
        refused
    }

    fn came_to(&mut self, address: SocketAddr, outcome: Outcome) {
        match self.0.iter_mut().find(|(tried, _)| *tried == address) {
            Some((_, before)) => *before = outcome,
            None => self.0.push((address, outcome)),
        }
    }
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no address was tried");
        }
        for (number, (address, outcome)) in self.0.iter().enumerate() {
            let gap = if number == 0 { "" } else { "; " };
            match outcome {
                Outcome::Waited => write!(f, "{gap}{address}: no answer")?,
                Outcome::Refused(refused) => write!(f, "{gap}{refused}")?,
                Outcome::Failed(why) => write!(f, "{gap}{address}: {why}")?,
            }
        }
        Ok(())
    }
}

/// Connects to one of the addresses, of which each passes the guard first. `tried` tells also what came of the others,
/// and of all when the caller stops waiting.
pub(super) async fn connect(
    addresses: Vec<IpAddr>,
    port: u16,
    guard: impl Fn(IpAddr) -> Result<(), Refused>,
    tried: &mut Tried,
) -> Result<(TcpStream, SocketAddr), Lost> {
    let mut open = Vec::with_capacity(addresses.len());
    for address in addresses {
        let target = SocketAddr::new(address, port);
        match guard(address) {
            Ok(()) => open.push(target),
            Err(refused) => tried.came_to(target, Outcome::Refused(refused)),
        }
    }
    let mut rest = interleaved(open).into_iter();
    let mut attempts = FuturesUnordered::new();
    loop {
        if let Some(target) = rest.next() {
            tried.came_to(target, Outcome::Waited);
            attempts.push(async move { (target, TcpStream::connect(target).await) });
        }
        let next = async {
            if rest.len() == 0 {
                return attempts.next().await;
            }
            tokio::time::timeout(DELAY, attempts.next()).await.unwrap_or_default()
        };
        match next.await {
            Some((target, Ok(stream))) => return Ok((stream, target)),
            Some((target, Err(error))) => tried.came_to(target, Outcome::Failed(error.to_string())),
            // The delay is over, or nothing is left to wait for.
            None if rest.len() == 0 && attempts.is_empty() => return Err(Lost),
            None => {}
        }
    }
}

/// One family after the other, in the resolver's order otherwise (RFC 8305 §4).
fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut first, mut second): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let mut mixed = Vec::with_capacity(first.len() + second.len());
    let (mut first, mut second) = (first.drain(..), second.drain(..));
    loop {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            return mixed;
        }
        mixed.extend(pair.into_iter().flatten());
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::net::{TcpListener, TcpSocket};

    use super::*;
    use crate::upstream::Guard;

    /// Loopback addresses beside 127.0.0.1, which Linux has all of.
    fn local(last: u8) -> IpAddr {
        Ipv4Addr::new(127, 0, 0, last).into()
    }

    fn open(_: IpAddr) -> Result<(), Refused> {
        Ok(())
    }

    #[test]
    fn families_alternate_and_keep_their_order() {
        let addresses = |hosts: &[&str]| -> Vec<SocketAddr> {
            hosts.iter().map(|host| SocketAddr::new(host.parse().unwrap(), 1)).collect()
        };
        let mixed = interleaved(addresses(&["::1", "::2", "::3", "10.0.0.1", "10.0.0.2"]));
        assert_eq!(mixed, addresses(&["::1", "10.0.0.1", "::2", "10.0.0.2", "::3"]));
        let mixed = interleaved(addresses(&["10.0.0.1", "10.0.0.2", "::1"]));
        assert_eq!(mixed, addresses(&["10.0.0.1", "::1", "10.0.0.2"]));
    }

    #[tokio::test]
    async fn an_address_that_refuses_gives_way_at_once() {
        let listener = TcpListener::bind((local(2), 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut tried = Tried::default();
        let won = connect(vec![local(1), local(2)], port, open, &mut tried).await;
        assert_eq!(won.ok().unwrap().1.ip(), local(2));
        assert!(tried.to_string().contains("127.0.0.1"), "{tried}");
    }

    #[tokio::test]
    async fn an_address_that_does_not_answer_is_not_waited_for() {
        let listener = TcpListener::bind((local(2), 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        // The kernel answers nobody any more, once nobody accepts and its queue is full.
        let deaf = TcpSocket::new_v4().unwrap();
        deaf.bind(SocketAddr::new(local(1), port)).unwrap();
        let deaf = deaf.listen(1).unwrap();
        let mut queue = Vec::new();
        while let Ok(Ok(stream)) =
            tokio::time::timeout(DELAY, TcpStream::connect(deaf.local_addr().unwrap())).await
        {
            queue.push(stream);
        }
        let mut tried = Tried::default();
        let bound = Duration::from_secs(20);
        let race = connect(vec![local(1), local(2)], port, open, &mut tried);
        let won = tokio::time::timeout(bound, race).await.expect("the other address is tried beside it");
        assert_eq!(won.ok().unwrap().1.ip(), local(2));
    }

    #[tokio::test]
    async fn each_address_passes_the_guard_and_all_are_told_of() {
        let guard = Guard::new(vec!["127.0.0.2/32".parse().unwrap()], Vec::new());
        let listener = TcpListener::bind((local(1), 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut tried = Tried::default();
        let lost = connect(vec![local(1), local(2)], port, |address| guard.check(address), &mut tried).await;
        assert!(lost.is_err());
        assert_eq!(tried.refused(), None, "one of them was tried");
        let told = tried.to_string();
        assert!(told.contains("127.0.0.1 is loopback") && told.contains("127.0.0.2:"), "{told}");
        let mut tried = Tried::default();
        assert!(connect(vec![local(1)], port, |address| guard.check(address), &mut tried).await.is_err());
        assert!(matches!(tried.refused(), Some(Refused::Closed { .. })));
        drop(listener);
    }
}
