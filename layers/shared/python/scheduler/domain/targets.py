"""Where webhooks may lead: no further than to public addresses, so that nobody reaches through us what only we can."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

TLS_PORT = 443
HTTP_PORT = 80
LEAST_FREE_PORT = 1024
"""Ports below belong to other protocols."""
LARGEST_PORT = 65535
LONGEST_URL = 2000
LONGEST_HOST = 253

# One expression reads all of it: what two parsers read differently cannot be written. No user, no fragment, no escape
# in the host.
_URL = re.compile(
    r"(https?)://(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+))(?::([0-9]{1,5}))?"
    r"(?:[/?][A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?"
)
# The last label begins with a letter: 2130706433, 0x7f.1 and 127.0.0.01 are spellings of addresses, and no names.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)+[A-Za-z](?:[A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?")

# What `ipaddress` counts as global and is not for us.
_NOT_PUBLIC_V4 = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"))
_UNICAST_V6 = IPv6Network("2000::/3")
_NOT_PUBLIC_V6 = (IPv6Network("3fff::/20"),)
_NAT64 = IPv6Network("64:ff9b::/96")
_ISATAP, _ISATAP_MASK = 0x0000_5EFE, 0xFDFF_FFFF
"""What stands before the embedded address: 0:5efe or 200:5efe."""


class TargetRefused(Exception):
    """A webhook may not lead there. The text is for whoever registers it, and says nothing of what was resolved."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads: its host in lower case, an IPv6 address without brackets; whether any address will do."""

    host: str
    port: int
    is_exempt: bool


def target_of(url: str, exempt: Collection[str]) -> Target:
    """Read a URL strictly.

    Args:
        url: As it was registered.
        exempt: `host:port` of targets for which http, any port and any address will do.

    Raises:
        TargetRefused: No webhook may lead there, whatever its host resolves to.
    """
    read = _URL.fullmatch(url) if len(url) <= LONGEST_URL else None
    if read is None:
        raise TargetRefused("not an http(s) URL without user, password and fragment, of at most 2000 characters")
    scheme, long_address, name, port_text = read.groups()
    port = int(port_text or (TLS_PORT if scheme == "https" else HTTP_PORT))
    host = (long_address or name).lower()
    if (f"{host}:{port}" if name else f"[{host}]:{port}") in exempt:
        return Target(host, port, is_exempt=True)
    if scheme != "https":
        raise TargetRefused("only https is called")
    if port != TLS_PORT and not LEAST_FREE_PORT <= port <= LARGEST_PORT:
        raise TargetRefused("only port 443 and ports from 1024 are called")
    if not (_is_name(host) or _is_written(IPv4Address, host) if name else _is_written(IPv6Address, host)):
        raise TargetRefused("the host must be a full name, or an address as it is usually written")
    return Target(host, port, is_exempt=False)


def must_be_public(addresses: Collection[str]) -> None:
    """Let pass what a host resolved to when all of it is public: one that is not could be the one that is called.

    Raises:
        TargetRefused: There is no address, or one is not public.
    """
    if not addresses or not all(is_public(address) for address in addresses):
        raise TargetRefused("the host must resolve to public addresses only")


def is_public(address: str) -> bool:
    """Tell whether an address, and each IPv4 address that it embeds, belongs to the public internet."""
    try:
        known = ip_address(address)
    except ValueError:
        return False
    if isinstance(known, IPv4Address):
        return _is_public_v4(known)
    if known.ipv4_mapped is not None:
        return _is_public_v4(known.ipv4_mapped)
    if known in _NAT64:
        return _is_public_v4(_last_32_bits(known))
    return _is_public_v6(known)


def _is_public_v4(address: IPv4Address) -> bool:
    outside = address.is_multicast or address.is_reserved or not address.is_global
    return not outside and not any(address in network for network in _NOT_PUBLIC_V4)


def _is_public_v6(address: IPv6Address) -> bool:
    # 6to4 and Teredo, which embed an IPv4 address too, are not global.
    if address not in _UNICAST_V6 or not address.is_global or any(address in network for network in _NOT_PUBLIC_V6):
        return False
    is_isatap = int(address) >> 32 & _ISATAP_MASK == _ISATAP
    return not is_isatap or _is_public_v4(_last_32_bits(address))


def _last_32_bits(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & 0xFFFF_FFFF)


def _is_name(host: str) -> bool:
    return len(host) <= LONGEST_HOST and _NAME.fullmatch(host) is not None


def _is_written(kind: type[IPv4Address | IPv6Address], host: str) -> bool:
    try:
        kind(host)
    except ValueError:
        return False
    return True
