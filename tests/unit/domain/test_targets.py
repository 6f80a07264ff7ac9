"""Where webhooks may lead: URLs read strictly, and addresses of the public internet only."""

import pytest

from scheduler.domain.targets import LONGEST_URL, Target, TargetRefused, is_public, must_be_public, target_of

PUBLIC = "93.184.216.34"


def refusal(url):
    with pytest.raises(TargetRefused) as refused:
        target_of(url, ())
    return str(refused.value)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        pytest.param("https://hooks.example.com", Target("hooks.example.com", 443, False), id="a name"),
        pytest.param("https://Hooks.Example.COM/A?b=C", Target("hooks.example.com", 443, False), id="capitals"),
        pytest.param("https://h.example:8443/", Target("h.example", 8443, False), id="a port"),
        pytest.param("https://h.example:1024/", Target("h.example", 1024, False), id="the lowest free port"),
        pytest.param("https://h.example:65535/", Target("h.example", 65535, False), id="the highest port"),
        pytest.param("https://h.example:443/", Target("h.example", 443, False), id="the usual port, spelt out"),
        pytest.param("https://xn--bcher-kva.example/x", Target("xn--bcher-kva.example", 443, False), id="punycode"),
        pytest.param("https://a.xn--p1ai/", Target("a.xn--p1ai", 443, False), id="a top level in punycode"),
        pytest.param("https://1.2.3.example/", Target("1.2.3.example", 443, False), id="numbers in a name"),
        pytest.param(f"https://{PUBLIC}/", Target(PUBLIC, 443, False), id="an address"),
        pytest.param("https://[2606:4700::1]:8443/", Target("2606:4700::1", 8443, False), id="a long address"),
        pytest.param("https://h.example/%2e%2e/@x", Target("h.example", 443, False), id="a path with odd characters"),
        pytest.param("https://h.example?x=1", Target("h.example", 443, False), id="a query alone"),
        pytest.param(
            "https://10.0.0.7/", Target("10.0.0.7", 443, False), id="a private one: told when it is looked up"
        ),
    ],
)
def test_a_url_leads_to_a_host_and_a_port(url, target):
    assert target_of(url, ()) == target


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("", id="nothing"),
        pytest.param("hooks.example.com", id="no scheme"),
        pytest.param("//hooks.example.com/", id="no scheme but slashes"),
        pytest.param("ftp://h.example/", id="another scheme"),
        pytest.param("file:///etc/passwd", id="a file"),
        pytest.param("gopher://h.example/", id="an old scheme"),
        pytest.param("https:///x", id="no host"),
        pytest.param("https://u@h.example/", id="a user"),
        pytest.param("https://u:p@h.example/", id="a user with her password"),
        pytest.param("https://h.example:443@evil.example/", id="a user that looks like a host"),
        pytest.param("https://h.example/#x", id="a fragment"),
        pytest.param("https://h.example#@evil.example/", id="a fragment that hides a host"),
        pytest.param("https://h.example\\@evil.example/", id="a backslash"),
        pytest.param("https://h.exam ple/", id="a space"),
        pytest.param("https://h.example/a b", id="a space in the path"),
        pytest.param("https://h.example/\n", id="a new line"),
        pytest.param("https://h.example/\r\nHost: x", id="a header"),
        pytest.param("https://h.example/ü", id="beyond ASCII in the path"),
        pytest.param("https://bücher.example/", id="beyond ASCII in the host"),
        pytest.param("https://h。example/", id="a full stop that only looks like one"),
        pytest.param("https://①②⑦.0.0.1/", id="digits in circles"),
        pytest.param("https://h%2eexample/", id="an escape in the host"),
        pytest.param("https://h.example:/", id="an empty port"),
        pytest.param("https://h.example:0x1bb/", id="a port that is no number"),
        pytest.param("https://h.example:-1/", id="a negative port"),
        pytest.param("https://[fe80::1%25eth0]/", id="a zone"),
        pytest.param("https://h.example/" + "x" * LONGEST_URL, id="too long"),
    ],
)
def test_what_two_readers_could_read_differently_is_no_url(url):
    assert refusal(url) == "not an http(s) URL without user, password and fragment, of at most 2000 characters"


@pytest.mark.parametrize(
    "host",
    [
        pytest.param("2130706433", id="one number"),
        pytest.param("0x7f000001", id="one hexadecimal number"),
        pytest.param("017700000001", id="one octal number"),
        pytest.param("127.1", id="two numbers"),
        pytest.param("127.0.1", id="three numbers"),
        pytest.param("0177.0.0.1", id="an octal part"),
        pytest.param("0x7f.0.0.1", id="a hexadecimal part"),
        pytest.param("127.0.0.0x1", id="a hexadecimal end"),
        pytest.param("a.b.0x1", id="a name with a hexadecimal end"),
        pytest.param("127.0.0.01", id="a leading zero"),
        pytest.param("127.0.0.1.", id="an address with a trailing dot"),
        pytest.param("h.example.", id="a name with a trailing dot"),
        pytest.param(".h.example", id="a leading dot"),
        pytest.param("h..example", id="an empty label"),
        pytest.param("localhost", id="a name without a dot"),
        pytest.param("-h.example", id="a leading hyphen"),
        pytest.param("h-.example", id="a hyphen before a dot"),
        pytest.param("h.example-", id="a trailing hyphen"),
        pytest.param("h.1example", id="a top level that begins with a digit"),
        pytest.param("256.1.1.1", id="a number too large"),
        pytest.param("[127.0.0.1]", id="a short address in brackets"),
        pytest.param("[::1", id="one bracket"),
        pytest.param("[1:2]", id="half a long address"),
        pytest.param("a" * 64 + ".example", id="a label too long"),
        pytest.param("a." * 127 + "example", id="a name too long"),
    ],
)
def test_a_host_is_a_full_name_or_an_address_as_it_is_usually_written(host):
    assert refusal(f"https://{host}/") in {
        "the host must be a full name, or an address as it is usually written",
        "not an http(s) URL without user, password and fragment, of at most 2000 characters",
    }


def test_a_host_that_can_be_read_and_is_none_is_told_as_such():
    assert refusal("https://localhost/") == "the host must be a full name, or an address as it is usually written"


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("https://h.example/" + "x" * (LONGEST_URL - 18), id="a URL"),
        pytest.param("https://" + "a." * 123 + "example/", id="a host"),
        pytest.param("https://" + "a" * 63 + ".example/", id="a label"),
        pytest.param("https://h." + "a" * 63 + "/", id="a top level"),
    ],
)
def test_the_longest_is_not_too_long(url):
    assert target_of(url, ()).port == 443
    with pytest.raises(TargetRefused):
        target_of(url.replace("a", "aa", 1) if "example/x" not in url else url + "x", ())


@pytest.mark.parametrize("port", [0, 1, 22, 25, 80, 442, 444, 1023, 65536, 99999])
def test_ports_of_other_protocols_are_not_called(port):
    assert refusal(f"https://h.example:{port}/") == "only port 443 and ports from 1024 are called"


def test_only_https_is_called():
    assert refusal("http://h.example/") == "only https is called"
    assert refusal("http://h.example:443/") == "only https is called"


@pytest.mark.parametrize(
    ("url", "exempt", "target"),
    [
        ("http://127.0.0.1:8080/x", "127.0.0.1:8080", Target("127.0.0.1", 8080, True)),
        ("https://127.0.0.1:8080/x", "127.0.0.1:8080", Target("127.0.0.1", 8080, True)),
        ("http://LOCALHOST/x", "localhost:80", Target("localhost", 80, True)),
        ("https://localhost/x", "localhost:443", Target("localhost", 443, True)),
        ("http://[::1]:99/x", "[::1]:99", Target("::1", 99, True)),
    ],
)
def test_an_exempt_target_is_called_whatever_it_is(url, exempt, target):
    assert target_of(url, {exempt}) == target


@pytest.mark.parametrize("url", ["http://127.0.0.1:8081/", "http://127.0.0.2:8080/", "http://u@127.0.0.1:8080/"])
def test_what_is_beside_an_exempt_target_is_not_exempt(url):
    with pytest.raises(TargetRefused):
        target_of(url, {"127.0.0.1:8080"})


@pytest.mark.parametrize(
    "address",
    [
        PUBLIC,
        "1.1.1.1",
        "100.63.255.255",
        "172.32.0.1",
        "223.255.255.254",
        "2606:4700::1111",
        "2a00:1450:4001::1",
        "::ffff:1.1.1.1",
        "64:ff9b::101:101",
        "2606:4700::5efe:101:101",
    ],
)
def test_what_belongs_to_the_internet_is_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("127.0.0.1", id="this machine"),
        pytest.param("127.255.255.254", id="this machine, elsewhere"),
        pytest.param("0.0.0.0", id="any address"),
        pytest.param("0.1.2.3", id="this network"),
        pytest.param("10.0.0.1", id="private, class A"),
        pytest.param("172.16.0.1", id="private, class B"),
        pytest.param("172.31.255.255", id="the last private of class B"),
        pytest.param("192.168.1.1", id="private, class C"),
        pytest.param("169.254.169.254", id="the metadata of a machine"),
        pytest.param("169.254.170.2", id="the credentials of a container"),
        pytest.param("100.64.0.1", id="behind a carrier"),
        pytest.param("100.127.255.255", id="the last behind a carrier"),
        pytest.param("192.0.0.9", id="protocol assignments"),
        pytest.param("192.0.2.1", id="documentation"),
        pytest.param("198.18.0.1", id="benchmarks"),
        pytest.param("198.51.100.1", id="more documentation"),
        pytest.param("203.0.113.1", id="yet more documentation"),
        pytest.param("192.88.99.1", id="a relay of 6to4"),
        pytest.param("224.0.0.1", id="many machines"),
        pytest.param("239.255.255.255", id="the last of many"),
        pytest.param("240.0.0.1", id="the future"),
        pytest.param("255.255.255.255", id="everybody"),
        pytest.param("::1", id="this machine, long"),
        pytest.param("::", id="any address, long"),
        pytest.param("::ffff:127.0.0.1", id="this machine, mapped"),
        pytest.param("::ffff:169.254.169.254", id="metadata, mapped"),
        pytest.param("::ffff:224.0.0.1", id="many machines, mapped"),
        pytest.param("::7f00:1", id="this machine, compatible"),
        pytest.param("::127.0.0.1", id="this machine, compatible, in dots"),
        pytest.param("::ffff:0:7f00:1", id="this machine, translated"),
        pytest.param("64:ff9b::7f00:1", id="this machine behind NAT64"),
        pytest.param("64:ff9b::a9fe:a9fe", id="metadata behind NAT64"),
        pytest.param("64:ff9b:1::1", id="local NAT64"),
        pytest.param("2002:7f00:1::", id="this machine by 6to4"),
        pytest.param("2002:a00:1::1", id="private by 6to4"),
        pytest.param("2002:101:101::1", id="6to4 at all"),
        pytest.param("2001:0:7f00:1::1", id="Teredo by this machine"),
        pytest.param("2001:0:101:101:0:0:80ff:fffe", id="this machine behind Teredo"),
        pytest.param("2606:4700::5efe:7f00:1", id="this machine by ISATAP"),
        pytest.param("2606:4700::200:5efe:a00:1", id="private by ISATAP, globally unique"),
        pytest.param("fc00::1", id="private, long"),
        pytest.param("fd00:ec2::254", id="the metadata of a machine, long"),
        pytest.param("fe80::1", id="this link"),
        pytest.param("fe80::1%eth0", id="this link, with its zone"),
        pytest.param("fec0::1", id="this site"),
        pytest.param("ff02::1", id="many machines, long"),
        pytest.param("ff0e::1", id="many machines, everywhere"),
        pytest.param("2001:db8::1", id="documentation, long"),
        pytest.param("3fff::1", id="documentation, new"),
        pytest.param("3fff:fff:ffff::1", id="the last of documentation"),
        pytest.param("100::1", id="nowhere"),
        pytest.param("5f00::1", id="segments"),
        pytest.param("4000::1", id="not given out"),
        pytest.param("", id="nothing"),
        pytest.param("h.example", id="a name"),
    ],
)
def test_nothing_else_is_public(address):
    assert not is_public(address)


def test_one_address_that_is_not_public_spoils_all():
    must_be_public([PUBLIC, "1.1.1.1"])
    for addresses in ([], ["10.0.0.1"], [PUBLIC, "10.0.0.1"], ["::1", PUBLIC]):
        with pytest.raises(TargetRefused, match=r"^the host must resolve to public addresses only$"):
            must_be_public(addresses)
