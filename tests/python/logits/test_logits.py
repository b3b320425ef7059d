"""Files of logits: every format read in pieces as it is, and one clear error for each bad file."""

import io
import json
import zipfile

import numpy as np
import pytest
from oracles import assert_refused, changed
from safetensors.numpy import save_file

from covlasso.logits import Samples, open_logits

ROWS, N = 57, 6


def logits(dtype=np.float32):
    return np.random.default_rng(0).standard_normal((ROWS, N)).astype(dtype)


def read(place, size=10):
    file = open_logits(place)
    blocks = list(file.blocks(size))
    assert all(len(block) == size for block in blocks[:-1])
    assert file.shape == (ROWS, N)
    return np.concatenate(blocks)


def save_bfloat16(array, file, key="x"):
    """As torch writes it: numpy has no such type."""
    bits = (array.view(np.uint32) >> 16).astype("<u2")
    entry = {"dtype": "BF16", "shape": list(array.shape), "data_offsets": [0, bits.nbytes]}
    header = json.dumps({key: entry}).encode()
    header += b" " * (-len(header) % 8)
    file.write_bytes(len(header).to_bytes(8, "little") + header + bits.tobytes())


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f2", ">f4", ">f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy(dtype, order, tmp_path):
    array = np.array(logits(), dtype=dtype, order=order)
    np.save(tmp_path / "a.npy", array)
    found = read(tmp_path / "a.npy")
    assert np.array_equal(found, array)
    assert found.dtype == array.dtype.newbyteorder("=")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz(save, tmp_path):
    save(tmp_path / "one.npz", x=logits())
    assert np.array_equal(read(tmp_path / "one.npz"), logits())
    save(tmp_path / "two.npz", x=logits(), y=logits(">f8"))
    assert np.array_equal(read(f"{tmp_path / 'two.npz'}:x"), logits())
    assert np.array_equal(read(f"{tmp_path / 'two.npz'}:y"), logits(np.float64))
    assert_refused(
        lambda: open_logits(tmp_path / "two.npz"), ValueError, ("two.npz", "several", "FILE:KEY", "x, y")
    )
    assert_refused(lambda: open_logits(f"{tmp_path / 'two.npz'}:z"), ValueError, ("no array 'z'", "x, y"))


def test_npz_by_columns(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.asfortranarray(logits()))
    assert np.array_equal(read(tmp_path / "a.npz"), logits())


def test_safetensors(tmp_path):
    file = tmp_path / "a.safetensors"
    save_file({"x": logits(), "labels": np.arange(ROWS)}, file)
    assert np.array_equal(read(f"{file}:x"), logits())
    assert_refused(lambda: open_logits(file), ValueError, ("several", "labels, x"))
    assert_refused(lambda: open_logits(f"{file}:labels"), ValueError, (":labels", "I64", "F32"))


def test_bfloat16(tmp_path):
    file = tmp_path / "a.safetensors"
    save_bfloat16(logits(), file)
    found = read(file)
    assert found.dtype == np.float32
    assert not (found.view(np.uint32) & 0xFFFF).any()
    np.testing.assert_allclose(found, logits(), rtol=2.0**-7)


def write_parquet(file, columns, **options):
    pyarrow = pytest.importorskip("pyarrow", reason="Parquet is read by pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet", reason="Parquet is read by pyarrow")
    parquet.write_table(pyarrow.table(columns), file, **options)


@pytest.mark.parametrize("row_group", [7, 10, 1000])
def test_parquet(row_group, tmp_path):
    file = tmp_path / "a.parquet"
    write_parquet(
        file, {f"class {i}": column for i, column in enumerate(logits().T)}, row_group_size=row_group
    )
    assert np.array_equal(read(file), logits().astype(np.float64))
    assert open_logits(file).class_names == tuple(f"class {i}" for i in range(N))


def test_parquet_of_whole_numbers(tmp_path):
    file = tmp_path / "a.parquet"
    columns = np.arange(2 * ROWS).reshape(2, ROWS)
    write_parquet(file, {"a": columns[0].astype(np.int64), "b": columns[1].astype(np.int8)})
    assert np.array_equal(np.concatenate(list(open_logits(file).blocks(10))), columns.T)


def test_whole_numbers_beside_logits_are_refused(tmp_path):
    file = tmp_path / "a.parquet"
    write_parquet(file, {"a": [1.0, 2.0], "label": [3, 4]})
    assert_refused(lambda: open_logits(file), ValueError, ("a.parquet", "'label'", "int64", "drop it"))


def test_the_index_of_pandas_is_no_category(tmp_path):
    pandas = pytest.importorskip("pandas", reason="it writes the file")
    pytest.importorskip("pyarrow", reason="Parquet is read by pyarrow")
    file = tmp_path / "a.parquet"
    for index, left_out in (("number", "number"), (None, "__index_level_0__")):
        frame = pandas.DataFrame(logits(), columns=list("abcdef")).sample(frac=1, random_state=0)
        frame.index.name = index
        frame.to_parquet(file)
        found = open_logits(file)
        assert found.class_names == tuple("abcdef")
        assert found.left_out == (left_out,)
        assert np.array_equal(read(file), frame.to_numpy())
    frame.reset_index(drop=True).to_parquet(file)
    assert open_logits(file).left_out == ()


@pytest.mark.parametrize("kind", ["list_", "large_list", "fixed"])
def test_parquet_of_lists(kind, tmp_path):
    pyarrow = pytest.importorskip("pyarrow", reason="Parquet is read by pyarrow")
    size = {"fixed": (N,)}.get(kind, ())
    kind = getattr(pyarrow, {"fixed": "list_"}.get(kind, kind))(pyarrow.float32(), *size)
    lists = pyarrow.array(list(logits()), type=kind)
    file = tmp_path / "a.parquet"
    write_parquet(file, {"logits": lists}, row_group_size=7)
    assert np.array_equal(read(file), logits())
    assert open_logits(file).class_names is None
    write_parquet(file, {"label": np.arange(ROWS), "logits": lists})
    assert_refused(lambda: open_logits(file), ValueError, ("'logits' holds lists", "a.parquet:logits"))
    assert np.array_equal(read(f"{file}:logits"), logits())
    for key, what in (("label", "'label' is int64"), ("x", "no column 'x'")):
        assert_refused(lambda key=key: open_logits(f"{file}:{key}"), ValueError, ("a.parquet", what))


@pytest.mark.parametrize(("row", "what"), [([1.0], "row 3 has 1 numbers"), (None, "row 3 is missing")])
def test_lists_of_other_lengths_are_refused(row, what, tmp_path):
    file = tmp_path / "a.parquet"
    write_parquet(file, {"logits": [[1.0, 2.0]] * 3 + [row]})
    assert_refused(lambda: list(open_logits(file).blocks(2)), ValueError, ("a.parquet", what))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["npy", "safetensors"])
def test_a_file_that_shrinks_while_it_is_read(kind, order, tmp_path):
    file = tmp_path / f"a.{kind}"
    array = np.array(np.random.default_rng(0).standard_normal((4000, N)), order=order)
    if kind == "npy":
        np.save(file, array)
    else:
        save_file({"x": np.ascontiguousarray(array)}, file)
    blocks = open_logits(file).blocks(10)
    next(blocks)
    with file.open("rb+") as opened:
        opened.truncate(5000)
    assert_refused(lambda: list(blocks), ValueError, (f"a.{kind}", "became shorter", "byte 5000"))


def test_bfloat16_that_numpy_saved_has_a_remedy(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((4, 3), "V2"))
    assert_refused(
        lambda: open_logits(tmp_path / "a.npy"), ValueError, ("a.npy", "|V2", "save them as float32")
    )


def test_a_mapped_array_whose_file_shrinks(tmp_path):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).standard_normal((4000, N)))
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    chunks = Samples(mapped[10:]).chunks()
    next(chunks)
    with (tmp_path / "a.npy").open("rb+") as opened:
        opened.truncate(5000)
    assert_refused(lambda: list(chunks), ValueError, ("a.npy", "became shorter", "5000 bytes"))


def test_parquet_that_is_no_logits(tmp_path):
    file = tmp_path / "a.parquet"
    write_parquet(file, {"a": [1.0, 2.0], "b": ["x", "y"]})
    assert_refused(lambda: open_logits(file), ValueError, ("a.parquet", "'b'", "string", "number"))
    write_parquet(file, {"a": [1.0, 2.0], "b": [1.0, None]})
    assert_refused(
        lambda: list(open_logits(file).blocks(5)), ValueError, ("a.parquet", "nan", "row 1, column 1")
    )


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_place_of_a_logit_that_is_not_finite(dtype, value, tmp_path):
    np.save(tmp_path / "a.npy", changed(logits(dtype), (33, 4), value))
    assert_refused(
        lambda: list(open_logits(tmp_path / "a.npy").blocks(10)), ValueError, ("a.npy", "row 33, column 4")
    )


def content(save, *arrays, **named):
    stream = io.BytesIO()
    save(stream, *arrays, **named)
    return stream.getvalue()


def archive(name, data):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr(name, data)
    return stream.getvalue()


NPY = content(np.save, logits())
NPZ = content(np.savez, x=logits())
OBJECTS = np.array([[{}]], dtype=object)
BAD_FILES = {
    "truncated npy": ("a.npy", NPY[:-1], ("not what its name says",)),
    "npy header cut": ("a.npy", NPY[:30], ("not what its name says",)),
    "empty npy": ("a.npy", b"", ("not what its name says",)),
    "npy of another format": ("a.npy", NPZ, ("not what its name says",)),
    "npy of objects": ("a.npy", content(np.save, OBJECTS), ("not what its name says", "Python objects")),
    "npy of integers": ("a.npy", content(np.save, np.ones((3, 2), int)), ("int64", "float32")),
    "npy vector": ("a.npy", content(np.save, np.ones(3)), ("(3,)", "(rows, categories)")),
    "npy of rank 3": ("a.npy", content(np.save, np.ones((3, 2, 2))), ("(3, 2, 2)",)),
    "npy without columns": ("a.npy", content(np.save, np.ones((3, 0))), ("(3, 0)",)),
    "npz without arrays": ("a.npz", archive("readme.txt", b"no"), ("holds no array",)),
    "npz of objects": (
        "a.npz",
        content(np.savez, x=OBJECTS),
        ("a.npz:x", "not what its name says", "bject arrays"),
    ),
    "npz member cut": ("a.npz", archive("x.npy", NPY[:-40]), ("a.npz:x", "not what its name says")),
    "npz member no npy": ("a.npz", archive("x.npy", b"text"), ("a.npz:x", "not what its name says")),
    "truncated npz": ("a.npz", NPZ[:-100], ("not what its name says",)),
    "empty npz": ("a.npz", b"", ("not what its name says",)),
    "empty safetensors": ("a.safetensors", b"", ("not what its name says",)),
    "safetensors of another format": ("a.safetensors", NPY, ("not what its name says",)),
    "empty Parquet": ("a.parquet", b"", ("not what its name says",)),
    "Parquet of another format": ("a.parquet", NPY, ("not what its name says",)),
    "unknown suffix": ("a.csv", b"1,2", (".csv", ".npy, .npz, .safetensors or .parquet")),
    "no suffix": ("a", b"1,2", ("without suffix",)),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files(case, tmp_path):
    name, data, parts = BAD_FILES[case]
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow", reason="Parquet is read by pyarrow")
    (tmp_path / name).write_bytes(data)
    assert_refused(lambda: list(open_logits(tmp_path / name).blocks(10)), ValueError, (name, *parts))


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        open_logits(tmp_path / "a.npy")
    np.save(tmp_path / "a.npy", logits())
    assert_refused(lambda: open_logits(f"{tmp_path / 'a.npy'}:x"), ValueError, ("a.npy", "leave out :x"))
