"""The 4-bit file, read from one made here."""

import struct
from pathlib import Path

import numpy as np
import pytest

from consumers.classifier.training import pretrained, vocabulary
from schemas.errors import ModelFileError

PIECES = [*pretrained.SPECIAL, "▁", "▁hola", "▁mundo", "h", "o", "ñ", "ñandú", "мир", "м", "世", "1", ".", "▁the", "lo"]
HIDDEN = 32


def packed(values: np.ndarray) -> bytes:
    """4-bit rows as the file has them: a half-precision scale, values i and i + 16 in a byte, i in the low half."""
    out = b""
    for row in values.reshape(-1, 32):
        low, high = row[:16] + 8, row[16:] + 8
        out += np.float16(0.5).tobytes() + (low | (high << 4)).astype(np.uint8).tobytes()
    return out


def written(path: Path, words: np.ndarray) -> Path:
    text = [piece.encode() for piece in PIECES]
    ends = np.cumsum([0, *map(len, text)]).astype("<u4")
    header = struct.pack(
        "<4sI7ifi5iQ", b"NE5\0", 1, HIDDEN, 0, 2, 64, len(PIECES), 16, 2, 1e-12, 32, len(PIECES), 0, 2, 1, 3, ends[-1]
    )
    scores = -np.arange(len(PIECES), dtype="<f4")
    body = header + ends.tobytes() + scores.tobytes() + b"".join(text) + struct.pack("<iI", 0, 3) + b"abc"
    tensors = {"emb.word": packed(words), "emb.ln.w": np.arange(HIDDEN, dtype="<f4").tobytes()}
    size = 4 + sum(2 + len(name) + 1 + 4 + 8 + 8 for name in tensors)
    at = len(body) + size
    directory, data = struct.pack("<i", len(tensors)), b""
    for name, content in tensors.items():
        directory += struct.pack("<H", len(name)) + name.encode() + struct.pack("<BIQQ", 0, 0, at, len(content))
        at += len(content)
        data += content
    path.write_bytes(body + directory + data)
    return path


def test_sizes_pieces_and_weights_come_out_as_they_went_in(tmp_path: Path) -> None:
    words = np.random.default_rng(0).integers(-8, 8, (len(PIECES), HIDDEN))
    source = pretrained.read(written(tmp_path / "e5.bin", words))
    assert source.shape.hidden == HIDDEN
    assert source.shape.positions == 16
    assert source.pieces == tuple(PIECES)
    assert np.array_equal(source.packed("emb.word", len(PIECES), HIDDEN), words * 0.5)
    assert source.plain("emb.ln.w").tolist() == list(range(HIDDEN))


def test_a_file_that_is_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.bin"
    path.write_bytes(b"\x00" * 50)
    with pytest.raises(ModelFileError, match="not a 4-bit encoder file"):
        pretrained.read(path)


def test_the_vocabulary_keeps_what_is_seen_and_every_single_letter_of_its_alphabets(tmp_path: Path) -> None:
    words = np.zeros((len(PIECES), HIDDEN), np.int64)
    source = pretrained.read(written(tmp_path / "e5.bin", words))
    seen = vocabulary.count(source, ["hola hola mundo"])
    keep = vocabulary.choose(source, seen, size=12)
    kept = [PIECES[i] for i in keep]
    assert kept[:4] == list(pretrained.SPECIAL)
    assert {"▁", "h", "o", "ñ", "м", "1", ".", "▁hola"} <= set(kept)
    assert "世" not in kept
    assert len(keep) == 12
    found = vocabulary.coverage(source, keep, ["hola 世", "hola"])
    assert found.unknown == 1
    assert found.unknown_rate == pytest.approx(1 / found.tokens)


def test_a_choice_is_read_as_it_was_written_and_only_in_order(tmp_path: Path) -> None:
    from schemas.errors import ConfigError

    path = tmp_path / "vocabulary.txt"
    vocabulary.write(path, [0, 1, 2, 3, 7, 40])
    assert vocabulary.read(path) == [0, 1, 2, 3, 7, 40]
    path.write_text("0 1 2 3 9 8")
    with pytest.raises(ConfigError, match="rise"):
        vocabulary.read(path)
