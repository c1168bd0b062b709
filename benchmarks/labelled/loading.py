"""The list of labelled sets, and the one function that loads any of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pandas as pd

from labelled import foreign, mails, pictures, subjects, synthetic, tables, texts
from mmembed.errors import did_you_mean, listed


@dataclass(frozen=True)
class LabelledSet:
    """What is known of a set before it is loaded."""

    make: Callable[[], pd.DataFrame]
    is_held_out: bool
    about: str


_SETS = {
    "bbc-news": LabelledSet(texts.bbc_news, is_held_out=True, about="2,225 news texts in 5 sections"),
    "digits": LabelledSet(pictures.digits, is_held_out=True, about="1,797 digits as raw pixels (scikit-learn)"),
    "demo-photographs": LabelledSet(pictures.demo_photographs, is_held_out=True, about="138 photographs, 8 categories"),
    "demo-mixed": LabelledSet(
        pictures.demo_mixed, is_held_out=True, about="the same photographs and their captions in two languages"
    ),
    "demo-fused": LabelledSet(
        pictures.demo_fused, is_held_out=True, about="the same table, one vector of both captions and the photograph"
    ),
    "emoji-pictures": LabelledSet(pictures.emoji, is_held_out=True, about="1,646 emoji drawn in 3-d, in 9 groups"),
    "noun-glosses": LabelledSet(
        partial(texts.glosses, "noun", 6000), is_held_out=True, about="6,000 WordNet glosses of nouns in 25 classes"
    ),
    "heavy-tails": LabelledSet(
        partial(synthetic.heavy_tails, 10_000, seed=1),
        is_held_out=True,
        about="10,000 rows, 40 heavy-tailed clusters",
    ),
    "heavy-tails-50k": LabelledSet(
        partial(synthetic.heavy_tails, 50_000, seed=2), is_held_out=True, about="the same with 50,000 rows"
    ),
    "heavy-tails-100k": LabelledSet(
        partial(synthetic.heavy_tails, 100_000, seed=3), is_held_out=True, about="the same with 100,000 rows"
    ),
    "heavy-tails-development": LabelledSet(
        partial(synthetic.heavy_tails, 4000, seed=100, n_clusters=25, latent=12, dimension=256),
        is_held_out=False,
        about="4,000 rows, 25 other heavy-tailed clusters",
    ),
    "blobs": LabelledSet(synthetic.blobs, is_held_out=False, about="3,000 rows of 12 round clusters of unequal sizes"),
    "structureless": LabelledSet(
        synthetic.structureless, is_held_out=False, about="2,000 random directions: no cluster is true"
    ),
    "verb-glosses": LabelledSet(
        partial(texts.glosses, "verb", 4000), is_held_out=False, about="4,000 WordNet glosses of verbs in 15 classes"
    ),
    "emoji-names-zh": LabelledSet(
        partial(texts.emoji_names, "zh"), is_held_out=False, about="1,914 Chinese names of emoji in 9 groups"
    ),
    "emoji-names-en": LabelledSet(
        partial(texts.emoji_names, "en"), is_held_out=False, about="1,914 English names of emoji in 9 groups"
    ),
    "reviews-zh": LabelledSet(
        texts.chinese_reviews, is_held_out=False, about="6,000 Chinese reviews, praise and complaint"
    ),
    "wine": LabelledSet(
        partial(tables.scikit_learn, "wine"), is_held_out=False, about="178 wines of 3 growers, 13 measures"
    ),
    "breast-cancer": LabelledSet(
        partial(tables.scikit_learn, "breast_cancer"), is_held_out=False, about="569 tumours of 2 kinds, 30 measures"
    ),
    "iris": LabelledSet(
        partial(tables.scikit_learn, "iris"), is_held_out=False, about="150 irises of 3 species, 4 measures"
    ),
    "vehicle": LabelledSet(
        partial(tables.keel, "vehicle"), is_held_out=False, about="846 outlines of 4 vehicles, 18 measures"
    ),
    "texture": LabelledSet(
        partial(tables.keel, "texture"), is_held_out=False, about="5,500 pictures of 11 textures, 40 measures"
    ),
    "few-columns": LabelledSet(
        synthetic.few_columns, is_held_out=False, about="400 rows of 4 oval clusters, 6 columns"
    ),
    "few-columns-again": LabelledSet(
        partial(synthetic.few_columns, 250, 3, 4, 10), is_held_out=False, about="250 rows of 3 oval clusters, 4 columns"
    ),
    "few-columns-many-rows": LabelledSet(
        partial(synthetic.few_columns, 3000, 8, 8, 11),
        is_held_out=False,
        about="3,000 rows of 8 oval clusters, 8 columns",
    ),
    "sayings": LabelledSet(subjects.sayings, is_held_out=False, about="English sayings on 12 subjects"),
    "chatbot": LabelledSet(subjects.chatbot, is_held_out=False, about="questions to a chatbot on 20 subjects"),
    "debian-sections": LabelledSet(
        subjects.debian_sections, is_held_out=True, about="one-line descriptions of packages in 10 sections of Debian"
    ),
    "library-headings-zh": LabelledSet(
        subjects.library_headings,
        is_held_out=True,
        about="headings of 19 classes of the Chinese Library Classification",
    ),
    "chinese-words": LabelledSet(
        subjects.chinese_words, is_held_out=True, about="3,600 Chinese words of 9 fields (THUOCL)"
    ),
    "clip-art": LabelledSet(pictures.clip_art, is_held_out=True, about="drawings in 10 folders of Open Clip Art"),
    "mnist": LabelledSet(pictures.mnist, is_held_out=True, about="10,000 handwritten digits as raw pixels"),
    "spam-mails": LabelledSet(
        mails.spam_mails, is_held_out=True, about="4,000 mails that people sorted into wanted and unwanted"
    ),
    "penguins": LabelledSet(tables.penguins, is_held_out=True, about="342 penguins of 3 species, 4 measures"),
    "wisconsin": LabelledSet(
        partial(tables.keel, "wisconsin"), is_held_out=True, about="683 biopsies of 2 kinds, 9 measures"
    ),
    "segment": LabelledSet(
        partial(tables.keel, "segment"), is_held_out=True, about="2,310 patches of pictures of 7 things, 19 measures"
    ),
    "satimage": LabelledSet(
        partial(tables.keel, "satimage"), is_held_out=True, about="6,435 satellite pixels of 6 soils, 36 measures"
    ),
    "penbased": LabelledSet(
        partial(tables.keel, "penbased"), is_held_out=True, about="10,992 digits written with a pen, 16 measures"
    ),
    "laws-zh": LabelledSet(
        partial(foreign.laws, 0, "e5"), is_held_out=False, about="1,525 articles of 14 laws of China, vectors of E5"
    ),
    "laws-zh-others": LabelledSet(
        partial(foreign.laws, 1, "e5"), is_held_out=True, about="560 articles of 14 other laws, vectors of E5"
    ),
    "recipes-zh": LabelledSet(
        partial(foreign.recipes, "e5"), is_held_out=True, about="321 Chinese recipes of 10 categories, vectors of E5"
    ),
    "computing-terms": LabelledSet(
        partial(foreign.computing_terms, "minilm"),
        is_held_out=False,
        about="1,600 entries of a dictionary of computing in 16 categories, vectors of MiniLM",
    ),
    "computing-terms-e5": LabelledSet(
        partial(foreign.computing_terms, "e5"), is_held_out=False, about="the same entries, vectors of E5"
    ),
    "diagnoses": LabelledSet(
        partial(foreign.diagnoses, "minilm"),
        is_held_out=True,
        about="2,105 diagnoses in 22 chapters of ICD-10-CM, vectors of MiniLM",
    ),
    "api-like-development": LabelledSet(
        partial(synthetic.api_like, 6000, seed=200),
        is_held_out=False,
        about="6,000 rows of 150 communities in 25, 18 % of none, 1,024 numbers",
    ),
    "api-like-truncated-development": LabelledSet(
        partial(synthetic.api_like, 6000, seed=200, kept=256), is_held_out=False, about="their first 256 numbers"
    ),
    "api-like": LabelledSet(
        partial(synthetic.api_like, 6000, seed=201, background=0.15, cone=0.35),
        is_held_out=True,
        about="6,000 other rows like that, 15 % of none",
    ),
    "api-like-truncated": LabelledSet(
        partial(synthetic.api_like, 6000, seed=201, background=0.15, cone=0.35, kept=256),
        is_held_out=True,
        about="their first 256 numbers",
    ),
}


def load(name: str) -> pd.DataFrame:
    """Return a labelled set.

    Parameters
    ----------
    name : str
        One of ``sets().index``.

    Returns
    -------
    pandas.DataFrame
        ``vector``, a vector column; ``label``, str; ``text`` and ``image`` (a path) where there are such; ``kind``
        (``"text"`` or ``"image"``) where a set holds both; ``fine``, str, where rows have a second, finer label.
        The same rows in the same order at each call.

    Raises
    ------
    KeyError
        If there is no such set.
    """
    if name not in _SETS:
        raise KeyError(f"No labelled set {name!r}. Known: {listed(_SETS)}.{did_you_mean(name, _SETS)}")
    return _SETS[name].make()


def sets() -> pd.DataFrame:
    """Return what there is to load: one row a set, with ``is_held_out`` and ``about``."""
    return pd.DataFrame(
        {name: {"is_held_out": one.is_held_out, "about": one.about} for name, one in _SETS.items()}
    ).T.rename_axis("name")
