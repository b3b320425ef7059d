"""Draw the solution path of one category of a real network: python plot_path.py [NAME] [-o FILE] [--terms K]

Above: the coefficients, piecewise linear in lambda; only their knots are needed. Below: how much of the logit
they explain, on the crops that they were found on and on crops of other pictures. Needs matplotlib.
"""

from __future__ import annotations

import argparse

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

import covlasso
from covlasso.datasets import ImagenetLite, load_imagenet_lite

mpl.rcParams["svg.hashsalt"] = "covlasso"  # equal pictures are equal files


def plot(data: ImagenetLite, name: str, terms: int) -> Figure:
    """The path of category ``name`` of lite0 until just before term ``terms`` + 1."""
    gram, other = (moments.second_moment("lite0") for moments in data)
    names = data.fit.class_names["lite0"]
    target = names.index(name)
    path = covlasso.path(gram, targets=[target], max_terms=terms, names=names)

    figure = Figure(figsize=(8.0, 5.6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    covlasso.plot.path(path, name, ax=above)
    above.set(xlabel="", title=f"{name} from the other categories of EfficientNet-Lite0")

    lam = np.linspace(path.lambda_max[0], path.lambda_end[0], 200)
    on_other = [covlasso.held_out_error(path.at(lam=x), other)[0] for x in lam]
    below.plot(lam, 1 - path.error(name, lam) / gram[target, target], label="crops that it was found on")
    below.plot(lam, 1 - np.array(on_other) / other[target, target], "--", label="crops of other pictures")
    below.set(xlabel=r"$\lambda$ (scale of the paper)", ylabel=r"$R^2$, not centred", ylim=(0, 1))
    below.legend(loc="upper left", frameon=False)
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the solution path of one category of a real network.")
    parser.add_argument("name", nargs="?", default="sports car", help="an ImageNet-1k category")
    parser.add_argument("-o", "--out", default="path.svg", help="the file to write, .svg, .png or .pdf")
    parser.add_argument("--terms", type=int, default=10, help="how many terms the path may have")
    arguments = parser.parse_args()
    data = load_imagenet_lite()
    if arguments.name not in data.fit.class_names["lite0"]:
        parser.error(f"{arguments.name!r} is no category of covlasso.datasets.load_imagenet_lite()")
    metadata = {"Date": None} if arguments.out.endswith(".svg") else None
    plot(data, arguments.name, arguments.terms).savefig(arguments.out, dpi=150, metadata=metadata)


if __name__ == "__main__":
    main()
