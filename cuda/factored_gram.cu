// Mirrors csrc/src/factored_gram.cpp and its cpu/factor_products.hpp: there products are made with F, here G is formed
// once, as a device has the multiply-adds for it and its blocks share no product of a batch.
#include "factored_gram.hpp"

#include "device.hpp"

namespace covlasso {
namespace cuda {

namespace {

constexpr int side = 64, depth = 16, threads = 16, each = side / threads;

/// Rows `first` .. first + side - 1 of F, columns k .. k + depth - 1; zero outside F.
__device__ void load_tile(const MatrixView<double>& f, Index first, Index k, double (&to)[depth][side + 1]) {
    for (int x = threadIdx.y * threads + threadIdx.x; x < side * depth; x += threads * threads) {
        const int row = x / depth, column = x % depth;
        const bool inside = first + row < f.rows && k + column < f.cols;
        to[column][row] = inside ? f(first + row, k + column) : 0.0;
    }
}

/// Tile (x, y) of G for x >= y, and its mirror: f_i . f_j and f_j . f_i are the same operations in the same order.
/// Of the tiles on the diagonal, which are their own mirrors, one half writes both.
__global__ void __launch_bounds__(threads* threads) form_tile(MatrixView<double> f, double* gram) {
    __shared__ double left[depth][side + 1], right[depth][side + 1];
    const Index i0 = static_cast<Index>(blockIdx.y) * side, j0 = static_cast<Index>(blockIdx.x) * side,
                p = f.rows;
    if (j0 < i0) return;
    double sum[each][each] = {};
    for (Index k = 0; k < f.cols; k += depth) {
        load_tile(f, i0, k, left);
        load_tile(f, j0, k, right);
        __syncthreads();
#pragma unroll
        for (int d = 0; d < depth; ++d)
#pragma unroll
            for (int a = 0; a < each; ++a)
#pragma unroll
                for (int b = 0; b < each; ++b)
                    sum[a][b] = fma(left[d][threadIdx.y + a * threads], right[d][threadIdx.x + b * threads],
                                    sum[a][b]);
        __syncthreads();
    }
    for (int a = 0; a < each; ++a)
        for (int b = 0; b < each; ++b) {
            const Index i = i0 + threadIdx.y + a * threads, j = j0 + threadIdx.x + b * threads;
            if (i <= j && j < p) gram[i * p + j] = gram[j * p + i] = sum[a][b];
        }
}

}  // namespace

void form_gram(const MatrixView<double>& factor, double* gram, cudaStream_t stream) {
    const auto tiles = static_cast<unsigned>((factor.rows + side - 1) / side);
    form_tile<<<dim3(tiles, tiles), dim3(threads, threads), 0, stream>>>(factor, gram);
    check(cudaGetLastError(), "forming the Gram of a factor");
}

}  // namespace cuda
}  // namespace covlasso
