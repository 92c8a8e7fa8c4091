"""Text becomes streams of word numbers; the vocabulary comes from the training text alone."""

import os
from collections import Counter
from hashlib import sha256
from pathlib import Path

import local_server
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from effdl_lite import data
from effdl_lite.data import manifest, registry
from effdl_lite.data.errors import DataError
from effdl_lite.data.text import END, UNKNOWN, keep_words

REAL = Path(os.environ.get("EFFDL_DATA") or "/nowhere")
needs_ptb = pytest.mark.needs("Penn Treebank")
needs_cifar = pytest.mark.needs("CIFAR-10")


def text_pack(folder, **texts):
    """A pack of a text that is not PTB, which its manifest says."""
    for part, text in (local_server.TINY_PTB | texts).items():
        path = folder / "ptb" / f"ptb.{part}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
    manifest.add(folder, registry.PTB, registry.PTB.pack_files, "pack")


def test_a_line_break_becomes_eos_and_a_word_that_training_lacks_becomes_unk(tmp_path):
    text_pack(tmp_path)
    text = data.load_ptb(vocabulary=11, folder=tmp_path)
    assert [text.words[index] for index in text.test] == ["the", UNKNOWN, "sat", END]
    assert [text.words[index] for index in text.validation] == ["the", "cat", "sat", END]
    assert len(text.train) == 6 + 6 + 5 + 3
    assert text.train.dtype == torch.int64


def test_words_are_ranked_by_falling_frequency_then_alphabet(tmp_path):
    text_pack(tmp_path)
    text = data.load_ptb(vocabulary=11, folder=tmp_path)
    assert text.words == ("the", END, "a", "cat", "dog", "on", UNKNOWN, "log", "mat", "sat", "saw")


def test_a_last_line_without_a_line_break_ends_all_the_same(tmp_path):
    text_pack(tmp_path, valid=b" the cat")
    text = data.load_ptb(vocabulary=11, folder=tmp_path)
    assert [text.words[index] for index in text.validation] == ["the", "cat", END]


LETTERS = [*"abcdefghijkl"]
# Each letter at least once, so that there is always something to choose from.
tokens = st.lists(st.sampled_from([*LETTERS, UNKNOWN, END]), max_size=60).map(lambda drawn: drawn + LETTERS)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(tokens, st.data())
def test_a_vocabulary_has_the_asked_size_and_its_order_is_that_of_the_encoded_text(tokens, draw):
    size = draw.draw(st.integers(10, len(LETTERS) + 2))
    words = keep_words(tokens, size)
    assert len(words) == len(set(words)) == size
    assert {UNKNOWN, END} <= set(words)
    encoded = Counter(token if token in words else UNKNOWN for token in tokens)
    counts = [encoded[word] for word in words]
    assert counts == sorted(counts, reverse=True)
    left_out = set(tokens) - set(words)
    rarest_kept = min((tokens.count(word) for word in words if word not in (UNKNOWN, END)), default=0)
    assert all(tokens.count(word) <= rarest_kept for word in left_out)


@pytest.mark.parametrize("vocabulary", [9, 0, -1])
def test_a_vocabulary_that_is_too_small_is_refused(tmp_path, vocabulary):
    with pytest.raises(DataError, match=rf"vocabulary is {vocabulary}; it must be at least 10"):
        data.load_ptb(vocabulary=vocabulary, folder=tmp_path)


def test_a_vocabulary_larger_than_the_text_is_refused(tmp_path):
    text_pack(tmp_path)
    with pytest.raises(DataError, match="vocabulary is 12, the training text has 11 words"):
        data.load_ptb(vocabulary=12, folder=tmp_path)


def test_a_text_that_was_cut_short_is_refused(tmp_path):
    text_pack(tmp_path)
    path = tmp_path / "ptb" / "ptb.train.txt"
    content = path.read_bytes()
    # The same size, so that only the sha256 can tell.
    path.write_bytes(content[:-8] + b" " * 8)
    with pytest.raises(DataError, match=r"has sha256 .*, its manifest says .*copy the pack again"):
        data.load_ptb(vocabulary=11, folder=tmp_path)


def test_without_a_manifest_a_text_must_be_the_official_one(tmp_path):
    text_pack(tmp_path)
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(DataError, match="the official file has fcea919f"):
        data.load_ptb(vocabulary=11, folder=tmp_path)


@pytest.mark.parametrize(("content", "message"), [(b"", "is empty"), (b"\n\n", "is empty"), (b"\xff\xfe", "not UTF-8")])
def test_a_file_without_text_is_refused(tmp_path, content, message):
    text_pack(tmp_path, valid=content)
    with pytest.raises(DataError, match=message):
        data.load_ptb(vocabulary=11, folder=tmp_path)


def test_the_sha256_of_three_files_is_that_of_the_list_of_their_sums(tmp_path):
    text_pack(tmp_path)
    lines = "".join(f"{sha256(text).hexdigest()}  ptb.{part}.txt\n" for part, text in local_server.TINY_PTB.items())
    source = data.load_ptb(vocabulary=11, folder=tmp_path).source
    assert source.sha256 == sha256(lines.encode()).hexdigest()
    assert str(source) == "Penn Treebank (pack, 20 training tokens, 11 words)"


@needs_ptb
def test_penn_treebank_has_the_known_counts():
    text = data.load_ptb(folder=REAL)
    assert [len(part) for part in (text.train, text.validation, text.test)] == [929_589, 73_760, 82_430]
    assert len(text.words) == 10_000
    assert text.words[:3] == ("the", UNKNOWN, END)
    counts = torch.bincount(text.train, minlength=10_000)
    assert (counts[:-1] >= counts[1:]).all()
    assert counts[text.words.index(END)] == 42_068
    assert text.source.is_real


@needs_ptb
def test_penn_treebank_with_fewer_words_has_as_many_tokens():
    text = data.load_ptb(vocabulary=2_000, folder=REAL)
    assert len(text.train) == 929_589
    assert len(text.words) == int(text.train.max()) + 1 == 2_000
    assert text.words[0] == UNKNOWN


@needs_ptb
def test_with_fewer_words_the_same_text_is_easier_so_perplexities_cannot_be_compared():
    found = {}
    for vocabulary in (10_000, 2_000):
        train = data.load_ptb(vocabulary=vocabulary, folder=REAL).train
        shares = torch.bincount(train, minlength=vocabulary) / len(train)
        found[vocabulary] = (-shares.log()[train].mean()).exp().item()  # of the best guess that knows frequencies only
    assert 600 < found[10_000] < 800
    assert 150 < found[2_000] < 350


@needs_cifar
def test_the_cifar_pack_has_about_as_many_images_of_each_class():
    images = data.load_cifar10(folder=REAL)
    for labels in (images.train_labels, images.validation_labels, images.test_labels):
        share = torch.bincount(labels, minlength=10) / len(labels)
        assert share.min() > 0.08
        assert share.max() < 0.12
    assert len(images.validation_labels) == 2_000
    assert len(images.test_labels) == 10_000
    assert images.source.is_real


@needs_cifar
@needs_ptb
def test_the_pack_of_this_machine_is_whole():
    assert [finding.status for finding in data.verify(REAL)] == ["ok"] * 4
