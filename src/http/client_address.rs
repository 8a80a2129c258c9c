//! Who is asking, as the key that limits are counted under.
//!
//! Forwarding headers count only when the peer is a trusted proxy, from the right, and only past further
//! trusted proxies: whatever a client writes itself lies to the left of the first address that is not ours.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use poem::Request;
use poem::http::HeaderMap;

/// The key of the client behind this request.
pub fn client_key(request: &Request, trusted: &[IpNet]) -> String {
    match request.remote_addr().as_socket_addr() {
        Some(peer) => key(client(peer.ip(), request.headers(), trusted)),
        None => "unknown".to_owned(),
    }
}

/// The key of whoever is at the other end of a connection; none for a trusted proxy, which is many clients.
pub fn peer_key(peer: IpAddr, trusted: &[IpNet]) -> Option<String> {
    let peer = peer.to_canonical();
    (!is_trusted(peer, trusted)).then(|| key(peer))
}

fn is_trusted(peer: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|net| net.contains(&peer))
}

/// One IPv6 /64 is one client: its owner can use all of it.
fn key(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

/// Two headers that disagree: one of them is the client's own, and nobody can tell which.
fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    let by = |name: &str, hop: fn(&str) -> Option<IpAddr>| {
        let lines = headers.get_all(name);
        lines.iter().next()?;
        let hops = lines.iter().flat_map(|line| line.to_str().unwrap_or_default().split(',')).map(hop);
        Some(walk(peer, hops.collect(), trusted))
    };
    match (by("x-forwarded-for", node), by("forwarded", forwarded_for)) {
        (Some(one), Some(other)) => {
            if one == other {
                one
            } else {
                peer
            }
        }
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => peer,
    }
}

/// From the peer leftwards for as long as the one who reported is trusted.
fn walk(peer: IpAddr, mut hops: Vec<Option<IpAddr>>, trusted: &[IpNet]) -> IpAddr {
    let mut current = peer;
    while is_trusted(current, trusted) {
        match hops.pop() {
            Some(Some(address)) => current = address,
            // Nothing further, or something unreadable: the last address that is certain.
            _ => break,
        }
    }
    current
}

/// `for=` of one element of `Forwarded` (RFC 7239 §4).
fn forwarded_for(element: &str) -> Option<IpAddr> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| node(value.trim().trim_matches('"')))?
    })
}

/// An address with or without a port, IPv6 in brackets or bare.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let address = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0.parse(),
        None => match text.rsplit_once(':') {
            Some((host, _port)) if !host.contains(':') => host.parse(),
            _ => text.parse(),
        },
    };
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key_of(peer: &str, headers: &[(&'static str, &str)]) -> String {
        let trusted: Vec<IpNet> = ["10.0.0.0/8", "fd00::/8"].iter().map(|net| net.parse().unwrap()).collect();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        key(client(peer.parse().unwrap(), &map, &trusted))
    }

    #[test]
    fn headers_of_an_untrusted_peer_do_not_count() {
        let headers = [("x-forwarded-for", "1.1.1.1"), ("forwarded", "for=1.1.1.1")];

        assert_eq!(key_of("203.0.113.9", &headers), "203.0.113.9");
    }

    #[test]
    fn the_walk_goes_from_the_right_past_trusted_proxies() {
        assert_eq!(
            key_of("10.0.0.1", &[("x-forwarded-for", "6.6.6.6, 198.51.100.7, 10.0.0.2")]),
            "198.51.100.7"
        );
        assert_eq!(
            key_of("10.0.0.1", &[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "198.51.100.7:443")]),
            "198.51.100.7"
        );
        assert_eq!(
            key_of("10.0.0.1", &[("forwarded", "for=6.6.6.6, For=\"198.51.100.7:80\";proto=https")]),
            "198.51.100.7"
        );
        assert_eq!(key_of("10.0.0.1", &[("x-forwarded-for", "10.0.0.3, 10.0.0.2")]), "10.0.0.3");
    }

    #[test]
    fn what_cannot_be_read_ends_the_walk_at_the_last_certain_address() {
        assert_eq!(key_of("10.0.0.1", &[("x-forwarded-for", "6.6.6.6, nonsense, 10.0.0.2")]), "10.0.0.2");
        assert_eq!(key_of("10.0.0.1", &[("forwarded", "for=_hidden")]), "10.0.0.1");
        assert_eq!(key_of("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn headers_that_disagree_leave_the_peer() {
        let headers = [("x-forwarded-for", "198.51.100.7"), ("forwarded", "for=6.6.6.6")];

        assert_eq!(key_of("10.0.0.1", &headers), "10.0.0.1");
    }

    #[test]
    fn a_64_network_is_one_client_and_a_mapped_address_is_its_ipv4_address() {
        assert_eq!(key_of("2001:db8:1:2:3:4:5:6", &[]), "2001:db8:1:2::/64");
        assert_eq!(key_of("2001:db8:1:2:ffff::1", &[]), "2001:db8:1:2::/64");
        assert_eq!(key_of("::ffff:203.0.113.9", &[]), "203.0.113.9");
        assert_eq!(key_of("::ffff:10.0.0.1", &[("x-forwarded-for", "[2001:db8::1]:443")]), "2001:db8::/64");
    }

    #[test]
    fn a_peer_counts_as_the_client_that_it_is_and_a_trusted_proxy_as_none() {
        let trusted: [IpNet; 1] = ["10.0.0.0/8".parse().unwrap()];
        let of = |peer: &str| peer_key(peer.parse().unwrap(), &trusted);

        assert_eq!(of("2001:db8:1:2:3:4:5:6").as_deref(), Some("2001:db8:1:2::/64"));
        assert_eq!(of("::ffff:203.0.113.9").as_deref(), Some("203.0.113.9"));
        assert_eq!((of("10.0.0.1"), of("::ffff:10.0.0.1")), (None, None));
    }

    proptest! {
        #[test]
        fn nothing_that_a_client_writes_moves_it_to_another_bucket(junk in "[ -~]{0,60}") {
            let forwarded = format!("for=\"{}\", for=198.51.100.7", junk.replace('"', ""));

            prop_assert_eq!(key_of("198.51.100.7", &[("x-forwarded-for", &junk)]), "198.51.100.7");
            let through_proxy = format!("{junk}, 198.51.100.7");
            prop_assert_eq!(key_of("10.0.0.1", &[("x-forwarded-for", &through_proxy)]), "198.51.100.7");
            prop_assert_eq!(key_of("10.0.0.1", &[("forwarded", &forwarded)]), "198.51.100.7");
        }
    }
}
