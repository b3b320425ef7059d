#!/usr/bin/env bash
# Build, test, sanitise and measure covlasso on a machine with an NVIDIA GPU, in under ten minutes:
#     bash benchmarks/gpu.sh [FOLDER]
# What it needs, all of it on the machine (nothing is fetched):
#   - the CUDA compiler nvcc, a C++ compiler, CMake, and a driver with a device;
#   - a Python (PYTHON=python3) with pybind11, numpy, scipy, safetensors, rich, typer, jinja2, pytest, hypothesis and
#     scikit-learn, and torch with CUDA or CuPy; with COVLASSO_WHEELS=FOLDER all of these but torch and CuPy are taken
#     from the wheels there, made elsewhere by: pip download -d FOLDER NAME ...
#   - where they are there: doctest (the C++ suite), compute-sanitizer, ncu (bytes moved), cuML, scm2cpp-learn (peers).
# Every step has a time limit and a log in FOLDER (by default a temporary one); a step that fails hides no other, and the
# exit code says whether one did.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

work=${1:-$(mktemp -d)}
mkdir -p "$work/site" "$work/traffic"
work=$(cd "$work" && pwd)
python=${PYTHON:-python3}
readonly total=590 # seconds for everything
export work python doctest PYTHONPATH=$work/site PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
doctest=$(ls /usr/include/doctest/doctest.h 2>/dev/null)
summary=()
failed=0

# step SECONDS NAME COMMAND...: runs it with a log of its own, no longer than that and than what is left of all.
step() {
    local limit=$1 name=$2 begin=$SECONDS code word
    shift 2
    local left=$((total - SECONDS)) log=$work/${name// /-}.log
    ((limit < left)) || limit=$left
    printf '\n==== %3d s  %s\n' "$SECONDS" "$name"
    if ((limit < 5)); then
        word="not run: no time left" code=124
    else
        timeout --kill-after=10 "$limit" bash -c '"$@"' step "$@" >"$log" 2>&1
        code=$?
        word="ok"
        ((code == 0)) || word="FAILED with exit code $code"
        ((code != 124 && code != 137)) || word="stopped after $limit s"
        tail -n "${lines:-12}" "$log"
    fi
    ((code == 0)) || failed=1
    summary+=("$(printf '%-24s %4d s  %s' "$name" $((SECONDS - begin)) "$word")")
    return "$code"
}

skip() { summary+=("$(printf '%-24s         %s' "$1" "skipped: $2")"); }

# have PROGRAM: by its name or where the CUDA toolkit has it.
have() { command -v "$1" || { [ -x "/usr/local/cuda/bin/$1" ] && echo "/usr/local/cuda/bin/$1"; }; }

facts() {
    nvidia-smi --query-gpu=name,compute_cap,driver_version,memory.total --format=csv
    "$(have nvcc)" --version | tail -n 2
    "$python" --version
    "$python" -c 'import os; print(os.cpu_count(), "processors")'
    command -v cmake && cmake --version | head -n 1
}

add_wheels() {
    "$python" -m pip install --quiet --no-index --find-links "$COVLASSO_WHEELS" --target "$work/site" \
        pybind11 numpy scipy safetensors rich typer jinja2 pytest hypothesis scikit-learn
}

# By COVLASSO_CUDA=AUTO for the devices of this machine only, which takes a fraction of the time of code for all.
build() {
    local options=() targets=(_core)
    [ -z "$(have ninja)" ] || options+=(-G Ninja)
    [ -z "$doctest" ] || options+=(-DCOVLASSO_BUILD_TESTS=ON) targets+=(covlasso_cuda_device_tests)
    cmake -S . -B "$work/build" "${options[@]}" -DCOVLASSO_BUILD_PYTHON=ON -DCOVLASSO_CUDA=AUTO \
        -DCMAKE_CUDA_COMPILER="$(have nvcc)" -Dpybind11_DIR="$("$python" -m pybind11 --cmakedir)" \
        -DPython_EXECUTABLE="$("$python" -c 'import sys; print(sys.executable)')" &&
        cmake --build "$work/build" --parallel "$(nproc)" --target "${targets[@]}" &&
        cp -r python/covlasso "$work/site" &&
        cmake --install "$work/build" --component python --prefix "$work/site"
}

# Without it the tests would be skipped, and pass.
find_device() { "$python" -c 'from covlasso._base.devices import require_cuda; require_cuda("a device is wanted")'; }

export -f have facts add_wheels build find_device

lines=40 step 20 "machine" facts
[ -z "${COVLASSO_WHEELS:-}" ] || step 60 "wheels" add_wheels
step 240 "build" build
step 20 "device" find_device
if [ -n "$doctest" ]; then
    step 60 "C++ suite" "$work/build/tests/cpp/covlasso_cuda_device_tests"
else
    skip "C++ suite" "doctest is not installed"
fi
step 100 "tests on the device" "$python" -m pytest -q -p no:cacheprovider tests/gpu

counter=$(have ncu)
for case in imagenet 8000 21841; do
    if [ -n "$counter" ]; then
        step 30 "bytes of $case" "$counter" --csv --print-units base --clock-control none \
            --metrics "$("$python" -m benchmarks.gpu metrics)" --log-file "$work/traffic/$case.csv" \
            "$python" -m benchmarks.gpu one "$case"
    else
        skip "bytes of $case" "ncu is not installed"
    fi
done
lines=80 step 150 "table" "$python" -m benchmarks.gpu table --traffic "$work/traffic"

sanitizer=$(have compute-sanitizer)
for tool in memcheck racecheck initcheck synccheck; do
    if [ -n "$sanitizer" ]; then
        step 40 "$tool" "$sanitizer" --tool "$tool" --error-exitcode 9 "$python" -m benchmarks.gpu small
    else
        skip "$tool" "compute-sanitizer is not installed"
    fi
done
step 120 "tests of solutions" "$python" -m pytest -q -p no:cacheprovider tests/python -k cuda

printf '\n==== %3d s  all\n\n' "$SECONDS"
printf '%s\n' "${summary[@]}" "logs: $work"
exit "$failed"
