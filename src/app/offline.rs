//! Whether this machine has any network: alerts about a link that cannot be there help nobody.

/// Whether no interface but the loopback one leads anywhere. Where that cannot be told, the machine counts as online.
#[cfg(target_os = "linux")]
pub fn offline() -> bool {
    // proc_net(5): IPv4 routes with hexadecimal destinations, 00000000 the default; IPv6 ones with the interface last.
    let v4 = std::fs::read_to_string("/proc/net/route").ok();
    let v6 = std::fs::read_to_string("/proc/net/ipv6_route").ok();
    no_route(v4.as_deref(), v6.as_deref())
}

/// Whether neither table holds a route that leaves the machine.
#[cfg(any(target_os = "linux", test))]
fn no_route(v4: Option<&str>, v6: Option<&str>) -> bool {
    let Some(v4) = v4 else { return false };
    let by_v4 = v4.lines().skip(1).any(|line| !line.trim().is_empty() && !line.starts_with("lo"));
    let by_v6 = v6.unwrap_or_default().lines().any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        matches!(fields.as_slice(), [destination, length, .., interface]
            if *interface != "lo" && *length == "00" && destination.bytes().all(|b| b == b'0'))
    });
    !by_v4 && !by_v6
}

/// Whether no interface but the loopback one is up with an address: getifaddrs(3), `IFF_UP`, `IFF_RUNNING`.
#[cfg(target_os = "macos")]
pub fn offline() -> bool {
    let mut list: *mut libc::ifaddrs = std::ptr::null_mut();
    // SAFETY: getifaddrs fills the pointer with a list of its own, or fails.
    if unsafe { libc::getifaddrs(&raw mut list) } != 0 {
        return false;
    }
    let mut online = false;
    let mut next = list;
    while !next.is_null() {
        // SAFETY: every element of the list is valid until freeifaddrs, its address may be null.
        let (flags, family) = unsafe {
            let entry = &*next;
            let family = if entry.ifa_addr.is_null() { 0 } else { i32::from((*entry.ifa_addr).sa_family) };
            next = entry.ifa_next;
            (entry.ifa_flags.cast_signed(), family)
        };
        let up =
            flags & libc::IFF_UP != 0 && flags & libc::IFF_RUNNING != 0 && flags & libc::IFF_LOOPBACK == 0;
        // IPv6 alone does not count: macOS gives link-local addresses to interfaces that lead nowhere.
        online |= up && family == libc::AF_INET;
    }
    // SAFETY: the list came from getifaddrs and is freed once.
    unsafe { libc::freeifaddrs(list) };
    !online
}

#[cfg(test)]
mod tests {
    use super::no_route;

    #[test]
    fn a_route_that_leaves_the_machine_means_online() {
        let head = "Iface\tDestination\tGateway\n";
        let eth = format!("{head}eth0\t00000000\t010200C0\t0003\n");
        let zero = "0".repeat(32);
        let v6_default = format!("{zero} 00 {zero} 00 fe80 00000400 0 0 00000003 eth0\n");
        let v6_lo = format!("{zero} 00 {zero} 00 {zero} ffffffff 0 0 00200200 lo\n");
        for (v4, v6, offline) in [
            (Some(eth.as_str()), None, false),
            (Some(head), Some(v6_default.as_str()), false),
            (Some(head), Some(v6_lo.as_str()), true),
            (Some(head), None, true),
            (None, None, false),
        ] {
            assert_eq!(no_route(v4, v6), offline, "{v4:?} {v6:?}");
        }
    }
}
