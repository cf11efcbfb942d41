"""The values that pass between the stages: frozen, keyword-only, aware UTC.

In the order of the line: what the admin wrote (Edition, Section, Rule, Source), what came over the
wire (FetchRequest, FetchResult), what the document says (ParsedFeed, ParsedEntry), what we make of it
(Entry, Fingerprint, Decision, SourceReading), what the store keeps (SourceState, Claim, PollResult) and
what is published (Article, Coverage).

`None` means "the source does not say" wherever a field below allows it, unless its comment says otherwise.
A section is named by a *section reference*, `edition/section`, e.g. `ar/sports`.
"""

from aggregator.addresses import Network
from aggregator.model.articles import (
    Archive,
    Article,
    Coverage,
    FeedHead,
    FrontStory,
    Notice,
    Origin,
    Story,
    Withdrawal,
)
from aggregator.model.documents import Enclosure, Hints, Image, Markup, ParsedEntry, ParsedFeed
from aggregator.model.entries import (
    Assignment,
    Boilerplate,
    Candidate,
    Decision,
    Entry,
    Fingerprint,
    Placement,
    ReadEntry,
    SearchWords,
    SectionModel,
    SourceReading,
)
from aggregator.model.exchange import FetchPolicy, FetchRequest, FetchResult, Redirect, Validators
from aggregator.model.searches import (
    Day,
    SearchHit,
    SearchProblem,
    SearchQuery,
    SearchResult,
    SearchTerm,
    SearchTrouble,
    SourceRecord,
    Telling,
    Timeline,
)
from aggregator.model.settings import (
    ContentRight,
    Direction,
    Edition,
    Mailing,
    MailServer,
    Rule,
    Section,
    Site,
    Source,
    SourceInTitle,
)
from aggregator.model.states import (
    ArrivalRate,
    Claim,
    HostRest,
    Pace,
    PastPoll,
    PollOutcome,
    PollResult,
    SourceState,
)
from aggregator.model.statuses import Situation, SourceStatus, Trouble
from aggregator.model.stories import (
    StoryArticle,
    StoryCandidate,
    StoryMerge,
    StoryPlan,
    StoryReason,
    StoryRulings,
)
from aggregator.model.subscribers import HubMode, HubRequest, Subscriber
from aggregator.model.subscriptions import HubOffer, Payload, Subscription, SubscriptionState

__all__ = [
    "Archive",
    "ArrivalRate",
    "Article",
    "Assignment",
    "Boilerplate",
    "Candidate",
    "Claim",
    "ContentRight",
    "Coverage",
    "Day",
    "Decision",
    "Direction",
    "Edition",
    "Enclosure",
    "Entry",
    "FeedHead",
    "FetchPolicy",
    "FetchRequest",
    "FetchResult",
    "Fingerprint",
    "FrontStory",
    "Hints",
    "HostRest",
    "HubMode",
    "HubOffer",
    "HubRequest",
    "Image",
    "MailServer",
    "Mailing",
    "Markup",
    "Network",
    "Notice",
    "Origin",
    "Pace",
    "ParsedEntry",
    "ParsedFeed",
    "PastPoll",
    "Payload",
    "Placement",
    "PollOutcome",
    "PollResult",
    "ReadEntry",
    "Redirect",
    "Rule",
    "SearchHit",
    "SearchProblem",
    "SearchQuery",
    "SearchResult",
    "SearchTerm",
    "SearchTrouble",
    "SearchWords",
    "Section",
    "SectionModel",
    "Site",
    "Situation",
    "Source",
    "SourceInTitle",
    "SourceReading",
    "SourceRecord",
    "SourceState",
    "SourceStatus",
    "Story",
    "StoryArticle",
    "StoryCandidate",
    "StoryMerge",
    "StoryPlan",
    "StoryReason",
    "StoryRulings",
    "Subscriber",
    "Subscription",
    "SubscriptionState",
    "Telling",
    "Timeline",
    "Trouble",
    "Validators",
    "Withdrawal",
]
