// What a build without CUDA has in place of this folder: one clear error.
#include "covlasso/cuda.hpp"
#include "covlasso/error.hpp"
#include "engine.hpp"

namespace covlasso {

[[noreturn]] static void throw_unavailable() {
    throw DeviceUnavailable("device: " + cuda_unavailable_reason() + ", or pass device=\"cpu\"");
}

bool cuda_built() { return false; }

int cuda_device_count() noexcept { return 0; }

std::string cuda_unavailable_reason() {
    return "this build of covlasso has no CUDA code; build it where nvcc is, by python -m pip install . -C "
           "cmake.define.COVLASSO_CUDA=ON";
}

int cuda_device_of(const void*) { throw_unavailable(); }

void copy_from_device(const MatrixView<float>&, int, void*, float*) { throw_unavailable(); }

void copy_from_device(const MatrixView<double>&, int, void*, double*) { throw_unavailable(); }

std::unique_ptr<Engine> make_cuda_engine(const Problem&, const Options&) { throw_unavailable(); }

}  // namespace covlasso
