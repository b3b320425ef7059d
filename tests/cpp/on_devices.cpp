// Runs the suite on CUDA devices: what would be solved on the processors is solved there.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>

#include "covlasso/cuda.hpp"
#include "engine.hpp"

namespace covlasso {

std::unique_ptr<Engine> make_cpu_engine(const Problem& problem, const Options& options) {
    Options on_devices = options;
    for (int device = 0; device < cuda_device_count(); ++device) on_devices.devices.push_back(device);
    return make_cuda_engine(problem, on_devices);
}

}  // namespace covlasso

int main(int argc, char** argv) {
    if (covlasso::cuda_device_count() == 0) {
        std::puts("skipped: no CUDA device is found");
        return 0;
    }
    return doctest::Context(argc, argv).run();
}
