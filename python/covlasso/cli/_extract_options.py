"""Options of ``covlasso extract``, named and meant as in timm's ``validate.py`` and in transformers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer


def _panel(title: str) -> Callable[..., Any]:
    """Make options that ``--help`` shows under one title."""

    def option(*names: str, **settings: Any) -> Any:
        return typer.Option(*names, rich_help_panel=title, **settings)

    return option


_text, _picture = _panel("Text, for models of transformers"), _panel("Pictures, for models of timm")
_model, _part, _run = _panel("Models"), _panel("Split, and means by class"), _panel("Run")

# neither timm nor transformers is imported for --help; a test compares these with what is passed on
_FOR_MODELS = "num_classes, in_chans, img_size, global_pool, and what else timm.create_model takes"
_FOR_DATA = (
    "input_size, crop_pct, crop_mode, crop_border_pixels, interpolation, mean, std, use_train_size; "
    "of data sets dataset_download, input_key, target_key"
)

Models = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL...",
        help="With --text folders, names of a hub or GGUF files; else names of timm, hf-hub:, local-dir:.",
    ),
]
Out = Annotated[Path, typer.Option(metavar="FILE", help="Where the moments go.")]

Names = Annotated[
    list[str] | None, _model(metavar="NAME...", help="Names in FILE, one per MODEL.", show_default="theirs")
]
ModelKwargs = Annotated[
    list[str] | None,
    _model(
        metavar="KEY=VALUE",
        help="Repeatable. Text: arguments of from_pretrained, such as revision, attn_implementation; "
        f"pictures: {_FOR_MODELS}.",
    ),
]
ModelDtype = Annotated[
    str, _model("--model-dtype", "--dtype", metavar="float32|float16|bfloat16", help="Type of the weights.")
]

Text = Annotated[
    list[str] | None,
    _text(
        "--text",
        metavar="FILE...",
        help="Files, folders of .txt, .text, .md, .rst and .jsonl, or - for standard input.",
    ),
]
Gguf = Annotated[
    list[str] | None, _text("--gguf", metavar="FILE", help="GGUF file in the folder MODEL, once per MODEL.")
]
Masked = Annotated[
    bool,
    _text(
        "--masked",
        help="Load as a masked language model, also where it could be a causal one: logits at every position "
        "of the unmasked text.",
    ),
]
MaxLength = Annotated[
    int | None,
    _text("--max-length", min=1, help="Tokens of a block.", show_default="1024, or what the models allow"),
]
Stride = Annotated[
    int, _text("--stride", min=0, help="Tokens that a block repeats of the one before, as context.")
]
Field = Annotated[str, _text("--field", help="Where records of .jsonl have their text.")]
Separator = Annotated[
    str | None,
    _text(
        "--separator", metavar="LINE|blank", help="Line between two documents of a file; blank: blank lines."
    ),
]
Encoding = Annotated[str, _text("--encoding", help="Of the files.")]
BeforeSoftcap = Annotated[
    bool, _text("--before-softcap", help="Take logits before the soft cap of the model, as Gemma has one.")
]

Data = Annotated[
    list[Path] | None,
    _picture(
        "--data", "--data-dir", metavar="DIR", help="Folder of pictures, tar file, folder of tar files."
    ),
]
DatasetName = Annotated[str, _picture(metavar="TYPE/NAME", help="Data set of timm, such as torch/cifar10.")]
DatasetSplit = Annotated[str, _picture("--split", help="Its split; of a folder, a folder in it.")]
ClassMap = Annotated[Path | None, _picture(metavar="FILE", help="Category of each folder, as timm reads it.")]
ClassNames = Annotated[Path | None, _picture(metavar="FILE", help="Names of the categories, one per line.")]
DataKwargs = Annotated[
    list[str] | None,
    _picture(metavar="KEY=VALUE", help=f"Repeatable: {_FOR_DATA}."),
]
Checkpoints = Annotated[
    list[str] | None,
    _picture("--checkpoint", metavar="PATH", help="Weights, once per MODEL: a file, `pretrained`, `random`."),
]
UseEma = Annotated[bool, _picture("--use-ema", help="The averaged weights of the checkpoint.")]
Reparam = Annotated[bool, _picture("--reparam", help="Reparameterise.")]
Seed = Annotated[int, _picture(help="Of random weights.")]
FactoredForm = Annotated[
    str,
    _picture(
        "--factored", metavar="auto|on|off", help="Sums of the last layer's input; auto: where smaller."
    ),
]
Workers = Annotated[
    int | None,
    _picture("--workers", "-j", min=0, help="Processes that decode.", show_default="4, at most one per core"),
]
PinMem = Annotated[bool, _picture("--pin-mem", help="Page-locked memory for the GPU.")]
ChannelsLast = Annotated[bool, _picture("--channels-last", help="Memory format of pictures.")]
TorchCompile = Annotated[bool, _picture("--torchcompile", help="Compile the models.")]
HeldOut = Annotated[float, _part(min=0.0, max=1.0, help="Share of the groups that is held out.")]
Folds = Annotated[int, _part(min=0, help="Parts of the rest.")]
Groups = Annotated[
    str,
    _part(
        metavar="none|folder|REGEX", help="Documents or pictures that may not be on both sides of the split."
    ),
]
Classes = Annotated[
    str,
    _part(
        metavar="labels|decisions|none",
        help="Keep the mean logits by class, too: by labels (of text, the next tokens), or by each model's "
        "own decisions.",
        show_default="of text labels, where they take at most 1 GB; of pictures decisions, where they take "
        "at most 256 MB or a quarter of the moments",
    ),
]
RowCentred = Annotated[
    bool,
    _part("--row-centred", help="Logits less their mean over the categories, which decisions do not see."),
]

BatchSize = Annotated[
    int | None,
    _run(
        "--batch-size",
        "-b",
        min=1,
        help="Blocks or pictures per batch.",
        show_default="blocks of 2048 tokens together; 256 pictures",
    ),
]
Device = Annotated[str | None, _run(help="cpu, cuda, cuda:1, ...", show_default="a GPU if there is one")]
Amp = Annotated[bool, _run("--amp", help="Mixed precision.")]
AmpDtype = Annotated[str, _run(metavar="float16|bfloat16", help="Lower type of mixed precision.")]
SaveLogits = Annotated[
    str | None, _run(metavar="float16|float32", help="Also keep logits and labels, beside FILE.")
]
SaveStates = Annotated[
    str | None,
    _run(metavar="float16|float32", help="Also keep the inputs of last layers, and labels, beside FILE."),
]
Strict = Annotated[bool, _run("--strict", help="End at a document or picture that cannot be read.")]
SaveEvery = Annotated[
    int | None,
    _run(min=1, help="Batches between two states.", show_default="10; 500 on a GPU; less often if slow"),
]
LogFreq = Annotated[int, _run(min=0, help="Batches between two lines of progress off a terminal; 0: none.")]
Force = Annotated[bool, _run("--force", help="Overwrite FILE.")]

OF_TEXT = (
    "text",
    "gguf",
    "masked",
    "max_length",
    "stride",
    "field",
    "separator",
    "encoding",
    "before_softcap",
)
OF_PICTURES = (
    "data", "dataset", "split", "class_map", "class_names", "data_kwargs", "checkpoint", "use_ema", "reparam",
    "seed", "factored", "workers", "pin_mem", "channels_last", "torchcompile",
)  # fmt: skip
"""Parameters of the command that only one kind of models has."""
