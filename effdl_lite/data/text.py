"""Penn Treebank, or its stand-in, as streams of word numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from effdl_lite.data import manifest, official, registry, standin_text
from effdl_lite.data.errors import DataError
from effdl_lite.data.files import sha256_of
from effdl_lite.data.obtain import obtain, warn_stand_in
from effdl_lite.data.source import Source

# Imported when data are loaded, see images.py.
if TYPE_CHECKING:
    from torch import Tensor

UNKNOWN, END = "<unk>", "<eos>"
MINIMUM_VOCABULARY = 10


@dataclass(frozen=True, eq=False)
class TextData:
    """Three streams of word numbers, int64 [number of tokens], sentence after sentence.

    Args:
        train, validation, test: the texts; ``<eos>`` stands at the end of each line.
        words: the word of each number, by falling frequency in `train`, then alphabetically; with ``<unk>`` and
            ``<eos>`` among them.
        source: which data these are.
    """

    train: Tensor
    validation: Tensor
    test: Tensor
    words: tuple[str, ...]
    source: Source


def load_ptb(vocabulary: int = 10_000, folder: Path | None = None) -> TextData:
    """Penn Treebank from a pack, else from the official server, else a synthetic stand-in, with a `StandInWarning`.

    Args:
        vocabulary: number of words; the rarest ones beyond it become ``<unk>``. It is made from the training text
            alone: the validation and the test text say nothing about it. With fewer words the text is easier to
            predict, so perplexities of two vocabularies cannot be compared.
        folder: of the data; ``EFFDL_DATA`` or the cache folder of the user if not given.

    Raises:
        DataError: if `vocabulary` is below 10 or above the number of words that there are, a file is damaged, the
            folder cannot be written, the disk is full, or the official server sent wrong bytes. The stand-in has 2,000
            words and gives no more, with the warning.
    """
    _check_vocabulary(vocabulary, None)
    folder, reason = obtain(registry.PTB, folder, official.fetch_ptb)
    if reason is not None:
        return _stand_in(vocabulary, reason)
    texts = read_texts(folder)
    paths = tuple(folder / name for name in registry.PTB.pack_files)
    origin = manifest.origin_of(folder, registry.PTB.pack_files[0])
    return _encode(texts, vocabulary, lambda detail: Source(registry.PTB.name, origin, detail, files=paths))


def read_texts(folder: Path) -> list[str]:
    """The training, validation and test text of a pack, checked.

    A text has no structure by which one could see that its end is missing, so its sha256 is compared: with the manifest
    of the pack if that lists the file (an instructor may hand out another text), else with the official one.

    Raises:
        DataError: if a file is not the one that it should be, or is not UTF-8 text.
    """
    entries, texts = manifest.read(folder), []
    for name, remote in zip(registry.PTB.pack_files, registry.PTB.remote, strict=True):
        path, remedy = folder / name, "copy the pack again, or replace it with `effdl data fetch --force`"
        expected, found = entries.get(name, {}).get("sha256", remote.sha256), sha256_of(path)
        if found != expected:
            whose = "its manifest says" if name in entries else "the official file has"
            raise DataError(f"{path} has sha256 {found[:16]}..., {whose} {expected[:16]}...; {remedy}")
        try:
            texts.append(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError as error:
            raise DataError(f"{path} is not UTF-8 text ({error}); {remedy}") from error
        if not texts[-1].strip():
            raise DataError(f"{path} is empty; {remedy}")
    return texts


def _check_vocabulary(vocabulary: int, available: int | None) -> None:
    if vocabulary < MINIMUM_VOCABULARY:
        raise DataError(f"vocabulary is {vocabulary}; it must be at least {MINIMUM_VOCABULARY}")
    if available is not None and vocabulary > available:
        raise DataError(f"vocabulary is {vocabulary:,}, the training text has {available:,} words; choose at most that")


def _tokens(text: str) -> list[str]:
    if not text.endswith("\n"):
        text += "\n"
    return text.replace("\n", f" {END} ").split()


def _ranked(counts: Counter[str]) -> list[str]:
    return sorted(counts, key=lambda word: (-counts[word], word))


def keep_words(tokens: list[str], vocabulary: int) -> tuple[str, ...]:
    """The words of a vocabulary, by falling frequency once all others have become ``<unk>``.

    Raises:
        DataError: if `vocabulary` is larger than the number of different words, ``<unk>`` and ``<eos>`` included.
    """
    counts = Counter(tokens)
    counts.update({UNKNOWN: 0, END: 0})  # there even if the text has none, as another text may need them
    _check_vocabulary(vocabulary, len(counts))
    others = [word for word in _ranked(counts) if word not in (UNKNOWN, END)]
    kept = {word: counts[word] for word in others[: vocabulary - 2]}
    kept[END] = counts[END]
    kept[UNKNOWN] = len(tokens) - sum(kept.values())
    return tuple(_ranked(Counter(kept)))


def _encode(texts: list[str], vocabulary: int, source_of) -> TextData:
    import torch

    streams = [_tokens(text) for text in texts]
    words = keep_words(streams[0], vocabulary)
    number = {word: index for index, word in enumerate(words)}
    unknown = number[UNKNOWN]
    train, validation, test = (torch.tensor([number.get(word, unknown) for word in stream]) for stream in streams)
    return TextData(train, validation, test, words, source_of(f"{len(train):,} training tokens, {vocabulary:,} words"))


def _stand_in(vocabulary: int, reason: str) -> TextData:
    limits = ""
    if vocabulary > standin_text.VOCABULARY:
        limits = f"It has {standin_text.VOCABULARY:,} words, not the {vocabulary:,} that were asked for."
        vocabulary = standin_text.VOCABULARY
    warn_stand_in(registry.PTB, reason, limits)
    return _encode(
        standin_text.generate(),
        vocabulary,
        lambda detail: Source(registry.PTB.name, "stand-in", f"{detail}; {reason}", recipe=standin_text.RECIPE),
    )
