"""Addresses of web pages and of network gear."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from sync.fields import Bad, Example
from sync.types.text import quoted
from sync.types.value import LineType
from sync.words import later, say

_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_HOST = re.compile(r"[^\s/?#@\\<>\"'`{}|^%:]+|[0-9a-f:.]+", re.IGNORECASE)
_IN_URLS = re.compile(r"[^\s<>\"\\\x00-\x20]+")


class UrlType(LineType):
    """The address of a web page, as typed; only the scheme is put in lower case."""

    key = "url"
    label = later("URL")
    width = 30
    hint = later("A web address, such as https://www.example.com")
    examples = (
        Example(
            "https://www.example.com/a?b=c#d", "https://www.example.com/a?b=c#d", "https://www.example.com/a?b=c#d"
        ),
        Example(" HTTP://Example.com:8080 ", "http://Example.com:8080", "http://Example.com:8080"),
        Example("http://[::1]/", "http://[::1]/", "http://[::1]/"),
        Example(None, None, None),
        Example(
            "www.example.com",
            Bad("'www.example.com' is no web address. Write it as https://www.example.com."),
            None,
        ),
        Example(
            "javascript:alert(1)",
            Bad("'javascript:alert(1)' is no web address. Write it as https://www.example.com."),
            None,
        ),
        Example("https://", Bad("'https://' is no web address. Write it as https://www.example.com."), None),
    )

    def spell(self, text: str) -> str | Bad:
        """Return the address with its scheme in lower case."""
        scheme = _SCHEME.match(text)
        if scheme and _IN_URLS.fullmatch(text) and _has_host(text):
            return scheme[0].lower() + text[scheme.end() :]
        return Bad(say("%(value)s is no web address. Write it as https://www.example.com.", value=quoted(text)))

    def key_of(self, value: str) -> str:
        """Return the address: letter case tells pages apart."""
        return value


def _has_host(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return bool(_HOST.fullmatch(parts.hostname or "")) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


class IpType(LineType):
    """An IP address, version 4 or 6, in its shortest spelling."""

    key = "ip"
    label = later("IP address")
    hint = later("An IP address, such as 192.0.2.10 or 2001:db8::1")
    examples = (
        Example("192.0.2.10", "192.0.2.10", "192.0.2.10"),
        Example(" 2001:0DB8:0:0:0:0:0:1 ", "2001:db8::1", "2001:db8::1"),
        Example("", None, None),
        Example("192.0.2.256", Bad("'192.0.2.256' is no IP address. Write it as 192.0.2.10 or 2001:db8::1."), None),
        Example("192.0.2.010", Bad("'192.0.2.010' is no IP address. Write it as 192.0.2.10 or 2001:db8::1."), None),
        Example("10.0.0.0/8", Bad("'10.0.0.0/8' is no IP address. Write it as 192.0.2.10 or 2001:db8::1."), None),
        Example("fe80::1%eth0", Bad("'fe80::1%eth0' is no IP address. Write it as 192.0.2.10 or 2001:db8::1."), None),
    )

    def spell(self, text: str) -> str | Bad:
        """Return the shortest spelling; a zone is refused, because it means something on one machine only."""
        try:
            if "%" not in text:
                return str(ipaddress.ip_address(text))
        except ValueError:
            pass
        return Bad(say("%(value)s is no IP address. Write it as 192.0.2.10 or 2001:db8::1.", value=quoted(text)))


_PAIR = "[0-9a-f]{2}"
_FOUR = "[0-9a-f]{4}"
_MAC = re.compile(
    rf"{_PAIR}(?:([:-]){_PAIR})(?:\1{_PAIR}){{4}}|{_FOUR}([.:-]){_FOUR}\2{_FOUR}|(?:{_PAIR}){{6}}",
    re.IGNORECASE,
)


class MacType(LineType):
    """A hardware address, in lower case, with colons."""

    key = "mac"
    label = later("MAC address")
    hint = later("A MAC address, such as 00:1a:2b:3c:4d:5e")
    examples = (
        Example("00:1A:2B:3C:4D:5E", "00:1a:2b:3c:4d:5e", "00:1a:2b:3c:4d:5e"),
        Example("00-1a-2b-3c-4d-5e", "00:1a:2b:3c:4d:5e", "00:1a:2b:3c:4d:5e"),
        Example("001a.2b3c.4d5e", "00:1a:2b:3c:4d:5e", "00:1a:2b:3c:4d:5e"),
        Example("001A2B3C4D5E", "00:1a:2b:3c:4d:5e", "00:1a:2b:3c:4d:5e"),
        Example("", None, None),
        Example("00:1a:2b", Bad("'00:1a:2b' is no MAC address. Write it as 00:1a:2b:3c:4d:5e."), None),
        Example(
            "00:1a-2b:3c:4d:5e",
            Bad("'00:1a-2b:3c:4d:5e' is no MAC address. Write it as 00:1a:2b:3c:4d:5e."),
            None,
        ),
    )

    def spell(self, text: str) -> str | Bad:
        """Return the address in lower case, with colons."""
        if not _MAC.fullmatch(text):
            return Bad(say("%(value)s is no MAC address. Write it as 00:1a:2b:3c:4d:5e.", value=quoted(text)))
        digits = re.sub(r"[^0-9a-f]", "", text.lower())
        return ":".join(digits[place : place + 2] for place in range(0, len(digits), 2))

    def looks_like(self, text: str) -> bool:
        """Tell whether a text is a hardware address; bare digits and letters may be any code."""
        return not text.isalnum() and super().looks_like(text)
