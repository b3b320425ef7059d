// Solutions read off stored paths, and the pieces of one path.
#include "worker.cuh"

namespace covlasso {
namespace cuda {

__device__ static PathView stored_path(const StoredPaths& stored, Index k) {
    return {stored.event + stored.offset[k], stored.offset[k + 1] - stored.offset[k], stored.outcome[k]};
}

static __global__ void __launch_bounds__(BlockLanes::count, blocks_per_processor)
    read(const __grid_constant__ Round round, Place place, StoredPaths stored, FoundRow* rows,
         Pool<Term> pool) {
    for_each_target(round, [&](const BlockTeam& team, BlockWorker& worker, Index t) {
        const Index k = t - round.first;
        const Solution found = worker.read(t, stored_path(stored, k), place);
        const Span span = take_room(team, pool, found.count);
        team.one([&] { rows[k] = FoundRow::of(found, span); });
        if (!has_room(pool, span)) return Fate::crowded;
        team.for_each(span.count,
                      [&](Index r) { pool.data[span.begin + r] = {found.value[r], found.index[r]}; });
        return Fate::done;
    });
}

static __global__ void __launch_bounds__(BlockLanes::count)
    go_through_pieces(const __grid_constant__ Round round, StoredPaths stored, PieceArrays out) {
    for_each_target(round, [&](const BlockTeam& team, BlockWorker& worker, Index t) {
        const PathView path = stored_path(stored, t - round.first);
        Index end = 0;
        for (Index m = 0; m <= path.count; ++m) {
            const PieceView piece =
                m == 0 ? worker.first_piece(t, path) : worker.next_piece(path.event[m - 1]);
            team.sync();
            team.for_each(piece.count, [&](Index r) {
                out.source[end + r] = piece.source[r];
                out.base[end + r] = piece.base[r];
                out.slope[end + r] = piece.slope[r];
            });
            team.one([&] {
                for (int i = 0; i < 4; ++i) out.error[4 * m + i] = piece.error[i];
                out.count[m] = piece.count;
            });
            end += piece.count;
            team.sync();
        }
        return Fate::done;
    });
}

void launch_read(const Round& round, const Place& place, const StoredPaths& stored, FoundRow* rows,
                 const Pool<Term>& terms, cudaStream_t stream) {
    read<<<round.shape.blocks, BlockLanes::count, round.shape.near, stream>>>(round, place, stored, rows,
                                                                              terms);
    check(cudaGetLastError(), "starting to read solutions");
}

void launch_pieces(const Round& round, const StoredPaths& stored, const PieceArrays& out,
                   cudaStream_t stream) {
    go_through_pieces<<<1, BlockLanes::count, round.shape.near, stream>>>(round, stored, out);
    check(cudaGetLastError(), "starting to read the pieces of a path");
}

Shape read_shape() { return shape_of(read); }

}  // namespace cuda
}  // namespace covlasso
