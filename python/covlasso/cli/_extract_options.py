"""Options of ``covlasso extract``; those that timm's ``validate.py`` has too are named and meant as there."""

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


_model, _data, _run = _panel("Models"), _panel("Data"), _panel("Run")

# timm is not imported for --help; a test compares these with what is passed on
_FOR_MODELS = "num_classes, in_chans, img_size, global_pool, and what else timm.create_model takes"
_FOR_DATA = (
    "input_size, crop_pct, crop_mode, crop_border_pixels, interpolation, mean, std, use_train_size; "
    "of data sets dataset_download, input_key, target_key"
)

Models = Annotated[list[str], typer.Argument(metavar="MODEL...", help="Names of timm; hf-hub:, local-dir:.")]
Out = Annotated[Path, typer.Option(metavar="FILE", help="Where the moments go.")]

Names = Annotated[
    list[str] | None, _model(metavar="NAME...", help="Names in FILE, one per MODEL.", show_default="theirs")
]
Checkpoints = Annotated[
    list[str] | None,
    _model("--checkpoint", metavar="PATH", help="Weights, once per MODEL: a file, `pretrained` or `random`."),
]
UseEma = Annotated[bool, _model("--use-ema", help="The averaged weights of the checkpoint.")]
ModelKwargs = Annotated[
    list[str] | None,
    _model(metavar="KEY=VALUE", help=f"Repeatable: {_FOR_MODELS}."),
]
Reparam = Annotated[bool, _model("--reparam", help="Reparameterise.")]
Seed = Annotated[int, _model(help="Of random weights.")]
FactoredForm = Annotated[
    str,
    _model("--factored", metavar="auto|on|off", help="Sums of the last layer's input; auto: where smaller."),
]

Data = Annotated[
    list[Path] | None,
    _data("--data", "--data-dir", metavar="DIR", help="Folder of pictures, tar file, folder of tar files."),
]
DatasetName = Annotated[str, _data(metavar="TYPE/NAME", help="Data set of timm, such as torch/cifar10.")]
DatasetSplit = Annotated[str, _data("--split", help="Its split; of a folder, a folder in it.")]
ClassMap = Annotated[Path | None, _data(metavar="FILE", help="Category of each folder, as timm reads it.")]
ClassNames = Annotated[Path | None, _data(metavar="FILE", help="Names of the categories, one per line.")]
DataKwargs = Annotated[
    list[str] | None,
    _data(metavar="KEY=VALUE", help=f"Repeatable: {_FOR_DATA}."),
]
HeldOut = Annotated[float, _data(min=0.0, max=1.0, help="Share of the groups that is held out.")]
Folds = Annotated[int, _data(min=0, help="Parts of the rest.")]
Groups = Annotated[
    str, _data(metavar="none|folder|REGEX", help="Pictures that may not be on both sides of the split.")
]
Classes = Annotated[
    str,
    _data(
        metavar="labels|decisions|none",
        help="Keep the mean logits by class, too: by labels, or by each model's own decisions.",
        show_default="decisions, where they take at most 256 MB or a quarter of the moments",
    ),
]
RowCentred = Annotated[
    bool,
    _data("--row-centred", help="Logits less their mean over the categories, which decisions do not see."),
]
Strict = Annotated[bool, _data("--strict", help="End at a picture that cannot be read.")]

BatchSize = Annotated[int, _run("--batch-size", "-b", min=1, help="Pictures per batch.")]
Workers = Annotated[
    int | None,
    _run("--workers", "-j", min=0, help="Processes that decode.", show_default="4, at most one per core"),
]
PinMem = Annotated[bool, _run("--pin-mem", help="Page-locked memory for the GPU.")]
Device = Annotated[str | None, _run(help="cpu, cuda, cuda:1, ...", show_default="a GPU if there is one")]
Amp = Annotated[bool, _run("--amp", help="Mixed precision.")]
AmpDtype = Annotated[str, _run(metavar="float16|bfloat16", help="Lower type of mixed precision.")]
ModelDtype = Annotated[str, _run(metavar="float32|float16|bfloat16", help="Type of the weights.")]
ChannelsLast = Annotated[bool, _run("--channels-last", help="Memory format of pictures.")]
TorchCompile = Annotated[bool, _run("--torchcompile", help="Compile the models.")]
SaveLogits = Annotated[
    str | None, _run(metavar="float16|float32", help="Also keep logits and labels, beside FILE.")
]
SaveEvery = Annotated[
    int | None, _run(min=1, help="Batches between two states.", show_default="10; 500 on a GPU")
]
LogFreq = Annotated[int, _run(min=0, help="Batches between two lines of progress off a terminal; 0: none.")]
Force = Annotated[bool, _run("--force", help="Overwrite FILE.")]
