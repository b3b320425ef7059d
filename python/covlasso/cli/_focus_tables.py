"""The table of ``covlasso evaluate --focus``."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from covlasso._base.plain import Record
from covlasso.cli._tables import number, percent, table, words


def focus_tables(record: Record) -> list[RenderableType]:
    """Tables of a `covlasso.evidence.focus_record`."""
    places = [f"{terms} terms" for terms in record["terms"]]
    logits, network = record["logits"], record["network"]
    kind = "the network's own decisions" if logits["own_labels"] else f"{logits['labelled']} labels"
    found = table(
        f"F1 with one logit replaced at a time, against {kind} (recall, false alarms per case; means)",
        words("focus"), *places,
    )  # fmt: skip
    at_once = table("F1 and top-1 with all logits replaced at once", words("focus"), *places)
    for focus, cells in groupby(record["cells"], lambda one: one["focus"]):
        row = list(cells)
        found.add_row(f"{focus:g}", *(_marked(_cell(one), one, record) for one in row))
        at_once.add_row(
            f"{focus:g}",
            *(_marked(f"{number(one['at_once_f1'])}, {percent(one['at_once_top1'])}", one, record)
              for one in row),
        )  # fmt: skip
    chosen = record["chosen"]
    said = (
        f"Chosen: focus {chosen['focus']:g} with {chosen['terms']} terms, the fewest whose F1 is within "
        f"{record['tolerance']:g} of the best. It was chosen on these samples: quote figures on others."
    )
    own = _cell(network).replace("\n", " ")
    heading = Text(record["title"], style="bold")
    heading.append(f"\nLogits of {logits['samples']} samples. The network itself: {own}.", style="not bold")
    return [heading, Text(), found, Text(), at_once, Text(), Text(said)]


def _cell(rates: Any) -> str:
    return f"{number(rates['f1'])}\n({number(rates['recall'])}, {number(rates['false_alarms'])})"


def _marked(text: str, cell: Any, record: Record) -> Text:
    chosen = record["chosen"]
    is_chosen = (cell["focus"], cell["terms"]) == (chosen["focus"], chosen["terms"])
    return Text(text, style="bold" if is_chosen else "")
