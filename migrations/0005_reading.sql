-- The indexes of the twenty tables, and the functions that they call: each reads one kind of value of other programs.
--
-- A function that an index calls cannot be replaced while the index stands, so these are migrations; all others are in
-- `functions/`. Every function is total: it does not fail on any value another program left behind. Most are plain SQL
-- that PostgreSQL inlines, so a parameter that gets an expression is named once. Values of the type `text`, and amounts,
-- are cut or left out where they may be too long for an index entry, and no index is unique: no row of another program can
-- fail on one. pg_trgm is a trusted extension: the database's owner may create it.

create extension if not exists pg_trgm with schema internal;

-- Folded text

-- The one form in which names, e-mail addresses, words and digits are compared and searched, stored and asked alike: Unicode
-- NFC; letters in one case; marks without width and of direction dropped; any white space one space, none at the
-- ends; the digits of every script ASCII. The tables are ours (Unicode 17), since `lower` knows other letters in every
-- locale and version of PostgreSQL. ASCII text, which nearly all is, is folded by the expression in `internal.fold`.
create function internal.fold_unicode(words text) returns text
    language plpgsql immutable parallel safe strict cost 1
    set search_path = pg_catalog, pg_temp
as $$
declare
    -- Characters that nobody sees, and those that look like a space.
    unseen constant text := '\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f'
        || '\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff';
    blank constant text := '\u0009-\u000d\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u2800\u3000';
    folded text collate "C" := words;
begin
    if folded ~ ('  |^ | $|[^!-~ \u00a1-\u00ac\u00ae-\u024f\u0300-\u034e\u0370-\u052f\u0900-\u0dff]') then
        folded := regexp_replace(folded, '[' || unseen || ']', '', 'g');
        folded := btrim(regexp_replace(folded, '[' || blank || ']+', ' ', 'g'));
    end if;
    folded := lower(normalize(folded, nfd));
    -- Letters of Europe.
    if folded ~ '[\u00b5-\u02ff\u0370-\u0556]' then
        folded := replace(translate(
            folded,
            'µÆÐØÞĐĦĲĿŁŊŒŦſƁƂƄƆƇƉƊƋƎƏƐƑƓƔƖƗƘƜƝƟƢƤƦƧƩƬƮƱƲƳƵƷƸƼǄǅǇǈǊǋǤǱǲǶǷȜȠȢȤȺȻȽȾɁɃɄɅɆɈɊɌɎͰͲͶͿΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣ'
            || 'ΤΥΦΧΨΩςϏϐϑϕϖϘϚϜϞϠϢϤϦϨϪϬϮϰϱϴϵϷϹϺϽϾϿЂЄЅІЈЉЊЋЏАБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯѠѢѤѦѨѪѬѮѰѲѴѸѺѼѾҀҊҌҎҐҒҔҖҘ'
            || 'ҚҜҞҠҢҤҦҨҪҬҮҰҲҴҶҸҺҼҾӀӃӅӇӉӋӍӔӘӠӨӶӺӼӾԀԂԄԆԈԊԌԎԐԒԔԖԘԚԜԞԠԢԤԦԨԪԬԮԱԲԳԴԵԶԷԸԹԺԻԼԽԾԿՀՁՂՃՄՅՆՇՈՉՊՋՌՍՎՏՐՑՒՓՔՕՖı',
            'μæðøþđħĳŀłŋœŧsɓƃƅɔƈɖɗƌǝəɛƒɠɣɩɨƙɯɲɵƣƥʀƨʃƭʈʊʋƴƶʒƹƽǆǆǉǉǌǌǥǳǳƕƿȝƞȣȥⱥȼƚⱦɂƀʉʌɇɉɋɍɏͱͳͷϳαβγδεζηθικλμνξοπρσ'
            || 'τυφχψωσϗβθφπϙϛϝϟϡϣϥϧϩϫϭϯκρθεϸϲϻͻͼͽђєѕіјљњћџабвгдежзиклмнопрстуфхцчшщъыьэюяѡѣѥѧѩѫѭѯѱѳѵѹѻѽѿҁҋҍҏґғҕҗҙ'
            || 'қҝҟҡңҥҧҩҫҭүұҳҵҷҹһҽҿӏӄӆӈӊӌӎӕәӡөӷӻӽӿԁԃԅԇԉԋԍԏԑԓԕԗԙԛԝԟԡԣԥԧԩԫԭԯաբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆi'
        ), 'ß', 'ss');
    end if;
    -- All others that have two cases, and digits. India's letters have one, and are passed over.
    if folded ~ ('[^\u0001-\u065f\u0900-\u0965\u0970-\u09e5\u09f0-\u0a65\u0a70-\u0ae5\u0af0-\u0b65\u0b70-\u0be5'
        || '\u0bf0-\u0c65\u0c70-\u0ce5\u0cf0-\u0d65\u0d70-\u0de5\u0df0-\u0e4f]')
    then
        folded := replace(translate(
            folded,
            'ႠႡႢႣႤႥႦႧႨႩႪႫႬႭႮႯႰႱႲႳႴႵႶႷႸႹႺႻႼႽႾႿჀჁჂჃჄჅჇჍᏸᏹᏺᏻᏼᏽᲀᲁᲂᲃᲄᲅᲆᲇᲈᲉᲐᲑᲒᲓᲔᲕᲖᲗᲘᲙᲚᲛᲜᲝᲞᲟᲠᲡᲢᲣᲤᲥᲦᲧᲨᲩᲪᲫᲬᲭᲮᲯᲰᲱᲲᲳᲴᲵᲶᲷᲸᲹ'
            || 'ᲺᲽᲾᲿẞỺỼỾℲⅠⅡⅢⅣⅤⅥⅦⅧⅨⅩⅪⅫⅬⅭⅮⅯↃⒶⒷⒸⒹⒺⒻⒼⒽⒾⒿⓀⓁⓂⓃⓄⓅⓆⓇⓈⓉⓊⓋⓌⓍⓎⓏⰀⰁⰂⰃⰄⰅⰆⰇⰈⰉⰊⰋⰌⰍⰎⰏⰐⰑⰒⰓⰔⰕⰖⰗⰘⰙⰚⰛⰜⰝⰞⰟⰠⰡⰢⰣⰤⰥⰦⰧⰨⰩⰪⰫⰬⰭ'
            || 'ⰮⰯⱠⱢⱣⱤⱧⱩⱫⱭⱮⱯⱰⱲⱵⱾⱿⲀⲂⲄⲆⲈⲊⲌⲎⲐⲒⲔⲖⲘⲚⲜⲞⲠⲢⲤⲦⲨⲪⲬⲮⲰⲲⲴⲶⲸⲺⲼⲾⳀⳂⳄⳆⳈⳊⳌⳎⳐⳒⳔⳖⳘⳚⳜⳞⳠⳢⳫⳭⳲꙀꙂꙄꙆꙈꙊꙌꙎꙐꙒꙔꙖꙘꙚꙜꙞꙠꙢꙤꙦꙨꙪꙬꚀꚂꚄꚆꚈ'
            || 'ꚊꚌꚎꚐꚒꚔꚖꚘꚚꜢꜤꜦꜨꜪꜬꜮꜲꜴꜶꜸꜺꜼꜾꝀꝂꝄꝆꝈꝊꝌꝎꝐꝒꝔꝖꝘꝚꝜꝞꝠꝢꝤꝦꝨꝪꝬꝮꝹꝻꝽꝾꞀꞂꞄꞆꞋꞍꞐꞒꞖꞘꞚꞜꞞꞠꞢꞤꞦꞨꞪꞫꞬꞭꞮꞰꞱꞲꞳꞴꞶꞸꞺꞼꞾꟀꟂꟄꟅꟆꟇꟉꟋꟌ꟎Ꟑ꟒꟔Ꟗ'
            || 'ꟘꟚꟜꟵꭰꭱꭲꭳꭴꭵꭶꭷꭸꭹꭺꭻꭼꭽꭾꭿꮀꮁꮂꮃꮄꮅꮆꮇꮈꮉꮊꮋꮌꮍꮎꮏꮐꮑꮒꮓꮔꮕꮖꮗꮘꮙꮚꮛꮜꮝꮞꮟꮠꮡꮢꮣꮤꮥꮦꮧꮨꮩꮪꮫꮬꮭꮮꮯꮰꮱꮲꮳꮴꮵꮶꮷꮸꮹꮺꮻꮼꮽꮾꮿＡＢＣＤＥＦＧＨＩＪＫＬＭＮ'
            || 'ＯＰＱＲＳＴＵＶＷＸＹＺ𐐀𐐁𐐂𐐃𐐄𐐅𐐆𐐇𐐈𐐉𐐊𐐋𐐌𐐍𐐎𐐏𐐐𐐑𐐒𐐓𐐔𐐕𐐖𐐗𐐘𐐙𐐚𐐛𐐜𐐝𐐞𐐟𐐠𐐡𐐢𐐣𐐤𐐥𐐦𐐧𐒰𐒱𐒲𐒳𐒴𐒵𐒶𐒷𐒸𐒹𐒺𐒻𐒼𐒽𐒾𐒿𐓀𐓁𐓂𐓃𐓄𐓅𐓆𐓇𐓈𐓉𐓊𐓋𐓌𐓍𐓎𐓏𐓐𐓑𐓒𐓓𐕰𐕱𐕲𐕳𐕴𐕵𐕶𐕷𐕸𐕹'
            || '𐕺𐕼𐕽𐕾𐕿𐖀𐖁𐖂𐖃𐖄𐖅𐖆𐖇𐖈𐖉𐖊𐖌𐖍𐖎𐖏𐖐𐖑𐖒𐖔𐖕𐲀𐲁𐲂𐲃𐲄𐲅𐲆𐲇𐲈𐲉𐲊𐲋𐲌𐲍𐲎𐲏𐲐𐲑𐲒𐲓𐲔𐲕𐲖𐲗𐲘𐲙𐲚𐲛𐲜𐲝𐲞𐲟𐲠𐲡𐲢𐲣𐲤𐲥𐲦𐲧𐲨𐲩𐲪𐲫𐲬𐲭𐲮𐲯𐲰𐲱𐲲𐵐𐵑𐵒𐵓𐵔𐵕𐵖𐵗𐵘𐵙𐵚𐵛𐵜𐵝𐵞𐵟𐵠𐵡𐵢𐵣𐵤𐵥'
            || '𑢠𑢡𑢢𑢣𑢤𑢥𑢦𑢧𑢨𑢩𑢪𑢫𑢬𑢭𑢮𑢯𑢰𑢱𑢲𑢳𑢴𑢵𑢶𑢷𑢸𑢹𑢺𑢻𑢼𑢽𑢾𑢿𖹀𖹁𖹂𖹃𖹄𖹅𖹆𖹇𖹈𖹉𖹊𖹋𖹌𖹍𖹎𖹏𖹐𖹑𖹒𖹓𖹔𖹕𖹖𖹗𖹘𖹙𖹚𖹛𖹜𖹝𖹞𖹟𖺠𖺡𖺢𖺣𖺤𖺥𖺦𖺧𖺨𖺩𖺪𖺫𖺬𖺭𖺮𖺯𖺰𖺱𖺲𖺳𖺴𖺵𖺶𖺷𖺸𞤀𞤁𞤂𞤃𞤄𞤅𞤆𞤇𞤈'
            || '𞤉𞤊𞤋𞤌𞤍𞤎𞤏𞤐𞤑𞤒𞤓𞤔𞤕𞤖𞤗𞤘𞤙𞤚𞤛𞤜𞤝𞤞𞤟𞤠𞤡'
            || '٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹߀߁߂߃߄߅߆߇߈߉०१२३४५६७८९০১২৩৪৫৬৭৮৯੦੧੨੩੪੫੬੭੮੯૦૧૨૩૪૫૬૭૮૯୦୧୨୩୪୫୬୭୮୯௦௧௨௩௪௫௬௭௮௯౦౧౨౩౪౫౬౭'
            || '౮౯೦೧೨೩೪೫೬೭೮೯൦൧൨൩൪൫൬൭൮൯෦෧෨෩෪෫෬෭෮෯๐๑๒๓๔๕๖๗๘๙໐໑໒໓໔໕໖໗໘໙༠༡༢༣༤༥༦༧༨༩၀၁၂၃၄၅၆၇၈၉႐႑႒႓႔႕႖႗႘႙០១២៣៤៥៦៧៨៩᠐᠑᠒᠓᠔᠕'
            || '᠖᠗᠘᠙᥆᥇᥈᥉᥊᥋᥌᥍᥎᥏᧐᧑᧒᧓᧔᧕᧖᧗᧘᧙᪀᪁᪂᪃᪄᪅᪆᪇᪈᪉᪐᪑᪒᪓᪔᪕᪖᪗᪘᪙᭐᭑᭒᭓᭔᭕᭖᭗᭘᭙᮰᮱᮲᮳᮴᮵᮶᮷᮸᮹᱀᱁᱂᱃᱄᱅᱆᱇᱈᱉᱐᱑᱒᱓᱔᱕᱖᱗᱘᱙꘠꘡꘢꘣꘤꘥꘦꘧꘨꘩꣐꣑꣒꣓'
            || '꣔꣕꣖꣗꣘꣙꤀꤁꤂꤃꤄꤅꤆꤇꤈꤉꧐꧑꧒꧓꧔꧕꧖꧗꧘꧙꧰꧱꧲꧳꧴꧵꧶꧷꧸꧹꩐꩑꩒꩓꩔꩕꩖꩗꩘꩙꯰꯱꯲꯳꯴꯵꯶꯷꯸꯹０１２３４５６７８９𐒠𐒡𐒢𐒣𐒤𐒥𐒦𐒧𐒨𐒩𐴰𐴱𐴲𐴳𐴴𐴵𐴶𐴷𐴸𐴹𐵀𐵁𐵂𐵃𐵄𐵅𐵆𐵇𐵈𐵉𑁦𑁧'
            || '𑁨𑁩𑁪𑁫𑁬𑁭𑁮𑁯𑃰𑃱𑃲𑃳𑃴𑃵𑃶𑃷𑃸𑃹𑄶𑄷𑄸𑄹𑄺𑄻𑄼𑄽𑄾𑄿𑇐𑇑𑇒𑇓𑇔𑇕𑇖𑇗𑇘𑇙𑋰𑋱𑋲𑋳𑋴𑋵𑋶𑋷𑋸𑋹𑑐𑑑𑑒𑑓𑑔𑑕𑑖𑑗𑑘𑑙𑓐𑓑𑓒𑓓𑓔𑓕𑓖𑓗𑓘𑓙𑙐𑙑𑙒𑙓𑙔𑙕𑙖𑙗𑙘𑙙𑛀𑛁𑛂𑛃𑛄𑛅𑛆𑛇𑛈𑛉𑛐𑛑𑛒𑛓𑛔𑛕𑛖𑛗𑛘𑛙'
            || '𑛚𑛛𑛜𑛝𑛞𑛟𑛠𑛡𑛢𑛣𑜰𑜱𑜲𑜳𑜴𑜵𑜶𑜷𑜸𑜹𑣠𑣡𑣢𑣣𑣤𑣥𑣦𑣧𑣨𑣩𑥐𑥑𑥒𑥓𑥔𑥕𑥖𑥗𑥘𑥙𑯰𑯱𑯲𑯳𑯴𑯵𑯶𑯷𑯸𑯹𑱐𑱑𑱒𑱓𑱔𑱕𑱖𑱗𑱘𑱙𑵐𑵑𑵒𑵓𑵔𑵕𑵖𑵗𑵘𑵙𑶠𑶡𑶢𑶣𑶤𑶥𑶦𑶧𑶨𑶩𑷠𑷡𑷢𑷣𑷤𑷥𑷦𑷧𑷨𑷩𑽐𑽑𑽒𑽓𑽔𑽕𑽖𑽗'
            || '𑽘𑽙𖄰𖄱𖄲𖄳𖄴𖄵𖄶𖄷𖄸𖄹𖩠𖩡𖩢𖩣𖩤𖩥𖩦𖩧𖩨𖩩𖫀𖫁𖫂𖫃𖫄𖫅𖫆𖫇𖫈𖫉𖭐𖭑𖭒𖭓𖭔𖭕𖭖𖭗𖭘𖭙𖵰𖵱𖵲𖵳𖵴𖵵𖵶𖵷𖵸𖵹𜳰𜳱𜳲𜳳𜳴𜳵𜳶𜳷𜳸𜳹𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗𝟘𝟙𝟚𝟛𝟜𝟝𝟞𝟟𝟠𝟡𝟢𝟣𝟤𝟥𝟦𝟧𝟨𝟩𝟪𝟫𝟬𝟭𝟮𝟯𝟰𝟱'
            || '𝟲𝟳𝟴𝟵𝟶𝟷𝟸𝟹𝟺𝟻𝟼𝟽𝟾𝟿𞅀𞅁𞅂𞅃𞅄𞅅𞅆𞅇𞅈𞅉𞋰𞋱𞋲𞋳𞋴𞋵𞋶𞋷𞋸𞋹𞓰𞓱𞓲𞓳𞓴𞓵𞓶𞓷𞓸𞓹𞗱𞗲𞗳𞗴𞗵𞗶𞗷𞗸𞗹𞗺𞥐𞥑𞥒𞥓𞥔𞥕𞥖𞥗𞥘𞥙🯰🯱🯲🯳🯴🯵🯶🯷🯸🯹',
            'ⴀⴁⴂⴃⴄⴅⴆⴇⴈⴉⴊⴋⴌⴍⴎⴏⴐⴑⴒⴓⴔⴕⴖⴗⴘⴙⴚⴛⴜⴝⴞⴟⴠⴡⴢⴣⴤⴥⴧⴭᏰᏱᏲᏳᏴᏵвдосттъѣꙋᲊაბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰჱჲჳჴჵჶჷჸჹ'
            || 'ჺჽჾჿßỻỽỿⅎⅰⅱⅲⅳⅴⅵⅶⅷⅸⅹⅺⅻⅼⅽⅾⅿↄⓐⓑⓒⓓⓔⓕⓖⓗⓘⓙⓚⓛⓜⓝⓞⓟⓠⓡⓢⓣⓤⓥⓦⓧⓨⓩⰰⰱⰲⰳⰴⰵⰶⰷⰸⰹⰺⰻⰼⰽⰾⰿⱀⱁⱂⱃⱄⱅⱆⱇⱈⱉⱊⱋⱌⱍⱎⱏⱐⱑⱒⱓⱔⱕⱖⱗⱘⱙⱚⱛⱜⱝ'
            || 'ⱞⱟⱡɫᵽɽⱨⱪⱬɑɱɐɒⱳⱶȿɀⲁⲃⲅⲇⲉⲋⲍⲏⲑⲓⲕⲗⲙⲛⲝⲟⲡⲣⲥⲧⲩⲫⲭⲯⲱⲳⲵⲷⲹⲻⲽⲿⳁⳃⳅⳇⳉⳋⳍⳏⳑⳓⳕⳗⳙⳛⳝⳟⳡⳣⳬⳮⳳꙁꙃꙅꙇꙉꙋꙍꙏꙑꙓꙕꙗꙙꙛꙝꙟꙡꙣꙥꙧꙩꙫꙭꚁꚃꚅꚇꚉ'
            || 'ꚋꚍꚏꚑꚓꚕꚗꚙꚛꜣꜥꜧꜩꜫꜭꜯꜳꜵꜷꜹꜻꜽꜿꝁꝃꝅꝇꝉꝋꝍꝏꝑꝓꝕꝗꝙꝛꝝꝟꝡꝣꝥꝧꝩꝫꝭꝯꝺꝼᵹꝿꞁꞃꞅꞇꞌɥꞑꞓꞗꞙꞛꞝꞟꞡꞣꞥꞧꞩɦɜɡɬɪʞʇʝꭓꞵꞷꞹꞻꞽꞿꟁꟃꞔʂᶎꟈꟊɤꟍ꟏ꟑꟓꟕꟗ'
            || 'ꟙꟛƛꟶᎠᎡᎢᎣᎤᎥᎦᎧᎨᎩᎪᎫᎬᎭᎮᎯᎰᎱᎲᎳᎴᎵᎶᎷᎸᎹᎺᎻᎼᎽᎾᎿᏀᏁᏂᏃᏄᏅᏆᏇᏈᏉᏊᏋᏌᏍᏎᏏᏐᏑᏒᏓᏔᏕᏖᏗᏘᏙᏚᏛᏜᏝᏞᏟᏠᏡᏢᏣᏤᏥᏦᏧᏨᏩᏪᏫᏬᏭᏮᏯａｂｃｄｅｆｇｈｉｊｋｌｍｎ'
            || 'ｏｐｑｒｓｔｕｖｗｘｙｚ𐐨𐐩𐐪𐐫𐐬𐐭𐐮𐐯𐐰𐐱𐐲𐐳𐐴𐐵𐐶𐐷𐐸𐐹𐐺𐐻𐐼𐐽𐐾𐐿𐑀𐑁𐑂𐑃𐑄𐑅𐑆𐑇𐑈𐑉𐑊𐑋𐑌𐑍𐑎𐑏𐓘𐓙𐓚𐓛𐓜𐓝𐓞𐓟𐓠𐓡𐓢𐓣𐓤𐓥𐓦𐓧𐓨𐓩𐓪𐓫𐓬𐓭𐓮𐓯𐓰𐓱𐓲𐓳𐓴𐓵𐓶𐓷𐓸𐓹𐓺𐓻𐖗𐖘𐖙𐖚𐖛𐖜𐖝𐖞𐖟𐖠'
            || '𐖡𐖣𐖤𐖥𐖦𐖧𐖨𐖩𐖪𐖫𐖬𐖭𐖮𐖯𐖰𐖱𐖳𐖴𐖵𐖶𐖷𐖸𐖹𐖻𐖼𐳀𐳁𐳂𐳃𐳄𐳅𐳆𐳇𐳈𐳉𐳊𐳋𐳌𐳍𐳎𐳏𐳐𐳑𐳒𐳓𐳔𐳕𐳖𐳗𐳘𐳙𐳚𐳛𐳜𐳝𐳞𐳟𐳠𐳡𐳢𐳣𐳤𐳥𐳦𐳧𐳨𐳩𐳪𐳫𐳬𐳭𐳮𐳯𐳰𐳱𐳲𐵰𐵱𐵲𐵳𐵴𐵵𐵶𐵷𐵸𐵹𐵺𐵻𐵼𐵽𐵾𐵿𐶀𐶁𐶂𐶃𐶄𐶅'
            || '𑣀𑣁𑣂𑣃𑣄𑣅𑣆𑣇𑣈𑣉𑣊𑣋𑣌𑣍𑣎𑣏𑣐𑣑𑣒𑣓𑣔𑣕𑣖𑣗𑣘𑣙𑣚𑣛𑣜𑣝𑣞𑣟𖹠𖹡𖹢𖹣𖹤𖹥𖹦𖹧𖹨𖹩𖹪𖹫𖹬𖹭𖹮𖹯𖹰𖹱𖹲𖹳𖹴𖹵𖹶𖹷𖹸𖹹𖹺𖹻𖹼𖹽𖹾𖹿𖺻𖺼𖺽𖺾𖺿𖻀𖻁𖻂𖻃𖻄𖻅𖻆𖻇𖻈𖻉𖻊𖻋𖻌𖻍𖻎𖻏𖻐𖻑𖻒𖻓𞤢𞤣𞤤𞤥𞤦𞤧𞤨𞤩𞤪'
            || '𞤫𞤬𞤭𞤮𞤯𞤰𞤱𞤲𞤳𞤴𞤵𞤶𞤷𞤸𞤹𞤺𞤻𞤼𞤽𞤾𞤿𞥀𞥁𞥂𞥃'
            || repeat('0123456789', 76)
        ), 'ß', 'ss');
    end if;
    -- An i without its dot is the same letter, however it came to lose it.
    return normalize(replace(folded, U&'i\0307', 'i'), nfc);
end
$$;

create function internal.fold(words text) returns text
    language sql immutable parallel safe
    return case
        when words collate "C" ~ '[^!-~ ]|  |^ | $' then internal.fold_unicode(words)
        else lower(words collate "C")
    end;

-- A status word without the white space around it, in lower case: folded, but cheaper. Words of ours are ASCII.
create function internal.word(words text) returns text
    language sql immutable parallel safe
    return lower(btrim(words, U&' \0009\000a\000b\000c\000d\00a0') collate "C");

-- Two names are the same if this is.
create function internal.name_key(name text) returns text
    language sql immutable parallel safe
    return replace(internal.fold(name), ' ', '');

-- Two e-mail addresses are the same if this is: what is written around one does not count. Null where there is none.
create function internal.email_key(email text) returns text
    language sql immutable parallel safe
    return substring(
        internal.fold(email)
        from '^[ <]*(?:mailto:)?[ <]*([^@ <>,;]+@[^@ <>,;.][^@ <>,;]*[.](?:[^@ <>,;]*[^@ <>,;.]))[ >,;.]*$'
    );

-- Words

-- `Cancelled`, `canceled`, `no show`, `no-show`... as the written word; an unknown word stays as it is.
create function internal.booking_status(word text) returns text
    language sql immutable parallel safe
    return case translate(internal.word(word), ' -', '__')
        when 'confirmed' then 'confirmed'
        when 'rescheduled' then 'rescheduled'
        when 'cancelled' then 'cancelled'
        when 'canceled' then 'cancelled'
        when 'no_show' then 'no_show'
        when 'noshow' then 'no_show'
        when 'completed' then 'completed'
        else word
    end;

create function internal.invitee_status(word text) returns text
    language sql immutable parallel safe
    return case
        -- The words as this server writes them, for which nothing has to be made out.
        when word in ('confirmed', 'waiting', 'cancelled') then word
        else case internal.word(word)
            when 'confirmed' then 'confirmed'
            when 'waiting' then 'waiting'
            when 'cancelled' then 'cancelled'
            when 'canceled' then 'cancelled'
            else word
        end
    end;

-- `Pending` and empty mean that nothing was started.
create function internal.refund_status(word text) returns text
    language sql immutable parallel safe
    return case
        when word is null or word in ('initiated', 'processing', 'completed', 'failed', 'requested') then word
        else case internal.word(word)
            when 'initiated' then 'initiated'
            when 'processing' then 'processing'
            when 'completed' then 'completed'
            when 'processed' then 'completed'
            when 'failed' then 'failed'
            when 'requested' then 'requested'
            when 'pending' then null
            when '' then null
            else word
        end
    end;

-- The progress of a refund, as a word of a closed set: `pending` where nothing was started.
create function internal.refund_state(word text) returns text
    language sql immutable parallel safe
    return case coalesce(internal.refund_status(word), 'pending')
        when 'pending' then 'pending'
        when 'requested' then 'requested'
        when 'initiated' then 'initiated'
        when 'processing' then 'processing'
        when 'failed' then 'failed'
        when 'completed' then 'completed'
        else 'unknown'
    end;

-- An empty word is `sent`, the column's default.
create function internal.request_status(word text) returns text
    language sql immutable parallel safe
    return case coalesce(internal.word(word), '')
        when '' then 'sent'
        when 'sent' then 'sent'
        when 'booked' then 'booked'
        when 'expired' then 'expired'
        else word
    end;

-- Nothing said is an online session; an unknown word stays as it is.
create function internal.booking_mode(word text) returns text
    language sql immutable parallel safe
    return case
        when word is null then 'google_meet'
        when translate(internal.word(word), ' -', '__') in ('google_meet', 'googlemeet', 'online') then 'google_meet'
        when translate(internal.word(word), ' -', '__') = 'physical' then 'in_person'
        when translate(internal.word(word), ' -', '__') like 'in\_person%' then 'in_person'
        when internal.word(word) = 'phone' then 'phone'
        else word
    end;

-- An empty word is `pending`.
create function internal.form_status(word text) returns text
    language sql immutable parallel safe
    return case coalesce(translate(internal.word(word), ' -', '__'), '')
        when '' then 'pending'
        when 'pending' then 'pending'
        when 'completed' then 'completed'
        when 'no_show' then 'no_show'
        when 'noshow' then 'no_show'
        else word
    end;

-- The risk level as a list may show it: the word, or that there is another text.
create function internal.risk_word(word text) returns text
    language sql immutable parallel safe
    return case internal.word(word)
        when 'none' then 'none'
        when 'low' then 'low'
        when 'moderate' then 'moderate'
        when 'high' then 'high'
        when '' then null
        else case when word is null then null else 'other' end
    end;

-- Active bookings take up a therapist's time and count as a client's sessions.
create function internal.is_active(booking_status text) returns boolean
    language sql immutable parallel safe
    return case translate(internal.word(booking_status), ' -', '__')
        when 'cancelled' then false
        when 'canceled' then false
        when 'no_show' then false
        when 'noshow' then false
        else true
    end;

-- Time and money

-- A booking without an amount, or with 0, is a free consultation; NaN, infinity and amounts beyond 30 digits are no amount.
create function internal.is_free(amount numeric) returns boolean
    language sql immutable parallel safe
    return coalesce(amount = 0 or abs(amount) >= 1e30, true);

-- The amount paid for a booking or by a payment, never negative: gross figures are sums of this.
create function internal.booking_paid(amount numeric) returns numeric
    language sql immutable parallel safe
    return case when internal.is_free(amount) then 0 else greatest(amount, 0) end;

-- The currency of an amount as an ISO 4217 code. One that names none is in rupees; another program's word stays as it is.
create function internal.currency(word text) returns text
    language sql immutable parallel safe
    return case upper(internal.word(word))
        when '' then 'INR'
        when 'RS' then 'INR'
        when 'RS.' then 'INR'
        when '₹' then 'INR'
        when 'RUPEES' then 'INR'
        else coalesce(left(upper(internal.word(word)), 10), 'INR')
    end;

-- The amount refunded: refunded figures are sums of this.
create function internal.booking_refunded(word text, amount numeric) returns numeric
    language sql immutable parallel safe
    return case
        when internal.refund_status(word) = 'completed' and not internal.is_free(amount) then greatest(amount, 0)
        else 0
    end;

-- The amount of a refund under way.
create function internal.booking_refunding(word text, amount numeric) returns numeric
    language sql immutable parallel safe
    return case
        when internal.refund_status(word) in ('initiated', 'processing') and not internal.is_free(amount)
            then greatest(amount, 0)
        else 0
    end;

-- The end of a session: its own, if that is after its start, else by its duration, else after 50 minutes (15 if free). It
-- is at most a day after the start, so that the sessions of an instant are found by start. Without a start there is no end; one
-- beyond the calendar is not known.
create function internal.booking_end(start_at timestamp, end_at timestamp, minutes integer, amount numeric)
    returns timestamp
    language sql immutable parallel safe
    return case
        when start_at between '0001-01-01' and '9999-12-30' then least(
            coalesce(
                case when end_at > start_at and end_at <= '9999-12-31' then end_at end,
                start_at + interval '1 minute' * least(greatest(coalesce(
                    minutes,
                    case when internal.is_free(amount) then 15 else 50 end
                ), 0), 1440)
            ),
            start_at + interval '1 day'
        )
        -- The last day of the calendar.
        when start_at > '9999-12-30' and start_at < '10000-01-01' then start_at
    end;

-- The instant (UTC) that a text in `audit_logs.timestamp` names in ISO 8601. Text without an offset is India's time, as the
-- column's default is. A text that names no instant is long past, as everywhere. Intervals are added, since they take any
-- numbers: make_timestamp fails on the thirtieth of February.
create function internal.iso_instant(words text) returns timestamp
    language plpgsql immutable parallel safe
    set search_path = pg_catalog, pg_temp
as $$
declare
    part text[] := regexp_match(
        words,
        '^\s*([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]\s*([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,][0-9]+)?)?\s*'
            || '([Zz]|UTC|GMT|IST|[+-][0-9]{2}(?::?[0-9]{2})?)?\s*$'
    );
begin
    if part is null or part[2]::integer not between 1 and 12 or part[3]::integer not between 1 and 31
        or part[4]::integer > 23 or part[5]::integer > 59
    then
        return '-infinity';
    end if;
    return timestamp '2000-01-01' + make_interval(
        part[1]::integer - 2000, part[2]::integer - 1, 0, part[3]::integer - 1, part[4]::integer,
        part[5]::integer - case
            when part[7] in ('Z', 'z', 'UTC', 'GMT') then 0
            when part[7] ~ '^[+-]' then
                (left(part[7], 1) || '1')::integer
                    * (substr(part[7], 2, 2)::integer * 60 + ('0' || ltrim(substr(part[7], 4), ':'))::integer)
            else 330
        end,
        coalesce(part[6], '0')::integer
    );
end
$$;

-- The instant (UTC) that a text in `audit_logs.timestamp` names: `Tue, Jan 20, 2026, 11:05 AM IST`, or ISO 8601. The forms
-- that programs write are told by one look each, since an index works this out for every row written.
create function internal.audit_instant(words text) returns timestamp
    language sql immutable parallel safe
    return case
        -- Newer JavaScript writes a narrow space before the half of the day, or the latter in small letters.
        when words ~ '^[A-Z][a-z][a-z], [A-Z][a-z][a-z] [0-9][0-9]?, [0-9]{4}, [0-9][0-9]?:[0-5][0-9][ \u202F\u00A0][AaPp][Mm] IST$'
        then case
            when position(substr(words, 6, 3) in 'JanFebMarAprMayJunJulAugSepOctNovDec') % 3 = 1
                and rtrim(substr(words, 10, 2), ',')::integer between 1 and 31
                and split_part(split_part(words, ' ', 5), ':', 1)::integer between 1 and 12
            then timestamp '2000-01-01' + make_interval(
                left(split_part(words, ' ', 4), 4)::integer - 2000,
                position(substr(words, 6, 3) in 'JanFebMarAprMayJunJulAugSepOctNovDec') / 3,
                0,
                rtrim(substr(words, 10, 2), ',')::integer - 1,
                split_part(split_part(words, ' ', 5), ':', 1)::integer % 12
                    + case when words ~ '[Pp][Mm] IST$' then 12 else 0 end,
                left(split_part(words, ':', 2), 2)::integer - 330
            )
            else '-infinity'
        end
        when translate(words, '123456789', '000000000') = '0000-00-00T00:00:00.000Z'
            and substr(words, 6, 2) between '01' and '12'
            and substr(words, 9, 2) between '01' and '31'
            and substr(words, 12, 2) <= '23'
            and substr(words, 15, 2) <= '59'
        then timestamp '2000-01-01' + make_interval(
            left(words, 4)::integer - 2000, substr(words, 6, 2)::integer - 1, 0, substr(words, 9, 2)::integer - 1,
            substr(words, 12, 2)::integer, substr(words, 15, 2)::integer, substr(words, 18, 2)::integer
        )
        else internal.iso_instant(words)
    end;

-- Phones

-- The ASCII digits of a text.
create function internal.digits(words text) returns text
    language sql immutable parallel safe
    return regexp_replace(internal.fold(words), '[^0-9]', '', 'g');

-- Reads a phone in any notation: the digits with the country before them, without the zeros that are dialled before a
-- country, after one or in its place. Ten digits are an Indian number, whatever they begin with. Letters, a second plus
-- sign, or a number too short or too long make it none; so does one digit repeated. All other signs are there for the eye.
create function internal.read_phone(phone text) returns text
    language plpgsql immutable parallel safe strict cost 1
    set search_path = pg_catalog, pg_temp
as $$
declare
    written text collate "C" := regexp_replace(translate(internal.fold(phone), '＋', '+'), '^(?:tel|whatsapp):', '');
    dialled text collate "C" := regexp_replace(written, '[^0-9+]', '', 'g');
    digits text collate "C" := ltrim(dialled, '+0');
    international constant boolean := dialled ~ '^(?:\+|00)';
begin
    if written ~ '[^ -`{-~\u00b7\u2000-\u206f\u2212\u3000-\u303f\ufe50-\ufe6f\uff01-\uff0f]'
        or dialled !~ '^\+?[0-9]{6,20}$'
        or btrim(digits, right(digits, 1)) = ''
    then
        return null;
    end if;
    if length(digits) = 10 and not international then
        digits := '91' || digits;
    end if;
    digits := regexp_replace(
        digits,
        '^(1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]'
            || '|(?:2[1-689]|3[578]|42|5[09]|6[7-9]|8[0578]|9[679])[0-9])0+',
        '\1'
    );
    if digits like '91%' then
        -- The country may stand there twice.
        digits := '91' || substring(digits from '^91(?:91)?([1-9][0-9]{9})$');
        return case when btrim(substr(digits, 3), right(digits, 1)) <> '' then digits end;
    end if;
    return case when length(digits) between case when international then 8 else 11 end and 15 then digits end;
end
$$;

-- Two phones are the same if this is, whatever their notations; null where a text is no phone.
create function internal.phone_key(phone text) returns text
    language sql immutable parallel safe
    return case
        when phone collate "C" ~ '^(?:\+91)?[1-9][0-9]{9}$' and btrim(right(phone, 10), right(phone, 1)) <> ''
            then '91' || right(phone, 10)
        else internal.read_phone(phone)
    end;

-- The digits by which a search finds a phone in any notation.
create function internal.phone_digits(phone text) returns text
    language sql immutable parallel safe
    return coalesce(internal.phone_key(phone), internal.digits(phone));

-- Search

-- The text that `q=` searches: name, e-mail and the digits of the phone.
create function internal.search_text(name text, email text, phone text) returns text
    language sql immutable parallel safe
    return internal.fold(coalesce(name, '')) || E'\n' || internal.fold(coalesce(email, '')) || E'\n'
        || coalesce(internal.phone_digits(phone), '');

-- The text that `q=` searches, of rows without a phone.
create function internal.search_words(one text, two text, three text) returns text
    language sql immutable parallel safe
    return internal.fold(coalesce(one, '')) || E'\n' || internal.fold(coalesce(two, '')) || E'\n'
        || internal.fold(coalesce(three, ''));

-- A text as a part of a LIKE pattern.
create function internal.like_literal(q text) returns text
    language sql immutable parallel safe
    return regexp_replace(internal.fold(q), '([\\%_])', '\\\1', 'g');

-- What `like any` finds in such a text: the search anywhere in it; a search of two letters where a word begins.
create function internal.like_words(q text) returns text[]
    language sql immutable parallel safe
    return case
        when length(internal.fold(q)) > 2 then array['%' || internal.like_literal(q) || '%']
        else array[
            internal.like_literal(q) || '%',
            '% ' || internal.like_literal(q) || '%',
            E'%\n' || internal.like_literal(q) || '%'
        ]
    end;

-- The digits that a search for a phone, or for a part of one, has in common with all notations of it; null where the
-- search is for something else.
create function internal.asked_digits(q text) returns text
    language plpgsql immutable parallel safe strict
    set search_path = pg_catalog, pg_temp
as $$
declare
    written text collate "C" := regexp_replace(translate(internal.fold(q), '＋', '+'), '^(?:tel|whatsapp):', '');
    digits text collate "C" := ltrim(internal.digits(written), '0');
    international constant boolean := written ~ '^[^0-9]*(?:\+|00)' or length(digits) > 10;
begin
    if written ~ '[^ (-9\u00b7\u2000-\u206f\u2212\u3000-\u303f\ufe50-\ufe6f\uff01-\uff0f]' then
        return null;
    end if;
    if international then
        digits := regexp_replace(coalesce(internal.phone_key(q), digits), '^91', '');
    end if;
    return case when length(digits) >= 3 then digits end;
end
$$;

-- What `like any` finds in an `internal.search_text`: the words of the search, and its digits where it may be a phone.
create function internal.search_patterns(q text) returns text[]
    language sql immutable parallel safe
    return internal.like_words(q) || array['%' || internal.asked_digits(q) || '%'];

-- The text that `q=` searches, of appointments: `contact_info` is a phone or an e-mail address.
create function internal.appointment_text(client text, contact text, session text, therapist text) returns text
    language sql immutable parallel safe
    return internal.search_text(client, contact, contact) || E'\n' || internal.fold(coalesce(session, '')) || E'\n'
        || internal.fold(coalesce(therapist, ''));

-- The words of a name for the search, each also without each one of its letters. Trigrams find a part of a name, but not a
-- short word with one letter wrong: `asja` shares two trigrams of eight with `asha`, less than any useful threshold. Two
-- words are at most a typo apart (a letter too many, too few, another one, or two swapped) only if they become equal when
-- at most one letter is taken from each. So names are indexed by these variants and looked up by the same.
--
-- Words stand between spaces and ASCII punctuation (not "letters": the vowel signs of Indian scripts are none to every C
-- library): the first twelve of a name, the first 24 characters of each; and all of them without the spaces, in case one
-- was forgotten. To compute them costs 70 µs a name.
create function internal.word_variants(words text) returns text[]
    language sql immutable parallel safe cost 1000
    return array(
        select distinct case when i = 0 then word else left(word, i - 1) || substr(word, i + 1) end
        from (
            select left(word, 24) as word
            from regexp_split_to_table(internal.fold(left(words, 255)), '[\s!-/:-@[-`{-~]+') word
            where length(word) > 1
            limit 12
        ) split
        cross join generate_series(0, length(word)) i
        union
        select left(regexp_replace(internal.fold(left(words, 255)), '[\s!-/:-@[-`{-~]+', '', 'g'), 24)
        where words is not null
    );

-- Bookings

-- By start, of all and of one therapist. (The lists stand on `internal.booking_facts`.)
create index bookings_by_start on public.bookings (coalesce(booking_start_at, '-infinity'), booking_id);
create index bookings_by_therapist_start on public.bookings
    (therapist_id, coalesce(booking_start_at, '-infinity'), booking_id);
-- A therapist's occupied times and number of sessions ahead.
create index bookings_by_therapist_end on public.bookings
    (therapist_id, internal.booking_end(booking_start_at, booking_end_at, booking_duration, invitee_payment_amount))
    where internal.is_active(booking_status);
-- Bookings with a refund are few: the figures of refunds and the reconciliation look for them.
create index bookings_refunded on public.bookings (coalesce(booking_start_at, '-infinity'), booking_id)
    where internal.refund_status(refund_status) is not null;
-- Prefixes of ids and references, whatever the collation of the database.
create index bookings_id_prefix on public.bookings (left(internal.fold(booking_id), 100) text_pattern_ops);
create index bookings_reference_prefix on public.bookings
    (left(internal.fold(invitee_payment_reference_id), 100) text_pattern_ops)
    where invitee_payment_reference_id is not null;

-- Notes, forms, cancellations and appointments

create index client_session_notes_of_booking on public.client_session_notes (booking_id);
-- Notes of a high risk: few of the many.
create index client_session_notes_high on public.client_session_notes (booking_id)
    where internal.risk_word(current_risk_level) = 'high';
create index client_session_notes_by_created on public.client_session_notes
    (coalesce(created_at, '-infinity'), note_id);
create index client_additional_notes_of_booking on public.client_additional_notes (booking_id);
create index client_additional_notes_by_created on public.client_additional_notes
    (coalesce(created_at, '-infinity'), note_id);
create index client_additional_notes_by_therapist on public.client_additional_notes
    (therapist_id, coalesce(created_at, '-infinity'), note_id);
create index client_doc_form_of_booking on public.client_doc_form (booking_id);
create index client_doc_form_by_status on public.client_doc_form (internal.form_status(status), link_id);
create index booking_cancelled_of_booking on public.booking_cancelled (booking_id);
create index booking_cancelled_by_time on public.booking_cancelled (coalesce(cancelled_at, '-infinity'), id);
create index booking_cancelled_by_who on public.booking_cancelled
    (left(internal.fold(cancelled_by), 100), coalesce(cancelled_at, '-infinity'), id);
create index booking_cancelled_by_name on public.booking_cancelled
    (left(internal.fold(coalesce(invitee_name, '')), 100), id);
create index booking_cancelled_search on public.booking_cancelled
    using gin (internal.search_text(invitee_name, invitee_email, invitee_number) internal.gin_trgm_ops);
create index appointments_of_client on public.appointment_table (client_id, session_id);
-- The clients of a therapist, read from the appointments alone; and appointments whose therapist only the booking names.
create index appointments_of_therapist on public.appointment_table (therapist_id, client_id);
create index appointments_of_nobody on public.appointment_table (session_id) where therapist_id is null;
create index appointments_by_start on public.appointment_table (coalesce(session_timings, '-infinity'), session_id);
create index appointments_by_therapist_start on public.appointment_table
    (therapist_id, coalesce(session_timings, '-infinity'), session_id);
create index appointments_by_mode on public.appointment_table
    (internal.booking_mode(session_mode), coalesce(session_timings, '-infinity'), session_id);
create index appointments_by_name on public.appointment_table
    (left(internal.fold(coalesce(client_name, '')), 100), session_id);
create index appointments_by_therapist_name on public.appointment_table
    (left(internal.fold(coalesce(therapist_name, '')), 100), session_id);
create index appointments_search on public.appointment_table
    using gin (internal.appointment_text(client_name, contact_info, session_name, therapist_name) internal.gin_trgm_ops);
-- Finds the one appointment of a booking without sorting; where a session stands twice, there is no primary key.
create index appointments_of_session on public.appointment_table (session_id, client_id);

create index former_contacts_by_phone on internal.former_contacts (internal.phone_key(phone_number));

-- Payments and refunds

create index payments_of_booking on public.payments (booking_id);
create index refund_cancellation_of_booking on public.refund_cancellation_table (session_id);
-- Payments, in each order offered, and by each filter.
create index payments_by_date on public.payments (coalesce(payment_date, '-infinity'), payment_id);
create index payments_by_amount on public.payments (round(internal.booking_paid(amount), 2), payment_id);
create index payments_by_name on public.payments (left(internal.fold(coalesce(invitee_name, '')), 100), payment_id);
create index payments_search on public.payments
    using gin (internal.search_words(invitee_name, invitee_email, payment_reference_id) internal.gin_trgm_ops);
create index payments_by_reference on public.payments (left(internal.fold(payment_reference_id), 100))
    where payment_reference_id is not null;
-- By the progress of their refund.
create index payments_by_refund on public.payments
    (internal.refund_state(refund_status), coalesce(payment_date, '-infinity'), payment_id);
-- Those without an amount are pending.
create index payments_without_amount on public.payments (coalesce(payment_date, '-infinity'), payment_id)
    where internal.booking_paid(amount) = 0;
create index payments_by_gateway on public.payments
    (left(internal.fold(payment_gateway_name), 100), coalesce(payment_date, '-infinity'), payment_id);
create index payments_without_booking on public.payments (payment_id) where booking_id is null;
-- Refunds, likewise.
create index refunds_by_state on public.refund_cancellation_table (internal.refund_state(refund_status), id);
create index refunds_by_session on public.refund_cancellation_table (coalesce(session_timings, '-infinity'), id);
create index refunds_by_name on public.refund_cancellation_table (left(internal.fold(coalesce(client_name, '')), 100), id);
create index refunds_of_client on public.refund_cancellation_table (client_id, id);
create index refunds_search on public.refund_cancellation_table
    using gin (internal.search_words(client_name, refund_id, payment_id) internal.gin_trgm_ops);
create index refunds_of_payment on public.refund_cancellation_table (payment_id);

-- Clients and therapists

create index all_clients_by_email on public.all_clients_table (internal.email_key(email_id));
create index all_clients_of_therapist on public.all_clients_table (therapist_id);
create index all_clients_by_phone_key on public.all_clients_table (internal.phone_key(phone_number));
-- By name. No index has the number of sessions: it changes often, and every index of the row would be written with it.
create index all_clients_by_name on public.all_clients_table
    (left(internal.fold(coalesce(client_name, '')), 100), client_id);
create index all_clients_search on public.all_clients_table
    using gin (internal.search_text(client_name, email_id, phone_number) internal.gin_trgm_ops);
-- Without fastupdate: every search would read the pending list from end to end.
create index all_clients_words on public.all_clients_table
    using gin (internal.word_variants(client_name)) with (fastupdate = off);
create index all_clients_name_prefix on public.all_clients_table
    (left(internal.fold(coalesce(client_name, '')), 100) text_pattern_ops);
create index all_clients_id_prefix on public.all_clients_table (left(internal.fold(client_id), 100) text_pattern_ops);
-- Transfers of other programs do not say which client they are about.
create index client_transfer_history_by_phone_key on public.client_transfer_history
    (internal.phone_key(client_phone));
-- The list of transfers, in each order offered, and by each filter.
create index client_transfers_by_date on public.client_transfer_history
    (coalesce(transfer_date, '-infinity'), transfer_id);
create index client_transfers_by_name on public.client_transfer_history
    (left(internal.fold(coalesce(client_name, '')), 100), transfer_id);
create index client_transfers_from on public.client_transfer_history (from_therapist_id, transfer_id);
create index client_transfers_to on public.client_transfer_history (to_therapist_id, transfer_id);
create index client_transfers_search on public.client_transfer_history
    using gin (internal.search_text(client_name, client_email, client_phone) internal.gin_trgm_ops);
create index therapists_words on public.therapists
    using gin (internal.word_variants(name)) with (fastupdate = off);
create index therapist_resources_of_therapist on public.therapist_resources (therapist_id, id);
create index therapist_clients_summary_of_therapist on public.therapist_clients_summary (therapist_id);
create index therapist_appointments_cache_of_therapist on public.therapist_appointments_cache (therapist_id);
create index users_of_therapist on public.users (therapist_id);

-- Requests

create index booking_requests_by_created on public.booking_requests (coalesce(created_at, '-infinity'), request_id);
create index booking_requests_by_name on public.booking_requests (left(internal.fold(client_name), 100), request_id);
create index booking_requests_by_status on public.booking_requests
    (internal.request_status(status), coalesce(created_at, '-infinity'), request_id);
create index booking_requests_by_therapist on public.booking_requests
    (internal.fold(therapist_name), coalesce(created_at, '-infinity'), request_id);
-- Requests whose booking may have arrived: those of other programs are linked to no client.
create index booking_requests_by_phone on public.booking_requests (internal.phone_key(client_whatsapp));
create index booking_requests_search on public.booking_requests
    using gin (internal.search_text(client_name, client_email, client_whatsapp) internal.gin_trgm_ops);

-- Notifications and the audit log

create index notifications_of_user on public.notifications (user_id, notification_id);
create index audit_logs_of_therapist on public.audit_logs (therapist_id, log_id);
-- Ten million rows: newest first by the key; of one kind, of one therapist and kind, of one client as the rows name them,
-- of a period.
create index audit_logs_by_action on public.audit_logs (action_type, log_id);
create index audit_logs_by_therapist_action on public.audit_logs (therapist_id, action_type, log_id)
    where therapist_id is not null;
create index audit_logs_by_client_name on public.audit_logs (internal.fold(client_name), log_id);
create index audit_logs_by_instant on public.audit_logs (internal.audit_instant("timestamp"), log_id)
    include ("timestamp", is_visible);
create index audit_logs_of_therapist_by_instant on public.audit_logs
    (therapist_id, internal.audit_instant("timestamp"), log_id) include ("timestamp", is_visible)
    where therapist_id is not null;
create index audit_logs_hidden on public.audit_logs (log_id) where is_visible is false;
-- A user's notifications: the unread ones, which are few, and those of one kind.
create index notifications_unread on public.notifications (user_id, notification_id) where is_read is not true;
create index notifications_by_type on public.notifications (user_id, notification_type, notification_id);
-- The notifications about a booking, a transfer, a request.
create index notifications_by_related on public.notifications (related_id) where related_id is not null;
