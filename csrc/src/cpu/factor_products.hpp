// Inner products with the rows of a factor F of G = F F', all arithmetic in double.
//
// Every inner product adds up in one order, whatever is computed beside it: term k goes to partial sum k mod 8, and these
// are added as a tree. So an entry of G has the same bits wherever it is asked for, and beside whichever others.
#pragma once

#include "covlasso/gram.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

/// An inner product of two rows is added up in this many partial sums: a 512-bit vector of them.
inline constexpr Index partial_sums = 8;

/// Rows and vectors worked on together: as many sums as the registers hold.
#if defined(__AVX512F__)
inline constexpr int tile = 4;
#else
inline constexpr int tile = 2;
#endif

/// out[v][at + i] = row_i . u_v, where vector v begins at u + v * length.
template <int rows, int vectors>
void multiply_tile(const double* const* row, const double* u, Index length, double* const* out, Index at) {
    alignas(64) double sum[rows][vectors][partial_sums] = {};
    const Index whole = length - length % partial_sums;
    for (Index k = 0; k < whole; k += partial_sums)
        for (int i = 0; i < rows; ++i)
            for (int v = 0; v < vectors; ++v)
#pragma omp simd
                for (Index t = 0; t < partial_sums; ++t)
                    sum[i][v][t] += row[i][k + t] * u[v * length + k + t];
    for (Index t = 0; t < length - whole; ++t)
        for (int i = 0; i < rows; ++i)
            for (int v = 0; v < vectors; ++v) sum[i][v][t] += row[i][whole + t] * u[v * length + whole + t];
    for (int i = 0; i < rows; ++i)
        for (int v = 0; v < vectors; ++v) {
            const double* s = sum[i][v];
            out[v][at + i] = ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
        }
}

/// out[v][j] = f_j . u_v for the rows begin <= j < end.
template <int vectors>
void multiply_rows(const MatrixView<double>& f, Index begin, Index end, const double* u, double* const* out) {
    const double* row[tile];
    Index j = begin;
    for (; j + tile <= end; j += tile) {
        for (int i = 0; i < tile; ++i) row[i] = f.row(j + i);
        multiply_tile<tile, vectors>(row, u, f.cols, out, j);
    }
    for (; j < end; ++j) {
        row[0] = f.row(j);
        multiply_tile<1, vectors>(row, u, f.cols, out, j);
    }
}

/// out[v][j] = f_j . u_v for all rows f_j of F: F is read from memory once, a block of rows at a time.
inline void multiply_factor(const MatrixView<double>& f, const double* u, Index vectors, double* const* out) {
    constexpr Index block_size = 16384;  // elements: 128 KB, which stay in the second cache for all vectors
    const Index rows = f.cols * tile < block_size ? block_size / f.cols / tile * tile : tile;
    for (Index begin = 0; begin < f.rows; begin += rows) {
        const Index end = begin + rows < f.rows ? begin + rows : f.rows;
        Index v = 0;
        for (; v + tile <= vectors; v += tile) multiply_rows<tile>(f, begin, end, u + v * f.cols, out + v);
        for (; v < vectors; ++v) multiply_rows<1>(f, begin, end, u + v * f.cols, out + v);
    }
}

/// out[t] = f_row . f_columns[t]
inline void gather_factor(const MatrixView<double>& f, Id row, const Id* columns, Index count, double* out) {
    constexpr int rows = 4;  // sums enough that none waits for another
    const double* column[rows];
    Index t = 0;
    for (; t + rows <= count; t += rows) {
        for (int i = 0; i < rows; ++i) column[i] = f.row(columns[t + i]);
        multiply_tile<rows, 1>(column, f.row(row), f.cols, &out, t);
    }
    for (; t < count; ++t) {
        column[0] = f.row(columns[t]);
        multiply_tile<1, 1>(column, f.row(row), f.cols, &out, t);
    }
}

/// Precision of f_i . f_j for rows of that length, relative to |f_i| |f_j|: so many terms does a partial sum have.
inline double factor_epsilon(Index length) {
    constexpr Index others = 4;  // the tree over the partial sums, and the rounding of a product
    return 0x1p-53 * static_cast<double>((length + partial_sums - 1) / partial_sums + others);
}

}  // namespace COVLASSO_ISA
}  // namespace covlasso
