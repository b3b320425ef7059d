"""Characters that a network was never trained on: composed from the known ones, beside other ways.

    python examples/characters/unseen.py FOLDER [--seed 1] [--few 5]

The network learns 90 % of the characters; the rest, drawn by the seed, is added afterwards. A second network
of another architecture knows all of them. About 5 minutes of CPU time after findings.py, whose networks are
taken where FOLDER has them.
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
    named_by_second,
    nearest_mean,
    retrained,
)
from networks import Recipe, trained
from pictures import Set
from setting import Setting, begin, parser

TERMS = (5, 10, 20, 50, 100)
MAIN = 100  # terms in the table of all ways


def make_task(setting: Setting) -> Task:
    """Draw the new characters and the few pictures of them, and train both networks."""
    options, pictures = setting.options, setting.pictures
    rng = np.random.default_rng(options.seed)
    count = options.characters
    shuffled = rng.permutation(count)
    known = count - max(1, count // 10)
    order = np.concatenate([np.sort(shuffled[:known]), np.sort(shuffled[known:])])
    place = np.argsort(order)
    sets = {name: pictures.set(name) for name in ("train", "clean", "unseen")}
    recipe = Recipe("resnet", count, options.epochs, options.seed)
    second = trained(options.folder, recipe, sets["train"], setting.device)
    ours = {name: Set(one.pictures, place[one.labels], one.faces) for name, one in sets.items()}
    old = ours["train"][ours["train"].labels < known]
    recipe = Recipe("convnext", known, options.epochs, options.seed)
    network = trained(options.folder, recipe, old, setting.device)
    data = {"few": draw_few(ours["train"], known, options.few, rng), "all": ours["train"]}
    return Task(
        setting, order, known, network, second, data, {"glyphs": ours["clean"], "fonts": ours["unseen"]}
    )


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
    """Composed heads against the number of terms."""
    train = task.data["all"]
    both = joint_moments(task, train)
    only_known = joint_moments(task, train[train.labels < task.known])
    labelled = {name: label_moments(task, data) for name, data in task.data.items()}
    decided = label_moments(task, named_by_second(task))
    ways: dict[str, Callable[[int], Predict]] = {
        "second network": lambda k: from_second(task, both, k),
        "second network, with intercepts": lambda k: from_second(task, both, k, "covariance"),
        "second network, on known characters only": lambda k: from_second(task, only_known, k),
        "second network's decisions as labels": lambda k: from_labels(task, decided, k),
        f"{task.setting.options.few} labelled pictures": lambda k: from_labels(task, labelled["few"], k),
        "all labelled pictures": lambda k: from_labels(task, labelled["all"], k),
    }
    terms = [k for k in TERMS if k < task.known]
    rows: list[list[object]] = []
    for way, compose in ways.items():
        found = [scores(task, compose(k), "glyphs") for k in terms]
        rows.append([way, *(f"{one[0]:.3f} / {one[1]:.3f}" for one in found)])
        task.setting.report.figures[way] = {"terms": terms, "scores": found}
    title = "Composed heads by number of terms: top-1 of known / new characters on new glyphs"
    task.setting.report.table(title, ["terms", *map(str, terms)], rows)


def why(task: Task) -> None:
    """What the logits are on new glyphs of new characters: why a composed one wins or does not."""
    test = task.tests["glyphs"]
    test = test[test.labels >= task.known]
    rows = np.arange(len(test))
    own = task.predict_reordered(task.second)(test)[rows, test.labels]
    terms = min(MAIN, task.known - 1)
    composed = {
        "from the second network": from_second(task, joint_moments(task, task.data["all"]), terms),
        "from its decisions": from_labels(task, label_moments(task, named_by_second(task)), terms),
    }
    table: list[list[object]] = []
    for way, predict in composed.items():
        logits = predict(test)
        rival, made = logits[:, : task.known].max(axis=1), logits[rows, test.labels]
        means = [f"{values.mean():.1f} ± {values.std():.1f}" for values in (own, made, rival)]
        table.append([way, *means, float(np.mean(made > rival))])
    head = [
        "composed",
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
    terms = min(MAIN, task.known - 1)
    train = task.data["all"]

    def composed() -> Predict:
        return from_second(task, joint_moments(task, train), terms)

    def decided() -> Predict:
        return from_labels(task, label_moments(task, named_by_second(task)), terms)

    rows: list[list[object]] = [
        row(task, "network as it is", "0", "-", lambda: task.predict(task.network)),
        row(task, "second network itself", everything, "-", lambda: task.predict_reordered(task.second)),
        row(task, "composed from the second network", "0", "nothing", composed),
        row(task, "composed from its decisions", "0", "nothing", decided),
    ]
    for shown, data in ((few, task.data["few"]), (everything, train)):
        for way, what, make in (
            ("composed from labels", "nothing", lambda d: from_labels(task, label_moments(task, d), terms)),
            ("nearest class mean", "nothing", lambda d: nearest_mean(task, d)),
            ("linear probe", "last layer", lambda d: linear_probe(task, d)),
            ("retrained", "everything", lambda d: retrained(task, d)),
        ):
            rows.append(row(task, way, shown, what, lambda make=make, data=data: make(data)))
    head = ["", "labelled pictures of each new character", "trained", "known", "new",
            "known, unseen fonts", "new, unseen fonts"]  # fmt: skip
    task.setting.report.table(f"All ways, composed heads with {terms} terms: top-1", head, rows)


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
    """Top-1 of new and of known characters against terms; dashed: ways that have no terms."""
    import matplotlib.pyplot as plt

    plt.rcParams["svg.fonttype"] = "none"
    options, figures = task.setting.options, task.setting.report.figures
    few = str(options.few)
    lines = ["second network", "second network's decisions as labels", f"{few} labelled pictures"]
    others = [f"{way}, {few}" for way in ("nearest class mean", "linear probe", "retrained")]
    made, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    for place, axis in ((1, axes[0]), (0, axes[1])):
        for line in lines:
            values = [one[place] for one in figures[line]["scores"]]
            axis.plot(figures[line]["terms"], values, marker="o", ms=3, label=f"composed: {line}")
        for color, way in enumerate(others, len(lines)):
            axis.axhline(figures[way][place], ls="--", color=f"C{color}", label=f"{way} labelled pictures")
        axis.set(xscale="log", xlabel="terms", ylabel=f"top-1, {'new' if place else 'known'} characters")
        axis.set_xticks(figures[line]["terms"], map(str, figures[line]["terms"]))
        axis.minorticks_off(), axis.grid(alpha=0.3)
    axes[0].set_ylim(-0.03, 1), axes[1].set_ylim(0.8, 1)
    axes[1].legend(fontsize=8)
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
