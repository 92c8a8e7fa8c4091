"""A pack, else the official files, else a stand-in; never a stand-in for something that is broken; never silently."""

import io
import tarfile
import warnings

import local_server
import numpy as np
import pytest
import torch
from local_server import TWICE, LocalServer

from effdl_lite import data
from effdl_lite.data import download, official, pack, registry
from effdl_lite.data.errors import ChecksumError, DataError, StandInWarning
from effdl_lite.data.registry import DataSet


@pytest.fixture
def server(monkeypatch):
    monkeypatch.delenv("EFFDL_OFFLINE")
    monkeypatch.setattr(download, "PATIENCE", TWICE)
    running = LocalServer()
    yield running
    running.close()


@pytest.fixture(scope="session")
def batches():
    return local_server.tiny_cifar()


def serve_cifar(server, monkeypatch, batches, answer=None):
    remote = server.remote("/cifar.tar.gz", local_server.archive(batches), answer)
    dataset = DataSet("CIFAR-10", ("cifar10.npz",), (remote,), "a licence", "a citation")
    monkeypatch.setattr(registry, "CIFAR10", dataset)


def small_pack(path, train=2_010, **changes):
    """A pack of black images, small because it is compressed; `changes` replace arrays, None leaves one out."""
    arrays = {
        "train_images": np.zeros((train, 32, 32, 3), np.uint8),
        "train_labels": np.arange(train, dtype=np.uint8) % 10,
        "test_images": np.zeros((30, 32, 32, 3), np.uint8),
        "test_labels": np.arange(30, dtype=np.uint8) % 10,
    } | changes
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **{name: array for name, array in arrays.items() if array is not None})


def test_the_data_folder_is_what_effdl_data_says_else_the_cache_of_the_user(monkeypatch, tmp_path):
    monkeypatch.setenv("EFFDL_DATA", str(tmp_path))
    assert data.data_folder() == tmp_path
    monkeypatch.setenv("EFFDL_DATA", "~")
    assert data.data_folder().is_absolute()
    monkeypatch.setenv("EFFDL_DATA", "")
    assert data.data_folder().name in ("effdl", "Cache")


def test_the_official_archive_becomes_a_pack_once(server, tmp_path, monkeypatch, batches):
    serve_cifar(server, monkeypatch, batches)
    first, second = data.load_cifar10(folder=tmp_path), data.load_cifar10(folder=tmp_path)
    assert server.asked["/cifar.tar.gz"] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cifar10.npz", "manifest.json"], "no archive is kept"
    assert first.source == second.source
    assert str(first.source) == "CIFAR-10 (official, 10 training images)"
    assert first.source.is_real
    assert [finding.status for finding in data.verify(tmp_path)] == ["ok"] + ["missing"] * 3


def test_the_pixels_of_the_official_archive_arrive_in_their_places(server, tmp_path, monkeypatch, batches):
    serve_cifar(server, monkeypatch, batches)
    images = data.load_cifar10(folder=tmp_path)
    record = batches["cifar-10-batches-bin/data_batch_1.bin"][:3073]
    assert images.train_labels[0] == record[0]
    # Red comes first, a row of 32 after another.
    for channel, row, column in [(0, 0, 0), (0, 0, 31), (0, 31, 0), (1, 5, 7), (2, 31, 31)]:
        assert images.train_images[0, channel, row, column] == record[1 + 1024 * channel + 32 * row + column]
    last = batches["cifar-10-batches-bin/data_batch_5.bin"][-3073:]
    assert images.validation_labels[-1] == last[0]
    assert images.validation_images[-1].flatten().tolist() == list(last[1:])
    assert images.test_images.shape == (20, 3, 32, 32)


def test_an_archive_without_a_batch_is_refused(tmp_path, batches):
    less = {name: content for name, content in batches.items() if "batch_3" not in name}
    (tmp_path / "archive").write_bytes(local_server.archive(less))
    with pytest.raises(DataError, match=r"has no data_batch_3\.bin"):
        official.convert_cifar10(tmp_path / "archive")


def test_an_archive_with_half_a_record_is_refused(tmp_path, batches):
    name = "cifar-10-batches-bin/test_batch.bin"
    (tmp_path / "archive").write_bytes(local_server.archive(batches | {name: batches[name][:-5]}))
    with pytest.raises(DataError, match="not a multiple of 3,073"):
        official.convert_cifar10(tmp_path / "archive")


def test_a_link_in_an_archive_is_not_followed(tmp_path, batches):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        link = tarfile.TarInfo("cifar-10-batches-bin/data_batch_1.bin")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(link)
    (tmp_path / "archive").write_bytes(buffer.getvalue())
    with pytest.raises(DataError, match=r"has no data_batch_1\.bin"):
        official.convert_cifar10(tmp_path / "archive")


def test_offline_means_that_no_server_is_asked(server, tmp_path, monkeypatch, batches):
    serve_cifar(server, monkeypatch, batches)
    monkeypatch.setenv("EFFDL_OFFLINE", "1")
    with pytest.warns(StandInWarning, match="EFFDL_OFFLINE is set"):
        images = data.load_cifar10(folder=tmp_path)
    assert server.asked.total() == 0
    assert str(images.source) == "synthetic stand-in for CIFAR-10"
    assert not images.source.is_real
    assert list(tmp_path.iterdir()) == [], "a stand-in is never stored as if it were data"


def test_a_server_that_answers_404_gives_a_stand_in_with_the_reason(server, tmp_path, monkeypatch, batches):
    serve_cifar(server, monkeypatch, batches, local_server.status(404))
    with pytest.warns(StandInWarning, match=r"answered 404.*effdl data fetch.*EFFDL_DATA"):
        images = data.load_cifar10(folder=tmp_path)
    assert not images.source.is_real
    assert "404" in images.source.detail
    assert list(tmp_path.iterdir()) == []


def test_an_unreachable_network_gives_a_stand_in_and_is_asked_once_a_process(tmp_path, monkeypatch, server):
    asked = []

    def unreachable(remote, *args, **kwargs):
        asked.append(remote.url)
        raise data.DownloadError(f"{remote.url} could not be downloaded: the server cannot be reached")

    monkeypatch.setattr(official, "download", unreachable)
    with pytest.warns(StandInWarning, match="cannot be reached"):
        data.load_ptb(folder=tmp_path)
    data.load_ptb(folder=tmp_path)
    assert len(asked) == 1


def test_wrong_bytes_from_the_server_are_never_replaced_by_a_stand_in(server, tmp_path, monkeypatch, batches):
    serve_cifar(server, monkeypatch, batches, local_server.whole(b"<html>Please log in</html>"))
    with pytest.raises(ChecksumError, match="login page"):
        data.load_cifar10(folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_warning_comes_once_a_process(tmp_path):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        data.load_ptb(folder=tmp_path)
        data.load_ptb(folder=tmp_path)
    assert [warning.category for warning in caught] == [StandInWarning]
    assert caught[0].filename == __file__, "it points at the line that called the loader"
    assert "2,000 words, not the 10,000" in str(caught[0].message)


def test_a_pack_comes_before_the_official_server(server, tmp_path, monkeypatch, batches):
    serve_cifar(server, monkeypatch, batches)
    small_pack(tmp_path / "cifar10.npz")
    assert str(data.load_cifar10(folder=tmp_path).source) == "CIFAR-10 (pack, 10 training images)"
    assert server.asked.total() == 0


FAULTS = {
    "missing array": ({"test_labels": None}, "has no array 'test_labels'"),
    "wrong type of images": ({"test_images": np.zeros((30, 32, 32, 3), np.float32)}, "type float32; it must be uint8"),
    "wrong type of labels": ({"test_labels": np.zeros(30)}, "type float64; it must be an integer"),
    "python objects": ({"train_labels": np.array([{}] * 2_010, dtype=object)}, "type object"),
    "wrong shape": ({"test_images": np.zeros((30, 3, 32, 32), np.uint8)}, r"\[30, 3, 32, 32\]; it must be \[N, 32, 32"),
    "no dimension": ({"test_labels": np.uint8(3)}, r"shape \[\]; it must be \[N\]"),
    "label 10": ({"test_labels": np.full(30, 10, np.uint8)}, r"run from 10 to 10; they must lie in 0\.\.9"),
    "label -1": ({"test_labels": np.full(30, -1)}, "run from -1 to -1"),
    "unequal counts": ({"test_labels": np.zeros(29, np.uint8)}, "30 test images and 29 test labels"),
    "no test images": (
        {"test_images": np.zeros((0, 32, 32, 3), np.uint8), "test_labels": np.zeros(0, np.uint8)},
        r"0 test images; a pack has 1\.\.10,000",
    ),
    "validation images only": ({"train": 2_000}, r"2,000 train images; a pack has 2,001\.\.50,000"),
    "a bomb": ({"train": 50_001}, r"50,001 train images; a pack has 2,001\.\.50,000"),
}


@pytest.mark.parametrize(("changes", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_a_broken_pack_is_told_in_one_line_and_not_replaced(server, tmp_path, monkeypatch, batches, changes, message):
    serve_cifar(server, monkeypatch, batches)
    small_pack(tmp_path / "cifar10.npz", **changes)
    with pytest.raises(DataError, match=message) as caught:
        data.load_cifar10(folder=tmp_path)
    assert "\n" not in str(caught.value)
    assert "copy the pack again" in str(caught.value)
    assert server.asked.total() == 0


def test_a_file_that_is_no_pack_at_all_is_refused(tmp_path):
    (tmp_path / "cifar10.npz").write_bytes(b"not a pack")
    with pytest.raises(DataError, match="cannot be read, it is damaged"):
        data.load_cifar10(folder=tmp_path)


def test_a_size_that_differs_from_the_manifest_is_refused_before_anything_is_read(tmp_path):
    small_pack(tmp_path / "cifar10.npz")
    (tmp_path / "manifest.json").write_text('{"files": {"cifar10.npz": {"bytes": 7, "sha256": "%s"}}}' % ("0" * 64))
    with pytest.raises(DataError, match="its manifest says 7"):
        data.load_cifar10(folder=tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"files": 3}',
        '{"files": {"a": {}}}',
        '{"files": {"../a": {"bytes": 1, "sha256": "%s"}}}' % ("0" * 64),
    ],
)
def test_a_damaged_manifest_is_told(tmp_path, text):
    small_pack(tmp_path / "cifar10.npz")
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(DataError, match="is not the manifest of a pack"):
        data.load_cifar10(folder=tmp_path)


def test_a_part_of_the_texts_is_told_and_not_replaced(tmp_path):
    (tmp_path / "ptb").mkdir()
    (tmp_path / "ptb" / "ptb.train.txt").write_text("a b c")
    with pytest.raises(
        DataError, match=r"only a part of Penn Treebank: ptb/ptb\.valid\.txt, ptb/ptb\.test\.txt is missing"
    ):
        data.load_ptb(folder=tmp_path)


def test_a_data_folder_that_is_a_file_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="is a file; set EFFDL_DATA to a folder"):
        data.load_cifar10(folder=tmp_path / "file")


def test_a_folder_that_cannot_be_written_is_told_by_the_loader(server, tmp_path, monkeypatch, batches):
    serve_cifar(server, monkeypatch, batches)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot write in the folder"):
        data.load_cifar10(folder=tmp_path / "file" / "below")


def test_the_last_2000_images_are_for_validation_whatever_is_taken_for_training(tmp_path):
    labels = np.arange(2_010, dtype=np.int16) % 7
    small_pack(tmp_path / "cifar10.npz", train_labels=labels)
    whole, few = data.load_cifar10(folder=tmp_path), data.load_cifar10(train_images=4, folder=tmp_path)
    assert whole.train_labels.tolist() == labels[:10].tolist()
    assert few.train_labels.tolist() == labels[:4].tolist()
    assert few.validation_labels.tolist() == whole.validation_labels.tolist() == labels[10:].tolist()
    assert str(few.source) == "CIFAR-10 (pack, 4 of 10 training images)"


@pytest.mark.parametrize("count", [0, -1, 11])
def test_a_number_of_images_that_is_not_there_is_refused(tmp_path, count):
    small_pack(tmp_path / "cifar10.npz")
    with pytest.raises(DataError, match=rf"train_images is {count}, the training part has 10; choose 1\.\.10"):
        data.load_cifar10(train_images=count, folder=tmp_path)


def test_images_are_bytes_in_channels_last_memory_and_labels_int64(tmp_path):
    small_pack(tmp_path / "cifar10.npz")
    images = data.load_cifar10(folder=tmp_path)
    for part in (images.train_images, images.validation_images, images.test_images):
        assert part.dtype == torch.uint8
        assert part.shape[1:] == (3, 32, 32)
        assert part.is_contiguous(memory_format=torch.channels_last)
    for part in (images.train_labels, images.validation_labels, images.test_labels):
        assert part.dtype == torch.int64


def test_the_sha256_of_a_source_follows_the_file(tmp_path):
    small_pack(tmp_path / "cifar10.npz")
    first = data.load_cifar10(folder=tmp_path).source
    before = first.sha256
    assert before == first.sha256
    small_pack(tmp_path / "cifar10.npz", train=2_011)
    assert data.load_cifar10(folder=tmp_path).source.sha256 != before


def test_a_pack_of_ones_own_is_a_reproducible_draw(tmp_path):
    labels = np.arange(2_600) % 10
    images = np.zeros((2_600, 32, 32, 3), np.uint8)
    images[:, 0, 0, 0] = labels  # so that one sees whether an image still has its label
    small_pack(tmp_path / "whole" / "cifar10.npz", train_images=images, train_labels=labels)
    for name, seed in (("one", 0), ("two", 0), ("three", 1)):
        data.make_pack(2_500, seed, tmp_path / name, folder=tmp_path / "whole")
    one, two, three = (pack.read_arrays(tmp_path / name / "cifar10.npz") for name in ("one", "two", "three"))
    assert len(one["train_images"]) == 2_500
    assert (one["train_images"][:, 0, 0, 0] == one["train_labels"]).all()
    assert (one["train_labels"] == two["train_labels"]).all()
    assert (one["train_labels"] != three["train_labels"]).any()
    assert data.verify(tmp_path / "one")[0].status == "ok"
    assert data.load_cifar10(folder=tmp_path / "one").source.origin == "pack"


def test_a_pack_is_not_mixed_with_what_a_folder_holds(tmp_path):
    small_pack(tmp_path / "whole" / "cifar10.npz")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.txt").write_text("mine")
    for destination in (tmp_path / "taken", tmp_path / "whole", tmp_path / "whole" / "cifar10.npz"):
        with pytest.raises(DataError, match="exists already"):
            data.make_pack(2_005, 0, destination, folder=tmp_path / "whole")
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["thesis.txt"]


def test_a_pack_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    small_pack(tmp_path / "whole" / "cifar10.npz")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pack, "write_arrays", full)
    with pytest.raises(DataError, match=r"cannot write .*out \(No space left on device\); choose another destination"):
        data.make_pack(2_005, 0, tmp_path / "out", folder=tmp_path / "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]


def test_a_damaged_text_is_not_packed_as_a_whole_one(tmp_path):
    small_pack(tmp_path / "whole" / "cifar10.npz")
    (tmp_path / "whole" / "ptb").mkdir()
    for name in ("train", "valid", "test"):
        (tmp_path / "whole" / "ptb" / f"ptb.{name}.txt").write_text("no such text\n")
    with pytest.raises(DataError, match="has sha256"):
        data.make_pack(2_005, 0, tmp_path / "out", folder=tmp_path / "whole")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_may_not_be_read_is_told_in_one_line(tmp_path, monkeypatch):
    def refused(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.is_file", refused)  # root may read everything, so the system's no is played
    with pytest.raises(
        DataError, match=r"may not be read \(Permission denied\); change its permissions, or set EFFDL_DATA"
    ):
        data.load_cifar10(folder=tmp_path)


def test_no_pack_is_made_of_a_stand_in(tmp_path):
    with pytest.raises(DataError, match="holds no CIFAR-10"):
        data.make_pack(3_000, 0, tmp_path / "out", folder=tmp_path)


def test_verify_names_each_fault(tmp_path):
    small_pack(tmp_path / "cifar10.npz", test_labels=None)
    (tmp_path / "ptb").mkdir()
    (tmp_path / "ptb" / "ptb.train.txt").write_text("a b c")
    found = {finding.file: finding.status for finding in data.verify(tmp_path)}
    assert found == {
        "cifar10.npz": "wrong array",
        "ptb/ptb.train.txt": "wrong sha256",
        "ptb/ptb.valid.txt": "missing",
        "ptb/ptb.test.txt": "missing",
    }
