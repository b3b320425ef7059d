// Mirrors csrc/src/validate.cpp: the same checks in the same order, where the moments lie. All threads look at once, and
// the fault with the lowest number is the one that validate.cpp would have met first.
#include "faults.hpp"

#include "device.hpp"

namespace covlasso {
namespace cuda {

namespace {

constexpr int tile = 32, tile_rows = 8, row_threads = 256;

__global__ void check_diagonal_entries(AnyMatrix gram, double* root, Fault* first) {
    const Index j = static_cast<Index>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (j >= gram.rows()) return;
    const double d = gram(j, j);
    if (!is_energy(d)) atomicMin(first, static_cast<Fault>(j));
    root[j] = sqrt(d);
}

/// Tile (x, y) of G against tile (y, x), for x >= y.
template <class T>
__global__ void check_pairs(MatrixView<T> g, const double* root, double slack, Fault* first) {
    __shared__ T mirror[tile][tile + 1];
    const Index i0 = static_cast<Index>(blockIdx.y) * tile, j0 = static_cast<Index>(blockIdx.x) * tile;
    if (j0 < i0) return;
    for (int r = threadIdx.y; r < tile; r += tile_rows)
        if (j0 + r < g.rows && i0 + threadIdx.x < g.cols)
            mirror[r][threadIdx.x] = g(j0 + r, i0 + threadIdx.x);
    __syncthreads();
    const Index j = j0 + threadIdx.x;
    for (int r = threadIdx.y; r < tile; r += tile_rows) {
        const Index i = i0 + r;
        if (i >= g.rows || j >= g.cols || i > j) continue;
        const double a = static_cast<double>(g(i, j)), b = static_cast<double>(mirror[threadIdx.x][r]);
        if (!is_pair(a, b, root[i] * root[j], slack)) atomicMin(first, pair_fault(g.rows, i, j));
    }
}

/// The block of target t checks its energy and its cross row.
__global__ void check_cross_rows(Moments m, const double* root, Fault* first) {
    const Index t = blockIdx.x, i = m.targets ? m.targets[t] : t, p = m.gram.rows();
    const double energy = m.energy[i], top = sqrt(energy);
    if (!is_energy(energy)) {
        if (threadIdx.x == 0) atomicMin(first, cross_fault(p, t, -1));
        return;
    }
    for (Index j = threadIdx.x; j < p; j += blockDim.x) {
        const double c = m.cross(i, j);
        if (!is_finite(c) || !is_bounded(c, top * root[j], m.cross_slack))
            atomicMin(first, cross_fault(p, t, j));
    }
}

template <class T>
void launch_pairs(const MatrixView<T>& g, const double* root, double slack, Fault* first,
                  cudaStream_t stream) {
    const auto side = static_cast<unsigned>((g.rows + tile - 1) / tile);
    check_pairs<<<dim3(side, side), dim3(tile, tile_rows), 0, stream>>>(g, root, slack, first);
}

}  // namespace

void find_faults(const Moments& m, double* root, Fault* first, cudaStream_t stream) {
    const auto blocks = static_cast<unsigned>((m.gram.rows() + row_threads - 1) / row_threads);
    check_diagonal_entries<<<blocks, row_threads, 0, stream>>>(m.gram, root, first);
    if (!m.gram_is_sound && m.gram.f64.data) launch_pairs(m.gram.f64, root, m.gram_slack(), first, stream);
    if (!m.gram_is_sound && m.gram.f32.data) launch_pairs(m.gram.f32, root, m.gram_slack(), first, stream);
    if (!m.cross.empty())
        check_cross_rows<<<static_cast<unsigned>(m.target_count), row_threads, 0, stream>>>(m, root, first);
    check(cudaGetLastError(), "checking the moments");
}

}  // namespace cuda
}  // namespace covlasso
