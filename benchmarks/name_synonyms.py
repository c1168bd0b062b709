"""What counts as the right name of a category, written down before any name was looked at, and not changed since.

A name is right if it contains, as a whole word, the category's own word or one that most readers would take for the
same thing: a synonym, or the kinds that the category directly consists of. Names of single members ("frog" for animals)
and of people or parties are not in the lists. Chinese words count wherever they stand, as Chinese has no spaces.
"""

from __future__ import annotations

import re

Synonyms = dict[str, dict[str, str]]

BBC: Synonyms = {
    "business": {
        "en": "business economy economic company finance financial market trade bank industry commerce corporate stock "
        "share investment firm",
        "zh": "商业 商务 企业 公司 经济 金融 财经 市场 贸易 银行 产业 工业 股票 投资",
    },
    "entertainment": {
        "en": "entertainment film movie cinema music song album band show tv television theatre celebrity actor art "
        "drama",
        "zh": "娱乐 电影 影视 影片 音乐 歌曲 演出 电视 戏剧 明星 演员 艺术",
    },
    "politics": {
        "en": "politics political politician government election party parliament minister policy vote",
        "zh": "政治 政府 选举 大选 政党 党派 议会 部长 首相 政策 投票",
    },
    "sport": {
        "en": "sport match football soccer rugby tennis athletics cup championship league team player olympics",
        "zh": "体育 运动 比赛 足球 橄榄球 网球 田径 锦标赛 冠军 联赛 球队 球员 奥运",
    },
    "tech": {
        "en": "technology tech computer computing software internet digital mobile phone online web electronics gadget",
        "zh": "科技 技术 电脑 计算机 软件 互联网 网络 数字 数码 手机 电子",
    },
}
DEMO: Synonyms = {
    "animals": {
        "en": "animal wildlife creature bird fish mammal insect reptile amphibian pet livestock beast",
        "zh": "动物 鸟 鱼 哺乳 昆虫 爬行 两栖 宠物 家畜 野兽 海洋生物",
    },
    "clothes": {
        "en": "clothes clothing clothespin garment wear apparel laundry",
        "zh": "衣 服装 洗衣 晾衣",
    },
    "food": {
        "en": "food fruit vegetable meal dish snack dessert bread drink cuisine produce",
        "zh": "食物 食品 食材 水果 蔬菜 餐 菜 零食 甜点 美食 饮食 面包 饮料",
    },
    "hobbies": {
        "en": "hobby music musical instrument guitar toy game",
        "zh": "爱好 音乐 乐器 吉他 玩具 游戏",
    },
    "household": {
        "en": "household home kitchen tool furniture utensil appliance tableware kitchenware houseware container "
        "stationery",
        "zh": "家居 家庭 居家 日用 厨房 工具 家具 用具 家电 餐具 厨具 容器 文具 用品",
    },
    "plants": {"en": "plant flower tree garden leaf blossom", "zh": "植物 花 树 园 叶"},
    "space": {
        "en": "space planet astronomy universe star galaxy moon cosmos satellite astronaut",
        "zh": "太空 行星 天文 宇宙 星 月球 航天 卫星",
    },
    "vehicles": {
        "en": "vehicle car transport transportation traffic automobile bus truck train",
        "zh": "交通 车 运输",
    },
}

# The next lists were written before any name of these sets was looked at, in 2026.
SAYINGS: Synonyms = {
    "art": {
        "en": "art artist artistic painting painter paint picture music musician musical song sing write "
        "writer writing poet poetry poem book author play theatre theater actor critic beauty opera "
        "novel",
        "zh": "",
    },
    "drugs": {
        "en": "drug drink drinking alcohol beer wine whiskey smoke smoking cigarette coffee addict bar drunk "
        "marijuana cocaine tobacco dope pot",
        "zh": "",
    },
    "education": {
        "en": "education school teacher teach student college university learn learning professor exam class "
        "course degree learned academic",
        "zh": "",
    },
    "food": {
        "en": "food eat eating cook cooking cookie chicken dinner bread cheese meal diet restaurant lunch "
        "breakfast fruit taste soup pizza potato",
        "zh": "",
    },
    "law": {"en": "law lawyer legal court judge crime jury attorney criminal police justice trial", "zh": ""},
    "linux": {
        "en": "linux kernel unix windows software computer microsoft code linus torvalds programmer program debian gnu",
        "zh": "",
    },
    "love": {"en": "love lover marriage kiss heart marry romance husband wife woman sex", "zh": ""},
    "medicine": {
        "en": "medicine doctor medical patient disease hospital physician health psychiatrist sick cure cold surgeon",
        "zh": "",
    },
    "pets": {"en": "pet cat dog animal", "zh": ""},
    "politics": {
        "en": "politics political politician government president vote democracy republican democrat congress "
        "party election senator",
        "zh": "",
    },
    "science": {
        "en": "science scientist scientific physics theory universe research experiment mathematics "
        "mathematician nature",
        "zh": "",
    },
    "sports": {"en": "sport baseball football game team player golf play ball coach yogi", "zh": ""},
}
COMPUTING: Synonyms = {
    "communications": {"en": "communication modem protocol telephone network data signal transmission", "zh": ""},
    "company": {"en": "company corporation inc vendor manufacturer", "zh": ""},
    "computer": {"en": "computer machine microcomputer pc", "zh": ""},
    "database": {"en": "database sql relational query", "zh": ""},
    "hardware": {"en": "hardware chip circuit board bus memory electronic", "zh": ""},
    "jargon": {"en": "jargon hacker hack slang", "zh": ""},
    "language": {"en": "language programming compiler", "zh": ""},
    "mathematics": {"en": "mathematics mathematical theory set function lattice", "zh": ""},
    "networking": {"en": "network networking protocol ip tcp ethernet internet packet", "zh": ""},
    "operating system": {"en": "operating system unix os dos", "zh": ""},
    "person": {"en": "person he born university inventor programmer", "zh": ""},
    "processor": {"en": "processor cpu microprocessor instruction intel", "zh": ""},
    "programming": {"en": "programming program language object code software", "zh": ""},
    "storage": {"en": "storage disk drive tape memory", "zh": ""},
    "tool": {"en": "tool software compiler", "zh": ""},
    "web": {"en": "web html browser www", "zh": ""},
}
DEBIAN: Synonyms = {
    "database": {"en": "database sql postgresql mysql data db", "zh": ""},
    "editors": {"en": "editor text emacs vim edit", "zh": ""},
    "electronics": {"en": "circuit electronic fpga pcb simulator verilog arduino avr eda", "zh": ""},
    "fonts": {"en": "font typeface truetype", "zh": ""},
    "games": {"en": "game puzzle play arcade", "zh": ""},
    "hamradio": {"en": "radio amateur ham aprs morse sdr antenna packet", "zh": ""},
    "mail": {"en": "mail email e-mail imap spam smtp mailing", "zh": ""},
    "science": {
        "en": "scientific science bioinformatics sequence analysis data genome simulation astronomy chemistry "
        "dna protein",
        "zh": "",
    },
    "sound": {"en": "audio sound music mp3 midi player synthesizer", "zh": ""},
    "video": {"en": "video movie dvd tv player stream subtitle", "zh": ""},
}
# The next two lists were written before anything was run on their sets.
HEADINGS: Synonyms = {
    "A": {"en": "", "zh": "马克思 列宁 毛泽东 邓小平 恩格斯 斯大林 著作"},
    "B": {"en": "", "zh": "哲学 宗教 佛教 心理 逻辑 伦理 基督教 道教 伊斯兰 思想 主义"},
    "D": {"en": "", "zh": "政治 法律 法学 立法 法院 司法 宪法 刑法 民法 外交 国家 政府 政党 党"},
    "E": {"en": "", "zh": "军事 军 战争 武器 部队 作战 兵 国防"},
    "F": {"en": "", "zh": "经济 贸易 金融 企业 财政 市场 产业 商业 银行 会计 税"},
    "G": {"en": "", "zh": "文化 教育 学校 体育 科学 教学 运动 新闻 图书馆 球 比赛"},
    "H": {"en": "", "zh": "语言 语 文字 词 方言"},
    "I": {"en": "", "zh": "文学 小说 诗 作品 散文 戏剧"},
    "J": {"en": "", "zh": "艺术 音乐 绘画 美术 舞蹈 画 电影 雕塑 戏 曲 乐 摄影"},
    "K": {"en": "", "zh": "历史 地理 史 传记 考古 民族 文物"},
    "O": {"en": "", "zh": "数学 物理 化学 力学 化合物 代数 几何 方程 光谱 量子"},
    "P": {"en": "", "zh": "天文 地球 地质 气象 海洋 岩 矿 大气 地理 地震 地貌 星 天气"},
    "Q": {"en": "", "zh": "生物 动物 植物 细胞 遗传 昆虫 微生物 真菌"},
    "R": {"en": "", "zh": "医 药 疾病 病 卫生 治疗 临床 诊断"},
    "S": {"en": "", "zh": "农 作物 林 畜 渔 植物 栽培 品种 种植 病虫害 饲养 果"},
    "T": {"en": "", "zh": "工业 技术 工程 机械 电 设备 材料 加工 机 工艺 建筑 制造"},
    "U": {"en": "", "zh": "交通 运输 铁路 公路 船 汽车 车 水运 桥 港"},
    "V": {"en": "", "zh": "航空 航天 飞机 飞行 航天器 火箭 卫星"},
    "X": {"en": "", "zh": "环境 污染 安全 废物 保护 灾害 环保"},
}
DIAGNOSES: Synonyms = {
    "Certain infectious and parasitic diseases": {
        "en": "infectious infection infections parasitic parasite virus viral bacterial fever tuberculosis syphilis",
        "zh": "",
    },
    "Neoplasms": {"en": "neoplasm cancer tumor malignant benign carcinoma lymphoma leukemia melanoma", "zh": ""},
    "Diseases of the blood and blood-forming organs and certain disorders involving the immune mechanism": {
        "en": "blood anemia immune immunodeficiency hemolytic coagulation spleen",
        "zh": "",
    },
    "Endocrine, nutritional and metabolic diseases": {
        "en": "endocrine nutritional metabolic metabolism diabetes deficiency thyroid vitamin hormone obesity insulin",
        "zh": "",
    },
    "Mental, Behavioral and Neurodevelopmental disorders": {
        "en": "mental behavioral psychiatric psychotic depressive anxiety bipolar abuse dependence mood personality",
        "zh": "",
    },
    "Diseases of the nervous system": {
        "en": "nervous nerve neurological brain epilepsy palsy sclerosis neuropathy seizure headache",
        "zh": "",
    },
    "Diseases of the eye and adnexa": {
        "en": "eye eyelid cornea corneal retina retinal vision cataract glaucoma ocular lens",
        "zh": "",
    },
    "Diseases of the ear and mastoid process": {"en": "ear hearing otitis mastoid tympanic", "zh": ""},
    "Diseases of the circulatory system": {
        "en": "circulatory heart cardiac artery vein hypertension coronary arterial aortic valve infarction",
        "zh": "",
    },
    "Diseases of the respiratory system": {
        "en": "respiratory lung pneumonia bronchitis pulmonary asthma sinusitis nasal breathing pharyngitis",
        "zh": "",
    },
    "Diseases of the digestive system": {
        "en": "digestive intestine stomach gastric bowel hernia liver dental tooth teeth ulcer colon gastrointestinal",
        "zh": "",
    },
    "Diseases of the skin and subcutaneous tissue": {
        "en": "skin dermatitis subcutaneous eczema psoriasis cutaneous hair nail",
        "zh": "",
    },
    "Diseases of the musculoskeletal system and connective tissue": {
        "en": "musculoskeletal bone joint arthritis muscle connective spine arthropathy osteoporosis",
        "zh": "",
    },
    "Diseases of the genitourinary system": {
        "en": "genitourinary urinary kidney renal bladder genital prostate uterus breast cervix vagina",
        "zh": "",
    },
    "Pregnancy, childbirth and the puerperium": {
        "en": "pregnancy childbirth puerperium labor delivery obstetric maternal abortion",
        "zh": "",
    },
    "Certain conditions originating in the perinatal period": {
        "en": "perinatal newborn neonatal birth fetus infant",
        "zh": "",
    },
    "Congenital malformations, deformations and chromosomal abnormalities": {
        "en": "congenital malformation deformity chromosomal chromosome anomaly",
        "zh": "",
    },
    "Symptoms, signs and abnormal clinical and laboratory findings, not elsewhere classified": {
        "en": "symptom sign abnormal finding findings pain",
        "zh": "",
    },
    "Injury, poisoning and certain other consequences of external causes": {
        "en": "injury poisoning fracture wound burn trauma injuries",
        "zh": "",
    },
    "External causes of morbidity": {
        "en": "accident accidental external collision fall injured assault vehicle exposure",
        "zh": "",
    },
    "Factors influencing health status and contact with health services": {
        "en": "encounter health history screening presence contact care counseling",
        "zh": "",
    },
}
# Parts of the names of Chinese laws that say nothing of one law, and words that stand for one beside those of its name.
_OF_ALL_LAWS = [
    "人民",
    "共和国",
    "保护",
    "管理",
    "组织",
    "促进",
    "特别",
    "中国",
    "地方",
    "各级",
    "全国",
    "规定",
    "办法",
    "保障",
    "建设",
    "发展",
    "应对",
    "程序",
    "预防",
    "基本",
    "公共",
    "处理",
    "修正案",
    "国家",
    "以上",
    "县级",
]
_OF_LAWS = {
    "刑法修正案": "刑法 有期徒刑 拘役 罚金 罪 犯罪",
    "宪法": "宪法 国务院 公民",
    "企业所得税": "纳税 税",
    "传染病防治": "疫情 疾病",
    "全国人民代表大会组织": "人大 代表大会 委员会 代表",
    "全国人民代表大会议事规则": "人大 代表大会 会议 大会 主席团 议案 表决",
    "常务委员会议事规则": "常务委员会 会议 委员长 议案",
    "关税": "海关 税",
    "刑事诉讼": "被告人 犯罪嫌疑人 侦查 诉讼 公诉 辩护",
    "原子能": "核",
    "监督法": "人大",
    "商业银行": "银行 存款 贷款",
    "外商投资": "外资 外国投资",
    "学前教育": "幼儿园 幼儿 儿童",
    "对外关系": "对外 外交 外国",
    "枪支": "枪",
    "森林": "林",
    "海上交通": "船舶 海上 航 海事",
    "海商": "船 承运 货物 海上",
    "消防": "火灾",
    "军官": "军衔",
    "畜牧": "畜",
    "疫苗": "接种",
    "矿山": "矿",
    "社会救助": "低保",
    "税收": "税",
    "公共卫生": "卫生 突发",
    "精神卫生": "障碍",
    "职业教育": "职业学校",
    "行政诉讼": "起诉",
    "证券": "股票 发行",
    "防沙": "沙",
    "非物质文化遗产": "遗产",
    "预防未成年人犯罪": "专门",
    "义务教育": "适龄 学校",
    "公司": "股东 股份 董事",
    "计划生育": "生育",
    "检察院": "检察",
    "法院": "审判 法官",
    "价格": "定价",
    "秘密": "保密 涉密",
    "集体经济": "集体 成员 农村",
    "合作社": "成员",
    "动物防疫": "疫病",
    "劳动": "用人单位",
    "医疗保障": "医保 定点",
    "建筑": "建设单位 施工 工程",
    "慈善": "捐赠 募捐",
    "教育法": "学校",
    "旅游": "旅行社",
    "核安全": "核",
    "海事诉讼": "船舶",
    "海关": "进出境 关税",
    "海南": "自贸",
    "烟草": "卷烟",
    "特种设备": "锅炉",
    "监狱": "罪犯 服刑",
    "矿产": "矿",
    "社会保险": "养老 保险费",
    "种子": "品种",
    "科学技术普及": "科普",
    "科学技术进步": "科研",
    "突发事件": "应急",
    "节约能源": "节能 用能",
    "邮政": "快递",
    "防洪": "洪水 蓄滞洪",
    "高等教育": "高校 学校",
    "专利": "发明",
    "个人独资": "投资人 独资",
    "中医药": "中医",
    "中国人民银行": "货币 人民币 银行",
    "乡村振兴": "农村",
    "武装警察": "武警",
    "国有资产": "国有 国家出资",
    "破产": "债务人 管理人 债权 重整",
    "体育": "运动",
    "科技成果": "成果 转化",
    "信托": "受托",
    "选举": "选民 代表 候选人",
    "全民所有制": "企业 厂长 职工",
    "政务处分": "处分",
    "兵役": "兵",
    "农业": "农",
    "承包经营纠纷": "仲裁 承包 土地",
    "出境入境": "签证 外国人",
    "反不正当竞争": "经营者",
    "反垄断": "经营者",
    "反有组织犯罪": "黑社会",
    "国境卫生检疫": "检疫 海关",
    "国防动员": "预备役",
    "国防法": "武装",
    "司法协助": "协助 请求",
    "居民委员会": "居民 居委会",
    "房地产": "房",
    "健康促进": "医疗 卫生",
    "境外非政府": "境外",
    "安全生产": "事故 生产",
    "家庭教育": "家长 监护 父母",
    "对外贸易": "进出口",
    "循环经济": "废物 资源",
    "政府采购": "采购",
    "期货": "衍生品",
    "民事诉讼": "诉讼 法院 当事人",
    "民办": "学校",
    "航空": "飞行 机场",
    "治安": "拘留",
    "法律援助": "援助",
    "涉外民事": "涉外 经常居所 适用 法律",
    "渔业": "渔",
    "消费者": "经营者 消费",
    "煤炭": "煤",
    "电力": "电",
    "票据": "汇票",
    "禁毒": "毒",
    "著作权": "作品 版权",
    "道路交通": "机动车",
    "防震减灾": "震",
    "驻外外交": "外交 驻外",
    "生态环境": "环境",
    "组织法": "代表大会",
}


def law_synonyms(law: str) -> Synonyms:
    """Return what counts as the right name of a Chinese law: words of its own name, and those that stand for it.

    Examples
    --------
    >>> is_right("所得税 · 企业", "企业所得税法", law_synonyms("企业所得税法"))
    True
    """
    name = re.sub("[（）]", " ", law).removesuffix("法")
    for word in _OF_ALL_LAWS:
        name = name.replace(word, " ")
    words = set()
    for part in filter(None, re.split("[和与 ]", name)):
        words |= {part[at : at + 2] for at in range(len(part) - 1)} if len(part) > 1 else {part}
    for key, listed in _OF_LAWS.items():
        words |= set(listed.split()) if key in law else set()
    return {law: {"en": "", "zh": " ".join(sorted(words))}}


def is_right(name: str, category: str, synonyms: Synonyms) -> bool:
    """Return whether a name contains the category's word or one of its synonyms, in either language.

    Examples
    --------
    >>> is_right("Stock markets · oil", "business", BBC), is_right("stockings", "business", BBC)
    (True, False)
    >>> is_right("国产电影", "entertainment", BBC)
    True
    """
    words = set(re.findall(r"[a-z0-9+-]+", name.casefold()))
    words |= {_singular(word) for word in words}
    lists = synonyms[category]
    return bool(words & set(lists["en"].split())) or any(word in name for word in lists["zh"].split())


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word.removesuffix("es") if word.endswith(("ches", "shes", "xes", "sses")) else word.removesuffix("s")
