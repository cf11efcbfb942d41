"""Boxes on a partner's site, in Chromium: the code of the builder, on pages of another origin."""

from __future__ import annotations

import html
import http.server
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from lxml import html as lxml_html
from playwright.sync_api import Browser, Frame, Page

from aggregator.demo.publisher import Publisher
from tests.harness import Site, find_free_port, make_item, publish

HOSTILE = """<script>parent.hacked=1</script><img src=x onerror="top.hacked=1">' " --> </title></style>"""
OLD_BROWSER = "CSS.supports = () => false;"  # as Firefox and Safari answer for frame-sizing


@dataclass
class Partner:
    """Somebody else's site, at another address."""

    url: str
    pages: dict[str, str] = field(default_factory=dict)

    def show(self, body: str, *, head: str = "") -> str:
        """Publish a page and return its address."""
        path = f"/{len(self.pages)}"
        self.pages[path] = f"<!doctype html><html><head><title>Partner</title>{head}</head>{body}</html>"
        return self.url + path


@contextmanager
def run_partner() -> Iterator[Partner]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = partner.pages.get(self.path, "")
            self.send_response(200 if text else 204)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.2", 0), Handler)
    partner = Partner(url=f"http://127.0.0.2:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield partner
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def partner() -> Iterator[Partner]:
    with run_partner() as running:
        yield running


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An Arabic and an English section; the English one has a headline that attacks."""
    site = Site(folder=tmp_path_factory.mktemp("portal"), port=find_free_port())
    with Publisher() as publisher:
        arabic = [
            make_item(n, title=f"افتتاح الجسر رقم {n} في المدينة القديمة بحضور جمع كبير من أهلها")
            for n in range(12)
        ]
        english = [make_item(20 + n, image_url=f"{publisher.url}/{n}.png") for n in range(12)]
        publish(publisher, "/ar", arabic)
        publish(publisher, "/en", [*english, make_item(40, title=HOSTILE)])
        site.config.write_text(
            f'[site]\ntitle = "بوابة"\nurl = "{site.url}"\neditions = ["ar-LY", "en-GB"]\n'
            '[fetch]\nallow_networks = ["127.0.0.0/8"]\nhost_gap = "0s"\n'
            '[[section]]\nid = "libya"\nedition = "ar"\nname = "ليبيا"\n'
            '[[section]]\nid = "world"\nedition = "en"\nname = "World"\n'
            f'[[source]]\nid = "a"\nname = "صحيفة المدينة"\nurl = "{publisher.url}/ar"\nsection = "libya"\n'
            f'[[source]]\nid = "b"\nname = "The Herald"\nurl = "{publisher.url}/en"\nsection = "world"\n',
            encoding="utf-8",
        )
        site.poll("--all")
    with site.serving("--no-poll"):
        yield site


@dataclass
class Watched:
    """A page, and what it said and asked for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def frame(self) -> Frame:
        """The first frame on the page, wherever it stands, loaded and sized."""
        self.page.frame_locator("iframe >> nth=0").locator(".news-embed").wait_for()
        frame = self.page.locator("iframe >> nth=0").element_handle().content_frame()
        assert frame is not None
        frame.wait_for_load_state()
        self.page.evaluate("new Promise(done => setTimeout(done, 100))")
        return frame

    def frame_box(self) -> dict[str, float]:
        """Size of the one frame on the page, and of what is in it."""
        frame = self.frame()
        element = frame.frame_element()
        inner = frame.evaluate(
            "({wide: document.documentElement.scrollWidth, high: document.documentElement.scrollHeight})"
        )
        outer = element.bounding_box()
        assert outer is not None
        return {"width": outer["width"], "height": outer["height"], **inner}


@contextmanager
def watch(browser: Browser, url: str, *, width: int = 800, script: str = "", **options: object) -> Iterator:
    context = browser.new_context(viewport={"width": width, "height": 900}, **options)
    if script:
        context.add_init_script(script)
    page = context.new_page()
    watched = Watched(page=page)
    page.on("console", lambda message: watched.complaints.append(message.text))
    page.on("pageerror", lambda error: watched.complaints.append(str(error)))
    page.on("request", lambda request: watched.requests.append(request.url))
    page.goto(url)
    yield watched
    assert context.cookies() == []
    context.close()


def copy_codes(site: Site, query: str) -> dict[str, str]:
    """What a partner copies from the builder."""
    page = lxml_html.document_fromstring(site.get(f"/embed/?{query}").body.decode())
    return {s.get("aria-labelledby"): s.find("pre").text for s in page.xpath("//section[@class='code']")}


def hosts(watched: Watched) -> set[str]:
    return {re.match(r"https?://[^/]+", url).group() for url in watched.requests}  # type: ignore[union-attr]


@pytest.mark.parametrize("width", [240, 640])
@pytest.mark.parametrize(
    ("query", "direction"),
    [
        ("section=ar/libya&theme=dark", "rtl"),
        ("section=en/world&accent=c30", "ltr"),
        ("section=en/world&n=3&lang=ar&dir=ltr", "ltr"),
    ],
)
def test_a_frame_fits_its_content_and_asks_nobody_but_us(
    browser: Browser, portal: Site, partner: Partner, width: int, query: str, direction: str
) -> None:
    code = copy_codes(portal, query)["c-frame"]
    url = partner.show(f"<body style='margin:0'>{code}</body>")
    with watch(browser, url, width=width) as watched:
        box = watched.frame_box()
        assert box["width"] == width
        assert box["wide"] <= width, "nothing scrolls sideways"
        assert box["high"] <= box["height"], "nothing scrolls downwards"
        assert watched.frame().evaluate("document.documentElement.dir") == direction
        assert watched.complaints == []
        assert hosts(watched) == {portal.url, partner.url}
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_frame_is_sandboxed_and_holds_no_script(browser: Browser, portal: Site, partner: Partner) -> None:
    url = partner.show(copy_codes(portal, "section=ar/libya")["c-frame"])
    with watch(browser, url) as watched:
        element = watched.frame().frame_element()
        assert element.get_attribute("title") == "ليبيا – بوابة"
        assert "allow-scripts" not in (element.get_attribute("sandbox") or "")
        assert element.get_attribute("referrerpolicy") == "no-referrer"
        assert watched.frame().evaluate("document.scripts.length") == 0


def test_a_headline_opens_the_publishers_page_in_a_window_of_its_own(
    browser: Browser, portal: Site, partner: Partner
) -> None:
    url = partner.show(copy_codes(portal, "section=ar/libya")["c-frame"])
    with watch(browser, url) as watched:
        watched.page.context.route("https://press.example/**", lambda route: route.fulfill(body="press"))
        with watched.page.expect_popup() as popup:
            watched.frame().click(".ne-headline >> nth=0")
        popup.value.wait_for_load_state()
        assert popup.value.url.startswith("https://press.example/item-")
        assert popup.value.evaluate("window.opener") is None


@pytest.mark.parametrize("width", [240, 500])
@pytest.mark.parametrize(
    ("script", "document"),
    [
        pytest.param("", "/embed/en/world", id="a browser that fits frames itself"),
        pytest.param(OLD_BROWSER, "/embed/en/world.fit", id="one that has to be told the height"),
    ],
)
def test_the_element_fits_its_content(
    browser: Browser, portal: Site, partner: Partner, width: int, script: str, document: str
) -> None:
    code = copy_codes(portal, "section=en/world&n=7")["c-element"]
    url = partner.show(f"<body style='margin:0'>{code}</body>")
    with watch(browser, url, width=width, script=script) as watched:
        box = watched.frame_box()
        assert watched.frame().url == f"{portal.url}{document}?n=7"
        assert box["height"] == pytest.approx(box["high"], abs=1)
        assert box["wide"] <= width
        warned = [text for text in watched.complaints if "can escape its sandboxing" not in text]
        assert warned == []
        assert hosts(watched) == {portal.url, partner.url}


def test_the_element_heeds_nobody_but_its_own_frame(browser: Browser, portal: Site, partner: Partner) -> None:
    code = copy_codes(portal, "section=en/world&n=2")["c-element"]
    other = f'<iframe id="other" src="{portal.url}/embed/en/world"></iframe>'
    url = partner.show(code + other)
    with watch(browser, url, script=OLD_BROWSER) as watched:
        page = watched.page
        watched.frame()
        page.frame_locator("#other").locator(".news-embed").wait_for()
        read = "document.querySelector('news-embed').shadowRoot.firstChild.getBoundingClientRect().height"
        before = page.evaluate(read)
        page.evaluate("postMessage({message: 'height', value: 4000}, '*')")  # another origin
        (stranger,) = [f for f in page.frames if f.url == f"{portal.url}/embed/en/world"]
        stranger.evaluate(
            "parent.postMessage({message: 'height', value: 4000}, '*')"
        )  # another frame of ours
        (own,) = [f for f in page.frames if ".fit" in f.url]
        for wrong in ("-1", "1e9", "'x'", "NaN", "null", "{}"):
            own.evaluate(f"parent.postMessage({{message: 'height', value: {wrong}}}, '*')")
        page.wait_for_timeout(100)
        assert page.evaluate(read) == before
        own.evaluate("parent.postMessage({message: 'height', value: 333}, '*')")
        page.wait_for_timeout(100)
        assert page.evaluate(read) == 333
        lodger = partner.show("<script>parent.postMessage({message: 'height', value: 4000}, '*')</script>")
        page.evaluate(f"document.querySelector('news-embed').shadowRoot.firstChild.src = '{lodger}'")
        page.wait_for_timeout(300)  # its own frame, but no longer with a document of ours
        assert lodger in [frame.url for frame in page.frames]
        assert page.evaluate(read) == 333


@pytest.mark.parametrize("what", ["wrong hash", "another origin"])
def test_the_link_stays_where_there_can_be_no_frame(
    browser: Browser, portal: Site, partner: Partner, what: str
) -> None:
    code = copy_codes(portal, "section=en/world")["c-element"]
    if what == "wrong hash":
        code = code.replace("sha384-", "sha384-AAAA")
    else:
        code = code.replace(f'src="{portal.url}/embed/en', 'src="http://127.0.0.3:9/embed/en')
    with watch(browser, partner.show(code)) as watched:
        watched.page.wait_for_timeout(300)
        link = watched.page.locator("news-embed a")
        assert link.is_visible()
        assert link.get_attribute("href") == f"{portal.url}/en/s/world/"
        assert len(watched.page.frames) == 1


def test_an_attack_in_a_headline_stays_text_in_every_form(
    browser: Browser, portal: Site, partner: Partner
) -> None:
    codes = copy_codes(portal, "section=en/world&n=1")
    fragment = portal.get("/embed/en/world.html?n=1").body.decode()
    urls = [
        partner.show(codes["c-frame"]),
        partner.show(codes["c-element"]),
        partner.show(fragment),
        f"{portal.url}/embed/en/world?n=1",
        f"{portal.url}/embed/en/world.fit?n=1",
    ]
    for url in urls:
        with watch(browser, url) as watched:
            framed = watched.page.url.startswith(partner.url) and url != urls[2]
            frame = watched.frame() if framed else watched.page
            assert frame.locator(".ne-headline").text_content() == HOSTILE
            assert watched.page.evaluate("window.hacked") is None
            assert watched.complaints == []


def test_a_fragment_keeps_its_style_to_itself(browser: Browser, portal: Site, partner: Partner) -> None:
    before = "<p id=own>Own words <a href=/>link</a></p><ul id=list><li>one</ul>"
    read = (
        "JSON.stringify(['own', 'list'].map(id => {const s = getComputedStyle(document.getElementById(id)); "
    )
    read += "return [s.color, s.font, s.padding, s.listStyle, s.direction]}))"
    fragment = portal.get("/embed/ar/libya.html?theme=dark&accent=0af").body.decode()
    with watch(browser, partner.show(before)) as watched:
        alone = watched.page.evaluate(read)
    with watch(browser, partner.show(before + fragment), width=240) as watched:
        assert watched.page.evaluate(read) == alone
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= 240
        assert watched.complaints == []


def filter_as_wordpress(text: str) -> str:
    """What wp_filter_oembed_result makes of an answer from a site that it does not know."""
    allowed = {"src", "width", "height", "frameborder", "marginwidth", "marginheight", "scrolling", "title"}
    (frame,) = re.findall(r"<iframe.*?></iframe>", text, re.DOTALL)
    kept = [(name, value) for name, value in re.findall(r' (\w+)="([^"]*)"', frame) if name in allowed]
    kept = [(name, value + "#?secret=Ab3dEf6hIj" if name == "src" else value) for name, value in kept]
    attributes = "".join(f' {name}="{value}"' for name, value in kept)
    return (
        '<iframe class="wp-embedded-content" sandbox="allow-scripts" security="restricted"'
        f'{attributes} data-secret="Ab3dEf6hIj"></iframe>'
    )


def test_what_wordpress_leaves_of_an_oembed_answer_is_shown_fits_and_leads_on(
    browser: Browser, portal: Site, partner: Partner
) -> None:
    found = portal.get("/ar/s/libya/").body.decode()
    (endpoint,) = re.findall(r'type="application/json\+oembed" href="([^"]+)"', found)
    answer = portal.get(
        html.unescape(endpoint).removeprefix(portal.url) + "&maxwidth=500&maxheight=750&dnt=1"
    )
    rich = json.loads(answer.body)
    assert (rich["type"], rich["version"]) == ("rich", "1.0")
    assert rich["width"] <= 500
    assert rich["height"] <= 750
    listener = "<script>window.said = []; addEventListener('message', e => said.push(e.data))</script>"
    url = partner.show(filter_as_wordpress(rich["html"]), head=listener)
    with watch(browser, url) as watched:
        box = watched.frame_box()
        assert box["high"] <= box["height"], "as many headlines as there is room for"
        watched.frame().click(".ne-headline >> nth=0")
        watched.page.wait_for_timeout(100)
        said = watched.page.evaluate("said")
        assert {m["secret"] for m in said} == {"Ab3dEf6hIj"}
        assert said[0]["message"] == "height"
        assert said[-1]["message"] == "link"
        assert said[-1]["value"].startswith(f"{portal.url}/article/"), "it follows links to our host alone"
        assert watched.complaints == []


def test_the_builder_needs_no_script(browser: Browser, portal: Site) -> None:
    for lang, direction in (("ar", "rtl"), ("en", "ltr")):
        url = f"{portal.url}/embed/?ui={lang}"
        with watch(browser, url, width=320, java_script_enabled=False) as watched:
            page = watched.page
            page.select_option("[name=section]", "en/world")
            page.fill("[name=n]", "4")
            page.select_option("[name=theme]", "dark")
            page.click(".choices button")
            page.wait_for_load_state()
            assert page.locator("html").get_attribute("dir") == direction
            preview = page.frame_locator("iframe")
            preview.locator(".ne-item").nth(3).wait_for()
            assert page.frames[1].url == f"{portal.url}/embed/en/world?n=4&theme=dark"
            assert preview.locator(".ne-item").count() == 4
            assert "/embed/en/world?n=4&amp;theme=dark" in (page.locator("pre").first.text_content() or "")
            assert watched.complaints == []


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("lang", ["ar", "en"])
def test_the_builder_does_not_scroll_sideways(browser: Browser, portal: Site, width: int, lang: str) -> None:
    with watch(browser, f"{portal.url}/embed/?ui={lang}&images=1", width=width) as watched:
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= width


def test_pictures_come_only_where_they_are_asked_for(
    browser: Browser, portal: Site, partner: Partner
) -> None:
    for query, pictured in (("section=en/world", False), ("section=en/world&images=1", True)):
        url = partner.show(copy_codes(portal, query)["c-frame"])
        with watch(browser, url) as watched:
            assert (watched.frame().locator("img").count() > 0) == pictured
            assert bool(hosts(watched) - {portal.url, partner.url}) == pictured
