"""Rows of a benchmark as aligned text."""

from collections.abc import Sequence

RATIO_KEYS = ("milliseconds", "over_milliseconds", "speedup", "quartiles", "mac_ratio", "goal", "note")
RATIO_HEADER = ["ms", "speed-up", "quartiles", "MAC ratio", "of it", "goal"]


def heading(results: dict) -> str:
    """What made the results."""
    made = results["made_with"]
    peers = "".join(f"{peer} {version or 'not installed'}, " for peer, version in results["peer"].items())
    quick = "; QUICK: these times mean nothing" if results["quick"] else ""
    return (
        f"{made['cpu']}, {made['threads']} thread, torch {made['torch']}, {peers}"
        f"commit {made['commit']}, {results['rounds']} rounds, memory {results['memory']} between calls{quick}"
    )


def ratio_table(title: str, rows: list[dict]) -> list[str]:
    """Lines of a table of `ratio_row`s, whose facts become columns; a row that was not measured says why."""
    cells = []
    for row in rows:
        facts = {key: row[key] for key in row if key not in RATIO_KEYS}
        if "note" in row:
            numbers = [row["note"], *[""] * (len(RATIO_HEADER) - 1)]
        else:
            low, high = row["quartiles"]
            numbers = [
                f"{row['milliseconds']:.2f}",
                f"{row['speedup']:.2f}",
                f"{low:.2f}..{high:.2f}",
                f"{row['mac_ratio']:.2f}",
                f"{100 * row['speedup'] / row['mac_ratio']:.0f} %",
                "" if row["goal"] is None else f"≥ {row['goal']:.2f} {verdict(row['speedup'] >= row['goal'])}",
            ]
        cells.append([*("" if fact is None else str(fact) for fact in facts.values()), *numbers])
    return ["", title, *aligned([*(key.replace("_", " ") for key in facts), *RATIO_HEADER], cells)]


def penalty_table(title: str, rows: list[dict]) -> list[str]:
    """Lines of a table of penalties beside the training step, with their share of it and the goals."""
    cells, looped = [], any(row["cheaper_than_loop"] for row in rows)
    for row in rows:
        shares = (row["share_of_step"], row["share_of_bf16_step"])
        goal = ""
        if row["goals"]:
            share, cheaper = row["goals"]["share_of_step"], row["goals"].get("cheaper_than_loop")
            reached = row["share_of_step"][0] <= share and (not cheaper or row["cheaper_than_loop"][0] >= cheaper)
            goal = f"≤ {100 * share:g} %{f', ≥ {cheaper} x' if cheaper else ''} {verdict(reached)}"
        cells.append(
            [
                *(row["network"], str(row["batch"]), row["candidate"], f"{row['milliseconds']:.3f}"),
                *("" if share is None else f"{100 * share[0]:.2f} %" for share in shares),
                *([f"{row['cheaper_than_loop'][0]:.1f} x"] if looped else []),
                goal,
            ]
        )
    header = ["network", "batch", "candidate", "ms", "of the step", "of the bf16 step"]
    header += [*["cheaper than the loop"] * looped, "goal"]
    return ["", title, *aligned(header, cells)]


def fact_table(title: str, rows: list[dict]) -> list[str]:
    """Lines of a table of any rows that have the same keys: these become the columns."""

    def text(value: object) -> str:
        if isinstance(value, list):
            return "..".join(map(text, value))
        return f"{value:.4g}" if isinstance(value, float) else str(value)

    header = [key.replace("_", " ") for key in rows[0]]
    return ["", title, *aligned(header, [[text(value) for value in row.values()] for row in rows])]


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table with columns of equal width: numbers to the right, words to the left."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    right = [any(row[i][:1].isdigit() for row in rows) for i in range(len(header))]
    lines = [
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in (header, *rows)
    ]
    return [lines[0], "-" * max(map(len, lines)), *lines[1:]]


def verdict(reached: bool) -> str:
    return "reached" if reached else "MISSED"
