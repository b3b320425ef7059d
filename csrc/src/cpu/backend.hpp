// What a set of instructions provides: the solver's inner code, compiled once for each and chosen at run time.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "cpu/worker.hpp"

namespace covlasso {

/// The code of one set of instructions.
struct Backend {
    const char* name;
    /// root: sqrt(G_jj) for all sources. Everything referred to must outlive the worker.
    std::unique_ptr<Worker> (*make_worker)(const Problem&, const Options&, const double* root,
                                           const std::atomic<bool>* stop);
    /// out_j = sum over r of x_r G(index_r, j)
    void (*multiply_f32)(const MatrixView<float>& g, SparseVector x, double* out);
    void (*multiply_f64)(const MatrixView<double>& g, SparseVector x, double* out);
    /// out[v][j] = f_j . u_v for all rows f_j of F; the vectors u_v follow one another.
    void (*multiply_factor)(const MatrixView<double>& f, const double* u, Index vectors, double* const* out);
    /// out[t] = f_row . f_columns[t]
    void (*gather_factor)(const MatrixView<double>& f, Id row, const Id* columns, Index count, double* out);
    /// Precision of f_i . f_j for rows of that length, relative to |f_i| |f_j|.
    double (*factor_epsilon)(Index length);
    /// The rows of F in integers, and products with them: rounded_products.hpp.
    double (*round_rows)(const MatrixView<double>& f, const double* root, std::int16_t* out);
    double (*pack_vector)(const double* x, Index length, double size, std::int16_t* pairs, Index v);
    void (*multiply_rounded)(const std::int16_t* rounded, Index p, Index length, const double* root,
                             const std::int16_t* pairs, const double* scale, Index vectors,
                             double* const* out);
};

/// The best code that this processor runs.
const Backend& backend();

}  // namespace covlasso
