"""Sanitised HTML holds nothing that acts, and sanitising it again changes nothing."""

from __future__ import annotations

from hypothesis import strategies as st

from aggregator.clean.html import html_to_text, sanitize_html
from tests.fuzz.documents import texts
from tests.fuzz.markup import find_harm
from tests.fuzz.profile import fuzz, in_time

BASE = "https://press.example/a/"
PLAIN = """
    p a img b i br div span table tr td th tbody caption ul li ol dl dt dd pre code blockquote h1 h2 hr video
    audio source font center picture figure figcaption details summary ruby rt form input embed object option
    marquee base link meta body html head
""".split()
# What changes how a parser reads the rest, and most often swallows it.
SWALLOWING = """
    svg math style script title textarea select iframe button noscript template foreignObject mtext mglyph
    annotation-xml desc plaintext xmp frameset noembed
""".split()
TAGS = (*PLAIN * 4, *SWALLOWING)
NAMES = """
    href src srcset data-src onerror onclick style class id dir lang title alt width height poster colspan
    start type xlink:href xmlns srcdoc formaction name datetime
""".split()
QUOTES = ("'", '"', "", "`", " ")
CLOSED = (">", "/>", " >", "", ">>", "\n>")


@st.composite
def tags(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(TAGS))
    if draw(st.booleans()):
        return f"</{name}" + draw(st.sampled_from(CLOSED))
    parts = [f"<{name}"]
    for _ in range(draw(st.integers(0, 3))):
        quote = draw(st.sampled_from(QUOTES))
        value = draw(st.one_of(texts, st.sampled_from(("javascript:alert(1)", "//a/b", "x.jpg", "1", "rtl"))))
        parts.append(
            draw(st.sampled_from((" ", "/", "\t", "\n")))
            + draw(st.sampled_from(NAMES))
            + f"={quote}{value}{quote}"
        )
    return "".join(parts) + draw(st.sampled_from(CLOSED))


pieces = st.one_of(tags(), tags(), tags(), texts)
markup = st.lists(pieces, max_size=14).map("".join)


@fuzz(markup)
def test_any_markup_comes_out_harmless_and_settled(html: str) -> None:
    with in_time():
        clean = sanitize_html(html, base_url=BASE)
    assert find_harm(clean) == []
    assert sanitize_html(clean, base_url=BASE) == clean
    clean.encode()


@fuzz(markup)
def test_the_text_of_any_markup_is_plain_and_comes_in_time(html: str) -> None:
    with in_time():
        text = html_to_text(html)
    assert not any(ord(char) < 32 and char != "\n" for char in text)
