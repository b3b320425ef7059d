"""The models that some moments are of: their names, categories and last layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from covlasso._base.storage import check_header
from covlasso.moments.heads import LinearHead

_MANY = 1_000_000  # letters of all class names, from which on their length in a file is looked at


class Models:
    """Names of models, in order, with what is known of them.

    Raises
    ------
    TypeError, ValueError
        Names missing, repeated, or not strings; class names or heads of an unknown model; a head whose
        categories are not as many as the class names; class names that are too long for the header of a file.
    """

    def __init__(
        self,
        names: Sequence[str],
        class_names: Mapping[str, Sequence[str]] | Sequence[str] | None,
        heads: Mapping[str, LinearHead] | None,
    ):
        self.names = _checked_names(names)
        self.class_names = _checked_class_names(class_names, self.names)
        self.heads = _checked_heads(heads, self.names)
        self._check_class_names({name: head.categories for name, head in self.heads.items()})
        if sum(len(label) for labels in self.class_names.values() for label in labels) > _MANY:
            check_header("moments of these models could not be saved", {"class_names": self.class_names})

    def sizes(self, columns: Mapping[str, int]) -> dict[str, int]:
        """Return the numbers of categories that are known, given numbers of columns of data."""
        known = {**columns, **{name: head.categories for name, head in self.heads.items()}}
        return {name: known[name] for name in self.names if name in known}

    def check_columns(self, columns: Mapping[str, int], before: Mapping[str, int]) -> None:
        """Check numbers of columns of new data against the heads, earlier data, and the class names."""
        for name, n in columns.items():
            what = "features" if name in self.heads else "categories"
            if n == 0:
                raise ValueError(f"model {name!r} has no {what}; at least one is expected")
            if name in self.heads and n != self.heads[name].features:
                raise ValueError(
                    f"model {name!r} has {n} features here and its head {self.heads[name].features}"
                )
            if n != before.get(name, n):
                raise ValueError(f"model {name!r} has {n} {what} here and {before[name]} before")
        self._check_class_names({name: n for name, n in columns.items() if name not in self.heads})

    def check_same(self, other: Models) -> None:
        """Check that moments of both can be added: in any order of the models."""
        if set(other.names) != set(self.names):
            raise ValueError(f"cannot add moments of {other.names} to moments of {self.names}")
        if other.heads != self.heads:
            raise ValueError("cannot add moments: the heads of the models differ")
        for name, labels in other.class_names.items():
            if self.class_names.get(name, labels) != labels:
                raise ValueError(f"cannot add moments: the class_names of model {name!r} differ")

    def _check_class_names(self, sizes: Mapping[str, int]) -> None:
        for name, n in sizes.items():
            if n != len(self.class_names.get(name, range(n))):
                raise ValueError(
                    f"model {name!r} has {n} categories and {len(self.class_names[name])} class_names"
                )


def _checked_names(names: Sequence[str]) -> tuple[str, ...]:
    checked = (names,) if isinstance(names, str) else tuple(names)
    if isinstance(names, str) or not all(isinstance(name, str) for name in checked):
        raise TypeError(f"names must be a sequence of strings, got {names!r}")
    if not checked or len(set(checked)) < len(checked):
        raise ValueError(f"names must be at least one name, each once, got {list(checked)}")
    return checked


def _checked_class_names(
    class_names: Mapping[str, Sequence[str]] | Sequence[str] | None, names: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    if class_names is None:
        return {}
    if not isinstance(class_names, Mapping):
        class_names = dict.fromkeys(names, class_names)
    for name, labels in class_names.items():
        if name not in names:
            raise ValueError(f"class_names names a model {name!r}; the models are {list(names)}")
        if isinstance(labels, str) or not all(isinstance(label, str) for label in labels):
            raise TypeError(f"class_names of model {name!r} must be a sequence of strings")
    return {name: tuple(labels) for name, labels in class_names.items()}


def _checked_heads(heads: Mapping[str, LinearHead] | None, names: Sequence[str]) -> dict[str, LinearHead]:
    for name, head in (heads or {}).items():
        if name not in names:
            raise ValueError(f"heads names a model {name!r}; the models are {list(names)}")
        if not isinstance(head, LinearHead):
            raise TypeError(f"the head of model {name!r} is {type(head).__name__}; a LinearHead is expected")
    return dict(heads or {})
