"""A command as an ordinary user's: what root starts with it has another user id and no right beyond that user's.

Where Python or this project lies in root's own home, an ordinary user could not reach it; in a mount namespace of the
command's own, the folders that are closed hold nothing but the way to what the command needs.
"""

import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from grading import ROOT

USER = 4242  # nobody's
for_root = pytest.mark.skipif(getattr(os, "geteuid", int)() != 0, reason="we are an ordinary user already")
BEGIN = "set -e; umask 022; user=$1; shift; mount -t tmpfs -o mode=755 tmpfs /mnt"
END = 'exec setpriv --reuid "$user" --regid "$user" --clear-groups --inh-caps=-all --bounding-set=-all -- "$@"'


def ordinary_user(*readable: Path) -> list[str]:
    """What stands before a command that an ordinary user is to run; the user can read these folders, too."""
    trees = _outermost(Path(path).resolve() for path in (sys.prefix, sys.base_prefix, ROOT, *readable))
    closed = _outermost(folder for tree in trees for folder in tree.parents if not folder.stat().st_mode & stat.S_IXOTH)
    kept = [f"mkdir /mnt/{number} && mount --bind '{tree}' /mnt/{number}" for number, tree in enumerate(trees)]
    hidden = [f"mount -t tmpfs -o mode=755 tmpfs '{folder}'" for folder in closed]
    back = [
        f"mkdir -p '{tree}' && mount --bind /mnt/{number} '{tree}'"
        for number, tree in enumerate(trees)
        if any(tree.is_relative_to(folder) for folder in closed)
    ]
    script = "; ".join([BEGIN, *kept, *hidden, *back, END])
    return ["unshare", "--mount", "sh", "-c", script, "sh", str(USER)]


def _outermost(folders: Iterable[Path]) -> list[Path]:
    """Those that lie in no other."""
    found = set(folders)
    return sorted(folder for folder in found if not found & set(folder.parents))
