//! Fuzz target: no address that leads into a network of one's own is open to upstreams, however it is written.

use std::net::{IpAddr, Ipv4Addr};

use super::Guard;

#[test]
fn address() {
    let guard = Guard::default();
    fuzz::target!("address", |input| {
        let Ok(text) = std::str::from_utf8(input) else { return false };
        let Ok(address) = text.parse::<IpAddr>() else { return false };
        let open = guard.check(address).is_ok();
        assert!(!open || is_public(address), "{address} is open");
        assert!(guard.check_plain(address).is_err() || address.is_loopback(), "{address} needs no TLS");
        true
    });
}

/// As the standard library has it, for the kinds that it knows.
fn is_public(address: IpAddr) -> bool {
    let v4 = |address: Ipv4Addr| {
        !(address.is_private()
            || address.is_loopback()
            || address.is_link_local()
            || address.is_multicast()
            || address.is_broadcast()
            || address.is_documentation()
            || address.is_unspecified())
    };
    match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => {
            // Those that hold an IPv4 address are closed whatever it is.
            let [first, second, ..] = address.segments();
            let holds_v4 =
                address.to_ipv4().is_some() || first == 0x2002 || (first, second) == (0x64, 0xff9b);
            !holds_v4
                && !address.is_loopback()
                && !address.is_multicast()
                && !address.is_unicast_link_local()
                && !address.is_unique_local()
                && (0x2000..0x4000).contains(&first)
        }
    }
}
