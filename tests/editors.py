"""What editors do to a notebook when they save it: to its format, its metadata and the form of its text."""

import copy
import json
import random
from collections.abc import Callable


def jupyter(notebook: dict, number: int) -> None:
    """JupyterLab after a run: counts, outputs, times, and trust."""
    notebook["metadata"]["toc-autonumbering"] = False
    for place, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code":
            cell["execution_count"] = place + 1
            cell["outputs"] = [{"output_type": "stream", "name": "stderr", "text": [f"a warning {number}\n"]}]
            cell["metadata"] |= {"trusted": True, "execution": {"iopub.execute_input": "2026-11-23T10:00:00.000000Z"}}


def classic_of_4_2(notebook: dict, number: int) -> None:
    """An older Jupyter: format 4.2 knows no ids of cells."""
    _without_ids(notebook, 2)
    for cell in notebook["cells"]:
        cell["metadata"]["collapsed"] = True


def of_4_4(notebook: dict, number: int) -> None:
    """What nbformat 4.4 keeps, in one text for each cell."""
    _without_ids(notebook, 4)
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])


def colab(notebook: dict, number: int) -> None:
    """Google Colab: its own names in the metadata instead of the format's ids, which is 4.0 there."""
    _without_ids(notebook, 0)
    chance = random.Random(number)
    notebook["metadata"] |= {"colab": {"provenance": [], "toc_visible": True}, "accelerator": "GPU"}
    for cell in notebook["cells"]:
        cell["metadata"] |= {"id": f"{chance.getrandbits(64):x}", "colab": {"base_uri": "https://localhost:8080/"}}
        cell["metadata"] |= {"outputId": f"{chance.getrandbits(64):x}"} if cell["cell_type"] == "code" else {}


def colab_without_names(notebook: dict, number: int) -> None:
    """The same where the metadata of others are lost on the way."""
    colab(notebook, number)
    for cell in notebook["cells"]:
        cell["metadata"].pop("nbgrader", None)


def vs_code(notebook: dict, number: int) -> None:
    """Visual Studio Code: another kernel's name, a language for each cell, new ids where it likes."""
    chance = random.Random(number)
    notebook["metadata"]["kernelspec"] = {"display_name": ".venv", "language": "python", "name": "python3"}
    notebook["nbformat_minor"] = 5
    for cell in notebook["cells"]:
        cell["id"] = f"{chance.getrandbits(32):08x}"
        cell["metadata"]["vscode"] = {"languageId": "python" if cell["cell_type"] == "code" else "markdown"}


def windows(notebook: dict, number: int) -> None:
    """Line ends of Windows, everywhere."""
    for cell in notebook["cells"]:
        cell["source"] = [line.rstrip("\n") + "\r\n" for line in "".join(cell["source"]).splitlines()]


EDITORS: dict[str, Callable[[dict, int], None]] = {
    editor.__name__: editor
    for editor in (jupyter, classic_of_4_2, of_4_4, colab, colab_without_names, vs_code, windows)
}
ENCODINGS = {"windows": "utf-8-sig"}  # of what an editor writes; utf-8 without an entry


def saved(notebook: dict, editor: str, number: int = 0) -> bytes:
    """A notebook's file after this editor; the number makes its random names different from others."""
    changed = copy.deepcopy(notebook)
    EDITORS[editor](changed, number)
    return json.dumps(changed, indent=1, ensure_ascii=False).encode(ENCODINGS.get(editor, "utf-8"))


def _without_ids(notebook: dict, minor: int) -> None:
    notebook["nbformat_minor"] = minor
    for cell in notebook["cells"]:
        cell.pop("id", None)
