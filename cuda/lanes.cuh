// The lanes of a team: the threads of a block. Mirrors tests/cpp/thread_lanes.hpp.
#pragma once

#include "kernels.hpp"
#include "team/lane_team.hpp"

namespace covlasso {
namespace cuda {

class BlockLanes {
public:
    static constexpr int warp_width = 32, warps = 4, count = warps * warp_width;
    static constexpr Index few = count;  // a barrier costs about as much as the other warps' share

    struct Slot {
        Index index;
        double value;
        __device__ void put(double x) { value = x; }
        __device__ void get(double& x) const { x = value; }
        __device__ void put(Best x) { value = x.value, index = x.index; }
        __device__ void get(Best& x) const { x = {value, index}; }
    };

    /// What the lanes share; begin() makes it ready.
    struct Block {
        __device__ void begin(volatile Signals* host) {
            signals = host;
            stopped = host->stop != 0;
            paused = false;  // so that every block does something in every round
            looked = clock64();
        }

        Slot scratch[2 * warps];
        volatile Signals* signals;
        long long looked;
        bool stopped, paused;
        Index item;  ///< of the queue
        Fate* fate;  ///< of the target
    };

    __device__ explicit BlockLanes(Block& block) : block_(&block) {}

    __device__ Index lane() const { return threadIdx.x; }
    __device__ Index lanes() const { return count; }
    __device__ void sync() const { __syncthreads(); }
    __device__ Slot* scratch() const { return block_->scratch; }

    /// On one lane.
    __device__ bool stop_asked() const {
        look();
        return block_->stopped;
    }
    /// Whether the block takes no more targets, on one lane.
    __device__ bool pause_asked() const {
        look();
        return block_->stopped || block_->paused;
    }

    /// The arena has run dry: the block ends, and others take the targets that are left.
    [[noreturn]] __device__ void give_up() const {
        if (threadIdx.x == 0) *block_->fate = Fate::dry;
        asm volatile("exit;");
        __builtin_unreachable();
    }

    template <class T, class F>
    __device__ T reduce(T x, F f) const {
        for (int distance = warp_width / 2; distance > 0; distance /= 2) x = f(x, from_lane(x, distance));
        return x;
    }

    __device__ Index before(bool flag) const {
        const unsigned lower = (1u << threadIdx.x % warp_width) - 1u;
        return __popc(__ballot_sync(all, flag) & lower);
    }

private:
    static constexpr unsigned all = 0xffffffffu;

    /// The flags are on the other side of the bus, so they are looked at every few milliseconds only.
    __device__ void look() const {
        constexpr long long interval = 1 << 22;
        const long long now = clock64();
        if (now - block_->looked <= interval) return;
        block_->looked = now;
        block_->stopped = block_->signals->stop != 0;
        block_->paused = block_->signals->pause != 0;
    }

    __device__ static double from_lane(double x, int distance) { return __shfl_xor_sync(all, x, distance); }
    __device__ static Index from_lane(Index x, int distance) {
        return static_cast<Index>(__shfl_xor_sync(all, static_cast<long long>(x), distance));
    }
    __device__ static Best from_lane(Best x, int distance) {
        return {from_lane(x.value, distance), from_lane(x.index, distance)};
    }

    Block* block_;
};

}  // namespace cuda
}  // namespace covlasso
