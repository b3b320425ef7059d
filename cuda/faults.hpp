// Faults of moments that lie in the memory of the device: their numbers, who finds them (validate.cu), and who says in
// words what they are (faults.cpp).
#pragma once

#include <cuda_runtime_api.h>

#include "validate.hpp"

namespace covlasso {
namespace cuda {

/// What is checked; all pointers into memory of the device.
struct Moments {
    AnyMatrix gram;
    bool gram_is_sound;    ///< made here: its pairs need no check
    AnyMatrix cross;       ///< empty: the intra-network form
    const double* energy;  ///< one per row of cross
    const Id* targets;     ///< the rows of cross that are used; nullptr: the first ones
    Index target_count;
    double cross_slack;

    double gram_slack() const { return moment_slack(gram.f32.data != nullptr); }
};

/// The place of a fault in the order in which csrc/src/validate.cpp looks for them: the diagonal (j for G_jj), the pairs,
/// the cross rows.
using Fault = unsigned long long;
inline constexpr Fault no_fault = ~Fault{0};

/// Of G_ij and G_ji, i <= j, among p sources.
COVLASSO_FN constexpr Fault pair_fault(Index p, Index i, Index j) {
    return static_cast<Fault>(p + i * p + j);
}
/// Of c_ij, where i is the target at position t; j = -1: of e_i.
COVLASSO_FN constexpr Fault cross_fault(Index p, Index t, Index j) {
    return static_cast<Fault>(p + p * p + t * (p + 1) + j + 1);
}

/// root[j] = sqrt(G_jj), and the first fault, where there is one before `first`.
void find_faults(const Moments& moments, double* root, Fault* first, cudaStream_t stream);

/// Throws the exception that csrc/src/validate.cpp throws for it.
[[noreturn]] void throw_fault(Fault fault, const Moments& moments);

}  // namespace cuda
}  // namespace covlasso
