"""A YAML file that a person writes: every fault is named with its line, and nothing is taken for what it may mean."""

import math
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import yaml
from yaml import MappingNode, Node, ScalarNode, SequenceNode

from grading import LabError


class YamlFile:
    """Reads values out of a file and remembers what is wrong with them; `finish` raises LabError with all of it.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path):
        self.path = path
        self.faults: list[tuple[int, str]] = []
        try:
            self.root = yaml.compose(path.read_text("utf-8"), Loader=yaml.SafeLoader)
        except OSError as error:
            raise LabError(f"{path} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise LabError(f"{path} is no text in UTF-8") from error
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            place = f", line {mark.line + 1}" if mark else ""
            raise LabError(f"{path}{place}: no YAML: {getattr(error, 'problem', None) or error}") from error

    def finish(self) -> None:
        if self.faults:
            said = [f"line {line}: {says}" for line, says in sorted(self.faults)]
            raise LabError("\n".join([f"{self.path} has faults, and nothing is changed:", *said]))

    def fault(self, node: Node | None, says: str) -> None:
        self.faults.append((node.start_mark.line + 1 if node else 1, says))

    def mapping(
        self, node: Node | None, what: str, known: tuple[str, ...] = (), needed: tuple[str, ...] = ()
    ) -> dict[str, Node]:
        """The values of a mapping, by their keys as they are written.

        Args:
            node: that should be one.
            what: it is, in words.
            known: the only keys that it may have; any without it.
            needed: those that must be there.
        """
        if not isinstance(node, MappingNode):
            self.fault(node, f"{what} must be lines of the form `key: value`")
            return {}
        values: dict[str, Node] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                self.fault(key, f"a key of {what} must be one word")
            elif known and key.value not in known:
                self.fault(key, f"{key.value!r} is not known in {what}; there are {', '.join(known)}")
            elif key.value in values:
                self.fault(key, f"{key.value!r} is there twice in {what}")
            else:
                values[key.value] = value
        for name in needed:
            if name not in values:
                self.fault(node, f"{what} has no {name!r}")
        return values

    def sequence(self, node: Node | None, what: str) -> Iterator[Node]:
        """The items of a list."""
        if not isinstance(node, SequenceNode):
            self.fault(node, f"{what} must be a list, each item of which begins with `- `")
            return
        yield from node.value

    def text(self, node: Node, what: str) -> str:
        if isinstance(node, ScalarNode) and node.value.strip():
            return node.value.strip()
        self.fault(node, f"{what} must be a text")
        return ""

    def number(self, node: Node, what: str, most: float = math.inf) -> float:
        """A number from 0 to `most`."""
        try:
            value = float(node.value) if isinstance(node, ScalarNode) else math.nan
        except ValueError:
            value = math.nan
        if not 0 <= value <= most or math.isinf(value):
            limit = "" if math.isinf(most) else f" and not above {most:g}"
            self.fault(node, f"{what} must be a number that is not below 0{limit}")
            return 0.0
        return value

    def time(self, node: Node, what: str) -> datetime | None:
        """A time, such as 2026-10-30 23:59; with an offset only where one is written."""
        try:
            if isinstance(node, ScalarNode) and ":" in node.value:
                return datetime.fromisoformat(node.value)
        except ValueError:
            pass
        self.fault(node, f"{what} must be a time such as 2026-10-30 23:59")
        return None
