"""Words for the labels of some sets, in English and Chinese: what zero-shot labels are made from.

They are plain words for what a label means, written down once and not changed to fit the figures.
"""

from __future__ import annotations

from collections.abc import Mapping

_BBC = {
    "business": (["business", "economy and companies"], ["商业", "经济和公司新闻"]),
    "entertainment": (["entertainment", "film, music and television"], ["娱乐", "电影、音乐和电视"]),
    "politics": (["politics", "government and elections"], ["政治", "政府和选举"]),
    "sports": (["sport", "matches, players and teams"], ["体育", "比赛、球员和球队"]),
    "tech": (["technology", "computers, internet and phones"], ["科技", "电脑、互联网和手机"]),
}
_DEMO = {
    "animals": (["animal", "a bird, a fish or a mammal"], ["动物", "鸟、鱼或哺乳动物"]),
    "clothes": (["clothing", "something to wear"], ["衣服", "穿戴的东西"]),
    "food": (["food", "fruit, vegetables and dishes"], ["食物", "水果、蔬菜和菜肴"]),
    "hobbies": (["musical instrument", "hobby and sports gear"], ["乐器", "爱好和运动用品"]),
    "household": (["household item", "furniture and tools at home"], ["家居用品", "家里的家具和工具"]),
    "plants": (["plant, flower, tree", "leaves and blossoms"], ["植物", "花、树和叶子"]),
    "space": (["planet in outer space", "moon, stars and rockets"], ["太空星球", "月亮、星星和火箭"]),
    "vehicles": (["vehicle", "a car, a train or a ship"], ["交通工具", "汽车、火车或轮船"]),
}
_EMOJI = {
    "smileys-emotion": (["smiley face", "emotion, heart, feeling"], ["笑脸", "情绪、心、感受"]),
    "people-body": (["person", "hand, body, people"], ["人物", "手、身体、人们"]),
    "animals-nature": (["animal", "plant and nature"], ["动物", "植物和自然"]),
    "food-drink": (["food", "drink and dishes"], ["食物", "饮料和餐具"]),
    "travel-places": (["vehicle", "place, building, weather, sky"], ["交通工具", "地点、建筑、天气、天空"]),
    "activities": (["sport", "game, celebration, art"], ["运动", "游戏、庆祝、艺术"]),
    "objects": (["object", "clothing, tool, office thing"], ["物品", "衣服、工具、办公用品"]),
    "symbols": (["symbol", "sign, arrow, letter, number"], ["符号", "标志、箭头、字母、数字"]),
    "flags": (["flag", "country"], ["旗帜", "国家"]),
}
_NOUNS = {
    "act": "行为", "animal": "动物", "artifact": "人造物", "attribute": "属性", "body": "身体部位", "cognition": "认知",
    "communication": "交流", "event": "事件", "feeling": "感情", "food": "食物", "group": "群体", "location": "地点",
    "motive": "动机", "object": "自然物体", "person": "人", "phenomenon": "现象", "plant": "植物", "possession": "财产",
    "process": "过程", "quantity": "数量", "relation": "关系", "shape": "形状", "state": "状态", "substance": "物质",
    "time": "时间",
}  # fmt: skip
_VERBS = {
    "body": "身体和穿戴", "change": "变化", "cognition": "思考", "communication": "交流", "competition": "竞争",
    "consumption": "吃喝", "contact": "接触", "creation": "创造", "emotion": "情感", "motion": "移动",
    "perception": "感知", "possession": "拥有", "social": "社会活动", "stative": "存在状态", "weather": "天气",
}  # fmt: skip
_SAYINGS = {
    "art": (["art", "painting, music and literature"], ["艺术", "绘画、音乐和文学"]),
    "drugs": (["drugs", "alcohol, smoking and medication"], ["毒品", "酒、烟和药物"]),
    "education": (["education", "school, teachers and students"], ["教育", "学校、老师和学生"]),
    "food": (["food", "eating and cooking"], ["食物", "吃饭和烹饪"]),
    "law": (["law", "lawyers, courts and crime"], ["法律", "律师、法庭和犯罪"]),
    "linux": (["Linux", "kernel and free software"], ["Linux", "内核和自由软件"]),
    "love": (["love", "romance and marriage"], ["爱", "恋爱和婚姻"]),
    "medicine": (["medicine", "doctors, health and disease"], ["医学", "医生、健康和疾病"]),
    "pets": (["pets", "cats and dogs"], ["宠物", "猫和狗"]),
    "politics": (["politics", "government and elections"], ["政治", "政府和选举"]),
    "science": (["science", "physics, mathematics and research"], ["科学", "物理、数学和研究"]),
    "sports": (["sports", "games, players and teams"], ["体育", "比赛、球员和球队"]),
}
_DEBIAN = {
    "database": (["database", "SQL server and client"], ["数据库", "SQL 服务器和客户端"]),
    "editors": (["text editor", "editing source code and documents"], ["文本编辑器", "编辑代码和文档"]),
    "electronics": (["electronics", "circuit design and simulation"], ["电子", "电路设计和仿真"]),
    "fonts": (["font", "typeface and characters"], ["字体", "字形和字符"]),
    "games": (["game", "puzzle, arcade and strategy games"], ["游戏", "益智、街机和策略游戏"]),
    "hamradio": (["amateur radio", "radio signals and transceivers"], ["业余无线电", "无线电信号和收发机"]),
    "mail": (["e-mail", "mail server and client"], ["电子邮件", "邮件服务器和客户端"]),
    "science": (["science", "biology, chemistry and physics software"], ["科学", "生物、化学和物理软件"]),
    "sound": (["sound", "music and audio"], ["声音", "音乐和音频"]),
    "video": (["video", "film and video player"], ["视频", "电影和视频播放器"]),
}
_FIELDS = {
    "IT": (["information technology", "computers, software and the internet"], ["信息技术", "电脑、软件和互联网"]),
    "动物": (["animal", "birds, fish, mammals and insects"], ["动物", "鸟、鱼、兽和昆虫"]),
    "医药": (["medicine", "disease, treatment and drugs"], ["医药", "疾病、治疗和药品"]),
    "历史人名": (["historical person", "name of an emperor, general or poet"], ["历史人名", "皇帝、将军或诗人的名字"]),
    "地名": (["place name", "city, county or town"], ["地名", "城市、县或乡镇"]),
    "成语": (["idiom", "Chinese proverb of four characters"], ["成语", "四个字的俗语"]),
    "法律": (["law", "court, contract and crime"], ["法律", "法院、合同和犯罪"]),
    "财经": (["finance", "economy, banks and trade"], ["财经", "经济、银行和贸易"]),
    "食物": (["food", "dishes, fruit and drinks"], ["食物", "菜肴、水果和饮料"]),
}
_CLIP_ART = {
    "food": (["food", "fruit, dishes and drinks"], ["食物", "水果、菜肴和饮料"]),
    "people": (["person", "man, woman, child"], ["人", "男人、女人、孩子"]),
    "recreation": (["recreation", "sport, games, music and holidays"], ["休闲", "体育、游戏、音乐和节日"]),
    "animals": (["animal", "a bird, a fish or a mammal"], ["动物", "鸟、鱼或哺乳动物"]),
    "transportation": (["vehicle", "a car, a train or a ship"], ["交通工具", "汽车、火车或轮船"]),
    "geography": (["map", "country, globe and landscape"], ["地图", "国家、地球和地形"]),
    "tools": (["tool", "hammer, saw and screwdriver"], ["工具", "锤子、锯和螺丝刀"]),
    "office": (["office supplies", "paper, pen and desk"], ["办公用品", "纸、笔和书桌"]),
    "buildings": (["building", "house, church and tower"], ["建筑", "房子、教堂和塔"]),
    "plants": (["plant, flower, tree", "leaves and blossoms"], ["植物", "花、树和叶子"]),
}
_MAILS = {
    "ham": (
        ["a personal letter or a discussion on a mailing list", "news and answers that were asked for"],
        ["私人信件或邮件列表的讨论", "自己订阅的新闻和答复"],
    ),
    "spam": (
        ["advertising that nobody asked for", "an offer to make money or to buy cheaply"],
        ["没人要的广告", "赚钱或便宜购买的推销"],
    ),
}
_REVIEWS = {
    "neg": (["a complaint", "bad, disappointing, not worth it"], ["差评", "不好，失望，不值得"]),
    "pos": (["praise", "good, satisfied, recommended"], ["好评", "很好，满意，推荐"]),
}
_SETS = {
    "bbc-news": _BBC,
    "demo-photographs": _DEMO,
    "demo-mixed": _DEMO,
    "demo-fused": _DEMO,
    "emoji-pictures": _EMOJI,
    "emoji-names-en": _EMOJI,
    "emoji-names-zh": _EMOJI,
    "noun-glosses": {name: ([name], [chinese]) for name, chinese in _NOUNS.items()},
    "verb-glosses": {name: ([name], [chinese]) for name, chinese in _VERBS.items()},
    "sayings": _SAYINGS,
    "debian-sections": _DEBIAN,
    "chinese-words": _FIELDS,
    "clip-art": _CLIP_ART,
    "spam-mails": _MAILS,
    "reviews-zh": _REVIEWS,
}

DESCRIBED = frozenset(_SETS)


def descriptions(name: str, language: str = "en", *, prompts: int = 2) -> Mapping[str, list[str]]:
    """Return, for each label of a set, up to ``prompts`` descriptions in ``"en"`` or ``"zh"``."""
    at = ("en", "zh").index(language)
    return {label: words[at][:prompts] for label, words in _SETS[name].items()}
