"""Ranks: without a launcher, with torchrun's environment, and when one of them dies."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest
from ranks import run_ranks

from covlasso._base.ranks import process_group

VARIABLES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "LOCAL_RANK")


@pytest.fixture(autouse=True)
def no_launcher(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_without_a_launcher_there_is_one_rank_and_no_torch():
    code = """
        import sys
        from covlasso._base.ranks import process_group
        with process_group() as group:
            value = {"a": [1, "x", None]}
            assert (group.rank, group.size, group.gather(value)) == (0, 1, [value])
            group.barrier()
        assert "torch" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


def test_the_package_and_its_command_line_import_neither_torch_nor_timm():
    code = """
        import sys
        import covlasso, covlasso.cli
        assert not {"torch", "timm", "torchvision", "PIL"} & set(sys.modules)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


def test_one_rank_of_one_needs_no_address(monkeypatch):
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "1")
    with process_group() as group:
        np.testing.assert_array_equal(group.gather(np.arange(3))[0], np.arange(3))


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"RANK": "0"}, "WORLD_SIZE is '', a number is expected"),
        ({"RANK": "x", "WORLD_SIZE": "2"}, "RANK is 'x', a number is expected"),
        ({"RANK": "2", "WORLD_SIZE": "2"}, "RANK is 2, it must be below WORLD_SIZE 2"),
        ({"RANK": "0", "WORLD_SIZE": "2"}, "MASTER_ADDR and MASTER_PORT missing"),
    ],
)
def test_wrong_environment(monkeypatch, environment, message):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=message), process_group():
        pass


@pytest.mark.parametrize("size", [2, 3])
def test_values_of_all_ranks_arrive_in_order_bit_for_bit(size):
    pytest.importorskip("torch", reason="several ranks need torch")
    code = """
        import numpy as np
        from covlasso._base.ranks import process_group

        def value(rank):
            matrix = np.random.default_rng(rank).normal(size=(5 + rank, 7))
            return {
                "rank": rank,
                "deep": [{"matrix": matrix, "turned": matrix.T}, None, "caf\\u00e9"],
                "counts": np.arange(rank, dtype=np.uint16),
                "flags": np.array([True, False]),
                "scalar": np.float64(rank / 3),
            }

        with process_group() as group:
            group.barrier()
            gathered = group.gather(value(group.rank))
            assert (gathered is None) == (group.rank > 0)
            for rank, found in enumerate(gathered or []):
                wanted = value(rank)
                assert found["rank"] == rank and found["scalar"] == rank / 3
                assert found["deep"][1:] == wanted["deep"][1:]
                for key in ("matrix", "turned"):
                    assert np.array_equal(found["deep"][0][key], wanted["deep"][0][key])
                for key in ("counts", "flags"):
                    assert np.array_equal(found[key], wanted[key]) and found[key].dtype == wanted[key].dtype
            print(group.rank, "of", group.size)
    """
    codes, outputs = run_ranks(code, size)
    assert codes == [0] * size, outputs
    assert [out for out, _ in outputs] == [f"{rank} of {size}\n" for rank in range(size)]


def test_a_rank_that_dies_ends_the_others_with_one_sentence():
    pytest.importorskip("torch", reason="several ranks need torch")
    code = """
        import os, signal
        from covlasso._base.ranks import GroupError, process_group
        with process_group() as group:
            group.barrier()
            if group.rank == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            try:
                group.gather(0)
            except GroupError as error:
                print(error)
            else:
                raise SystemExit("no error")
    """
    codes, outputs = run_ranks(code, 2)
    assert codes == [0, -9], outputs
    assert outputs[0][0].startswith("another rank ended or did not answer")
