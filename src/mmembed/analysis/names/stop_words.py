"""Words that say nothing of a group, in English and Chinese; a term neither is one nor begins or ends with one.

Function words, words of measure ("pair") and of speech ("said"), and the debris of web pages. Words that mean something
are not here, however common: that they are as frequent in the other clusters is found by counting.
"""

from __future__ import annotations

import re

ENGLISH = frozenset(
    re.findall(
        r"\S+",
        """a about above across actually after again against ago all almost along already also although always
    am amid among an and another any anyone anything are aren't around as at away back be became because
    become been before began behind being below beside between both but by came can can't cannot close
    come comes could couldn't did didn't do does doesn't doing don't done down during each either else
    even ever every everyone everything few following for from front full further gave get gets getting
    give given go goes going gone got had hadn't has hasn't have haven't having he he's her here hers
    herself him himself his how however i i'd i'll i'm i've if in inside instead into is isn't it it's
    its itself just keep kept later least less let like likely little lot made make makes making many
    may maybe me might mine more most mr mrs ms much must my myself near nearly need never next no nor
    not nothing now of off often ok on once one one's only onto or other others otherwise our ours
    ourselves out outside over own per perhaps please put quite rather really same saw say saying says
    see seem seemed seen several shall she she's should shouldn't since so some someone something soon
    still such take taken takes taking tell than that that's the their theirs them themselves then there
    there's therefore these they they're they've thing things this those though through thus to today
    together told too took top toward towards two under unless until up upon us use used uses using
    usually very via want wanted wants was wasn't way we we're we've well went were weren't what what's
    when where whether which while who who's whole whom whose why will with within without won't would
    wouldn't yes yesterday yet you you're you've your yours yourself said
    pair pairs piece pieces kind kinds type types sort lot lots bit couple
    add added adding adds
    including included includes according amp br com div gif gt href html http https img jpeg jpg lt
    nbsp net org php png quot span url utm webp www""",
    )
)
CHINESE = frozenset(
    re.findall(
        r"\S+",
        """一下 一些 一切 一定 一样 一直 一种 一般 一起 上下 不会 不但 不同 不够 不如 不得 不是 不管 不能 不要
    不过 不错 与其 个人 为了 为什么 之一 之前 之后 之间 也是 也许 了解 于是 什么 今天 他们 以上 以下
    以及 以后 以来 以前 任何 似乎 但是 位于 作为 使得 使用 例如 依然 便是 做好 先后 全部 其中 其他 其它
    其实 具有 具体 几乎 出来 出现 分别 刚刚 别的 到了 十分 即使 却是 又是 及其 只是 只有 只能 只要 可以
    可能 各种 各自 同时 同样 后来 向着 吗啊 哪些 哪里 哪个 因为 因此 地方 多个 多么 多少 大家 大概 大约
    太多 如今 如何 如果 如此 如下 完全 它们 对于 就是 就会 已经 常常 并且 并不 应该 开始 当时 当然 很多
    得到 怎么 怎样 总是 您们 情况 想要 成为 我们 或者 所以 所有 所谓 才能 才是 打开 按照 放在 放着 整个
    方面 无法 日前 时候 时间 昨天 明天 是否 显得 曾经 有些 有人 有所 有时 有的 有着 本来 来自 极其 某个
    某些 根据 正在 正是 此外 此次 每个 比如 比较 没有 没什么 然后 然而 特别 现在 甚至 由于 的话 目前
    直到 直接 相当 看到 看见 看着 知道 确实 称为 穿着 等等 终于 经过 经常 结果 给予 继续 而且 而是 自己
    至今 至于 至少 虽然 虽说 表示 装着 觉得 认为 许多 设有 说是 请勿 请问 谁的 起来 越来越 足够 轮到
    较为 过来 过程 还是 还有 还要 这个 这么 这些 这样 这种 这里 进行 通过 通常 造成 那个 那么 那些 那样
    那里 都是 采用 里面 除了 随着 需要 非常 首先 马上 一个 两个 这是 那是 上面 下面 外面 前面 后面 旁边
    中间 附近 属于 不到 不再 来说 之中 之类 记者 获悉 报道""",
    )
)
# Parts of speech, as the segmenter tags them, of words that name nothing: adverbs, conjunctions, exclamations, numbers
# with their measure words, prepositions, pronouns, particles, punctuation.
CHINESE_TAGS = frozenset({"c", "d", "df", "e", "m", "mq", "o", "p", "q", "r", "rg", "rr", "rz", "u", "w", "x", "y"})
