// What a build without CUDA has in place of this folder: one clear error.
#include "covlasso/cuda.hpp"
#include "covlasso/error.hpp"
#include "engine.hpp"

namespace covlasso {

bool cuda_built() { return false; }

int cuda_device_count() noexcept { return 0; }

std::unique_ptr<Engine> make_cuda_engine(const Problem&, const Options&) {
    throw DeviceUnavailable(
        "device: this covlasso was built without CUDA; install it from source where nvcc is found (pip "
        "install "
        "-C cmake.define.COVLASSO_CUDA=ON .), or pass device=\"cpu\"");
}

}  // namespace covlasso
