"""The forward pass computes what the layers of the network say."""

from __future__ import annotations

import numpy as np
import pytest

from mmembed.providers.local.classes import load_class_table, mix_classes
from mmembed.providers.local.network import EfficientNetLite
from mmembed.providers.local.text import LONGEST_READ, TextEncoder, passages
from mmembed.providers.local.weights import load_efficientnet_tensors


@pytest.fixture(scope="module")
def tensors():
    """Return the weights of the network."""
    return load_efficientnet_tensors()


def convolve(x, weight, stride, groups):
    """Convolve (h, w, c) with (out, in, k, k) the slow way, with TensorFlow's padding."""
    kernel = weight.shape[2]
    sizes = [-(-size // stride) for size in x.shape[:2]]
    paddings = [max((after - 1) * stride + kernel - size, 0) for after, size in zip(sizes, x.shape[:2], strict=True)]
    padded = np.pad(x, [*((padding // 2, padding - padding // 2) for padding in paddings), (0, 0)])
    out = np.empty((*sizes, len(weight)))
    for row, column in np.ndindex(*sizes):
        patch = padded[row * stride : row * stride + kernel, column * stride : column * stride + kernel]
        if groups == 1:
            out[row, column] = np.einsum("ijc,ocij->o", patch, weight)
        else:
            out[row, column] = np.einsum("ijc,cij->c", patch, weight[:, 0])
    return out


def slow_scores(tensors, x):
    """Return the class scores of one picture, layer by layer as the checkpoint names them, in double precision."""

    def normalise(x, name):
        scale = tensors[name + ".weight"] / np.sqrt(tensors[name + ".running_var"].astype(float) + 1e-3)
        return (x - tensors[name + ".running_mean"]) * scale + tensors[name + ".bias"]

    def layer(x, name, norm, stride=1, groups=1):
        return normalise(convolve(x, tensors[name + ".weight"].astype(float), stride, groups), norm)

    def relu6(x):
        return np.clip(x, 0, 6)

    first_of_stage_strides = {1: 2, 3: 2, 5: 2, 11: 2}
    x = relu6(layer(x, "_conv_stem", "_bn0", stride=2))
    for block in range(16):
        prefix, before = f"_blocks.{block}.", x
        if prefix + "_expand_conv.weight" in tensors:
            x = relu6(layer(x, prefix + "_expand_conv", prefix + "_bn0"))
        stride = first_of_stage_strides.get(block, 1)
        x = relu6(layer(x, prefix + "_depthwise_conv", prefix + "_bn1", stride=stride, groups=x.shape[2]))
        x = layer(x, prefix + "_project_conv", prefix + "_bn2")
        if x.shape == before.shape:
            x = x + before
    pooled = relu6(layer(x, "_conv_head", "_bn1")).mean(axis=(0, 1))
    return tensors["_fc.weight"] @ pooled + tensors["_fc.bias"]


def test_scores_are_those_of_the_plain_layers(tensors):
    """The fast forward pass agrees with one written layer by layer, for each picture of a batch."""
    random = np.random.default_rng(0)
    pixels = random.uniform(-1, 1, (3, 224, 224, 3)).astype(np.float32)
    scores = EfficientNetLite(tensors).scores(pixels)
    assert scores.shape == (3, 1000)
    np.testing.assert_allclose(scores[2], slow_scores(tensors, pixels[2]), atol=1e-3)


def test_a_sure_score_gives_the_class_itself():
    """A picture that is one class for certain gets the vector of that class, and an even one lies between."""
    vectors = np.eye(24, dtype=np.float32)
    scores = np.full((2, 24), -50, np.float32)
    scores[0, 3] = 50
    scores[1, [3, 5]] = 50
    mixed = mix_classes(scores, vectors)
    np.testing.assert_allclose(mixed[0], vectors[3], atol=1e-6)
    np.testing.assert_allclose(mixed[1], (vectors[3] + vectors[5]) / 2, atol=1e-6)


def test_only_the_twenty_best_classes_count():
    """Classes after the twentieth leave no trace in the vector."""
    mixed = mix_classes(-np.arange(24, dtype=np.float32)[None], np.eye(24, dtype=np.float32))
    assert (mixed[0, :20] > 0).all()
    assert (mixed[0, 20:] == 0).all()


def test_the_class_table_fits_the_classifier_and_the_encoder():
    """There are a thousand names with vectors of length 1, each nearer to its own name than to nearly all others."""
    table = load_class_table()
    assert (len(table.names), table.vectors.shape) == (1000, (1000, 512))
    np.testing.assert_allclose(np.linalg.norm(table.vectors, axis=1), 1, atol=1e-6)
    similarity = TextEncoder().encode(table.names) @ table.vectors.T
    assert (similarity > np.diag(similarity)[:, None]).sum(axis=1).mean() < 2


def test_texts_are_read_to_their_end():
    """The end of a text changes its vector, also where it is so long that passages of it are read."""
    encoder = TextEncoder()
    for length in (1_000, 10 * LONGEST_READ):
        plain = "The bank raised its rates. " * (length // 27)
        one, other = encoder.encode([plain, plain + "A panda eats bamboo in the forest. " * 60])
        assert one @ other < 0.999
        assert np.linalg.norm(other) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("length", [0, 1, LONGEST_READ, LONGEST_READ + 1, 3 * LONGEST_READ + 7, 1_000_003])
def test_as_much_is_read_of_a_long_text_as_of_the_longest_that_is_read_whole(length):
    """Begin and end are among the passages, and what lies between is skipped evenly."""
    text = "".join(chr(0x4E00 + number % 20_000) for number in range(length))
    read = passages(text)
    assert len(read.replace("\n", "")) == min(length, LONGEST_READ)
    assert read[:100] == text[:100]
    assert read[-100:] == text[-100:]
    assert read.count("\n") == (39 if length > LONGEST_READ else 0)


def test_passages_of_a_text_stand_for_all_of_it():
    """A text of two halves is as near to one as to the other, and one of one kind is where a short one of it is."""
    encoder = TextEncoder()
    bank, panda = "银行今天提高了贷款利率。", "熊猫在森林里吃竹子。"
    size = 3 * LONGEST_READ
    both, long, short, one, other = encoder.encode(
        [bank * (size // 12) + panda * (size // 10), bank * (size // 12), bank * 1_000, bank * 1_000, panda * 1_000]
    )
    assert abs(both @ one - both @ other) < 0.25
    assert min(both @ one, both @ other) > 0.4
    assert long @ short > 0.99


def test_blanks_take_no_room_among_what_is_read():
    """Words that stand among many blanks are not lost."""
    text = " " * 100_000 + "panda" + " " * 100_000 + "bamboo" + "\n" * 77_777
    assert passages(text) == "panda bamboo"
