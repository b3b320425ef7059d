// G = F F' in the memory of the device, by its factor F.
#pragma once

#include <cuda_runtime_api.h>

#include "covlasso/gram.hpp"

namespace covlasso {
namespace cuda {

/// gram (p x p, rows one after the other) = F F', symmetric to the last bit, within formed_epsilon(r) of F F' relative to
/// sqrt(G_ii G_jj). All in memory of the device.
void form_gram(const MatrixView<double>& factor, double* gram, cudaStream_t stream);

/// An entry adds up its r products in order, each fused with its addition.
constexpr double formed_epsilon(Index r) { return static_cast<double>(r + 4) * 0x1p-53; }

}  // namespace cuda
}  // namespace covlasso
