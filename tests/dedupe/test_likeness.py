"""How alike two texts are: copies as outlets make them, and templates that share all but a few words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.dedupe.likeness import LEAST_TRIPLES, WINDOW, Likeness, describe, find_likeness, make_text
from tests.dedupe.samples import DAY, HOUR, NOON, make_candidate, make_entry, write_otherwise

Item = tuple[str, str]  # title and text


def compare(one: Item, other: Item, *, hours: float = 1, same_source: bool = False) -> Likeness | None:
    first, second = (
        make_text(
            make_candidate(
                number,
                make_entry(
                    source_id="harbour" if same_source or not number else "ferry",
                    guid=str(number),
                    url=f"https://harbour.example/{number}",
                    title=title,
                    text=text,
                    published_at=NOON + number * hours * HOUR,
                ),
            )
        )
        for number, (title, text) in enumerate((one, other))
    )
    return find_likeness(first, second)


def are_copies(one: Item, other: Item, **circumstances: Any) -> bool:
    found = compare(one, other, **circumstances)
    return found is not None and found.margin >= 0


# --- copies ---------------------------------------------------------------------------------------

TITLE = "الميناء يستأنف العمل بعد إصلاح الرافعة الكبرى"
LEAD = (
    "استأنف ميناء الخمس البحري عمله صباح الأربعاء بعد توقف دام 9 أيام بسبب عطل في الرافعة الكبرى، "
    "وقال مدير التشغيل إن فريقاً من المهندسين المحليين أنهى إصلاحها بقطع صنعت في ورش المدينة."
)
MIDDLE = (
    "وأوضح أن 14 سفينة كانت تنتظر خارج حوض المرسى، وأن تفريغ القمح والأعلاف يسبق سواها من البضائع حتى "
    "تصل المطاحن حاجتها قبل نهاية الأسبوع، مبيناً أن ساعات العمل زيدت إلى ورديتين في اليوم."
)
END = (
    "ويعود بناء الرصيف الرئيسي إلى منتصف القرن الماضي، وسبق للإدارة أن طلبت رافعة ثانية ضمن خطة توسعة "
    "لم تعتمد ميزانيتها بعد، بينما يطالب تجار المدينة بممر خاص للشاحنات الصغيرة."
)
REPORT = (TITLE, f"{LEAD} {MIDDLE} {END}")

ENGLISH_TITLE = "Brackwell bakery reopens after the flood"
ENGLISH_LEAD = (
    "The oldest bakery of Brackwell reopened on Wednesday, 11 weeks after the river took its ovens, and sold "
    "out before nine in the morning, its owners said while neighbours queued along the wet lane."
)
ENGLISH_MIDDLE = (
    "Volunteers had carried 40 sacks of silt out of the cellar and rebuilt the chimney with bricks of the "
    "fallen mill, and a rival from the next valley lent dough mixers until the insurance pays."
)
ENGLISH_END = (
    "The bakery has stood beside the ford since the wool fairs, and the council wants a wall there that "
    "anglers oppose because trout spawn under the bank every spring."
)
ENGLISH_REPORT = (ENGLISH_TITLE, f"{ENGLISH_LEAD} {ENGLISH_MIDDLE} {ENGLISH_END}")

EXTRA = (
    "ونقل مراسلنا عن سائقين كانوا في الطابور أنهم قضوا الليل في مقصوراتهم، وأن بعضهم حمل الخضار التي فسدت "
    "إلى السوق القريبة وباعها بثمن بخس، فيما وزع شبان من الحي الماء والخبز عليهم."
)
ENGLISH_EXTRA = (
    "Our reporter counted three dogs and a brass band in the queue, and heard a baker of eighty hum the tune "
    "that his father used to whistle while the loaves cooled on the sill."
)

COPIES: dict[str, tuple[Item, Item]] = {
    "the first paragraph and no more": (REPORT, (TITLE, LEAD)),
    "without the last paragraph": (REPORT, (TITLE, f"{LEAD} {MIDDLE}")),
    "without the middle": (REPORT, (TITLE, f"{LEAD} {END}")),
    "a paragraph of the copier's own at the end": (REPORT, (TITLE, f"{REPORT[1]} {EXTRA}")),
    "a paragraph of the copier's own among the others": (REPORT, (TITLE, f"{LEAD} {EXTRA} {MIDDLE} {END}")),
    "paragraphs in another order": (REPORT, (TITLE, f"{LEAD} {END} {MIDDLE}")),
    "the last paragraph first": (REPORT, (TITLE, f"{END} {LEAD} {MIDDLE}")),
    "an introduction of the copier's own": (REPORT, ("طوابير في الخمس", f"{EXTRA} {REPORT[1]}")),
    "another headline": (REPORT, ("9 أيام من التوقف تنتهي: السفن تعود إلى الخمس", REPORT[1])),
    "another headline and half the text": (REPORT, ("السفن تعود إلى الخمس", f"{LEAD} {MIDDLE}")),
    "a tail that names the copier": (REPORT, (TITLE, f"{REPORT[1]} اقرأ المزيد على موقع بوابة المرفأ")),
    "a tail that names the first": (REPORT, (TITLE, f"{LEAD} View on Harbour News")),
    "a city and an agency before it": (REPORT, (TITLE, f"الخمس - وكالة المرفأ: {REPORT[1]}")),
    "the agency before it, cut": (REPORT, (TITLE, f"الخمس - وكالة المرفأ: {LEAD}")),
    "another keyboard and Hindi digits": (REPORT, (write_otherwise(TITLE), write_otherwise(REPORT[1]))),
    "typing errors": (
        REPORT,
        (TITLE, REPORT[1].replace("المهندسين", "المهندسيين").replace("السفن", "السفين")),
    ),
    "a word corrected": (REPORT, (TITLE, REPORT[1].replace("مبيناً", "مضيفاً"))),
    "no headline of its own": (REPORT, ("عاجل", REPORT[1])),
    "English: the first paragraph and no more": (ENGLISH_REPORT, (ENGLISH_TITLE, ENGLISH_LEAD)),
    "English: without the middle": (ENGLISH_REPORT, (ENGLISH_TITLE, f"{ENGLISH_LEAD} {ENGLISH_END}")),
    "English: a paragraph of the copier's own": (
        ENGLISH_REPORT,
        (ENGLISH_TITLE, f"{ENGLISH_LEAD} {ENGLISH_EXTRA} {ENGLISH_MIDDLE}"),
    ),
    "English: paragraphs in another order": (
        ENGLISH_REPORT,
        (ENGLISH_TITLE, f"{ENGLISH_LEAD} {ENGLISH_END} {ENGLISH_MIDDLE}"),
    ),
    "English: another headline": (ENGLISH_REPORT, ("Loaves sell out in an hour", ENGLISH_REPORT[1])),
    "English: a tail": (ENGLISH_REPORT, (ENGLISH_TITLE, f"{ENGLISH_LEAD} Read more on ferry.example")),
    "English: a city and an agency before it": (
        ENGLISH_REPORT,
        (ENGLISH_TITLE, f"BRACKWELL (Valley Wire) - {ENGLISH_REPORT[1]}"),
    ),
    "English: typing errors": (
        ENGLISH_REPORT,
        (ENGLISH_TITLE, ENGLISH_REPORT[1].replace("neighbours", "neigbours").replace("sacks", "sack")),
    ),
}


@pytest.mark.parametrize(("one", "other"), COPIES.values(), ids=COPIES.keys())
@pytest.mark.parametrize("hours", [1, 30], ids=["within the hour", "on the next day"])
def test_it_is_a_copy_with(one: Item, other: Item, hours: float) -> None:
    assert are_copies(one, other, hours=hours)
    assert are_copies(other, one, hours=hours)


# --- what shares words and is no copy --------------------------------------------------------------

OTHER_LEAD = (
    "انتخب تجار الخمس أمس 7 أعضاء لغرفتهم الجديدة في قاعة البلدية وسط إقبال ضعيف، وفازت قائمة الحرفيين "
    "بأغلب المقاعد بعد فرز دام حتى ساعة متأخرة، ودعا رئيسها إلى خفض رسوم الأسواق الشعبية."
)
OTHER_MIDDLE = (
    "وتعهد الأعضاء بنشر حسابات الغرفة كل ثلاثة أشهر، وبفتح مكتب لشكاوى الباعة الجوالين، وقالوا إن أول ما "
    "يطلبونه من المجلس البلدي إنارة السوق القديمة وترميم سقفها قبل موسم الأمطار."
)
THIRD = (
    "وفي سياق آخر شهدت المدينة افتتاح مكتبة للأطفال تضم 3000 كتاب تبرعت بها أسر مقيمة، وعرضت فرقة مسرحية "
    "من صبراتة عملاً قصيراً عن البحارة، ثم وزعت الجوائز على الفائزين في مسابقة الرسم."
)
ENGLISH_OTHER = (
    "Anglers of the upper valley voted by 64 to 12 to buy the weir from its bankrupt owner, and the club "
    "will open the fish ladder again before the autumn run, its treasurer told a crowded village hall."
)
DIFFERENT: dict[str, tuple[Item, Item]] = {
    "background that both append": (
        (TITLE, f"{LEAD} {END}"),
        ("غرفة التجارة تنتخب", f"{OTHER_LEAD} {OTHER_MIDDLE} {END}"),
    ),
    "a round-up that holds the report among others": (
        (TITLE, LEAD),
        ("أخبار الخمس في أسبوع", f"{OTHER_LEAD} {OTHER_MIDDLE} {THIRD} {LEAD} {EXTRA}"),
    ),
    "a round-up that has the report and its headline": (
        (TITLE, LEAD),
        ("أخبار الخمس", f"{THIRD.replace('3000 ', '')} {EXTRA} {OTHER_LEAD} {OTHER_MIDDLE} {TITLE} {LEAD}"),
    ),
    "one headline over two texts": ((TITLE, LEAD), (TITLE, OTHER_LEAD)),
    "a sentence quoted": ((TITLE, f"{LEAD} {MIDDLE}"), ("رسوم", f"{OTHER_LEAD} {OTHER_MIDDLE} {LEAD[:90]}")),
    "nothing in common": ((TITLE, LEAD), ("مكتبة", THIRD)),
    "English: background that both append": (
        (ENGLISH_TITLE, f"{ENGLISH_LEAD} {ENGLISH_END}"),
        ("Anglers buy the weir", f"{ENGLISH_OTHER} {ENGLISH_EXTRA} {ENGLISH_END}"),
    ),
    "English: a round-up that holds the report among others": (
        (ENGLISH_TITLE, ENGLISH_LEAD),
        ("The week in the valley", f"{ENGLISH_OTHER} {ENGLISH_EXTRA} {ENGLISH_END} {ENGLISH_LEAD}"),
    ),
    "English: one headline over two texts": (
        (ENGLISH_TITLE, ENGLISH_LEAD),
        (ENGLISH_TITLE, ENGLISH_OTHER),
    ),
}


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_it_is_no_copy_with(one: Item, other: Item) -> None:
    assert not are_copies(one, other)
    assert not are_copies(other, one)


# --- templates ------------------------------------------------------------------------------------

WEATHER = (
    "الأرصاد: {sky} على أغلب المناطق اليوم",
    "يتوقع المركز الوطني للأرصاد أن تكون السماء {sky} على مناطق الشمال الغربي والجبل، مع رياح شمالية شرقية "
    "تتراوح سرعتها بين {a} و{b} كيلومتراً في الساعة تنشط أحياناً على الساحل، وتنخفض درجات الحرارة "
    "قليلاً ليلاً "
    "في المناطق الداخلية والصحراوية. وتسجل طرابلس درجة عظمى قدرها {c} درجة، ومصراتة {d}، وبنغازي {e}، "
    "وسبها {f}، والكفرة {g}. ويكون ارتفاع الموج من متر إلى متر ونصف المتر، وحالة البحر خفيفة إلى متوسطة، "
    "فيما تتكون سحب منخفضة في الصباح الباكر على أجزاء من الساحل الشرقي ويتحسن مدى الرؤية مع ارتفاع "
    "الشمس. ونصح المركز مستخدمي الطرق الصحراوية بالحذر من الأتربة العالقة، ودعا الصيادين إلى متابعة "
    "النشرات اللاحقة التي تصدر كل ست ساعات.",
)
TELEGRAM = (
    "رئيس المجلس يهنئ رئيس {country} بذكرى {occasion}",
    "بعث رئيس المجلس الأعلى ببرقية تهنئة إلى فخامة الرئيس {name} رئيس جمهورية {country} بمناسبة ذكرى "
    "{occasion} لبلاده. وعبر رئيس المجلس باسمه وباسم الشعب والحكومة عن أصدق التهاني وأطيب التمنيات "
    "بالصحة والسعادة لفخامته ولحكومة وشعب جمهورية {country} الصديق باطراد التقدم والازدهار، وأشاد بتميز "
    "العلاقات التي تربط البلدين والشعبين وبالحرص المتبادل على تنميتها في المجالات كافة.{more}",
)
_SECOND_TELEGRAM = (
    " كما بعث نائب رئيس المجلس ببرقية مماثلة إلى فخامة الرئيس {name} أعرب فيها عن أبلغ التهاني وأطيب "
    "التمنيات بموفور الصحة والسعادة لفخامته، وللشعب الصديق المزيد من الرقي والتقدم في ظل قيادته."
)
EXECUTION = (
    "تنفيذ حكم القصاص في جانٍ بمدينة {city}",
    "أصدرت وزارة الداخلية بياناً عن تنفيذ حكم القصاص في مدينة {city}، جاء فيه أن {killer} أقدم على قتل "
    "{victim} وذلك بإطلاق النار عليه إثر خلاف بينهما، وأن سلطات الأمن تمكنت من القبض على الجاني وأسفر "
    "التحقيق معه عن توجيه الاتهام إليه بارتكاب جريمته، وبإحالته إلى المحكمة صدر بحقه صك يقضي بثبوت ما نسب "
    "إليه والحكم عليه بالقتل قصاصاً، وصدق الحكم من محكمة الاستئناف ومن المحكمة العليا، وصدر أمر بإنفاذ ما "
    "تقرر. والوزارة إذ تعلن ذلك تؤكد للجميع حرصها على استتباب الأمن وتحقيق العدل وتنفيذ أحكام القضاء في كل "
    "من يتعدى على الآمنين ويسفك دماءهم.",
)
PLANE = (
    "وصول طائرة الإغاثة {which} إلى مطار عدن",
    "وصلت إلى مطار عدن الدولي اليوم طائرة الإغاثة {which} التي يسيرها مركز الإغاثة والأعمال الإنسانية وعلى "
    "متنها مواد غذائية وطبية وخيام للمتضررين، وقال مدير المركز إن الطائرة تحمل سلالاً من التمر والطحين "
    "والحليب تكفي مئات الأسر في المدينة والقرى القريبة منها، وإن فرقاً من المتطوعين تتولى تسليمها "
    "بالتنسيق مع السلطة "
    "المحلية، مضيفاً أن الجسر الجوي يستمر حتى تصل المعونات إلى كل محتاج إليها.",
)
TRIAL = (
    "{which} جلسات محاكمة المتهمين في قضية الوقود",
    "عقدت محكمة الجنايات {which} جلساتها للنظر في قضية تهريب الوقود المتهم فيها عدد من موظفي شركة التوزيع، "
    "وحضر المتهمون ودفاعهم وممثل النيابة العامة، واستمعت المحكمة إلى أقوال الشهود وإلى تقرير الخبراء الذي "
    "طلبته، ثم قررت رفع الجلسة وتأجيل النظر في القضية إلى الشهر المقبل لاستكمال المرافعة، وأبقت المتهمين "
    "رهن الحبس ورفضت طلباً بالإفراج عنهم بكفالة قدمه الدفاع في ختام المرافعة.",
)
GOLD = (
    "أسعار الذهب اليوم",
    "استهلت سوق الذهب المحلية تعاملات اليوم على حركة محدودة، وسجل غرام عيار 24 سعر {a} ديناراً وعيار 21 "
    "{b} ديناراً وعيار 18 {c} ديناراً، وبلغ سعر الليرة {d} ديناراً، بينما دارت الأونصة في التعاملات الفورية "
    "حول {e} دولاراً. وقال تجار في سوق المشير إن الطلب على المشغولات ضعيف في هذا الموسم، وإن المستهلكين "
    "يفضلون السبائك الصغيرة، متوقعين أن تبقى الأسعار على حالها حتى يتضح قرار المصرف المركزي.",
)
COUNCIL = (
    "مجلس الوزراء يعقد جلسته الأسبوعية",
    "عقد مجلس الوزراء جلسته الأسبوعية {number} برئاسة رئيس الحكومة وبحضور الوزراء ورؤساء الهيئات، واستهل "
    "المجلس جلسته بالاطلاع على محضر اجتماعه السابق وما نفذ من قراراته، ثم استعرض التقارير المقدمة من "
    "الوزارات عن سير العمل بمشاريعها، واعتمد عدداً من التوصيات المرفوعة إليه من لجانه، ووجه بمتابعة "
    "تنفيذها وإحاطته بما يستجد، وناقش ما أدرج بجدول أعماله من موضوعات واتخذ حيالها القرارات المناسبة.",
)
STRIKES = (
    "{count} غارة على أطراف المدينة منذ الفجر",
    "قالت فرق الدفاع المدني إن الطائرات شنت {count} غارة على أطراف المدينة منذ فجر اليوم، استهدفت الطريق "
    "السريعة والمزارع القريبة من المحطة، وإن فرقها تواصل البحث تحت أنقاض مبنى من ثلاثة طوابق رغم نقص "
    "المعدات والوقود، وناشدت الأهالي الابتعاد عن الجسر وإخلاء الطرق لسيارات الإسعاف، مشيرة إلى أن المشفى "
    "الميداني يعمل فوق طاقته وأن المتبرعين بالدم يستقبلون في مبنى المدرسة المجاورة له.",
)
SHARES = (
    "Shares close {way} in quiet trade",
    "The harbour exchange closed {way} on {day} in quiet trade, its index ending at {a} points after a "
    "session in which {b} million shares changed hands, with banks and shippers the most active "
    "names. Dealers said "
    "that most investors are waiting for the central bank before they commit money, that foreign funds "
    "stayed away as they have all month, and that the index may keep to its narrow range until the "
    "results season "
    "begins, when lenders and cement makers report first.",
)
ENGLISH_WEATHER = (
    "Weather for {day}",
    "The weather office expects {sky} skies over the northern valleys on {day}, with light winds from the "
    "north east and a little mist at dawn along the rivers. Temperatures will reach {a} degrees in "
    "Brackwell, {b} in Tarnley and {c} on the coast, and fall to {d} at night. The sea will be "
    "slight to moderate, "
    "visibility good apart from the early hours, and the mountain passes stay open to all traffic. Farmers "
    "are advised to water in the evening, and walkers to carry a coat above the tree line.",
)
ENGLISH_TELEGRAM = (
    "Chairman congratulates {country} on {occasion}",
    "The chairman of the high council sent a cable of congratulations to {name}, President of the Republic "
    "of {country}, on the anniversary of {occasion}. In his own name and in that of the people and "
    "government he expressed his sincere wishes of good health and happiness to the President, and "
    "of steady progress and "
    "prosperity to the friendly people of {country}, and praised the distinguished relations between the two "
    "countries, which both seek to strengthen and develop in all fields of common interest.",
)


def fill(template: Item, **values: object) -> Item:
    title, text = (part.replace("{more}", str(values.get("more", ""))) for part in template)
    return title.format(**values), text.format(**values)


_FINLAND = {"name": "ساولي كورهونن", "country": "فنلندا", "occasion": "اليوم الوطني"}
_BARBADOS = {"name": "جيفري بلاكمان", "country": "بربادوس", "occasion": "الاستقلال"}
_LONG = {"more": _SECOND_TELEGRAM}
_MILD = {"sky": "صافية", "a": 10, "b": 25, "c": 27, "d": 26, "e": 28, "f": 33, "g": 34}

TEMPLATES: dict[str, tuple[Item, Item, float]] = {
    "weather, two degrees differ": (
        fill(WEATHER, **_MILD),
        fill(WEATHER, **_MILD | {"c": 28, "e": 29}),
        24,
    ),
    "weather, all degrees differ": (
        fill(WEATHER, **_MILD),
        fill(WEATHER, sky="غائمة", a=15, b=35, c=22, d=21, e=23, f=29, g=30),
        24,
    ),
    "telegrams to two heads of state": (fill(TELEGRAM, **_FINLAND), fill(TELEGRAM, **_BARBADOS), 1),
    "telegrams to two heads of state, from the deputy as well": (
        fill(TELEGRAM, **_FINLAND, **_LONG),
        fill(TELEGRAM, **_BARBADOS, **_LONG),
        1,
    ),
    "telegrams to two heads of state on one occasion": (
        fill(TELEGRAM, **_FINLAND),
        fill(TELEGRAM, **_BARBADOS | {"occasion": "اليوم الوطني"}),
        1,
    ),
    "notices of two executions": (
        fill(EXECUTION, city="جدة", killer="سعد بن علي الحداد", victim="فهد بن سالم النجار"),
        fill(EXECUTION, city="أبها", killer="عمر بن حسن الفران", victim="زيد بن ناصر البناء"),
        24,
    ),
    "the second and the third relief plane": (
        fill(PLANE, which="الثانية"),
        fill(PLANE, which="الثالثة"),
        24,
    ),
    "relief planes 4 and 5": (fill(PLANE, which="رقم 4"), fill(PLANE, which="رقم 5"), 6),
    "the first and the second session of a trial": (
        fill(TRIAL, which="أولى"),
        fill(TRIAL, which="ثاني"),
        48,
    ),
    "gold by day": (
        fill(GOLD, a=612, b=536, c=459, d=4288, e=1998),
        fill(GOLD, a=614, b=537, c=460, d=4296, e=2003),
        24,
    ),
    "the weekly council by its number": (
        fill(COUNCIL, number="رقم 41"),
        fill(COUNCIL, number="رقم 42"),
        71,
    ),
    "the weekly council by its ordinal": (
        fill(COUNCIL, number="الرابعة"),
        fill(COUNCIL, number="الخامسة"),
        71,
    ),
    "strike counts": (fill(STRIKES, count=12), fill(STRIKES, count=15), 2),
    "shares by day": (
        fill(SHARES, way="higher", day="Monday", a=2301, b=14),
        fill(SHARES, way="lower", day="Tuesday", a=2288, b=17),
        24,
    ),
    "English weather, other degrees": (
        fill(ENGLISH_WEATHER, day="Monday", sky="clear", a=21, b=23, c=19, d=11),
        fill(ENGLISH_WEATHER, day="Tuesday", sky="cloudy", a=22, b=22, c=18, d=12),
        24,
    ),
    "English weather, the day alone": (
        fill(ENGLISH_WEATHER, day="Monday", sky="clear", a=21, b=23, c=19, d=11),
        fill(ENGLISH_WEATHER, day="Tuesday", sky="clear", a=21, b=23, c=19, d=11),
        24,
    ),
    "English telegrams": (
        fill(ENGLISH_TELEGRAM, name="Sauli Korhonen", country="Finland", occasion="independence"),
        fill(ENGLISH_TELEGRAM, name="Geoffrey Blackman", country="Barbados", occasion="the republic"),
        1,
    ),
}


@pytest.mark.parametrize(("one", "other", "hours"), TEMPLATES.values(), ids=TEMPLATES.keys())
@pytest.mark.parametrize("same_source", [True, False], ids=["of one source", "of two sources"])
def test_two_of_a_template_are_no_copies(one: Item, other: Item, hours: float, same_source: bool) -> None:
    assert not are_copies(one, other, hours=hours, same_source=same_source)


@pytest.mark.parametrize(("one", "other", "hours"), TEMPLATES.values(), ids=TEMPLATES.keys())
def test_each_of_a_template_has_its_copies(one: Item, other: Item, hours: float) -> None:
    for title, text in (one, other):
        words = text.split()
        copies = {
            "as it is": (title, text),
            "from another keyboard": (write_otherwise(title), write_otherwise(text)),
            "cut": (title, " ".join(words[: len(words) * 2 // 3])),
            "with a tail and an agency": (title, f"متابعات - وكالة المرفأ: {text} اقرأ المزيد"),
            "under another headline": ("آخر الأخبار من المراسلين", text),
        }
        assert {name: are_copies((title, text), copy) for name, copy in copies.items()} == dict.fromkeys(
            copies, True
        )


# --- limits ---------------------------------------------------------------------------------------


def test_what_one_source_says_again_must_be_more_alike_than_what_another_copies() -> None:
    own = compare(REPORT, (TITLE, LEAD), same_source=True)
    foreign = compare(REPORT, (TITLE, LEAD))
    assert own is not None
    assert foreign is not None
    assert own.score == foreign.score
    assert own.threshold > foreign.threshold


def test_words_of_the_copier_cost_more_at_the_beginning_than_at_the_end_but_not_all() -> None:
    introduced, continued = (
        compare(REPORT, (TITLE, text)) for text in (f"{EXTRA} {REPORT[1]}", f"{REPORT[1]} {EXTRA}")
    )
    assert introduced is not None
    assert continued is not None
    assert 0.7 < introduced.score < continued.score == 1


def test_the_longer_the_time_between_them_the_more_alike_they_must_be_and_after_three_days_none_is() -> None:
    assert WINDOW == 3 * DAY
    thresholds = []
    for hours in (0, 24, 72):
        found = compare(REPORT, REPORT, hours=hours)
        assert found is not None
        thresholds.append(found.threshold)
    assert thresholds == sorted(set(thresholds))
    assert compare(REPORT, REPORT, hours=72.01) is None


def test_a_column_of_one_source_is_new_on_the_next_day() -> None:
    """Short, and later than an agency's copy would come."""
    column = (TITLE, LEAD)
    assert are_copies(column, column, same_source=True, hours=12)
    assert not are_copies(column, column, same_source=True, hours=13)
    assert are_copies(column, column, hours=13)
    assert are_copies(REPORT, REPORT, same_source=True, hours=13)


def test_a_text_of_a_few_words_is_known_by_other_rules() -> None:
    words = f"{LEAD} {MIDDLE}".split()
    barely = (" ".join(words[:3]), " ".join(words[3 : LEAST_TRIPLES + 2]))
    too_short = (" ".join(words[:3]), " ".join(words[3 : LEAST_TRIPLES + 1]))
    assert are_copies(barely, barely)
    assert compare(too_short, too_short) is None


NUMBERS: dict[str, tuple[str, str, str]] = {
    "all agree": ("9 أيام و14 سفينة", "9 أيام و14 سفينة", "the numbers agree"),
    "in another script": ("9 أيام و14 سفينة", "٩ أيام و١٤ سفينة", "the numbers agree"),
    "half agree": ("9 أيام و14 سفينة", "9 أيام و15 سفينة", "the numbers agree"),
    "one of three": ("9 أيام و14 سفينة و20 شاحنة", "9 أيام و15 سفينة و30 شاحنة", "some numbers agree"),
    "none": ("9 أيام", "8 أيام", "other numbers"),
    "one has none": ("9 أيام", "أيام", "no numbers"),
}


@pytest.mark.parametrize(("mine", "theirs", "words"), NUMBERS.values(), ids=NUMBERS.keys())
def test_what_they_must_reach_hangs_on_the_numbers(mine: str, theirs: str, words: str) -> None:
    text = f"استغرق ذلك {{}} {END} {OTHER_MIDDLE}"
    # Other words at the end: what differs in numbers alone is of one template.
    found = compare(
        (TITLE, text.format(mine)), ("رصيف", f"{text.format(theirs)} {THIRD.replace('3000', '')}")
    )
    assert found is not None
    assert words in found.evidence
    assert 0.3 < found.threshold < 0.65


def test_numbers_raise_what_they_must_reach_in_this_order() -> None:
    def find_threshold(mine: str, theirs: str) -> float:
        found = compare((TITLE, f"{mine} {END}"), (TITLE, f"{theirs} {OTHER_MIDDLE} {END}"))
        assert found is not None
        return found.threshold

    agree, none, other = (find_threshold(*pair) for pair in (("9", "9"), ("9", ""), ("9", "8")))
    assert agree < none < other


def test_the_evidence_names_the_other_the_score_and_the_threshold() -> None:
    found = compare(REPORT, (TITLE, LEAD))
    assert found is not None
    decision = describe(found, make_candidate(1, make_entry(source_id="ferry")))
    assert (decision.rule, decision.evidence[:15]) == ("near-copy", "of ferry's text")
    assert "100% of the shorter text" in decision.evidence
    assert (decision.score, decision.threshold) == (round(found.score, 3), round(found.threshold, 3))


WORDS = st.lists(
    st.sampled_from("ميناء سفينة قمح 4 5 رصيف الاثنين الثانية مدير a the gold".split()), max_size=60
)


@given(WORDS, WORDS, st.sampled_from([0, 5, 30]), st.booleans())
def test_likeness_is_the_same_from_both_sides_and_a_share(
    one: list[str], other: list[str], hours: int, same_source: bool
) -> None:
    items = [(" ".join(words[:5]), " ".join(words[5:])) for words in (one, other)]
    found = compare(items[0], items[1], hours=hours, same_source=same_source)
    back = compare(items[1], items[0], hours=hours, same_source=same_source)
    assert (found and (found.score, found.threshold)) == (back and (back.score, back.threshold))
    if found is not None:
        assert 0 <= found.score <= 1


@given(WORDS)
def test_a_text_is_its_own_copy_in_another_source_or_too_short_to_tell(words: list[str]) -> None:
    item = (" ".join(words[:5]), " ".join(words[5:]))
    found = compare(item, item)
    assert found is None or found.score == pytest.approx(1)
