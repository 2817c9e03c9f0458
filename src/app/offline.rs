//! Whether this machine is offline; alerts about lost links are useless then.
//!
//! Offline means that no default route leaves the machine, for IPv4 or IPv6. Addresses prove nothing: a VPN, a bridge to
//! a virtual machine and a self-assigned 169.254 address stay while the network is gone.

/// Whether no default route leaves the machine. Counts as online where the routing table cannot be read.
#[cfg(target_os = "linux")]
pub(super) fn offline() -> bool {
    let v4 = std::fs::read_to_string("/proc/net/route").ok();
    let v6 = std::fs::read_to_string("/proc/net/ipv6_route").ok();
    v4.is_some_and(|v4| !proc::has_default(&v4, v6.as_deref().unwrap_or_default()))
}

/// Whether no default route leaves the machine. Counts as online where the routing table cannot be read.
#[cfg(target_os = "macos")]
pub(crate) fn offline() -> bool {
    kernel::dump().is_some_and(|dump| !rtsock::has_default(&dump, kernel::interface))
}

/// The routing tables of Linux as text: proc_pid_net(5) for IPv4; for IPv6 `rt6_info_route` in the kernel's net/ipv6/route.c.
#[cfg(any(target_os = "linux", test))]
mod proc {
    /// `RTF_UP` and `RTF_REJECT` of <linux/route.h>.
    const UP: u32 = 0x1;
    const REJECT: u32 = 0x200;

    /// Whether either table has a usable default route through anything but the loopback interface.
    pub(super) fn has_default(v4: &str, v6: &str) -> bool {
        v4.lines().skip(1).any(|line| is_v4_default(line).unwrap_or(false))
            || v6.lines().any(|line| is_v6_default(line).unwrap_or(false))
    }

    fn usable(flags: &str, interface: &str) -> Option<bool> {
        let flags = u32::from_str_radix(flags, 16).ok()?;
        Some(flags & UP != 0 && flags & REJECT == 0 && interface != "lo")
    }

    /// `Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT`, numbers in hexadecimal.
    fn is_v4_default(line: &str) -> Option<bool> {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let zero = |at: usize| fields.get(at).is_some_and(|f| f.bytes().all(|b| b == b'0'));
        Some(zero(1) && zero(7) && usable(fields.get(3)?, fields.first()?)?)
    }

    /// `destination length source length next-hop metric refcnt use flags interface`.
    fn is_v6_default(line: &str) -> Option<bool> {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let zero = |at: usize| fields.get(at).is_some_and(|f| f.bytes().all(|b| b == b'0'));
        Some(zero(0) && zero(1) && usable(fields.get(8)?, fields.get(9)?)?)
    }
}

/// The answer of `sysctl NET_RT_DUMP`: a sequence of `rt_msghdr`, each followed by its addresses (route(4); the layout is
/// that of xnu's bsd/net/route.h).
#[cfg(any(target_os = "macos", test))]
mod rtsock {
    const UP: u32 = 0x1;
    const GATEWAY: u32 = 0x2;
    const REJECT: u32 = 0x8;
    const BLACKHOLE: u32 = 0x1000;
    const VERSION: u8 = 5;
    /// `sizeof(struct rt_msghdr)`.
    const HEADER: usize = 92;
    /// Bits of `rtm_addrs`, which are also the order of the addresses.
    const ADDRESSES: u32 = 8;
    const DESTINATION: u32 = 0;
    const NETMASK: u32 = 2;
    const INET: u8 = 2;
    const INET6: u8 = 30;
    /// Interfaces that need another one to reach the network: tunnels and loopback. macOS keeps a scoped IPv6 default
    /// route on each of its own `utun`s, online or not; and while a VPN is up, the interface below it keeps its default
    /// route, scoped to that interface.
    const NOT_BY_THEMSELVES: [&str; 5] = ["lo", "utun", "ipsec", "gif", "stf"];

    /// Whether the dump holds a usable default route. `interface`: the name of an interface by its index.
    ///
    /// It has to lead through a gateway: an interface with only a self-assigned 169.254 address also gets a default
    /// route from macOS, to the link itself.
    pub(super) fn has_default(dump: &[u8], interface: impl Fn(u16) -> Option<String>) -> bool {
        messages(dump).any(|message| {
            let flags = u32_at(message, 8).unwrap_or(0);
            flags & (UP | GATEWAY) == UP | GATEWAY
                && flags & (REJECT | BLACKHOLE) == 0
                && is_default(message)
                && u16_at(message, 4).and_then(&interface).is_some_and(|name| leaves_by_itself(&name))
        })
    }

    fn leaves_by_itself(interface: &str) -> bool {
        let kind = interface.trim_end_matches(|c: char| c.is_ascii_digit());
        !NOT_BY_THEMSELVES.contains(&kind)
    }

    fn messages(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
        std::iter::from_fn(move || {
            let length = usize::from(u16_at(rest, 0)?);
            let message = rest.get(..length).filter(|m| m.len() >= HEADER && m[2] == VERSION)?;
            rest = &rest[length..];
            Some(message)
        })
    }

    /// The destination is the zero address, and the mask has no bit: `0/1`, with which some VPNs take all traffic, is not
    /// a default route.
    fn is_default(message: &[u8]) -> bool {
        let present = u32_at(message, 12).unwrap_or(0);
        let mut rest = &message[HEADER..];
        let (mut zero, mut all) = (false, present & (1 << NETMASK) != 0);
        for slot in (0..ADDRESSES).filter(|slot| present & (1 << slot) != 0) {
            let length = usize::from(rest.first().copied().unwrap_or(0));
            let Some(address) = rest.get(..length) else { return false };
            match slot {
                DESTINATION => {
                    zero = match address.get(1) {
                        Some(&INET) => address.iter().skip(4).take(4).all(|b| *b == 0),
                        Some(&INET6) => address.iter().skip(8).take(16).all(|b| *b == 0),
                        _ => false,
                    }
                }
                // a mask is cut after its last byte that is not zero; its family says nothing
                NETMASK => all = address.iter().skip(2).all(|b| *b == 0),
                _ => {}
            }
            // each is padded to four bytes; an empty one takes four
            rest = rest.get(length.max(1).next_multiple_of(4)..).unwrap_or_default();
        }
        zero && all
    }

    fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
        Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
    }

    fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
        Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
    }
}

#[cfg(target_os = "macos")]
mod kernel {
    use std::ffi::CStr;
    use std::ptr::null_mut;

    /// Largest routing table that is read, in bytes; one with all routes of the Internet is smaller.
    const LARGEST: usize = 64 * 1024 * 1024;

    /// The routing tables of all families: sysctl(3), `CTL_NET`, `PF_ROUTE`, `NET_RT_DUMP`.
    pub(crate) fn dump() -> Option<Vec<u8>> {
        let mut name = [libc::CTL_NET, libc::PF_ROUTE, 0, 0, libc::NET_RT_DUMP, 0];
        let words = name.len() as u32;
        let mut length = 0_usize;
        // SAFETY: without a buffer, sysctl only writes the length that one needs.
        let asked =
            unsafe { libc::sysctl(name.as_mut_ptr(), words, null_mut(), &raw mut length, null_mut(), 0) };
        // routes may come between the two calls
        length = length.saturating_add(length / 4 + 4_096);
        if asked != 0 || length > LARGEST {
            return None;
        }
        let mut dump = vec![0_u8; length];
        // SAFETY: the buffer has the given length; sysctl writes no more and sets the length to what it wrote.
        let read = unsafe {
            libc::sysctl(name.as_mut_ptr(), words, dump.as_mut_ptr().cast(), &raw mut length, null_mut(), 0)
        };
        dump.truncate(length);
        (read == 0).then_some(dump)
    }

    /// The name of an interface by its index: if_indextoname(3).
    pub(crate) fn interface(index: u16) -> Option<String> {
        let mut name = [0; libc::IF_NAMESIZE];
        // SAFETY: the buffer has IF_NAMESIZE bytes, as the call wants.
        let found = unsafe { libc::if_indextoname(u32::from(index), name.as_mut_ptr()) };
        if found.is_null() {
            return None;
        }
        // SAFETY: where the call succeeds it wrote a terminated string into the buffer.
        Some(unsafe { CStr::from_ptr(name.as_ptr()) }.to_string_lossy().into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::{proc, rtsock};

    const HEAD: &str = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n";

    #[test]
    fn only_a_default_route_means_online_on_linux() {
        let zero = "0".repeat(32);
        let eth = "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n";
        let docker = "docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
        let link_local = "eth0\t0000FEA9\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
        let half = "tun0\t00000000\t0108000A\t0003\t0\t0\t0\t00000080\t0\t0\t0\n";
        let unreachable = "*\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0\n";
        let v6 = format!("{zero} 00 {zero} 00 fe80{} 00000400 0 0 00000003 eth0\n", "0".repeat(28));
        let v6_lo = format!("{zero} 00 {zero} 00 {zero} ffffffff 1 0 00200200 lo\n");
        for (what, v4, v6, online) in [
            ("a router", eth, "", true),
            ("IPv6 only", "", v6.as_str(), true),
            ("the kernel's own IPv6 entry", "", v6_lo.as_str(), false),
            ("a bridge to containers", docker, "", false),
            ("a self-assigned address", link_local, "", false),
            ("half of a VPN", half, "", false),
            ("an unreachable default", unreachable, "", false),
            ("nothing", "", "", false),
            ("no table at all", "", "rubbish\n\n 00", false),
        ] {
            assert_eq!(proc::has_default(&format!("{HEAD}{v4}"), v6), online, "{what}");
        }
    }

    /// One route as the kernel writes it: header, then destination, gateway and mask.
    fn route(flags: u32, index: u16, destination: &[u8], gateway: &[u8], mask: Option<&[u8]>) -> Vec<u8> {
        let mut out = vec![0; 92];
        out[2] = 5;
        out[3] = 4;
        out[4..6].copy_from_slice(&index.to_ne_bytes());
        out[8..12].copy_from_slice(&flags.to_ne_bytes());
        let present: u32 = if mask.is_some() { 0b111 } else { 0b11 };
        out[12..16].copy_from_slice(&present.to_ne_bytes());
        for address in [destination, gateway].into_iter().chain(mask) {
            out.extend_from_slice(address);
            let padding = address.len().max(1).next_multiple_of(4) - address.len();
            out.extend(std::iter::repeat_n(0, padding));
        }
        let length = (out.len() as u16).to_ne_bytes();
        out[..2].copy_from_slice(&length);
        out
    }

    fn v4(last: [u8; 4]) -> Vec<u8> {
        let mut address = vec![16, 2, 0, 0];
        address.extend(last);
        address.extend([0; 8]);
        address
    }

    fn v6(first: u8) -> Vec<u8> {
        let mut address = vec![0; 28];
        (address[0], address[1], address[8]) = (28, 30, first);
        address
    }

    const UGSC: u32 = 0x1 | 0x2 | 0x800 | 0x100;
    const SCOPED: u32 = 0x0100_0000;

    /// The tables are those of `netstat -rn` on Macs.
    #[test]
    fn only_a_default_route_through_a_gateway_means_online_on_macos() {
        let names = |index| {
            ["lo0", "en0", "utun3", "bridge100", "ppp0", "ipsec0"]
                .get(usize::from(index))
                .map(|n| (*n).to_owned())
        };
        let (any, any6) = (v4([0; 4]), v6(0));
        let (router, router6) = (v4([192, 168, 1, 1]), v6(0xfe));
        let link = [20, 18, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let wifi = route(UGSC, 1, &any, &router, Some(&[]));
        let ipv6_only = route(UGSC, 1, &any6, &router6, Some(&[]));
        let own_tunnels = route(UGSC | SCOPED, 2, &any6, &router6, Some(&[]));
        let vpn = route(UGSC & !0x2, 2, &any, &link, Some(&[]));
        let below_vpn = route(UGSC | SCOPED, 1, &any, &router, Some(&[]));
        let half = route(UGSC, 2, &any, &v4([10, 8, 0, 1]), Some(&[5, 0, 0, 0, 0x80]));
        let virtual_machine =
            route(0x101, 3, &v4([192, 168, 64, 0]), &link, Some(&[7, 0, 0, 0, 255, 255, 255]));
        let self_assigned = route(0x901, 1, &any, &link, Some(&[]));
        let host = route(UGSC | 0x4, 1, &any, &router, None);
        let rejected = route(UGSC | 0x8, 1, &any, &router, Some(&[]));
        let modem = route(UGSC, 4, &any, &v4([10, 64, 64, 64]), Some(&[]));
        let gone = route(UGSC, 9, &any, &router, Some(&[]));
        let no_zero_bit = route(UGSC, 1, &any, &router, Some(&[8, 0, 0, 0, 0, 0, 0, 0]));
        let all: [(&str, Vec<&[u8]>, bool); 13] = [
            ("Wi-Fi", vec![&wifi], true),
            ("IPv6 only", vec![&ipv6_only, &own_tunnels], true),
            ("only the tunnels of macOS itself", vec![&own_tunnels], false),
            ("a VPN over Wi-Fi", vec![&vpn, &below_vpn], true),
            ("a VPN whose Wi-Fi is gone", vec![&vpn, &half], false),
            ("a bridge to a virtual machine", vec![&virtual_machine], false),
            ("a self-assigned address", vec![&self_assigned], false),
            ("a host route", vec![&host], false),
            ("a rejected default", vec![&rejected], false),
            ("a modem", vec![&virtual_machine, &modem], true),
            ("an interface that is gone", vec![&gone], false),
            ("a mask that is written out", vec![&no_zero_bit], true),
            ("an empty table", vec![], false),
        ];
        for (what, routes, online) in all {
            assert_eq!(rtsock::has_default(&routes.concat(), names), online, "{what}");
        }
    }

    #[test]
    fn a_cut_dump_is_read_as_far_as_it_goes() {
        let names = |_| Some("en0".to_owned());
        let dump = route(UGSC, 1, &v4([0; 4]), &v4([10, 0, 0, 1]), Some(&[]));
        for length in 0..dump.len() {
            let cut = &dump[..length];
            assert!(!rtsock::has_default(cut, names), "{length}");
            let mut wrong = dump.clone();
            wrong[length] = 255;
            let _no_panic = rtsock::has_default(&wrong, names);
        }
    }
}
