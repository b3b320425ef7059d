"""A solve on a device: bits, progress, Ctrl-C, memory that does not suffice, several devices."""

import re
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import covlasso
from covlasso import _core


def assert_same_bits(a, b):
    for name in ("lambda_max", "lambda_end", "kkt", "status"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    for place in ({"terms": 10}, {"relative_error": 0.3}):
        x, y = a.at(**place), b.at(**place)
        for name in ("indptr", "indices", "data"):
            np.testing.assert_array_equal(getattr(x.coef, name), getattr(y.coef, name))


def test_equal_input_gives_equal_bits(head):
    gram = head(1500, 400)
    assert_same_bits(covlasso.path(gram, device="cuda"), covlasso.path(gram.copy(), device="cuda"))


def test_a_subset_of_targets_has_the_bits_of_all(head):
    gram, some = head(600, 200), [599, 0, 77, 300]
    every, part = (covlasso.path(gram, targets=t, device="cuda") for t in (None, some))
    a, b = every.at(terms=12), part.at(terms=12)
    np.testing.assert_array_equal(a.coef.toarray()[some], b.coef.toarray())


@pytest.mark.skipif(_core.cuda_device_count() < 2, reason="there are no two devices")
def test_two_devices_give_the_bits_of_one(head):
    gram = head(1500, 400)
    one = covlasso.path(gram, device="cuda:0")
    assert_same_bits(one, covlasso.path(gram, device=["cuda:0", "cuda:1"]))
    assert_same_bits(one, covlasso.path(gram, device="cuda:1"))


def test_progress_is_told_up_to_the_end(head):
    calls = []
    covlasso.path(head(2000, 500), device="cuda", progress=lambda *counts: calls.append(counts))
    assert calls[-1] == (2000, 2000)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


def test_an_exception_of_progress_ends_the_solve(head):
    def stop(*_):
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        covlasso.path(head(3000, 500), device="cuda", max_terms=300, progress=stop)
    assert (covlasso.solve(head(50, 20), lam=1.0, device="cuda").status == "certified").all()


def test_ctrl_c_is_answered():
    script = """
        import numpy as np, covlasso
        head = np.random.default_rng(0).standard_normal((4000, 1200))
        gram = head @ head.T
        gram = (gram + gram.T) / 2
        covlasso.path(gram[:9, :9].copy(), device="cuda")
        print("ready", flush=True)
        try:
            covlasso.path(gram, max_terms=1100, device="cuda")
        except KeyboardInterrupt as stopped:
            print(stopped, flush=True)
        else:
            print("was never interrupted")
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        answer = process.stdout.readline()
        assert process.wait(timeout=60) == 0
    assert re.fullmatch(r"interrupted: \d+ of 4000 targets were done\n", answer), answer


def test_memory_that_does_not_suffice_is_told_in_numbers(head):
    """G of 720 GB from a factor of 5 MB."""
    factor = np.random.default_rng(0).standard_normal((300_000, 2))
    with pytest.raises(
        RuntimeError, match=r"Gram of the factor: \d+ MB are wanted, \d+ MB of \d+ MB are free"
    ):
        covlasso.path(covlasso.FactoredGram(factor), targets=[0], device="cuda")
    assert (covlasso.solve(head(50, 20), lam=1.0, device="cuda").status == "certified").all()


def test_paths_are_read_while_others_are_found(head):
    """Two threads on one device do not disturb each other."""
    from concurrent.futures import ThreadPoolExecutor

    grams = [head(400, 150, seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda gram: covlasso.path(gram, device="cuda").at(terms=15), grams))
    for gram, found in zip(grams, together, strict=True):
        alone = covlasso.path(gram, device="cuda").at(terms=15)
        np.testing.assert_array_equal(found.coef.toarray(), alone.coef.toarray())


def test_nothing_is_opened_on_a_device_that_nobody_asked_for():
    """Solved on the last device: then the caller's thread is in no context, and the first device has none."""
    count = _core.cuda_device_count()
    script = f"""
        import ctypes, numpy as np, covlasso
        covlasso.solve(np.eye(9) + 0.5, lam=0.1, device="cuda:{count - 1}")
        driver, context = ctypes.CDLL("libcuda.so.1"), ctypes.c_void_p()
        flags, is_open = ctypes.c_uint(), ctypes.c_int()
        driver.cuCtxGetCurrent(ctypes.byref(context))
        driver.cuDevicePrimaryCtxGetState(0, ctypes.byref(flags), ctypes.byref(is_open))
        print(context.value, is_open.value)
    """
    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == ["None", "1" if count == 1 else "0"]
