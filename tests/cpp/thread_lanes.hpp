// Threads as the lanes of a team: what a thread block is on the GPU, with real barriers, for the sanitizers to watch.
#pragma once

#include <atomic>
#include <exception>
#include <memory>
#include <thread>
#include <vector>

#include "team/lane_team.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

/// Each of `count` threads waits until all have come.
class Barrier {
public:
    explicit Barrier(int count) : count_(count) {}

    void wait() {
        const unsigned round = round_.load(std::memory_order_acquire);
        if (waiting_.fetch_add(1, std::memory_order_acq_rel) + 1 == count_) {
            waiting_.store(0, std::memory_order_relaxed);
            round_.store(round + 1, std::memory_order_release);
            return;
        }
        for (int tries = 0; round_.load(std::memory_order_acquire) == round; ++tries)
            if (tries > 100) std::this_thread::yield();
    }

private:
    const int count_;
    std::atomic<int> waiting_{0};
    std::atomic<unsigned> round_{0};
};

/// Thrown on every lane where the arena has run dry.
struct ArenaRanDry {};

/// The lanes of one team, two to a warp.
class ThreadLanes {
public:
    static constexpr Index warp_width = 2;
    static constexpr Index warps = 2;
    static constexpr Index count = warps * warp_width;

    struct Slot {
        Index index;
        double value;
        void put(double x) { value = x; }
        void get(double& x) const { x = value; }
        void put(Best x) { value = x.value, index = x.index; }
        void get(Best& x) const { x = {value, index}; }
    };

    /// What the lanes share.
    struct Block {
        explicit Block(const std::atomic<bool>* stop_flag) : stop(stop_flag) {}

        const std::atomic<bool>* stop;
        Barrier all{static_cast<int>(count)};
        Barrier warp[warps] = {Barrier(warp_width), Barrier(warp_width)};
        Slot scratch[2 * warps];
        Slot offered[count];
    };

    /// @param few_elements  how many elements every warp reduces for itself (LaneTeam)
    ThreadLanes(Block& block, Index lane, Index few_elements)
        : few(few_elements), block_(&block), lane_(lane) {}

    Index few;

    Index lane() const { return lane_; }
    Index lanes() const { return count; }
    void sync() const { block_->all.wait(); }
    Slot* scratch() const { return block_->scratch; }
    bool stop_asked() const { return block_->stop->load(std::memory_order_relaxed); }
    [[noreturn]] void give_up() const { throw ArenaRanDry(); }

    template <class T, class F>
    T reduce(T x, F f) const {
        Slot* warp = offer(x);
        T first, second;
        take(warp[0], first);
        take(warp[1], second);
        sync_warp();
        return f(first, second);
    }

    Index before(bool flag) const {
        const Slot* warp = offer(Index{flag});
        const Index others = lane_ % warp_width == 0 ? 0 : warp[0].index;
        sync_warp();
        return others;
    }

private:
    template <class T>
    Slot* offer(T x) const {
        give(block_->offered[lane_], x);
        sync_warp();
        return block_->offered + lane_ / warp_width * warp_width;
    }

    static void give(Slot& slot, Index x) { slot.index = x; }
    static void take(const Slot& slot, Index& x) { x = slot.index; }
    template <class T>
    static void give(Slot& slot, T x) {
        slot.put(x);
    }
    template <class T>
    static void take(const Slot& slot, T& x) {
        slot.get(x);
    }

    void sync_warp() const { block_->warp[lane_ / warp_width].wait(); }

    Block* block_;
    Index lane_;
};

using ThreadTeam = LaneTeam<ThreadLanes>;

/// Memory of a team.
struct Sizes {
    std::size_t near, far;
};

/// use(team, lane) on all lanes at once, each with a team of its own memory. What they throw is thrown on: all of them
/// ArenaRanDry, or one of them something else after its last barrier.
template <class Use>
void on_all_lanes(Sizes sizes, Index few, const std::atomic<bool>& stop, Use use) {
    std::unique_ptr<char[]> memory(new char[sizes.near + sizes.far]);
    ThreadLanes::Block block(&stop);
    std::exception_ptr failure[ThreadLanes::count];
    std::vector<std::thread> threads;
    for (Index lane = 0; lane < ThreadLanes::count; ++lane)
        threads.emplace_back([&, lane] {
            LaneState state{Arena({memory.get(), sizes.near}, {memory.get() + sizes.near, sizes.far})};
            try {
                use(ThreadTeam(ThreadLanes(block, lane, few), &state), lane);
            } catch (...) {
                failure[lane] = std::current_exception();
            }
        });
    for (std::thread& thread : threads) thread.join();
    for (const std::exception_ptr& of_lane : failure)
        if (of_lane) std::rethrow_exception(of_lane);
}

}  // namespace COVLASSO_ISA
}  // namespace covlasso
