// Products with a dense row-major matrix in float32 or float64, all arithmetic in double.
#pragma once

#include "covlasso/gram.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

/// out_j (+)= sum over r < count of x_r G(index_r, j), for `count` <= 8 rows at once: that many streams the
/// hardware prefetches, and out is read and written once for all of them.
template <int count, class T>
void add_rows(const MatrixView<T>& g, const Id* index, const double* x, bool first, double* out) {
    const T* row[count];
    for (int r = 0; r < count; ++r) row[r] = g.row(index[r]);
    if (first) {
#pragma omp simd
        for (Index j = 0; j < g.cols; ++j) {
            double total = 0.0;
            for (int r = 0; r < count; ++r) total += x[r] * static_cast<double>(row[r][j]);
            out[j] = total;
        }
    } else {
#pragma omp simd
        for (Index j = 0; j < g.cols; ++j) {
            double total = out[j];
            for (int r = 0; r < count; ++r) total += x[r] * static_cast<double>(row[r][j]);
            out[j] = total;
        }
    }
}

/// out_j = sum over r of x_r G(index_r, j), which is G x for a symmetric G.
template <class T>
void multiply_dense(const MatrixView<T>& g, SparseVector x, double* out) {
    if (x.count == 0) {
        for (Index j = 0; j < g.cols; ++j) out[j] = 0.0;
        return;
    }
    Index r = 0;
    for (; r + 8 <= x.count; r += 8) add_rows<8>(g, x.index + r, x.value + r, r == 0, out);
    if (r + 4 <= x.count) {
        add_rows<4>(g, x.index + r, x.value + r, r == 0, out);
        r += 4;
    }
    if (r + 2 <= x.count) {
        add_rows<2>(g, x.index + r, x.value + r, r == 0, out);
        r += 2;
    }
    if (r < x.count) add_rows<1>(g, x.index + r, x.value + r, r == 0, out);
}

}  // namespace COVLASSO_ISA
}  // namespace covlasso
