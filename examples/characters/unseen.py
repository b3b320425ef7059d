"""Characters that a network was never trained on: composed from the known ones, beside other ways.

    python examples/characters/unseen.py FOLDER [--seed 1] [--few 5]

The network learns 90 % of the characters; the rest, drawn by the seed, is added afterwards. A second network
of another architecture knows all of them; its logits, and a focus by its decisions, compose the new ones
without a label. About 5 minutes of CPU time after findings.py, whose networks are taken where they are.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from additions import (
    Predict,
    Task,
    from_labels,
    from_second,
    joint_moments,
    label_moments,
    linear_probe,
    nearest_mean,
    retrained,
)
from networks import Recipe, trained
from pictures import Set
from setting import Setting, begin, parser

TERMS = (5, 10, 20, 50, 100)
ALPHAS = (0.0, 0.1, 0.3, 0.5, 0.9)  # focus
LOSS = 0.05  # share of the known characters that may be lost for new ones


def make_task(setting: Setting) -> Task:
    """Draw the new characters and the few pictures of them, and train both networks."""
    options, pictures = setting.options, setting.pictures
    rng = np.random.default_rng(options.seed)
    count = options.characters
    shuffled = rng.permutation(count)
    known = count - max(1, count // 10)
    order = np.concatenate([np.sort(shuffled[:known]), np.sort(shuffled[known:])])
    place = np.argsort(order)
    sets = {name: pictures.set(name) for name in ("train", "clean", "unseen", "validation")}
    recipe = Recipe("resnet", count, options.epochs, options.seed)
    second = trained(options.folder, recipe, sets["train"], setting.device)
    ours = {name: Set(one.pictures, place[one.labels], one.faces) for name, one in sets.items()}
    old = ours["train"][ours["train"].labels < known]
    recipe = Recipe("convnext", known, options.epochs, options.seed)
    network = trained(options.folder, recipe, old, setting.device)
    data = {"few": draw_few(ours["train"], known, options.few, rng), "all": ours["train"]}
    tests = {"glyphs": ours["clean"], "fonts": ours["unseen"], "validation": ours["validation"]}
    return Task(setting, order, known, network, second, data, tests)


def draw_few(train: Set, known: int, few: int, rng: np.random.Generator) -> Set:
    """All pictures of the known characters; of each new one, a picture in each of ``few`` faces."""
    rows = [np.flatnonzero(train.labels < known)]
    for label in range(known, train.labels.max() + 1):
        own = np.flatnonzero(train.labels == label)
        faces = rng.choice(np.unique(train.faces[own]), few, replace=False)
        rows += [rng.choice(own[train.faces[own] == face], 1) for face in faces]
    return train[np.concatenate(rows)]


def scores(task: Task, predict: Predict, test: str) -> list[float]:
    """Top-1 of known and of new characters, among all of them."""
    pictures = task.tests[test]
    right = predict(pictures).argmax(axis=1) == pictures.labels
    new = pictures.labels >= task.known
    return [float(right[~new].mean()), float(right[new].mean())]


def by_terms(task: Task) -> None:
    """Composed heads against the number of terms and the focus."""
    both = joint_moments(task, task.data["all"])
    few = task.setting.options.few
    step, margin = (label_moments(task, task.data["few"], target) for target in ("step", "margin"))
    every = label_moments(task, task.data["all"])
    ways: dict[str, Callable[[int, float], Predict]] = {
        "second network": lambda k, alpha: from_second(task, both, k, alpha),
        "second network, not centred": lambda k, alpha: from_second(task, both, k, alpha, "second_moment"),
        f"{few} labelled pictures, step": lambda k, alpha: from_labels(task, step, k, alpha),
        f"{few} labelled pictures, margin": lambda k, alpha: from_labels(task, margin, k, alpha),
        "all labelled pictures, step": lambda k, alpha: from_labels(task, every, k, alpha),
    }
    terms = [k for k in TERMS if k < task.known]
    rows: list[list[object]] = []
    for way, compose in ways.items():
        for alpha in ALPHAS:
            found = [scores(task, compose(k, alpha), "glyphs") for k in terms]
            rows.append([way, f"{alpha:g}", *(f"{one[0]:.3f} / {one[1]:.3f}" for one in found)])
            task.setting.report.figures[f"{way}, alpha {alpha:g}"] = {"terms": terms, "scores": found}
    title = "Composed heads by focus and number of terms: top-1 of known / new characters on new glyphs"
    task.setting.report.table(title, ["composed from", "alpha", *map(str, terms)], rows)


def preferred(task: Task, compose: Callable[[float], Predict], *, labels: bool) -> tuple[float, Predict]:
    """Focus that finds most new characters on the validation faces, at a loss of less than `LOSS` known ones.

    What a picture shows is said by its label, or without labels by the second network.
    """
    pictures = task.tests["validation"]
    wanted = pictures.labels if labels else task.second_logits(pictures).argmax(axis=1)
    new = wanted >= task.known

    def top1(predict: Predict) -> tuple[float, float]:
        right = predict(pictures).argmax(axis=1) == wanted
        return float(right[~new].mean()), float(right[new].mean())

    before, _ = top1(task.logits)
    made = {alpha: compose(alpha) for alpha in ALPHAS}
    found = {alpha: top1(predict) for alpha, predict in made.items()}
    allowed = [alpha for alpha in ALPHAS if before - found[alpha][0] < LOSS] or [ALPHAS[0]]
    best = max(allowed, key=lambda alpha: found[alpha][1])
    return best, made[best]


def why(task: Task) -> None:
    """What the logits are on new glyphs of new characters: why a composed one wins or does not."""
    test = task.tests["glyphs"]
    test = test[test.labels >= task.known]
    rows = np.arange(len(test))
    own = task.second_logits(test)[rows, test.labels]
    both, terms = joint_moments(task, task.data["all"]), min(10, task.known - 1)
    table: list[list[object]] = []
    for alpha in ALPHAS:
        logits = from_second(task, both, terms, alpha)(test)
        rival, made = logits[:, : task.known].max(axis=1), logits[rows, test.labels]
        means = [f"{values.mean():.1f} ± {values.std():.1f}" for values in (own, made, rival)]
        table.append([f"{alpha:g}", *means, float(np.mean(made > rival))])
    head = [
        "alpha",
        "the second network's logit",
        "composed logit",
        "largest known logit",
        "composed is larger",
    ]
    title = (
        f"Logits of the right character on new glyphs of new characters, {terms} terms: mean and deviation"
    )
    task.setting.report.table(title, head, table)


def all_ways(task: Task) -> None:
    """Every way with what it uses."""
    few, everything = str(task.setting.options.few), f"{per_new(task):.0f}"
    rows = [
        row(task, "network as it is", "0", "-", lambda: without_new(task)),
        row(task, "second network itself", everything, "-", lambda: task.second_logits),
        *from_the_second(task),
    ]
    for shown, data in ((few, task.data["few"]), (everything, task.data["all"])):
        rows += from_the_labels(task, shown, data)
        for way, what, make in (
            ("nearest class mean", "nothing", nearest_mean),
            ("linear probe", "last layer", linear_probe),
            ("retrained", "everything", retrained),
        ):
            rows.append(row(task, way, shown, what, lambda make=make, data=data: make(task, data)))
    head = ["", "labelled pictures of each new character", "trained", "known", "new",
            "known, unseen fonts", "new, unseen fonts"]  # fmt: skip
    task.setting.report.table("All ways; alpha chosen on the validation faces: top-1", head, rows)


def from_the_second(task: Task) -> list[list[object]]:
    """Rows of heads composed from the second network's logits, without a label."""
    both = joint_moments(task, task.data["all"])
    rows = []
    for terms in (10, 20, 100):
        terms = min(terms, task.known - 1)
        alpha, predict = preferred(task, lambda a, k=terms: from_second(task, both, k, a), labels=False)
        way = f"composed from the second network, {terms} terms"
        rows.append(row(task, f"{way}, alpha {alpha:g}", "0", "nothing", lambda made=predict: made))
    plain = from_second(task, both, terms)
    return [row(task, f"{way}, all samples alike", "0", "nothing", lambda: plain), *rows]


def from_the_labels(task: Task, shown: str, data: Set) -> list[list[object]]:
    """Rows of heads composed from labelled pictures."""
    step, margin = (label_moments(task, data, target) for target in ("step", "margin"))
    most = min(100, task.known - 1)
    plain = from_labels(task, margin, most)
    rows = [row(task, f"composed, margin, {most} terms, no focus", shown, "nothing", lambda: plain)]
    for terms in (10, 20):
        terms = min(terms, task.known - 1)
        alpha, predict = preferred(task, lambda a, k=terms: from_labels(task, step, k, a), labels=True)
        way = f"composed, step, {terms} terms, alpha {alpha:g}"
        rows.append(row(task, way, shown, "nothing", lambda made=predict: made))
    return rows


def without_new(task: Task) -> Predict:
    """Logits of the network, which has none of new characters."""
    return task.logits


def row(task: Task, way: str, labels: str, what: str, make: Callable[[], Predict]) -> list[object]:
    """Make and test one way."""
    predict = make()
    found = scores(task, predict, "glyphs") + scores(task, predict, "fonts")
    task.setting.report.figures[f"{way}, {labels}"] = found
    return [way, labels, what, *found]


def per_new(task: Task) -> float:
    """Training pictures of a new character, on average."""
    return float((task.data["all"].labels >= task.known).sum() / (len(task.order) - task.known))


def figure(task: Task) -> None:
    """Top-1 of new against known characters: a line for each focus, along the terms; points: other ways."""
    import matplotlib.pyplot as plt

    plt.rcParams["svg.fonttype"] = "none"
    options, figures = task.setting.options, task.setting.report.figures
    few = str(options.few)
    made, axes = plt.subplots(1, 2, figsize=(9, 3.9), layout="constrained", sharex=True, sharey=True)
    for axis, way in zip(axes, ("second network", f"{few} labelled pictures, step"), strict=True):
        for color, alpha in enumerate(ALPHAS):
            found = figures[f"{way}, alpha {alpha:g}"]
            known, new = zip(*found["scores"], strict=True)
            axis.plot(known, new, marker="o", ms=3, color=f"C{color}", label=f"alpha {alpha:g}")
            for place in {0, len(known) - 1}:
                axis.annotate(str(found["terms"][place]), (known[place], new[place]), fontsize=7)
        for marker, other in zip("sD^", ("nearest class mean", "linear probe", "retrained"), strict=True):
            axis.plot(*figures[f"{other}, {few}"][:2], marker, color="0.4", label=f"{other}, {few} labelled")
        axis.set(xlabel="top-1, known characters", title=f"composed: {way}"), axis.grid(alpha=0.3)
    axes[0].set_ylabel("top-1, new characters")
    axes[1].legend(fontsize=8, loc="lower left")
    made.savefig(options.folder / f"unseen-{options.seed}.svg")


def main() -> None:
    options = parser(__doc__, epochs=4)
    options.add_argument(
        "--few", type=int, default=5, help="labelled pictures of a new character (default 5)"
    )
    task = make_task(begin("unseen", options.parse_args()))
    print("new:", "".join(task.names[task.known :]))
    by_terms(task)
    why(task)
    all_ways(task)
    figure(task)
    task.setting.report.write()


if __name__ == "__main__":
    main()
