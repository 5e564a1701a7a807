from ipaddress import IPv4Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.sources.downloads.addresses import why_refused


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00::1"])
def test_public_addresses_are_connected_to(address):
    assert why_refused(address, []) is None


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("0.0.0.0", "unspecified"),
        ("10.0.0.1", "private"),
        ("172.16.0.1", "private"),
        ("172.31.255.255", "private"),
        ("192.168.1.1", "private"),
        ("100.64.0.1", "shared by customers of a provider"),
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("169.254.169.254", "link-local"),
        ("168.63.129.16", "a service of the cloud that this machine may run in"),
        ("192.0.0.9", "reserved"),
        ("192.88.99.1", "6to4"),
        ("198.18.0.1", "for benchmarks"),
        ("203.0.113.7", "for documentation"),
        ("224.0.0.1", "multicast"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "reserved"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("::10.0.0.1", "reserved"),
        ("::ffff:10.0.0.1", "an IPv4 address in an IPv6 one"),
        ("::ffff:8.8.8.8", "an IPv4 address in an IPv6 one"),
        ("64:ff9b::8.8.8.8", "an IPv4 address in an IPv6 one"),
        ("64:ff9b:1::1", "an IPv4 address in an IPv6 one"),
        ("2002:a00:1::", "6to4"),
        ("2001::1", "reserved"),
        ("2001:db8::1", "for documentation"),
        ("fc00::1", "private"),
        ("fd00:ec2::254", "private"),
        ("fe80::1%eth0", "link-local"),
        ("fec0::1", "site-local"),
        ("ff02::1", "multicast"),
        ("4000::1", "reserved"),
    ],
)
def test_other_addresses_are_not(address, what):
    assert why_refused(address, []) == what


@given(st.ip_addresses())
def test_nothing_that_python_calls_special_is_connected_to(address):
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_link_local:
        assert why_refused(str(address), []) is not None


def test_an_allowed_network_is_allowed_and_no_other():
    allowed = [ip_network("10.0.0.0/8")]
    assert why_refused("10.1.2.3", allowed) is None
    assert why_refused("192.168.0.1", allowed) == "private"
    assert why_refused("::1", allowed) == "loopback"


@given(st.ip_addresses(network="10.0.0.0/8").map(int))
def test_an_allowed_gateway_does_not_lead_into_private_networks(inner):
    allowed = [ip_network("64:ff9b::/96"), ip_network("::ffff:0:0/96"), ip_network("2002::/16")]
    for outer in (int(ip_address("64:ff9b::")) + inner, 0xFFFF00000000 + inner, (0x2002 << 112) + (inner << 80)):
        assert why_refused(str(ip_address(outer)), allowed) == "private"


def test_an_allowed_gateway_leads_to_the_internet():
    assert why_refused(f"64:ff9b::{IPv4Address('8.8.8.8')}", [ip_network("64:ff9b::/96")]) is None
