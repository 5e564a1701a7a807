"""Which IP addresses may be connected to: those of the public internet, and networks that the user names.

Sources: the IANA registries of special-purpose IPv4 and IPv6 addresses (RFC 6890 and what updates it). They are written
down here because what `ipaddress` calls private differs between the releases of Python that we run on.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

_REFUSED_IPV4 = {
    "0.0.0.0/8": "unspecified",
    "10.0.0.0/8": "private",
    "100.64.0.0/10": "shared by customers of a provider",
    "127.0.0.0/8": "loopback",
    "168.63.129.16/32": "a service of the cloud that this machine may run in",
    "169.254.0.0/16": "link-local",
    "172.16.0.0/12": "private",
    "192.0.0.0/24": "reserved",
    "192.0.2.0/24": "for documentation",
    "192.88.99.0/24": "6to4",
    "192.168.0.0/16": "private",
    "198.18.0.0/15": "for benchmarks",
    "198.51.100.0/24": "for documentation",
    "203.0.113.0/24": "for documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved",
}
_REFUSED_IPV6 = {
    "::/128": "unspecified",
    "::1/128": "loopback",
    "::ffff:0:0/96": "an IPv4 address in an IPv6 one",
    "64:ff9b::/96": "an IPv4 address in an IPv6 one",
    "64:ff9b:1::/48": "an IPv4 address in an IPv6 one",
    "2001::/23": "reserved",
    "2001:db8::/32": "for documentation",
    "2002::/16": "6to4",
    "3fff::/20": "for documentation",
    "fc00::/7": "private",
    "fe80::/10": "link-local",
    "fec0::/10": "site-local",
    "ff00::/8": "multicast",
}
_REFUSED: dict[int, list[tuple[IPNetwork, str]]] = {
    4: [(IPv4Network(network), what) for network, what in _REFUSED_IPV4.items()],
    6: [(IPv6Network(network), what) for network, what in _REFUSED_IPV6.items()],
}
_GLOBAL_IPV6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")


def why_refused(address: str, allowed: Sequence[IPNetwork]) -> str | None:
    """What is not public about an address, e.g. `loopback`; None where it may be connected to.

    An IPv6 address that holds an IPv4 address needs both to be allowed. Raises ValueError for what is no IP address.
    """
    parsed = ip_address(address)
    what = _special(parsed)
    if what is not None and any(parsed in network for network in allowed if network.version == parsed.version):
        what = None
    inner = _inner(parsed)
    if what is None and inner is not None:
        return why_refused(str(inner), allowed)
    return what


def _special(address: IPAddress) -> str | None:
    for network, what in _REFUSED[address.version]:
        if address in network:
            return what
    if isinstance(address, IPv6Address) and address not in _GLOBAL_IPV6:
        return "reserved"
    # Whatever Python knows beyond our own list.
    return None if address.is_global and not address.is_multicast else "not public"


def _inner(address: IPAddress) -> IPv4Address | None:
    """The IPv4 address that a gateway would connect to."""
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
