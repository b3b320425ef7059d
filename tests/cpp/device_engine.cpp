// Stands in for the engine on the processors: whatever is solved, is solved on CUDA devices.
#include "covlasso/cuda.hpp"
#include "engine.hpp"

namespace covlasso {

std::unique_ptr<Engine> make_cpu_engine(const Problem& problem, const Options& options) {
    Options on_devices = options;
    for (int device = 0; device < cuda_device_count(); ++device) on_devices.devices.push_back(device);
    return make_cuda_engine(problem, on_devices);
}

}  // namespace covlasso
