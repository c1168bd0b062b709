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
_SETS = {
    "bbc-news": _BBC,
    "demo-photographs": _DEMO,
    "demo-mixed": _DEMO,
    "emoji-pictures": _EMOJI,
    "emoji-names-en": _EMOJI,
    "emoji-names-zh": _EMOJI,
    "noun-glosses": {name: ([name], [chinese]) for name, chinese in _NOUNS.items()},
}

DESCRIBED = frozenset(_SETS)


def descriptions(name: str, language: str = "en", *, prompts: int = 2) -> Mapping[str, list[str]]:
    """Return, for each label of a set, up to ``prompts`` descriptions in ``"en"`` or ``"zh"``."""
    at = ("en", "zh").index(language)
    return {label: words[at][:prompts] for label, words in _SETS[name].items()}
