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


def is_right(name: str, category: str, synonyms: Synonyms) -> bool:
    """Return whether a name contains the category's word or one of its synonyms, in either language.

    Examples
    --------
    >>> is_right("Stock markets · oil", "business", BBC), is_right("stockings", "business", BBC)
    (True, False)
    >>> is_right("国产电影", "entertainment", BBC)
    True
    """
    words = set(re.findall(r"[a-z]+", name.casefold()))
    words |= {_singular(word) for word in words}
    lists = synonyms[category]
    return bool(words & set(lists["en"].split())) or any(word in name for word in lists["zh"].split())


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word.removesuffix("es") if word.endswith(("ches", "shes", "xes", "sses")) else word.removesuffix("s")
