"""Options of ``covlasso solve``, in the groups that ``--help`` shows."""

from __future__ import annotations

from enum import Enum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

_models = partial(typer.Option, rich_help_panel="Models")
_place = partial(typer.Option, rich_help_panel="Place on the paths, exactly one")
_problem = partial(typer.Option, rich_help_panel="Problem")

MomentsFile = Annotated[Path, typer.Argument(metavar="MOMENTS", help="A file of `moments` or `extract`.")]
Out = Annotated[Path, typer.Option(metavar="FILE", help="Where the dependencies go; - is standard output.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite FILE.")]

Target = Annotated[
    str | None,
    _models(metavar="NAME", help="Whose categories are explained.", show_default="the only one"),
]
Source = Annotated[
    str | None, _models(metavar="NAME", help="Whose categories explain.", show_default="the target's")
]
AllowSame = Annotated[
    bool, _models("--allow-same", help="A category may be explained by itself in the other model.")
]


class SameBys(str, Enum):
    """What says which categories of two models are the same."""

    name = "name"
    number = "number"


SameBy = Annotated[
    SameBys | None,
    _models(
        help="Which category of the other model is the same one, and left out.",
        show_default="by name where both have names, else by number where there are equally many",
    ),
]

Terms = Annotated[int | None, _place(min=1, help="Just before one more term would enter.")]
Lam = Annotated[float | None, _place(min=0.0, help="At this lambda, in the paper's scale (no 1/2).")]
RelativeError = Annotated[
    float | None, _place(min=0.0, help="At the largest lambda that leaves this share of a logit's energy.")
]

Focus = Annotated[
    str | None,
    _problem(
        metavar="SHARE",
        help="Share of a category's own samples in its equation, so that it holds where the category is: 0 "
        "to 1 (0.1 to 0.3 is usual), a file with one per category (.npy, or text), or `own`: own samples "
        "only. It takes moments with classes.",
        show_default="all samples alike",
    ),
]
OwnSamples = Annotated[
    list[str] | None,
    _problem(
        "--own-samples",
        metavar="LOGITS",
        help="Saved logits that the moments are of: their samples stand for the class means. Between models "
        "twice: target, source.",
    ),
]
Labels = Annotated[
    Path | None,
    _problem(metavar="FILE", help="Category of each row of --own-samples.", show_default="own decisions"),
]
Rows = Annotated[
    Path | None,
    _problem(
        metavar="FILE",
        help="Rows of --own-samples that the moments are of, .npy of booleans.",
        show_default="all that the moments' split does not hold out",
    ),
]
Groups = Annotated[
    Path | None,
    _problem(metavar="FILE", help="In place of --rows: what each row was cut from, as given to `moments`."),
]

Targets = Annotated[
    list[str] | None,
    _models(
        metavar="LIST",
        help="Categories to explain: names, numbers (17, #17) and ranges (0:1000, without 1000) with commas "
        "between, or @FILE with one per line. A text that is a name as a whole is that name. May be given "
        "several times.",
        show_default="all",
    ),
]
Sample = Annotated[
    int | None,
    _models(min=1, metavar="K", help="Only K of them, drawn at random.", show_default="all of them"),
]
Seed = Annotated[int | None, _models(min=0, metavar="N", help="Of the draw of --sample.", show_default="0")]
MinLambda = Annotated[
    float | None,
    _problem(min=0.0, help="Smallest lambda, with --terms or --relative-error.", show_default="0"),
]
MaxTerms = Annotated[
    int | None,
    _problem(min=1, help="Most terms, with --lam or --relative-error.", show_default="no limit"),
]
Refit = Annotated[bool, _problem("--refit", help="Least squares on the terms found, as in a pursuit.")]
L2 = Annotated[float, _problem(min=0.0, help="Ridge term, in the paper's scale (no 1/2).")]
Positive = Annotated[bool, _problem("--positive", help="No negative coefficients.")]


class Kinds(str, Enum):
    """Kinds of moments."""

    second_moment = "second_moment"
    covariance = "covariance"
    correlation = "correlation"


class Methods(str, Enum):
    """Ways to choose terms."""

    lasso = "lasso"
    pursuit = "pursuit"


Method = Annotated[
    Methods,
    _problem(help="How terms are chosen: by the Lasso, or by orthogonal matching pursuit (not with --lam)."),
]

Kind = Annotated[
    Kinds,
    _problem(help="Logits as they are, less their means, or also over their standard deviations."),
]
