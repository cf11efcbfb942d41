"""One key to compare URLs by, one absolute form to publish."""

from __future__ import annotations

import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.urls import (
    MAX_URL_CHARS,
    absolute_url,
    canonical_url,
    host_bucket,
    is_plain_url,
    is_root_url,
    url_path,
)

ROOT = "https://example.com"

SAME = [
    ("the scheme", "http://example.com/a", "https://example.com/a"),
    ("the case of scheme and host", "HTTP://EXAMPLE.com/a", "http://example.com/a"),
    ("www", "http://www.example.com/a", "http://example.com/a"),
    ("the mobile host", "https://m.example.com/a", "https://www.example.com/a"),
    ("the AMP host", "https://amp.example.com/a", "https://example.com/a"),
    ("two prefixes at once", "https://www.m.example.com/a", "https://example.com/a"),
    ("default ports", "http://example.com:80/a", "https://example.com:443/a"),
    ("an empty port", "http://example.com:/a", "http://example.com/a"),
    ("a port with zeros before it", "http://example.com:0080/a", "http://example.com/a"),
    ("the dot of a full host name", "http://example.com./a", "http://example.com/a"),
    ("a user name and password", "http://me:secret@example.com/a", "http://example.com/a"),
    ("fragments", "http://example.com/a#comments", "http://example.com/a"),
    ("an empty fragment", "http://example.com/a#", "http://example.com/a"),
    ("an empty query", "http://example.com/a?", "http://example.com/a"),
    ("the slash at the end", "http://example.com/a/", "http://example.com/a"),
    ("the slash before a query", "http://example.com/a/?id=1", "http://example.com/a?id=1"),
    ("doubled slashes", "http://example.com//a///b", "http://example.com/a/b"),
    ("dot segments", "http://example.com/x/../a/./b", "http://example.com/a/b"),
    ("encoded dot segments", "http://example.com/x/%2e%2E/a", "http://example.com/a"),
    ("the AMP path", "http://example.com/a/amp", "http://example.com/a"),
    ("the AMP path with a slash", "http://example.com/a/amp/", "http://example.com/a"),
    ("amp=1", "http://example.com/a?amp=1", "http://example.com/a"),
    ("a bare amp", "http://example.com/a/?amp", "http://example.com/a"),
    ("outputType=amp", "http://example.com/a?outputType=amp", "http://example.com/a"),
    ("Arabic slugs encoded or not", "http://example.com/خبر", "http://example.com/%D8%AE%D8%A8%D8%B1"),
    ("hexadecimal case", "http://example.com/%d8%ae", "http://example.com/%D8%AE"),
    ("letters that need no encoding", "http://example.com/%61%2Db%7E", "http://example.com/a-b~"),
    ("spaces encoded or not", "http://example.com/a b", "http://example.com/a%20b"),
    ("plus and %20 in a query", "http://example.com/?q=a+b", "http://example.com/?q=a%20b"),
    (
        "Arabic in a query",
        "http://example.com/?q=ليبيا",
        "http://example.com/?q=%D9%84%D9%8A%D8%A8%D9%8A%D8%A7",
    ),
    ("the order of parameters", "http://example.com/?b=2&a=1", "http://example.com/?a=1&b=2"),
    ("empty parameters", "http://example.com/?&a=1&&b=2&", "http://example.com/?a=1&b=2"),
    ("ampersands escaped twice", "http://example.com/?a=1&amp;b=2", "http://example.com/?a=1&b=2"),
    ("international hosts", "http://مثال.ليبيا/a", "http://xn--mgbh0fb.xn--mgbb7fyab/a"),
    ("full-width host letters", "http://ｅｘａｍｐｌｅ.com/a", "http://example.com/a"),
    ("backslashes, as browsers do", "http:\\\\example.com\\a", "http://example.com/a"),
    (
        "white space round and line ends within",
        " \n http://example.com/lo\nng \u200f",
        "http://example.com/long",
    ),
    ("the empty path", "http://example.com", "http://example.com/"),
    ("an IPv6 address", "http://[0:0::1]/a", "http://[::1]/a"),
]


@pytest.mark.parametrize(("one", "other"), [row[1:] for row in SAME], ids=[row[0] for row in SAME])
def test_these_do_not_tell_documents_apart(one: str, other: str) -> None:
    assert canonical_url(one) == canonical_url(other)
    assert canonical_url(one) is not None


TRACKING = """
    utm_source=rss UTM_Medium=feed utm_id=4 fbclid=IwAR0 gclid=1 gclsrc=aw gbraid=1 wbraid=1
    dclid=1 msclkid=1 mc_cid=1 mc_eid=1 igshid=1 yclid=1 _ga=2.1 _gl=1 ref_src=twsrc%5Etfw
    at_medium=RSS at_campaign=KARANGA at_custom1=link at_link_origin=x ns_mchannel=rss ns_source=x
    ns_campaign=1 cmpid=x CMP=share_btn ocid=x xtor=AL-72 s_cid=1 mkt_tok=1 _hsenc=1 _hsmi=1
    maca=ara-rss traffic_source=rss smid=tw ftag=x ito=1490 %75tm_source=rss amp;utm_source=rss
""".split()


@pytest.mark.parametrize("parameter", TRACKING)
def test_tracking_parameters_are_dropped(parameter: str) -> None:
    assert canonical_url(f"{ROOT}/a?{parameter}&id=7") == canonical_url(f"{ROOT}/a?id=7")


@pytest.mark.parametrize(
    "parameter",
    """
    id=1 p=12 v=dQw a=1 b=1 q=x ref=home s=1 source=reuters page=2 cid=4 cmp=article news_id=3
    utm=1 at=5 at_id=1 ampere=1 amp=voltage outputType=xml campaign=1 lang=ar type=rss feature=1
    blank= 4711 story_fbid=1 refid=3
    """.split(),
)
def test_parameters_that_may_name_the_document_stay(parameter: str) -> None:
    assert canonical_url(f"{ROOT}/a?{parameter}") == f"{ROOT}/a?{parameter}"


DIFFERENT = [
    ("the host", "http://example.com/a", "http://example.org/a"),
    ("a subdomain", "http://news.example.com/a", "http://example.com/a"),
    ("www as the name itself", "http://www.com/a", "http://com/a"),
    ("another port", "http://example.com:8080/a", "http://example.com/a"),
    ("the case of the path", "http://example.com/A", "http://example.com/a"),
    ("the index document", "http://example.com/index.php", "http://example.com/"),
    ("a hash-bang route", "http://example.com/#!/a", "http://example.com/#!/b"),
    ("a section called amp", "http://example.com/amp/", "http://example.com/"),
    ("a word that ends in amp", "http://example.com/a/camp", "http://example.com/a/c"),
    ("an encoded slash", "http://example.com/a%2Fb", "http://example.com/a/b"),
    ("an encoded percent sign", "http://example.com/%2541", "http://example.com/A"),
    ("an encoded ampersand", "http://example.com/?a=1%26b=2", "http://example.com/?a=1&b=2"),
    ("an encoded plus", "http://example.com/?q=1%2B1", "http://example.com/?q=1+1"),
    ("the video", "http://example.com/watch?v=aaa", "http://example.com/watch?v=bbb"),
    ("repeated parameters", "http://example.com/?a=1&a=1", "http://example.com/?a=1"),
    ("the order of repeated parameters", "http://example.com/?a=1&a=2", "http://example.com/?a=2&a=1"),
    ("a blank parameter", "http://example.com/?a=", "http://example.com/"),
    ("octets that are no UTF-8", "http://example.com/%C7%E1", "http://example.com/%C7%E2"),
]


@pytest.mark.parametrize(("one", "other"), [row[1:] for row in DIFFERENT], ids=[row[0] for row in DIFFERENT])
def test_these_tell_documents_apart(one: str, other: str) -> None:
    assert canonical_url(one) != canonical_url(other)


def test_both_parameters_of_an_index_document_stay() -> None:
    assert canonical_url("http://example.com/index.php?b=2&a=1") == f"{ROOT}/index.php?a=1&b=2"


def test_a_percent_sign_that_starts_no_escape_is_kept_as_the_character() -> None:
    assert canonical_url("http://example.com/100%zz") == f"{ROOT}/100%25zz"


def test_an_escape_that_decoding_would_make_is_not_decoded_again() -> None:
    assert canonical_url("http://example.com/%%34%31") == f"{ROOT}/%2541"


NO_URL = [
    "",
    "   ",
    "example.com/a",
    "/a",
    "//example.com/a",
    "mailto:a@example.com",
    "javascript:alert(1)",
    "data:text/html,x",
    "ftp://example.com/a",
    "tag:example.com,2026:1",
    "urn:uuid:1",
    "http:",
    "http://",
    "http:///a",
    "http:example.com",
    "http://?q",
    "http://@/",
    "http://:80/",
    "http://exa mple.com/",
    "http://exa<mple.com/",
    "http://example..com/",
    "http://.example.com/",
    "http://" + "a" * 64 + ".com/",
    "http://" + "abcdefg." * 40 + "com/",
    "http://" + "خ" * 70 + ".com/",
    "http://\ufffd.com/",
    "http://\ud800.com/",
    "http://℀.com/",
    "http://example.com:0/",
    "http://example.com:65536/",
    "http://example.com:999999999999/",
    "http://example.com:8o/",
    "http://example.com:٨٠/",
    "http://[::1/",
    "http://[::g]/",
    "http://[fe80::1%25eth0]/",
    "http://[::1]x/",
    "http://a:b:c/",
]


@pytest.mark.parametrize("url", NO_URL)
def test_what_is_not_http_with_a_host_has_no_key_no_bucket_and_no_path(url: str) -> None:
    assert canonical_url(url) is None
    assert host_bucket(url) == ""
    assert url_path(url) == ""
    assert not is_root_url(url)
    if not url.startswith("//"):
        assert absolute_url("", url) is None


RESOLVED = [  # RFC 3986, 5.4, against http://a/b/c/d;p?q
    ("http://g", "http://g/"),
    ("g", "http://a/b/c/g"),
    ("./g", "http://a/b/c/g"),
    ("g/", "http://a/b/c/g/"),
    ("/g", "http://a/g"),
    ("//g", "http://g/"),
    ("?y", "http://a/b/c/d;p?y"),
    ("g?y", "http://a/b/c/g?y"),
    ("#s", "http://a/b/c/d;p?q#s"),
    ("g#s", "http://a/b/c/g#s"),
    ("g?y#s", "http://a/b/c/g?y#s"),
    (";x", "http://a/b/c/;x"),
    ("g;x?y#s", "http://a/b/c/g;x?y#s"),
    ("", "http://a/b/c/d;p?q"),
    (".", "http://a/b/c/"),
    ("./", "http://a/b/c/"),
    ("..", "http://a/b/"),
    ("../", "http://a/b/"),
    ("../g", "http://a/b/g"),
    ("../..", "http://a/"),
    ("../../g", "http://a/g"),
    ("../../../g", "http://a/g"),
    ("/./g", "http://a/g"),
    ("/../g", "http://a/g"),
    ("g.", "http://a/b/c/g."),
    ("..g", "http://a/b/c/..g"),
    ("./g/.", "http://a/b/c/g/"),
    ("g/../h", "http://a/b/c/h"),
    ("g;x=1/../y", "http://a/b/c/y"),
    ("g?y/../x", "http://a/b/c/g?y/../x"),
    ("g#s/../x", "http://a/b/c/g#s/../x"),
    ("http:g", None),
]


@pytest.mark.parametrize(("reference", "expected"), RESOLVED)
def test_references_are_resolved_as_the_rfc_says(reference: str, expected: str | None) -> None:
    assert absolute_url("http://a/b/c/d;p?q", reference) == expected


ABSOLUTE = [
    ("Arabic letters are encoded", "/خبر?ق=ع#ف", f"{ROOT}/%D8%AE%D8%A8%D8%B1?%D9%82=%D8%B9#%D9%81"),
    ("escapes stay as they are", "/%d8%ae%2F", f"{ROOT}/%d8%ae%2F"),
    ("a stray percent sign is encoded", "/100%", f"{ROOT}/100%25"),
    ("markup is encoded", "/<b>\"'`{|}^", f"{ROOT}/%3Cb%3E%22'%60%7B%7C%7D%5E"),
    ("brackets outside a host are encoded", "/a[1]?b[]=2", f"{ROOT}/a%5B1%5D?b%5B%5D=2"),
    ("a second hash sign is encoded", "/a#b#c", f"{ROOT}/a#b%23c"),
    ("spaces within are encoded", "/a b", f"{ROOT}/a%20b"),
    ("space and invisible marks round it are stripped", "\u00a0\u200f /a \ufeff", f"{ROOT}/a"),
    ("line ends and tabs within are removed", "/a\n\t/b\r", f"{ROOT}/a/b"),
    ("other controls are encoded", "/a\x01b", f"{ROOT}/a%01b"),
    ("a lone surrogate becomes the replacement character", "/a\ud800", f"{ROOT}/a%EF%BF%BD"),
    ("backslashes in the path are slashes", "\\a\\b", f"{ROOT}/a/b"),
    (
        "backslashes cannot hide the host",
        "http://good.example\\@evil.example/",
        "http://good.example/@evil.example/",
    ),
    ("backslashes in a query are encoded", "/a?b\\c", f"{ROOT}/a?b%5Cc"),
    ("the other host without a scheme", "//cdn.example.net/i.jpg", "https://cdn.example.net/i.jpg"),
    ("the scheme is kept", "http://example.com/a", "http://example.com/a"),
    (
        "www and tracking parameters are kept",
        "http://www.example.com/?utm_source=x",
        "http://www.example.com/?utm_source=x",
    ),
    ("scheme and host in lower case", "HTTPS://Example.COM/A", "https://example.com/A"),
    ("the default port goes", "https://example.com:443/a", "https://example.com/a"),
    ("another port stays", "http://example.com:443/a", "http://example.com:443/a"),
    ("credentials go", "https://me:pass@example.com/a", "https://example.com/a"),
    ("credentials with an at sign go", "https://me:p@ss@example.com/a", "https://example.com/a"),
    ("an international host", "https://مثال.ليبيا/", "https://xn--mgbh0fb.xn--mgbb7fyab/"),
    ("ß is a letter of its own", "https://straße.example/", "https://xn--strae-oqa.example/"),
    ("an encoded host", "https://ex%61mple.com/", "https://example.com/"),
    ("a doubled slash in a path stays", "/a//b", f"{ROOT}/a//b"),
    ("an empty query stays", "/a?", f"{ROOT}/a?"),
    ("a path with a colon", "./a:b", f"{ROOT}/news/a:b"),
    ("an Arabic word before a colon is no scheme", "خبر:1", f"{ROOT}/news/%D8%AE%D8%A8%D8%B1:1"),
    ("javascript is refused", " java\nscript:alert(1)", None),
    ("javascript in upper case is refused", "JAVASCRIPT:alert(1)", None),
    ("data is refused", "data:text/html,<b>", None),
    ("mailto is refused", "mailto:a@example.com", None),
    ("a file is refused", "file:///etc/passwd", None),
]


@pytest.mark.parametrize(
    ("reference", "expected"), [row[1:] for row in ABSOLUTE], ids=[row[0] for row in ABSOLUTE]
)
def test_absolute_urls_are_safe_to_publish(reference: str, expected: str | None) -> None:
    assert absolute_url(f"{ROOT}/news/feed.xml", reference) == expected


def test_a_relative_reference_without_a_usable_base_means_nothing() -> None:
    assert absolute_url("", "/a") is None
    assert absolute_url("file:///srv/feed.xml", "a") is None
    assert absolute_url("tag:example.com,2026:1", "//example.com/a") is None


def test_an_absolute_reference_needs_no_base() -> None:
    assert absolute_url("nonsense", "http://example.com/a") == "http://example.com/a"


def test_urls_over_the_limit_are_refused() -> None:
    fits = f"{ROOT}/".ljust(MAX_URL_CHARS, "a")
    assert absolute_url("", fits) == fits
    assert absolute_url("", fits + "a") is None
    assert absolute_url("", f"{ROOT}/" + "خ" * (MAX_URL_CHARS // 6)) is None


@pytest.mark.parametrize(
    ("url", "bucket"),
    [
        ("https://WWW.Example.com/feed", "www.example.com"),
        ("http://example.com:80/", "example.com"),
        ("https://example.com:80/", "example.com:80"),
        ("http://127.0.0.1:8080/feed", "127.0.0.1:8080"),
        ("http://[::1]:8080/feed", "[::1]:8080"),
        ("http://me:x@example.com./", "example.com"),
        ("http://مثال.ليبيا/", "xn--mgbh0fb.xn--mgbb7fyab"),
    ],
)
def test_the_host_bucket_is_what_politeness_counts_by(url: str, bucket: str) -> None:
    assert host_bucket(url) == bucket


@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("http://example.com", True),
        ("http://example.com/", True),
        ("http://example.com//", True),
        ("http://example.com/#top", True),
        ("http://example.com/?utm_source=rss", True),
        ("http://example.com/?p=12", False),
        ("http://example.com/?a=/", False),
        ("http://example.com/#!/story", False),
        ("http://example.com/ar", False),
        ("http://example.com/index.html", False),
    ],
)
def test_a_home_page_identifies_no_item(url: str, root: bool) -> None:
    assert is_root_url(url) is root


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://example.com", "/"),
        ("http://example.com/sport/a?b#c", "/sport/a"),
        ("http://example.com/sport/", "/sport/"),
        ("http://example.com/%D8%B1%D9%8A%D8%A7%D8%B6%D8%A9/1", "/رياضة/1"),
        ("http://example.com/رياضة", "/رياضة"),
        ("http://example.com/a/../sport", "/sport"),
        ("http://example.com/%C7", "/\ufffd"),
    ],
)
def test_rules_see_the_decoded_path(url: str, path: str) -> None:
    assert url_path(url) == path


SCRAPS = st.sampled_from(
    [
        *"/?#&=%:@[].;+!\\ \t\n",
        *"http:// https:// www. m. example.com .. /amp %2F %2e %25 %C3%A9 %zz خبر é".split(),
        *("amp;", "utm_source=x", "a=1", "b", ":80", ":443", "#!", "xn--", "\ud800", "\u200d"),
    ]
)
ANY_TEXT = st.text(st.characters(exclude_categories=())) | st.lists(SCRAPS, max_size=14).map("".join)
URLS = ANY_TEXT | ANY_TEXT.map("http://example.com/".__add__) | ANY_TEXT.map("http://".__add__)
SLUG = st.text("abcخبرé ~-", min_size=1, max_size=8).filter(lambda slug: slug.strip() == slug)


@given(URLS)
def test_canonical_is_total_and_idempotent(url: str) -> None:
    key = canonical_url(url)
    assert key is None or canonical_url(key) == key


@given(URLS, URLS)
def test_absolute_is_total_and_a_valid_uri_that_means_itself(base: str, reference: str) -> None:
    url = absolute_url(base, reference)
    assert url is None or absolute_url("", url) == url
    assert url is None or re.fullmatch(r"https?://[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+", url)
    assert url is None or not re.search(r"%(?![0-9A-Fa-f]{2})", url)


@given(URLS)
def test_making_absolute_does_not_move_the_key(url: str) -> None:
    absolute = absolute_url("", url)
    assert absolute is None or canonical_url(absolute) == canonical_url(url)


@given(URLS)
def test_the_other_readings_are_total(url: str) -> None:
    assert (host_bucket(url) == "") == (url_path(url) == "") == (canonical_url(url) is None)
    assert is_root_url(url) in (True, False)


@given(
    st.lists(SLUG, min_size=1, max_size=3).filter(lambda slugs: slugs[-1] != "amp"),
    st.dictionaries(SLUG, SLUG, max_size=3),
    st.sampled_from(["http", "https", "HTTP"]),
    st.sampled_from(["", "www.", "m.", "amp."]),
    st.sampled_from(["", "/", "/amp", "/amp/"]),
    st.sampled_from(["", "#x", "#comments"]),
    st.sampled_from(TRACKING),
    st.randoms(use_true_random=False),
)
def test_every_variant_of_a_url_has_its_key(
    slugs: list[str],
    fields: dict[str, str],
    scheme: str,
    prefix: str,
    end: str,
    fragment: str,
    tracking: str,
    random: Random,
) -> None:
    plain = f"{ROOT}/{'/'.join(slugs)}?{'&'.join(f'{k}={v}' for k, v in fields.items())}"
    pieces = [f"{_spelled(k)}={_spelled(v)}" for k, v in fields.items()] + [tracking]
    random.shuffle(pieces)
    variant = (
        f"{scheme}://{prefix}Example.com/{'/'.join(map(_spelled, slugs))}{end}?{'&'.join(pieces)}{fragment}"
    )
    assert canonical_url(variant) == canonical_url(plain)


def _spelled(slug: str) -> str:
    return "".join(f"%{byte:02x}" for byte in slug.encode())


@given(
    st.builds(
        "https://{}.example/{}{}".format,
        st.sampled_from(["a", "a_b", "a-b.c", "xn--a", "A", "a..b", "a.", "x" * 64, "é"]),
        st.lists(st.sampled_from(["a", "/", ".", "..", "/./", "%20", "%", "é", "~", "'", '"', " ", "|"])).map(
            "".join
        ),
        st.sampled_from(["", "?", "?a=1&b=/?", "?<", "#", "#a", "#a#b", "?a#b?", "?é", "#%2"]),
    )
)
def test_a_plain_url_stands_for_itself(url: str) -> None:
    if is_plain_url(url):
        assert absolute_url(ROOT, url) == url == absolute_url(ROOT, f" {url}")


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("https://news.example/a/b.html?x=1&y=%D8%B9#z", True),
        ("http://news.example/", True),
        ("https://news.example", False),
        ("https://news.example:80/", False),
        ("https://127.0.0.1/", False),
        ("https://xn--a.example/", False),
        ("https://news.example/a/../b", False),
        ("https://news.example/عاجل", False),
        (f"https://news.example/{'a' * MAX_URL_CHARS}", False),
    ],
)
def test_plain_is_what_nobody_reads_in_another_way(url: str, plain: bool) -> None:
    assert is_plain_url(url) is plain
