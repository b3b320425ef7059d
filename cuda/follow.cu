// The paths of all targets.
#include "worker.cuh"

namespace covlasso {
namespace cuda {

static __global__ void __launch_bounds__(BlockLanes::count, blocks_per_processor)
    follow(const __grid_constant__ Round round, FollowedRow* rows, Pool<Event> pool) {
    for_each_target(round, [&](const BlockTeam& team, BlockWorker& worker, Index t) {
        const Outcome outcome = worker.follow(t);
        const Event* event = worker.events().data();
        const Span span = take_room(team, pool, worker.events().size());
        team.one([&] { rows[t - round.first] = FollowedRow::of(outcome, span); });
        if (!has_room(pool, span)) return Fate::crowded;
        team.for_each(span.count, [&](Index e) { pool.data[span.begin + e] = event[e]; });
        return Fate::done;
    });
}

void launch_follow(const Round& round, FollowedRow* rows, const Pool<Event>& events, cudaStream_t stream) {
    follow<<<round.shape.blocks, BlockLanes::count, round.shape.near, stream>>>(round, rows, events);
    check(cudaGetLastError(), "starting to follow paths");
}

Shape follow_shape() { return shape_of(follow); }

}  // namespace cuda
}  // namespace covlasso
