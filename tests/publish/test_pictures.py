"""Images under our own address: who can make one, what they look like in pages, and what is an image."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.publish import pages
from aggregator.publish.pictures import identify_image, image_src, image_url, is_signed, sign_picture
from aggregator.publish.templates import make_environment
from tests.publish.page_samples import AR, PICTURE, SITE, SPORTS, make_article, parse_page

OURS = replace(SITE, images_proxied=True, picture_key="5ecret")
SIGNED = "/picture/" + sign_picture("5ecret", PICTURE.url) + "?url=https://img.example/a.jpg"


@given(url=st.text(), other=st.text(), key=st.text(min_size=1))
def test_only_the_key_signs_and_only_this_url(url: str, other: str, key: str) -> None:
    signature = sign_picture(key, url)
    assert is_signed(key, url, signature)
    assert is_signed(key, other, signature) == (url == other)
    assert not is_signed(key + "x", url, signature)
    assert not is_signed(key, url, signature[:-1])


def test_an_address_is_the_same_each_time_and_absolute_where_it_is_read_elsewhere() -> None:
    assert image_src(OURS, PICTURE.url) == image_src(OURS, PICTURE.url) == SIGNED
    assert image_url(OURS, PICTURE.url) == "https://news.example" + SIGNED
    assert image_src(SITE, PICTURE.url) == image_url(SITE, PICTURE.url) == PICTURE.url
    assert image_src(OURS, 'https://x.example/ص?a=1&b=<"').endswith("x.example/%D8%B5%3Fa%3D1%26b%3D%3C%22")


def test_no_page_names_a_publisher_of_images() -> None:
    article = replace(
        make_article(image=PICTURE),
        content_html='<p>a<img src="https://img.example/b.jpg?a=1&amp;b=2" alt="">b</p>',
    )
    env = make_environment(AR)
    html = pages.render_article(env, site=OURS, edition=AR, article=article, section=SPORTS)
    assert "//img.example" not in html.replace("?url=https://img.example", "")
    page = parse_page(html)
    sources = [str(src) for src in page.xpath("//article//img/@src")]
    assert sources == [SIGNED, image_src(OURS, "https://img.example/b.jpg?a=1&b=2")]
    assert page.xpath("//meta[@property='og:image']/@content") == [SITE.url + SIGNED]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(b"\x89PNG\r\n\x1a\n\0\0", "image/png", id="PNG"),
        pytest.param(b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg", id="JPEG"),
        pytest.param(b"GIF89a\x01", "image/gif", id="GIF"),
        pytest.param(b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp", id="WebP"),
        pytest.param(b"\0\0\0\x1cftypavif\0\0\0\0", "image/avif", id="AVIF"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", None, id="SVG, which may hold scripts"),
        pytest.param(b"<!doctype html><script>", None, id="a page"),
        pytest.param(b"<html><!-- \x89PNG\r\n\x1a\n", None, id="a page with the mark of an image inside"),
        pytest.param(b"RIFF\x10\0\0\0WAVEfmt ", None, id="a sound"),
        pytest.param(b"", None, id="nothing"),
    ],
)
def test_an_image_is_known_by_its_first_bytes(body: bytes, kind: str | None) -> None:
    assert identify_image(body) == kind
