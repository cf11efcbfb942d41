"""Folded words cut down to their stems, by language; what stories and search know words by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

import Stemmer

from aggregator.text import fold

_STEMMERS = dict(
    pair.split("=")
    for pair in (
        "ar=arabic da=danish de=german el=greek en=english es=spanish fi=finnish fr=french hu=hungarian "
        "id=indonesian it=italian nl=dutch no=norwegian nb=norwegian pt=portuguese ro=romanian ru=russian "
        "sv=swedish tr=turkish"
    ).split()
)
INDEXED_CHARS = 20_000  # of a text, for search
_STEMS_KEPT = 65_536  # of a language; a hostile text must not fill the memory
_SHARE_OF_FUNCTION_WORDS = 0.15  # of a text in the language; a headline has fewer and stays undetermined
# The Arabic stemmer leaves an ending on where it has found an article: "the match" would not find "match".
_ARTICLE = re.compile("(?:[وف]?(?:ال|بال|كال|لل))(?=...)")

STOP_WORDS = {
    "ar": (
        "في من على الى عن مع بين بعد قبل منذ حتى خلال عند لدى حول دون تحت فوق امام خلف ضد عبر نحو غير سوى ان "
        "انه انها انهم لان لكن لكنه بل او ام ثم اذا اذ لو لولا كما كي لكي حيث بينما عندما حين قد لقد سوف لم "
        "لن لا ما ليس ليست كان كانت كانوا يكون تكون كون هو هي هم هن انت انا نحن هذا هذه هذان هؤلاء ذلك تلك "
        "اولئك هنا هناك الذي التي الذين اللذين اللتين اللاتي كل كافه جميع بعض اي ايه ايضا فقط كذلك مثل به "
        "بها بهم له لها لهم لنا لي لك فيه فيها فيهم منه منها منهم عليه عليها عليهم اليه اليها عنه عنها معه "
        "معها مما فيما عما بما لما وقد وان وانه وهو وهي وكان وكانت ومن وفي وعلى والى وعن ومع ولا ولم ولن وما "
        "وذلك وهذا وهذه كلا ابرز تم يتم سيتم وتم جدا عدم لدي احد اكثر اقل اثناء وفق وفقا بسبب قال وقال قالت "
        "وقالت واضاف واوضح اشار واشار اكد واكد"
    ),
    "en": (
        "a an the and or but of to in on at by for with from as is are was were be been being am it its "
        "itself this that these those he she they we you i his her hers their theirs our your my me him them "
        "us himself herself themselves who whom whose which what when where why how not no nor so than then "
        "there here also has have had having do does did doing done will would can could may might must "
        "shall should cannot ll ve re s t d m said say says saying told after before over under up down out "
        "off about into onto through during between against among more most much many other others another "
        "some any each every both few all such only own same too very just now new if because while although "
        "though until since without within toward towards upon per via yet still even ever again once one "
        "two first"
    ),
    "fr": (
        "le la les l un une des du de d au aux a et ou mais donc or ni car que qu qui quoi dont quand "
        "comment pourquoi ce c cet cette ces ceci cela ca il elle ils elles on nous vous je j tu me m te t "
        "se s lui leur leurs y en son sa ses mon ma mes ton ta tes notre nos votre vos ne n pas plus moins "
        "tres trop peu aussi ainsi alors apres avant avec sans sous sur dans par pour vers chez entre contre "
        "depuis pendant selon lors jusque jusqu si comme est sont etait etaient ete etre sera seront serait "
        "soit suis es sommes etes ai as ont avait avaient avoir aura auront eu fait faire font dit peut "
        "peuvent doit tout tous toute toutes autre autres meme memes chaque quelque quelques plusieurs deux "
        "premier premiere encore deja toujours jamais ici bien afin celui celle ceux"
    ),
    "de": (
        "der die das den dem des ein eine einen einem einer eines und oder aber denn sondern nicht kein "
        "keine ist sind war waren sei wird werden wurde wurden hat haben hatte hatten kann konnen soll "
        "sollen muss will er sie es wir ihr ich sich sein seine ihre ihren in im an am auf aus bei beim mit "
        "nach von vom vor zu zum zur uber unter durch fur gegen ohne um bis seit als wie wenn dass weil ob "
        "so auch nur noch schon mehr sehr dann da hier dort was wer wo"
    ),
    "es": (
        "el la los las un una unos unas de del al a y e o u pero que quien cual cuando donde como porque si "
        "no ni en con por para sin sobre entre desde hasta hacia segun contra durante tras se su sus lo le "
        "les me te nos mi tu es son era eran fue fueron ser sido esta estan estaba ha han habia hay mas "
        "menos muy ya tambien este estos estas ese esa eso aquel todo todos toda todas otro otra otros otras "
        "dos anos"
    ),
}

# By share of articles, in percent.


def find_language(tag: str, words: Sequence[str]) -> str:
    """The primary subtag of a BCP 47 tag; of "und", the language whose function words the text is full of."""
    language = tag.partition("-")[0].lower()[:3]
    return language if language != "und" else _guess_language(words)


def stem_word(word: str, language: str) -> str:
    """The stem of a folded word; the word itself in a language that we have no stemmer for."""
    stemmer = _find_stemmer(language)
    if stemmer is None:
        return word
    stem: str = stemmer.stemWord(word)
    return stem


def stem_words(words: Iterable[str], language: str) -> list[str]:
    """The stems that search knows folded words by, in a text of that language.

    Arabic words lose the article before them. Arabic words in other texts, and Latin ones in Arabic texts
    (as English), are stemmed by their own letters.
    """
    return list(map(_find_stems(language).__getitem__, words))


def find_visible(content: str, *, full: str, excerpt: str) -> str:
    """The text below the headline on the article's page: nobody may find what nobody may read."""
    if content == "title":
        return ""
    return (full if content == "full" else "") or excerpt


def stem_article(title: str, text: str, tag: str) -> tuple[str, str, str]:
    """The language that an article is searched in, and its title and text as search knows them: stems with
    single spaces between them.
    """
    headline, words = fold(title).split(), fold(text[:INDEXED_CHARS]).split()
    language = find_language(tag, headline + words)
    return language, " ".join(stem_words(headline, language)), " ".join(stem_words(words, language))


class _Stems(dict[str, str]):
    """What words are stemmed to in a language, filled as words turn up: a tenth of the stemmer's time."""

    def __init__(self, language: str) -> None:
        self._language = language

    def __missing__(self, word: str) -> str:
        language = _find_language_of_word(word, self._language)
        stem = stem_word(_ARTICLE.sub("", word, count=1) if language == "ar" else word, language)
        if len(self) < _STEMS_KEPT:
            self[word] = stem
        return stem


def _find_language_of_word(word: str, language: str) -> str:
    """That of the text, unless its letters are of the other script: names are quoted as they are written."""
    if language == "ar":
        return "en" if word.isascii() else "ar"
    latin = language in _STEMMERS or language == "und"
    return "ar" if latin and "\u0621" <= word[:1] <= "\u064a" else language


@lru_cache(maxsize=64)
def _find_stems(language: str) -> _Stems:
    return _Stems(language)


@lru_cache(maxsize=64)
def list_function_words(language: str) -> frozenset[str]:
    """Folded; none for a language that we know none of."""
    return frozenset(fold(STOP_WORDS.get(language, "")).split())


def _guess_language(words: Sequence[str]) -> str:
    counts = {
        language: sum(word in list_function_words(language) for word in words) for language in STOP_WORDS
    }
    best = max(counts, key=lambda language: counts[language])
    return best if words and counts[best] >= _SHARE_OF_FUNCTION_WORDS * len(words) else "und"


@lru_cache(maxsize=64)
def _find_stemmer(language: str) -> Stemmer.Stemmer | None:
    algorithm = _STEMMERS.get(language)
    return None if algorithm is None else Stemmer.Stemmer(algorithm, 0)  # whoever stems remembers the words
