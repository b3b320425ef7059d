"""The pass of ``covlasso extract --text``: language models over text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch

from covlasso._base.ranks import Group
from covlasso.moments import Split, WantedClasses, by_folder, by_pattern, check_parts
from covlasso.torch import Extraction, HeadError, digest
from covlasso.torch import extract as extract_batches
from covlasso.transformers.after_head import find_after_head, not_of_embeddings
from covlasso.transformers.blocks import TextLoader
from covlasso.transformers.models import LanguageModel
from covlasso.transformers.positions import PositionLogits, output_embeddings
from covlasso.transformers.text import Text, text_of_tokens
from covlasso.transformers.token_names import shared_tokens, token_names

_LABELS = 1_000_000_000  # bytes of class means by labels that are taken where nobody asked
_SHOWN = 5  # shared tokens that are named


def extract(
    models: Sequence[LanguageModel] | LanguageModel,
    text: Text | Iterable[Sequence[int]] | Mapping[str, Sequence[int]],
    *,
    batch_size: int | None = None,
    groups: str = "none",
    held_out: float = 0.0,
    folds: int = 0,
    classes: WantedClasses = "auto",
    before_softcap: bool = False,
    device: torch.device | str | None = None,
    on_note: Callable[[str], object] | None = None,
    group: Group | None = None,
    **options: Any,
) -> Extraction | None:
    """Joint moments of the logits of language models at the positions of a text.

    For hidden states h at the input of the output embeddings, f = W h + b: sums of h and h h', (d + 1)^2
    numbers for a vocabulary of any size, and W and b beside them, see `covlasso.LinearHead`. A sample is a
    position of the text: the token that ends there and all context before it, for a masked model the unmasked
    block around it. Padding and special tokens that the tokenizer adds are none. Its label is the next token,
    for a masked model the token itself.

    Parameters
    ----------
    models : LanguageModel or sequence of LanguageModel
        Of `load_models`, or of your own; all causal, or all masked.
    text : Text, or iterable of sequences of int, or mapping from name to one
        Of `open_text`, with the same models; or blocks of tokens, taken as of `text_of_tokens`. Each document
        is on one side of the split.
    batch_size : int, optional
        Blocks per batch; as many as have 2048 tokens together, at least one, if not given. Blocks of a length
        are run together.
    groups : str, default "none"
        What may not be on both sides of the split: "none", each document; "folder", the documents of a
        folder; else a regular expression that finds the source in a document's name (its first group).
    held_out : float, default 0
        Expected share of the groups that is held out.
    folds : int, default 0
        Number of folds of the rest.
    classes : {"auto", "labels", "decisions"} or None, default "auto"
        Mean hidden states by class that are kept beside, (classes, d) numbers in every part of the split: by
        the next token, or by each model's own decisions; "auto": by the next token where they take at most 1
        GB in all.
    before_softcap : bool, default False
        Take the logits before a soft cap, as of Gemma; without it a capped model is an error. A scale, as of
        Cohere, goes into W and b.
    device : torch.device or str, default: where the first model is
        Models and tokens are moved to it.
    on_note : callable, optional
        Called before the pass with what should be known about its result, a line each.
    group : Group, optional
        Ranks that share the blocks.
    **options
        Of `covlasso.torch.extract`: ``out``, ``force``, ``save_every``, ``amp_dtype``, ``strict``,
        ``row_centred``, ``on_classes``, ``progress``, ...

    Returns
    -------
    Extraction
        On rank 0; None on others. ``correct`` counts positions at which a model tells the label.

    Raises
    ------
    ValueError
        As of `covlasso.torch.extract`; logits that are not W h + b, are capped, or are scaled in another way
        than the configuration says; a part of the split has no document; causal and masked models together.
    """
    models = [models] if isinstance(models, LanguageModel) else list(models)
    _check_kinds(models)
    if not isinstance(text, Text):
        text = text_of_tokens(text, models)
    group = group or Group()
    words = {"none": "each document", "folder": "the folder of a document"}
    split = Split(held_out, folds, words.get(groups, f"what {groups} finds in the name of a document"))
    names = [document.name for document in text.documents]
    keys = _group_keys(names, groups)
    check_parts(split, keys)
    if device is not None:
        for model in models:
            model.module.to(device)
    after, notes = {}, list(text.notes)
    for model in models:
        after[model.name], said = find_after_head(model, before_softcap)
        notes += said
    class_names = _class_names(models, text)
    notes += _about_vocabularies(class_names, text)
    loader = TextLoader(
        text, {model.name: model.masked for model in models}, keys, batch_size, _padding(models, text), group
    )
    notes.insert(0, _size(text, loader))
    wrapped = {model.name: PositionLogits(model.name, model.module) for model in models}
    kind, size = _classes(classes, wrapped, split)
    if kind is None and classes == "auto":
        notes.append(
            f"means by label are not kept, as they would take {size / 1e9:.1f} GB; classes='labels' "
            "(--classes labels) keeps them"
        )
    if on_note is not None:
        for note in notes:
            on_note(note)
    try:
        return extract_batches(
            wrapped,
            loader,
            class_names=class_names or None,
            split=split,
            factored={name: model.head for name, model in wrapped.items()},
            after_head=after,
            device=device,
            classes=kind,
            command=_command(models, text, groups, batch_size),
            group=group,
            **options,
        )
    except HeadError as error:
        raise ValueError(not_of_embeddings(error.model, error.sample)) from error
    finally:
        for model in wrapped.values():
            model.close()


def _command(
    models: Sequence[LanguageModel], text: Text, groups: str, batch_size: int | None
) -> dict[str, Any]:
    """Return what decides about the result, besides weights and options of the pass."""
    return {
        "text": text.fingerprint(),
        **text.source,
        "groups": groups,
        "batch_size": batch_size,
        "models": {model.name: dict(model.made) for model in models},
        "masked": models[0].masked,
        "skipped": digest(name for name, _ in text.skipped),
    }


def _check_kinds(models: Sequence[LanguageModel]) -> None:
    if not models:
        raise ValueError("models is empty; give at least one")
    kinds = {model.masked: model.name for model in models}
    if len(kinds) > 1:
        raise ValueError(
            f"model {kinds[True]!r} is masked and {kinds[False]!r} causal: one tells the token at a "
            "position, the other the next; give each a run of its own"
        )


def _group_keys(names: Sequence[str], groups: str) -> list[str]:
    if groups == "none":
        return list(names)
    return by_folder(names) if groups == "folder" else by_pattern(names, groups)


def _class_names(models: Sequence[LanguageModel], text: Text) -> dict[str, list[str]]:
    """Name the tokens of every model that has a tokenizer; models of one vocabulary share a list."""
    known: dict[tuple[str, int], list[str]] = {}
    found = {}
    for model in models:
        if model.tokenizer is None:
            continue
        size = output_embeddings(model.name, model.module).out_features
        key = (text.vocabulary[model.name], size)
        if key not in known:
            known[key] = token_names(model.tokenizer, size)
        found[model.name] = known[key]
    return found


def _about_vocabularies(class_names: Mapping[str, Sequence[str]], text: Text) -> list[str]:
    """Say which models have different vocabularies, and what these share."""
    leaders = [name for name in text.affixes if name in class_names]
    notes = []
    for k, a in enumerate(leaders):
        for b in leaders[k + 1 :]:
            shared = shared_tokens(class_names[a], class_names[b])
            some = ", ".join(f"{name!r}" for name in shared[-_SHOWN:])
            notes.append(
                f"{a} and {b} have {len(class_names[a])} and {len(class_names[b])} tokens and share "
                f"{len(shared)} by name{f' (..., {some})' if shared else ''}; samples are the places where a "
                "token of each ends"
            )
    for name, names in class_names.items():
        padding = sum(label.startswith("<padding ") for label in names)
        if padding:
            notes.append(
                f"{name}: {padding} of {len(names)} rows of W are beyond the tokenizer, <padding ...>"
            )
    return notes


def _size(text: Text, loader: TextLoader) -> str:
    overlap = f", {text.stride} of them repeated" if text.stride else ""
    return (
        f"text: {text.count} positions in {len(text.documents)} documents, {loader.blocks} blocks of at most "
        f"{text.max_length} tokens{overlap}"
    )


def _padding(models: Sequence[LanguageModel], text: Text) -> dict[str, int]:
    """Token that fills blocks: the tokenizer's, if it has one."""
    known = {model.name: getattr(model.tokenizer, "pad_token_id", None) for model in models}
    return {name: known[name] or 0 for name in text.affixes}


def _classes(
    wanted: WantedClasses, models: Mapping[str, PositionLogits], split: Split
) -> tuple[WantedClasses, int]:
    """Return the kind of classes, and bytes of those by labels: kept unasked where these are few."""
    parts = len(split.parts) + bool(split.folds)
    width = sum(model.head.in_features for model in models.values())
    size = 8 * parts * width * max(model.head.out_features for model in models.values())
    if wanted != "auto":
        return wanted, size
    return ("labels" if size <= _LABELS else None), size
