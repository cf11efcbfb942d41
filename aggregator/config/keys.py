"""Every key of config.toml, once: how it is read, what it defaults to, and what the reference says of it."""

from __future__ import annotations

from . import kinds
from .admin import ADMIN
from .lists import (
    RULE,
    SKIP,
    build_list_reader,
    build_rules_reader,
    build_rules_shape,
    read_editions,
    read_embed_allow,
)
from .mail import DIGEST
from .secret import STORE_VARIABLE, read_headers, read_store_url
from .tables import Key, Table, build_text_reader, plain
from .values import (
    OWN_HUB,
    RESERVED_IDS,
    read_callback,
    read_contact,
    read_hub,
    read_network,
    read_section_id,
    read_site_url,
    read_slug,
    read_tag,
    read_timezone,
)

POLLING = (
    Key(
        name="every",
        **kinds.duration("1s", "7d"),
        default_says="as often as the source publishes, between 15 minutes and a day",
        says="How often the source is polled, instead of as often as it publishes.",
    ),
    Key(
        name="timeout",
        **kinds.duration("1s", "10m", example='"30s"'),
        default_says="`timeout` of `[fetch]`",
        says="The longest one poll of it may take, redirects included.",
    ),
    Key(
        name="content",
        **kinds.choice("title", "summary", "full"),
        default='"full"',
        says="How much of its texts we may publish: headlines, excerpts or everything.",
    ),
    Key(
        name="lang",
        read=plain(read_tag),
        expects="BCP 47 tag",
        shape=kinds.TAG,
        default_says="what the feed says",
        says="The language of its texts, where the feed says it wrongly or not at all.",
    ),
    Key(
        name="headers",
        read=read_headers,
        expects="table of header names and values; a value may be a secret",
        shape={"type": "object", "additionalProperties": kinds.TEXT},
        default="{}",
        says="Sent with every request to the source. Those of `[defaults]` are sent too, unless named here.",
    ),
    Key(
        name="skip",
        read=build_rules_reader(SKIP),
        expects="list of tables, see below",
        shape=build_rules_shape(SKIP),
        default="[]",
        says="What to drop. The source's own come before those of `[defaults]`.",
    ),
    Key(
        name="rules",
        read=build_rules_reader(RULE),
        expects="list of tables, see below",
        shape=build_rules_shape(RULE),
        default="[]",
        says="What goes to another section. The source's own come before those of `[defaults]`.",
    ),
    Key(
        name="guess_sections",
        **kinds.flag(),
        default="false",
        says="Whether what no rule places goes where its words point, as learned from what rules place. "
        "Needs `pip install 'aggregator[learn]'`.",
    ),
    Key(
        name="max_entries",
        **kinds.number(1, 10_000),
        default="1000",
        says="How many entries of one document are read; the rest is left.",
    ),
)

SITE = Table(
    name="site",
    header="[site]",
    says="The site as a whole.",
    keys=(
        Key(
            name="title",
            **kinds.text('"News"'),
            default='"News"',
            says="The name of the site.",
        ),
        Key(
            name="url",
            read=plain(read_site_url),
            expects="http or https URL without query",
            shape=kinds.URL,
            default='"http://127.0.0.1:8000"',
            says="The public root: every link of ours starts with it.",
        ),
        Key(
            name="timezone",
            read=plain(read_timezone),
            expects="name of the IANA list",
            shape=kinds.TEXT,
            default='"UTC"',
            says="The time zone of dates on pages, and where days begin.",
        ),
        Key(
            name="editions",
            read=read_editions,
            expects="list of BCP 47 tags, each of another language",
            shape={**kinds.list_of(kinds.TAG), "minItems": 1},
            default='["en"]',
            says="The editions, the first also at `/`. An edition is named by its language: `ar-LY` is `ar`.",
        ),
        Key(
            name="digits",
            **kinds.choice("arab", "latn"),
            default_says="as the edition's language has them",
            says="Digits on pages: ٠١٢٣ or 0123.",
        ),
        Key(
            name="hijri",
            **kinds.flag(),
            default="false",
            says="Whether front pages show the Hijri date (Umm al-Qura) too.",
        ),
        Key(
            name="images",
            **kinds.choice("none", "direct", "proxy"),
            default='"direct"',
            says="Images on pages: none, straight from the publisher, or fetched once by the server and "
            "passed on, so that publishers do not see who reads.",
        ),
        Key(
            name="source_in_title",
            **kinds.choice("off", "prefix", "suffix"),
            default='"off"',
            says="Whether titles in feeds name the outlet too: not, in front (`Outlet: title`) or at the end "
            "(`title - Outlet`). For readers that show titles alone.",
        ),
        Key(
            name="keep",
            **kinds.keep(),
            default='"90d"',
            says="How long entries are kept.",
        ),
    ),
)

STORE = Table(
    name="store",
    header="[store]",
    says="Where everything is kept.",
    keys=(
        Key(
            name="url",
            read=read_store_url,
            expects="`sqlite:///FILE` or `postgresql+psycopg://USER@HOST/DATABASE`; may be a secret",
            shape=kinds.TEXT,
            default='"sqlite:///aggregator.db"',
            says="The database. A relative file is beside the configuration file. "
            f"The environment variable `{STORE_VARIABLE}` overrides it.",
        ),
    ),
)

FETCH = Table(
    name="fetch",
    header="[fetch]",
    says="What holds for every request.",
    keys=(
        Key(
            name="contact",
            read=plain(read_contact),
            expects="e-mail address or URL",
            shape=kinds.TEXT,
            says="Whom publishers can ask; stands in our User-Agent.",
        ),
        Key(
            name="timeout",
            **kinds.duration("1s", "10m", example='"30s"'),
            default='"30s"',
            says="The longest one exchange may take, redirects included. Connecting may take 10 s of it.",
        ),
        Key(
            name="max_body_bytes",
            **kinds.size(),
            default='"10MB"',
            says="The largest document that is read, counted after decompression.",
        ),
        Key(
            name="concurrency",
            **kinds.number(1, 1_000),
            default="32",
            says="Requests at one time, over all hosts.",
        ),
        Key(
            name="per_host",
            **kinds.number(1, 100),
            default="1",
            says="Connections to one host at one time.",
        ),
        Key(
            name="host_gap",
            **kinds.duration("0s", "1h", example='"1s"'),
            default='"1s"',
            says="The rest between two requests to one host.",
        ),
        Key(
            name="allow_networks",
            read=build_list_reader(plain(read_network), '["10.0.0.0/8"]'),
            expects="list of addresses and CIDR ranges",
            shape=kinds.list_of(kinds.TEXT),
            default="[]",
            says="Private, loopback and other special addresses that may be connected to all the same.",
        ),
        Key(
            name="requests_per_hour",
            **kinds.number(1, 10_000_000),
            default_says="no budget",
            says="The budget that the intervals of sources without `every` are fitted to.",
        ),
    ),
)

DEFAULTS = Table(
    name="defaults",
    header="[defaults]",
    says="What holds for every source that does not say otherwise under the same key.",
    keys=POLLING,
)

SECTION = Table(
    name="section",
    header="[[section]]",
    says="One section, in the order of the pages; any number of them.",
    keys=(
        Key(
            name="id",
            read=plain(read_section_id),
            expects="small letters a to z, digits, hyphens; not " + ", ".join(f"`{w}`" for w in RESERVED_IDS),
            shape={**kinds.SLUG_SHAPE, "not": {"enum": list(RESERVED_IDS)}},
            says="As in its URLs; unique within its edition.",
            example='id = "sports"',
        ),
        Key(
            name="edition",
            read=build_text_reader('"ar"'),
            expects="one of `editions` of `[site]`: `ar` or `ar-LY`",
            shape=kinds.TEXT,
            default_says="the first edition",
            says="The edition it belongs to.",
        ),
        Key(
            name="name",
            **kinds.text('"Sports"'),
            default_says="the id",
            says="As readers see it.",
        ),
        Key(
            name="old_ids",
            read=build_list_reader(plain(read_slug), '["sport"]'),
            expects="list of former ids",
            shape=kinds.list_of(kinds.SLUG_SHAPE),
            default="[]",
            says="Their URLs lead here.",
        ),
        Key(
            name="weight",
            **kinds.number(0, 48),
            default="0",
            says="By how many hours its stories count as newer than they are when the front page is ranked.",
        ),
    ),
)

SOURCE = Table(
    name="source",
    header="[[source]]",
    says="One feed that is polled; any number of them. All keys of `[defaults]` may stand here too.",
    keys=(
        Key(
            name="id",
            read=plain(read_slug),
            expects="small letters a to z, digits, hyphens",
            shape=kinds.SLUG_SHAPE,
            says="Names the source in URLs and commands; unique. Keep it when the URL changes.",
            example='id = "bbc"',
        ),
        Key(
            name="name",
            **kinds.text('"BBC News"'),
            default_says="the id",
            says="The publisher, as readers see it.",
        ),
        Key(
            name="url",
            **kinds.url(),
            says="The feed: RSS, Atom or JSON Feed; https where the publisher has it.",
            example='url = "https://…"',
        ),
        Key(
            name="section",
            read=build_text_reader('"sports"'),
            expects='section: `"sports"`, or `"ar/sports"` where several editions have one of that id',
            shape=kinds.TEXT,
            says="Where its entries go, unless a rule says otherwise.",
            example='section = "…", the id of a [[section]]',
        ),
        Key(
            name="priority",
            **kinds.number(0, 48),
            default="0",
            says="By how many hours its stories count as newer than they are when the front page is ranked.",
        ),
        *POLLING,
    ),
)

EMBED = Table(
    name="embed",
    header="[embed]",
    says="Boxes of ours on other sites.",
    keys=(
        Key(
            name="allow",
            read=read_embed_allow,
            expects='list of origins, or `"*"` for all sites',
            shape={"anyOf": [{"enum": ["*"]}, kinds.list_of(kinds.URL)]},
            default='"*"',
            says="The sites that may show them in a frame, besides our own; `[]` is none.",
        ),
    ),
)

WEBSUB = Table(
    name="websub",
    header="[websub]",
    says="Push instead of polling (W3C WebSub).",
    keys=(
        Key(
            name="hub",
            read=plain(read_hub),
            expects=f'http or https URL, or `"{OWN_HUB}"`',
            shape={"anyOf": [{"enum": [OWN_HUB]}, kinds.URL]},
            default_says="none",
            says="The hub that our feeds name: one elsewhere, which is told of each change, or "
            f'`"{OWN_HUB}"`, the one of this server at `/hub`, which sends whoever subscribes the whole feed '
            "within seconds. Subscribers are called at ports 80 and 443 and those of configured URLs.",
        ),
        Key(
            name="callback",
            read=plain(read_callback),
            expects="http or https URL without query",
            shape=kinds.URL,
            default_says="no hub is subscribed to",
            says="Where hubs of publishers reach us from outside: `/websub/` of this server. With it, "
            "sources that name a hub are pushed within seconds of a change, and polled every 12 hours (or "
            "every `every` if that is longer) as long as the hub keeps its word.",
        ),
    ),
)

TABLES = (SITE, STORE, FETCH, DEFAULTS, SECTION, SOURCE, EMBED, ADMIN, WEBSUB, DIGEST)
