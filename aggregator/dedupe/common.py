"""Words that tell nothing about an event: those that half of the news is made of.

They stand in for counts while a store is young: at the tenth article of a new server,
"government" would look as rare as the name of a village. They are our own estimates, by class, of the share
of articles in which a word stands, and weigh as much as `PRIOR_ARTICLES` articles: what the store has seen
soon outweighs them.
"""

from __future__ import annotations

PRIOR_ARTICLES = 200.0

COMMON_WORDS = {
    "ar": {
        25: "اليوم امس العام عام الماضي يوم الاول الان مدينه منطقه عدد عمل",
        12: (
            "العربيه السعوديه المملكه الدوله الحكومه رئيس الرئيس وزير الوزير وزاره الملك الامير مجلس الوطني "
            "الوطنيه الدولي الدوليه المتحده الولايات الامريكيه الاولي الثاني الثانيه الجديد الجديده الكبير "
            "الكبيره مليون الف مليار المئه سنه سنوات شهر اشهر ايام اسبوع الشهر الاسبوع الحالي المقبل القادم "
            "ساعه وقت الوقت الناس المواطنين المدير مدير عام رئيسا قطاع مشروع مشاريع برنامج خدمات الخدمات "
            "مركز المركز شركه الشركه الشركات لجنه قوات القوات الامن الامنيه الشعب البلاد العالم دول الدول "
            "بلاده جهه الجهات جانب عمليه العمليه العمليات"
        ),
        5: (
            "السبت الاحد الاثنين الثلاثاء الاربعاء الخميس الجمعه يناير فبراير مارس ابريل مايو يونيو يوليو "
            "اغسطس سبتمبر اكتوبر نوفمبر ديسمبر رمضان شوال الرياض جده مكه المكرمه المدينه المنوره القاهره "
            "طرابلس بيروت دمشق بغداد تونس الجزائر ليبيا مصر سوريا العراق اليمن ايران تركيا روسيا امريكا "
            "اسرائيل فلسطين فرنسا بريطانيا المانيا الصين الشرق الاوسط الاسلاميه الاسلامي العربي الخارجيه "
            "الداخليه الدفاع الماليه الصحه التعليم العدل التجاره المحكمه القضاء القانون الشرطه الجيش "
            "العسكريه السياسيه الاقتصاديه الاجتماعيه المتحدث الناطق الرسمي بيان تصريح تصريحات اجتماع اللقاء "
            "زياره مؤتمر الصحفي اتفاق قرار القرار قضيه القضيه ملف الازمه مصدر مصادر وكاله الانباء صحيفه حادث "
            "مقتل قتل اصابه شخص اشخاص حريق منزل طفل امراه رجل شاب الشباب طلاب المدارس جامعه الجامعه مستشفي "
            "مباراه فريق الفريق المنتخب اللاعب الدوري كاس البطوله النادي المدرب سوق الاسواق النفط الاسعار "
            "اسعار ارتفاع انخفاض دولار ريال نسبه بنسبه حجم الاستثمار الاقتصاد البنك التنميه الطاقه المياه "
            "الطريق الطرق الحدود السلطات اعلان اعلن كشف اكدت اوضح اضاف طالب دعا شدد بدا تنفيذ تقديم دعم "
            "تعزيز تطوير تحقيق وصول مشاركه استقبال حضور الكثير العديد اهميه كبير جديد خاصه المحليه العامه "
            "الخاص التابعه عمليات حاله حالات نظام النظام اداره الاداره"
        ),
    },
    "en": {
        30: "year time people day last make take come",
        15: (
            "week month today yesterday monday tuesday wednesday thursday friday saturday sunday government "
            "president minister state country world nation national official officials group member report "
            "reported news according statement spokesman part number work call called add added back get go "
            "going give given way long high include including well good later early home place second three "
            "four five know think want see lead led public around next former show end set help use used "
            "life million company man men women"
        ),
        7: (
            "january february march april june july august september october november december police "
            "court law legal case city town area region local north south east west international foreign "
            "security force military army attack war fight kill killed death dead die died dies injured "
            "people family child children son daughter father mother wife husband friend woman school "
            "student university hospital doctor health party political politics leader opposition election "
            "vote parliament senate congress house committee council department secretary prime deputy chief "
            "head director chairman executive officer manager business market price money pay paid cost "
            "billion dollar pound percent cent economy economic bank deal agreement talks meeting plan "
            "decision move issue problem question action change support power right rights human free social "
            "service community system programme program project team game play player win won wins season "
            "cup league match final race round point record start began begin run hold held release released "
            "announce announced claim claimed ask asked accused charge charged arrest arrested sentence jail "
            "prison trial judge lawyer evidence investigation inquiry crime victim suspect murder incident "
            "scene accident crash fire emergency road car bus train plane water air ship sea river island "
            "building street site park night morning evening hour minute old young age aged big great large "
            "small major top best full main late recent expected likely able possible real strong hard far "
            "near open close put bring brought turn left leave return keep kept let look looking need find "
            "found become became seem feel believe hope remain continue continued follow following face lost "
            "lose happened british american russian european english london washington york america britain "
            "united states kingdom europe china russia france germany israel uk eu un bbc reuters "
            "associated press guardian times post daily photo image video website online internet media "
            "twitter facebook story article comment read view interview journalist newspaper editor book "
            "film music thing lot fact reason history member name idea letter speech white black red crisis "
            "conflict protest campaign rule rules policy bill act federal"
        ),
        3: (
            "ahead agency aid allow allowed allies amid analyst anniversary appeal appear area argue "
            "authorities authority available ban base battle beat bid block board body boost border boy "
            "break bring budget build cabinet candidate career cause central century challenge check citizen "
            "civil clash clear coach concern condition conference confirm conservative consider control "
            "conviction cover create critic criticism current cut damage danger data debate defence defense "
            "delay democratic demand deny despite detail develop development difficult director dispute "
            "district drive drug due earlier effort energy enough ensure environment event exist expert "
            "explain explosion export fail fall fan fear field figure file final fine flight food football "
            "former forward fund future girl global goal grand growth guilty gun half hand hearing heart hit "
            "host hundred impact important improve increase independent industry inside interest introduce "
            "invest involve islamic job join justice key king labour land launch level list live low "
            "majority mark mayor medical member message militant mission moment murder network nuclear offer "
            "office oil operation order organisation organization oxygen pass past peace period person "
            "personal phone pick picture planned position present pressure prevent previous prince private "
            "process produce product professor promise property protect prove provide push queen quit raise "
            "rate reach react ready receive reform refuse reject relation religious remove replace republic "
            "republican research researcher reserve resident resign respond response rest result reveal rise "
            "risk role sale sanction save science scientist search section seek sell send senior separate "
            "series serious serve share shoot shot show sign similar single situation society soldier source "
            "space speak special staff stand station step stop street strike study success suffer suggest "
            "summer supporter supreme survey talk target tax technology term territory terror terrorist test "
            "thousand threat threaten top total tour trade traffic training travel treatment troop trust try "
            "union unit version visit violence violent warn warning watch weapon weather weekend whole "
            "winter witness worker wound write"
        ),
    },
    "fr": {
        30: "an annee jour temps homme dernier grand",
        15: (
            "semaine mois aujourd hui hier lundi mardi mercredi jeudi vendredi samedi dimanche president "
            "ministre gouvernement pays etat france francais francaise national nationale monde ville groupe "
            "million milliers euros personne gens partie place vie nouveau nouvelle nouveaux trois quatre "
            "cinq declare annonce affirme explique ajoute estime indique precise mettre mis prendre prise "
            "permettre cas travail question fin debut heure matin soir"
        ),
        7: (
            "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre police "
            "justice tribunal juge avocat proces prison enquete victime mort morts tue tues blesse blesses "
            "attaque guerre armee militaire force forces securite politique parti election vote parlement "
            "assemblee senat depute maire conseil commission loi droit droits projet plan decision accord "
            "reunion economie economique marche prix budget milliard entreprise societe banque emploi "
            "salaire greve syndicat sante hopital medecin ecole eleve etudiant universite enfant femme "
            "famille pere mere fils fille jeune age ans equipe match joueur club championnat coupe victoire "
            "saison finale europe europeen union paris etats unis americain russe chine allemagne region "
            "departement nord sud ouest rue route train avion voiture accident incendie feu eau mer site "
            "internet medias journal presse source agence afp photo video information rapport chiffre "
            "situation probleme crise risque mesure moyen service public publique international responsable "
            "chef directeur porte parole membre representant candidat nombre grande petit important "
            "possible dernier prochain actuel general social local"
        ),
    },
}
