//! Which addresses an upstream may have. Upstream URLs come from tenants: without this, a tenant could read
//! what only this machine or its network may reach (server-side request forgery).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Public unicast addresses, and the networks that the installation opens beside them.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    allow: Vec<IpNet>,
    allow_plain: Vec<IpNet>,
}

/// An address that is closed to upstreams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("{address} is {what}; `upstreams.allow` can open its network")]
    Closed { address: IpAddr, what: &'static str },
    /// The identity token would leave this machine in clear.
    #[error(
        "{address} is off this machine, and the URL is http://; `upstreams.allow_http` can open its network"
    )]
    Plain { address: IpAddr },
}

/// IANA's special-purpose registry (RFC 6890 and after), multicast and reserved space.
const CLOSED_V4: &[(Ipv4Net, &str)] = &[
    (v4(0, 0, 0, 0, 8), "this network (RFC 791)"),
    (v4(10, 0, 0, 0, 8), "private (RFC 1918)"),
    (v4(100, 64, 0, 0, 10), "shared by carriers (RFC 6598)"),
    (v4(127, 0, 0, 0, 8), "loopback"),
    // Azure's host answers its machines here, although the address is a public one.
    (v4(168, 63, 129, 16, 32), "a cloud host's own service"),
    (v4(169, 254, 0, 0, 16), "link-local (RFC 3927)"),
    (v4(172, 16, 0, 0, 12), "private (RFC 1918)"),
    (v4(192, 0, 0, 0, 24), "for protocols (RFC 6890)"),
    (v4(192, 0, 2, 0, 24), "for documentation (RFC 5737)"),
    (v4(192, 88, 99, 0, 24), "a 6to4 relay (RFC 7526)"),
    (v4(192, 168, 0, 0, 16), "private (RFC 1918)"),
    (v4(198, 18, 0, 0, 15), "for benchmarks (RFC 2544)"),
    (v4(198, 51, 100, 0, 24), "for documentation (RFC 5737)"),
    (v4(203, 0, 113, 0, 24), "for documentation (RFC 5737)"),
    (v4(224, 0, 0, 0, 4), "multicast"),
    (v4(240, 0, 0, 0, 4), "reserved"),
];

/// Global unicast space; all of IPv6 outside it is closed.
const OPEN_V6: Ipv6Net = v6(0x2000, 0, 0, 3);

/// Closed within [`OPEN_V6`].
const CLOSED_V6: &[(Ipv6Net, &str)] = &[
    (v6(0x2001, 0, 0, 23), "for protocols (RFC 2928), such as Teredo"),
    (v6(0x2001, 0xdb8, 0, 32), "for documentation (RFC 3849)"),
    (v6(0x2002, 0, 0, 16), "6to4: an IPv4 address in disguise (RFC 7526)"),
    (v6(0x3fff, 0, 0, 20), "for documentation (RFC 9637)"),
];

/// The closed kinds outside [`OPEN_V6`] that have a name.
const NAMED_V6: &[(Ipv6Net, &str)] = &[
    (v6(0xfc00, 0, 0, 7), "unique local (RFC 4193)"),
    (v6(0xfe80, 0, 0, 10), "link-local (RFC 4291)"),
    (v6(0xff00, 0, 0, 8), "multicast"),
    (v6(0x64, 0xff9b, 0, 32), "an IPv4 address in disguise (RFC 6052)"),
];

impl Guard {
    /// `allow`: networks that are open although they are special. `allow_plain`: those where a connection needs no TLS,
    /// beside this machine itself.
    pub fn new(allow: Vec<IpNet>, allow_plain: Vec<IpNet>) -> Self {
        Self { allow, allow_plain }
    }

    /// Whether a connection to this address may be opened.
    pub fn check(&self, address: IpAddr) -> Result<(), Refused> {
        let Some(what) = closed(address) else { return Ok(()) };
        if self.allow.iter().any(|network| network.contains(&address)) {
            return Ok(());
        }
        Err(Refused::Closed { address, what })
    }

    /// Whether a connection to this address needs no TLS.
    pub fn check_plain(&self, address: IpAddr) -> Result<(), Refused> {
        let open = address.is_loopback() || self.allow_plain.iter().any(|network| network.contains(&address));
        if open { Ok(()) } else { Err(Refused::Plain { address }) }
    }

    /// Whether any address off this machine needs no TLS.
    pub fn allows_plain(&self) -> bool {
        !self.allow_plain.is_empty()
    }
}

fn closed(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => named(CLOSED_V4, |network| network.contains(&address)),
        IpAddr::V6(address) if address.is_loopback() => Some("loopback"),
        IpAddr::V6(address) if address.to_ipv4().is_some() => Some("an IPv4 address in disguise"),
        IpAddr::V6(address) if !OPEN_V6.contains(&address) => {
            Some(named(NAMED_V6, |network| network.contains(&address)).unwrap_or("not global unicast"))
        }
        IpAddr::V6(address) => named(CLOSED_V6, |network| network.contains(&address)),
    }
}

fn named<N>(table: &[(N, &'static str)], contains: impl Fn(&N) -> bool) -> Option<&'static str> {
    table.iter().find(|(network, _)| contains(network)).map(|(_, what)| *what)
}

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(a: u16, b: u16, c: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_addresses_are_closed() {
        let guard = Guard::default();
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.168.1.1",
            "198.18.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "239.1.1.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b:1::a00:1",
            "100::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "4000::1",
        ] {
            guard.check(address.parse().unwrap()).unwrap_err();
        }
    }

    #[test]
    fn public_addresses_are_open() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.0",
            "172.32.0.1",
            "168.63.129.17",
            "2606:4700:4700::1111",
            "2a00:1450:4001::200e",
        ] {
            Guard::default().check(address.parse().unwrap()).unwrap();
        }
    }

    #[test]
    fn off_this_machine_only_what_is_opened_goes_without_tls() {
        let check = |guard: &Guard, address: &str| guard.check_plain(address.parse().unwrap()).is_ok();
        let open = Guard::new(Vec::new(), vec!["10.0.0.0/8".parse().unwrap()]);
        for (address, alone, opened) in [
            ("127.0.0.1", true, true),
            ("::1", true, true),
            ("10.1.2.3", false, true),
            ("::ffff:10.1.2.3", false, false),
            ("8.8.8.8", false, false),
        ] {
            assert_eq!(
                (check(&Guard::default(), address), check(&open, address)),
                (alone, opened),
                "{address}"
            );
        }
    }

    #[test]
    fn the_installation_opens_networks() {
        let networks = vec!["127.0.0.0/8".parse().unwrap(), "fd00::/64".parse().unwrap()];
        let guard = Guard::new(networks, Vec::new());
        guard.check("127.0.0.1".parse().unwrap()).unwrap();
        guard.check("fd00::5".parse().unwrap()).unwrap();
        for address in ["10.0.0.1", "::1", "::ffff:127.0.0.1", "fd00:1::5"] {
            guard.check(address.parse().unwrap()).unwrap_err();
        }
    }
}
