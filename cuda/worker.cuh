// Mirrors csrc/src/cpu/serial_worker.hpp: a block is the worker, its memory an arena, and it takes targets from a queue.
#pragma once

#include "algorithm/team_worker.hpp"
#include "lanes.cuh"

namespace covlasso {
namespace cuda {

using BlockTeam = LaneTeam<BlockLanes>;
using BlockWorker = TeamWorker<BlockTeam>;

/// So many blocks share a multiprocessor: enough to hide each other's barriers, with registers and shared memory left.
constexpr int blocks_per_processor = 4;

/// The next item of the queue, on all lanes; round.count where there is none.
__device__ inline Index next_item(const Round& round, BlockLanes::Block& block) {
    __syncthreads();  // all are through with the last one
    if (threadIdx.x == 0)
        block.item =
            BlockLanes(block).pause_asked() ? round.count : static_cast<Index>(atomicAdd(round.taken, 1ull));
    __syncthreads();
    return block.item;
}

/// use(team, worker, t) for the targets of the queue, which returns how the target t fared.
template <class Use>
__device__ void for_each_target(const Round& round, Use use) {
    extern __shared__ __align__(Arena::alignment) char near[];
    __shared__ BlockLanes::Block block;
    if (*round.fault != no_fault) return;
    if (threadIdx.x == 0) block.begin(round.signals);
    char* far = round.far + blockIdx.x * round.shape.far;
    for (Index item = next_item(round, block); item < round.count; item = next_item(round, block)) {
        const Index t = round.targets[item];
        if (threadIdx.x == 0) block.fate = round.fate + (t - round.first);
        LaneState state{Arena({near, round.shape.near}, {far, round.shape.far})};
        const BlockTeam team(BlockLanes(block), &state);
        BlockWorker worker(team, round.job.problem, round.job.gram, round.job.root, round.job.rules);
        const Fate fate = use(team, worker, t);
        team.one([&] {
            *block.fate = fate;
            round.signals->done = static_cast<Index>(atomicAdd(round.taken + 1, 1ull)) + 1;
        });
    }
}

/// Room for `count` elements in a pool, the same on all lanes.
template <class T>
__device__ Span take_room(const BlockTeam& team, const Pool<T>& pool, Index count) {
    const Index begin = team.from_one(
        [&] { return static_cast<Index>(atomicAdd(pool.used, static_cast<unsigned long long>(count))); });
    return {begin, count};
}

template <class T>
__device__ bool has_room(const Pool<T>& pool, const Span& span) {
    return static_cast<unsigned long long>(span.begin + span.count) <= pool.size;
}

/// How `kernel` runs best: as many blocks as fit beside each other. They share half of what can be shared memory; the
/// other half is the cache of the lanes' own copies of scalars, and of what has no room in shared memory.
template <class Kernel>
Shape shape_of(Kernel kernel) {
    int device = 0;
    check(cudaGetDevice(&device), "looking up the current device");
    cudaFuncAttributes attributes{};
    check(cudaFuncGetAttributes(&attributes, kernel), "looking up a kernel");
    const int all = attribute(device, cudaDevAttrMaxSharedMemoryPerMultiprocessor),
              own = attribute(device, cudaDevAttrReservedSharedMemoryPerBlock) +
                    static_cast<int>(attributes.sharedSizeBytes);
    constexpr int grain = 128, whole = 100;
    const int near = (all / 2 / blocks_per_processor - own) / grain * grain,
              percent = (whole * blocks_per_processor * (near + own) + all - 1) / all;
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, near),
          "preparing a kernel");
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout, percent),
          "preparing a kernel");
    int beside = 0;
    check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&beside, kernel, BlockLanes::count,
                                                        static_cast<std::size_t>(near)),
          "preparing a kernel");
    return {beside * attribute(device, cudaDevAttrMultiProcessorCount), static_cast<std::size_t>(near), 0};
}

}  // namespace cuda
}  // namespace covlasso
