"""How many tokens the next request will be counted as: the estimate of its contents, corrected by what was counted.

The limiter spaces requests by this figure; what contents cost is another matter, see ``providers/costs.py``.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence

from mmembed.contents.content import Content
from mmembed.providers.costs import estimate_media, estimate_texts
from mmembed.providers.models import ModelSpec

_MARGIN = 1.1  # over the mean: some requests hold more than others
_KEPT = 0.7  # of what was known, at each new count
_MOST_TIMES = 50.0  # nothing is this far off; a count that is says nothing


class TokenEstimates:
    """Estimates for the requests of one run; used by its threads at once.

    Examples
    --------
    >>> from mmembed.providers.models import find_model
    >>> estimates = TokenEstimates(find_model("qwen3-vl-embedding"))
    >>> guess = estimates.guess([Content("text", text="x" * 400)])
    >>> estimates.of(guess)
    192
    >>> estimates.learn(guess, 30, 0)
    >>> estimates.of(guess)
    33
    """

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        self._lock = threading.Lock()
        self._guessed: dict[str, float] = {}
        self._counted: dict[str, float] = {}

    def guess(self, contents: Sequence[Content]) -> Mapping[str, float]:
        """Return the estimated tokens of a request's texts (at their high figure), pictures and videos."""
        leaves = [leaf for content in contents for leaf in content.leaves]
        texts = [leaf.text for leaf in leaves if leaf.text is not None]
        found: dict[str, float] = {"text": float(estimate_texts(texts).high)} if texts else {}
        for leaf in leaves:
            if leaf.text is None:
                found[leaf.kind] = found.get(leaf.kind, 0.0) + estimate_media(leaf, self._spec).likely
        return found

    def of(self, guess: Mapping[str, float]) -> int:
        """Return the tokens that a request will probably be counted as."""
        with self._lock:
            return math.ceil(sum(tokens * self._factor(kind) for kind, tokens in guess.items()))

    def learn(self, guess: Mapping[str, float], text_tokens: int, media_tokens: int) -> None:
        """Take into account what a request was counted as; 0 is not known."""
        with self._lock:
            if text_tokens and guess.get("text"):
                self._note("text", guess["text"], text_tokens)
            media = {kind: tokens for kind, tokens in guess.items() if kind != "text"}
            expected = sum(tokens * self._ratio(kind) for kind, tokens in media.items())
            if media_tokens and expected:
                for kind, tokens in media.items():
                    self._note(kind, tokens, tokens * self._ratio(kind) * media_tokens / expected)

    def _note(self, kind: str, guessed: float, counted: float) -> None:
        counted = min(max(counted, guessed / _MOST_TIMES), guessed * _MOST_TIMES)
        self._guessed[kind] = self._guessed.get(kind, 0.0) * _KEPT + guessed
        self._counted[kind] = self._counted.get(kind, 0.0) * _KEPT + counted

    def _ratio(self, kind: str) -> float:
        return self._counted[kind] / self._guessed[kind] if self._guessed.get(kind) else 1.0

    def _factor(self, kind: str) -> float:
        return self._ratio(kind) * _MARGIN if kind in self._guessed else 1.0
