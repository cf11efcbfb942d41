"""RFC 5005: whoever walks back from a feed finds every article once, also after edits and merges."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from lxml import etree
from werkzeug.test import TestResponse

from aggregator.config import Settings
from aggregator.demo.documents import DemoItem
from aggregator.model import Decision
from aggregator.refresh import apply_configuration
from aggregator.store import Store, archives, entries, open_store
from aggregator.store.ids import encode_id, entry_id
from aggregator.store.rulings import find_standing, merge_article, split_entry
from aggregator.web import create_app
from tests.harness import make_item
from tests.publish.judges import judge_feed
from tests.site_samples import make_settings, save_feed, source_table

ROOT = "https://news.example"
NS = {
    "a": "http://www.w3.org/2005/Atom",
    "at": "http://purl.org/atompub/tombstones/1.0",
    "fh": "http://purl.org/syndication/history/1.0",
}
NAME = "en/world"


@dataclass(frozen=True, kw_only=True)
class Site:
    settings: Settings
    store: Store

    @property
    def client(self) -> FlaskClient:
        return create_app(self.settings, self.store).test_client()

    def save(self, source_id: str, items: list[DemoItem], now: datetime) -> None:
        save_feed(self.store, self.settings, source_id, items, now=now)

    def touch(self, now: datetime) -> None:
        """Something else is published."""
        with self.store.write() as tx:
            entries.bump_revision(tx, now=now)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    tables = [source_table(name, f"https://{name}.example/feed") for name in ("herald", "wire")]
    settings = make_settings(tmp_path, *tables, source_table("madar", "https://m.example/f", "sports"))
    store = open_store(settings.store_url)
    try:
        apply_configuration(store, settings, now=day(9, 1))
        yield Site(settings=settings, store=store)
    finally:
        store.close()


def day(month: int, number: int, hour: int = 12) -> datetime:
    return datetime(2026, month, number, hour, tzinfo=UTC)


def make_items(numbers: range, at: datetime) -> list[DemoItem]:
    return [make_item(n, published_at=at - timedelta(minutes=n), updated_at=at) for n in numbers]


def fill_three_months(site: Site) -> None:
    """September has 35 articles, October 30, November 40; all of November's are dated September."""
    site.save("herald", make_items(range(35), day(9, 10)), day(9, 10))
    site.save("wire", make_items(range(100, 130), day(10, 10)), day(10, 10))
    site.save("herald", make_items(range(200, 240), day(9, 5)), day(11, 10))


def fetch(site: Site, url: str) -> TestResponse:
    answer = site.client.get(url.removeprefix(ROOT))
    assert answer.status_code == 200, url
    return answer


def find_link(document: etree._Element, rel: str) -> str | None:
    found = document.xpath(f"a:link[@rel='{rel}']/@href", namespaces=NS)
    assert len(found) <= 1
    return str(found[0]) if found else None


def walk(site: Site, name: str = NAME) -> list[etree._Element]:
    """The archives, from the newest back to the oldest."""
    current = f"{ROOT}/feeds/{name}.atom"
    documents = []
    url = find_link(etree.fromstring(fetch(site, current).data), "prev-archive")
    while url is not None:
        document = etree.fromstring(fetch(site, url).data)
        assert find_link(document, "self") == url
        assert find_link(document, "current") == current
        if documents:
            assert find_link(document, "next-archive") == find_link(documents[-1], "self")
        documents.append(document)
        url = find_link(document, "prev-archive")
    assert not documents or find_link(documents[0], "next-archive") is None
    return documents


def list_guids(documents: list[etree._Element]) -> list[str]:
    return [str(guid) for each in documents for guid in each.xpath("a:entry/a:id/text()", namespaces=NS)]


def list_names(documents: list[etree._Element]) -> list[str]:
    return [str(find_link(d, "self")).removeprefix(f"{ROOT}/feeds/{NAME}/") for d in documents]


def guid_of(source_id: str, item: DemoItem) -> str:
    return f"tag:news.example,2026:{encode_id(entry_id(source_id, item.guid))}"


def test_walking_back_gives_every_article_exactly_once(site: Site) -> None:
    fill_three_months(site)
    documents = walk(site)
    assert list_names(documents) == ["2026-11.atom", "2026-10.atom", "2026-09.atom"]
    assert [len(list_guids([d])) for d in documents] == [40, 30, 35]
    guids = Counter(list_guids(documents))
    assert set(guids.values()) == {1}
    assert len(guids) == 105


def test_the_feed_itself_lists_nothing_that_its_archives_have_not(site: Site) -> None:
    fill_three_months(site)
    current = etree.fromstring(fetch(site, f"/feeds/{NAME}.atom").data)
    assert len(list_guids([current])) == 50
    assert set(list_guids([current])) <= set(list_guids(walk(site)))


def test_rss_leads_to_the_same_archives(site: Site) -> None:
    fill_three_months(site)
    for name in (NAME, "en/all"):
        rss = etree.fromstring(fetch(site, f"/feeds/{name}.rss").data)
        found = rss.xpath("channel/a:link[@rel='prev-archive']/@href", namespaces=NS)
        assert found == [f"{ROOT}/feeds/{name}/2026-11.atom"]


def test_the_whole_edition_has_archives_of_its_own(site: Site) -> None:
    fill_three_months(site)
    assert len(set(list_guids(walk(site, "en/all")))) == 105


def test_an_edit_changes_a_past_document_and_no_ones_place(site: Site) -> None:
    fill_three_months(site)
    before = walk(site)
    edited = make_item(3, title="The bridge closes again", published_at=day(9, 10), updated_at=day(11, 12))
    site.save("herald", [edited], day(11, 12))
    after = walk(site)
    assert [list_guids([d]) for d in after] == [list_guids([d]) for d in before]
    assert "The bridge closes again" in after[2].xpath("a:entry/a:title/text()", namespaces=NS)
    assert etree.tostring(after[1]) == etree.tostring(before[1])


def merge(site: Site, now: datetime) -> None:
    """An admin's word: what wire has as item 100 is herald's item 3."""
    with site.store.write() as tx:
        gone = find_standing(tx, entry_id("wire", "item-100"))
        kept = find_standing(tx, entry_id("herald", "item-3"))
        assert gone
        assert kept
        merge_article(tx, gone, kept, Decision(rule="ruling", evidence="the test says so"), now=now)
        entries.bump_revision(tx, now=now)


def list_deleted(site: Site, name: str) -> list[tuple[str, str]]:
    document = etree.fromstring(fetch(site, f"/feeds/{name}.atom").data)
    return [(e.get("ref", ""), e.get("when", "")) for e in document.findall("at:deleted-entry", NS)]


def test_the_feed_says_that_a_merged_article_is_gone(site: Site) -> None:
    fill_three_months(site)
    names = (NAME, "en/all", "ar/sports", "source/wire")
    assert [list_deleted(site, name) for name in names] == [[], [], [], []]
    merge(site, day(11, 12))
    gone = [(guid_of("wire", make_item(100)), "2026-11-12T12:00:00+00:00")]
    assert [list_deleted(site, name) for name in names] == [gone, gone, [], []]
    document = etree.fromstring(fetch(site, f"/feeds/{NAME}.atom").data)
    assert document.findtext("a:updated", namespaces=NS) == "2026-11-12T12:00:00+00:00"


def test_an_article_that_is_split_off_again_is_not_gone(site: Site) -> None:
    fill_three_months(site)
    merge(site, day(11, 12))
    with site.store.write() as tx:
        split_entry(tx, entry_id("wire", "item-100"), Decision(rule="ruling", evidence="a mistake"))
        entries.bump_revision(tx, now=day(11, 13))
    assert list_deleted(site, NAME) == []
    assert guid_of("wire", make_item(100)) in list_guids(walk(site))


def test_an_article_that_was_merged_away_is_in_no_document(site: Site) -> None:
    fill_three_months(site)
    before = list_guids(walk(site))
    merge(site, day(11, 12))
    after = Counter(list_guids(walk(site)))
    assert set(after.values()) == {1}
    assert set(before) - set(after) == {guid_of("wire", make_item(100))}


def test_a_new_source_with_old_articles_leaves_past_documents_alone(site: Site) -> None:
    site.save("herald", make_items(range(5), day(9, 10)), day(9, 10))
    site.save("herald", make_items(range(10, 15), day(10, 10)), day(10, 10))
    before = fetch(site, f"/feeds/{NAME}/2026-09.atom").data
    site.save("wire", make_items(range(20, 25), day(9, 12)), day(10, 12))
    assert fetch(site, f"/feeds/{NAME}/2026-09.atom").data == before
    assert len(list_guids(walk(site))) == 15


def test_a_month_that_is_past_is_an_archive_and_kept_for_a_day(site: Site) -> None:
    site.save("herald", make_items(range(3), day(9, 10)), day(9, 30, 23))
    url = f"/feeds/{NAME}/2026-09.atom"
    open_ = fetch(site, url)
    site.touch(day(10, 1, 0) + timedelta(minutes=59))  # what was seen before midnight may still be saved
    assert fetch(site, url).data == open_.data
    site.touch(day(10, 1, 1))
    fixed = fetch(site, url)
    assert open_.headers["Cache-Control"].startswith("public, max-age=300,")
    assert fixed.headers["Cache-Control"].startswith("public, max-age=86400,")
    marks = [etree.fromstring(a.data).xpath("count(fh:archive)", namespaces=NS) for a in (open_, fixed)]
    assert marks == [0, 1]
    site.touch(day(12, 1))
    assert fetch(site, url).data == fixed.data


def test_a_long_month_comes_in_parts(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first parts are full and fixed while the month goes on; its own name is that of the rest."""
    monkeypatch.setattr(archives, "PART", 10)
    fill_three_months(site)
    documents = walk(site)
    months = ["2026-11.atom", *(f"2026-11-{n}.atom" for n in (3, 2, 1))]
    months += ["2026-10.atom", "2026-10-2.atom", "2026-10-1.atom"]
    months += ["2026-09.atom", *(f"2026-09-{n}.atom" for n in (3, 2, 1))]
    assert list_names(documents) == months
    assert [len(list_guids([d])) for d in documents] == [10] * 7 + [5] + [10] * 3
    assert len(set(list_guids(documents))) == 105
    part = f"/feeds/{NAME}/2026-11-1.atom"
    assert "max-age=300," in fetch(site, part).headers["Cache-Control"]
    site.save("herald", make_items(range(300, 315), day(11, 11)), day(11, 11))
    assert "max-age=86400," in fetch(site, part).headers["Cache-Control"]
    assert [len(list_guids([d])) for d in walk(site)][:3] == [5, 10, 10]
    assert len(set(list_guids(walk(site)))) == 120


def test_a_section_without_articles_has_no_archives(site: Site) -> None:
    assert walk(site) == []
    assert walk(site, "ar/sports") == []


def test_source_top_and_story_feeds_have_no_archives(site: Site) -> None:
    fill_three_months(site)
    for name in ("source/herald", "en/top", "en/stories/world"):
        assert walk(site, name) == []


@pytest.mark.parametrize(
    "path",
    [
        "en/world/2026-08.atom",
        "en/world/2026-12.atom",
        "en/world/2026-13.atom",
        "en/world/2026-9.atom",
        "en/world/2026-09-1.atom",
        "en/world/2026-09-0.atom",
        "en/world/2026-09.rss",
        "en/world/٢٠٢٦-09.atom",
        "en/world/9999-12.atom",
        "en/none/2026-09.atom",
        "en/top/2026-09.atom",
        "en/stories/2026-09.atom",
        "source/herald/2026-09.atom",
        "fr/world/2026-09.atom",
        "ar/sports/2026-09.atom",
    ],
)
def test_what_is_no_archive_is_404(site: Site, path: str) -> None:
    site.save("herald", make_items(range(3), day(9, 10)), day(9, 10))
    assert site.client.get(f"/feeds/{path}").status_code == 404


def test_a_former_section_leads_to_the_archive_of_the_present_one(site: Site) -> None:
    answer = site.client.get("/feeds/ar/games/2026-09.atom")
    assert (answer.status_code, answer.headers["Location"]) == (301, "/feeds/ar/sports/2026-09.atom")


def test_the_judges_find_nothing_to_say_of_archives_and_of_what_is_gone(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "PART", 10)
    fill_three_months(site)
    merge(site, day(11, 12))
    documents = {str(find_link(document, "self")): document for document in walk(site)}
    documents |= {f"{ROOT}/feeds/{NAME}.atom": etree.fromstring(fetch(site, f"/feeds/{NAME}.atom").data)}
    assert len(documents) == 12
    fixed = [url for url, document in documents.items() if document.findall("fh:archive", NS)]
    assert len(fixed) == 10, "all but what is left of November, and the feed"
    complaints = [
        f"{url}: {complaint}"
        for url in documents
        for complaint in judge_feed("atom", fetch(site, url).data, url=url, now=day(11, 13))
    ]
    assert complaints == []


@pytest.mark.skipif(not shutil.which("xmllint"), reason="xmllint (libxml2-utils) is not installed")
def test_xmllint_finds_archives_well_formed(site: Site, tmp_path: Path) -> None:
    fill_three_months(site)
    for name in ("2026-09", "2026-11"):
        path = tmp_path / f"{name}.atom"
        path.write_bytes(fetch(site, f"/feeds/{NAME}/{name}.atom").data)
        done = subprocess.run(["xmllint", "--noout", "--nonet", path], capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
