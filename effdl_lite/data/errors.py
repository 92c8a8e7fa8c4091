"""What can go wrong with data: each error is one line that names the value, the limit and the remedy."""


class DataError(ValueError):
    """The data in the folder, or the folder itself, cannot be used."""


class DownloadError(DataError):
    """The official files could not be reached; the loaders then make a stand-in, and say why."""


class ChecksumError(DataError):
    """The official server sent other bytes than those the course was written with. Never replaced by a stand-in."""


class StandInWarning(UserWarning):
    """The loader made synthetic data because the real data could not be had."""
