// From the place of a fault to the message of csrc/src/validate.cpp.
#include <cmath>

#include "covlasso/error.hpp"
#include "device.hpp"
#include "faults.hpp"

namespace covlasso {
namespace cuda {

namespace {

template <class T>
T fetched(const T* from) {
    T value{};
    check(cudaMemcpy(&value, from, sizeof(T), cudaMemcpyDefault), "reading the place of a fault");
    return value;
}

double fetched(const AnyMatrix& matrix, Index i, Index j) {
    return matrix.f64.data ? fetched(matrix.f64.row(i) + j)
                           : static_cast<double>(fetched(matrix.f32.row(i) + j));
}

void describe_pair(const Moments& m, Index i, Index j) {
    const double scale = std::sqrt(fetched(m.gram, i, i)) * std::sqrt(fetched(m.gram, j, j));
    check_pair(i, j, fetched(m.gram, i, j), fetched(m.gram, j, i), scale, m.gram_slack());
}

/// Entry j of the cross row of the target at position t; -1: its energy.
void describe_cross(const Moments& m, Index t, Index j) {
    const Index i = m.targets ? fetched(m.targets + t) : t;
    const double energy = fetched(m.energy + i);
    check_energy(i, energy);
    if (j < 0) return;
    const double scale = std::sqrt(energy) * std::sqrt(fetched(m.gram, j, j));
    check_cross_entry(i, j, fetched(m.cross, i, j), scale, m.cross_slack);
}

}  // namespace

void throw_fault(Fault fault, const Moments& m) {
    const Index p = m.gram.rows(), number = static_cast<Index>(fault);
    if (number < p)
        check_diagonal(number, fetched(m.gram, number, number));
    else if (number < p + p * p)
        describe_pair(m, (number - p) / p, (number - p) % p);
    else
        describe_cross(m, (number - p - p * p) / (p + 1), (number - p - p * p) % (p + 1) - 1);
    throw Error(
        "gram, cross or energy: they changed while they were checked; leave them as they are meanwhile");
}

}  // namespace cuda
}  // namespace covlasso
