// Matrices in the caller's memory, as the library looks at them.
#pragma once

#include <cstdint>

#include "covlasso/config.hpp"

namespace covlasso {

/// Number of an entry or offset: always 64 bits, so that n * n cannot overflow.
using Index = std::int64_t;

/// A row-major view over the caller's memory; nothing is copied.
template <class T>
struct MatrixView {
    const T* data = nullptr;
    Index rows = 0;
    Index cols = 0;
    Index stride = 0;  ///< elements between the starts of two rows; >= cols

    COVLASSO_FN const T* row(Index i) const { return data + i * stride; }
    COVLASSO_FN T operator()(Index i, Index j) const { return data[i * stride + j]; }
};

/// A view in float32 or float64, of which at most one is set; entries are read as double. Empty: none is.
struct AnyMatrix {
    MatrixView<float> f32;
    MatrixView<double> f64;

    AnyMatrix() = default;
    COVLASSO_FN AnyMatrix(const MatrixView<float>& view) : f32(view) {}
    COVLASSO_FN AnyMatrix(const MatrixView<double>& view) : f64(view) {}

    COVLASSO_FN bool empty() const { return f32.data == nullptr && f64.data == nullptr; }
    COVLASSO_FN Index rows() const { return f64.data ? f64.rows : f32.rows; }
    COVLASSO_FN Index cols() const { return f64.data ? f64.cols : f32.cols; }
    COVLASSO_FN double operator()(Index i, Index j) const {
        return f64.data ? f64(i, j) : static_cast<double>(f32(i, j));
    }
};

}  // namespace covlasso
