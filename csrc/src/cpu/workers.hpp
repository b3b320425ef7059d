// The workers of a call, one per thread, and how their threads share the processors.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <vector>

#include "cpu/backend.hpp"
#include "cpu/batched_gram.hpp"
#include "cpu/parallel.hpp"

namespace covlasso {

class Workers {
public:
    /// For `items` targets. Everything referred to must outlive this object.
    Workers(const Problem& problem, const Options& options, Index items, const std::atomic<bool>* stop)
        : options_(options), stop_(stop), root_(static_cast<std::size_t>(problem.gram->size())) {
        problem.gram->diagonal(root_.data());
        for (double& x : root_) x = std::sqrt(x);
        const int processors = thread_count(options.threads, items);
        width_ = static_cast<int>(
            std::min(problem.gram->batch(), (items + processors - 1) / static_cast<Index>(processors)));
        for (int p = 0; p < processors; ++p) groups_.push_back(std::make_unique<Group>(problem, width_ > 1));
        workers_.resize(static_cast<std::size_t>(processors * width_));
    }

    /// The worker of this thread, made when it is first used.
    Worker& of(int thread) {
        auto& worker = workers_[static_cast<std::size_t>(thread)];
        if (!worker) worker = backend().make_worker(group(thread).problem, options_, root_.data(), stop_);
        return *worker;
    }

    /// use(worker, item) for all items, on as many threads as there are workers; see for_each_item().
    template <class Use>
    void for_each(Index items, const Progress& progress, std::atomic<bool>& stop, Use use) {
        const ThreadScope in_turn = [this](int thread, const std::function<void()>& take_items) {
            const BatchedGram::Turn turn(group(thread).gram);
            take_items();
        };
        for_each_item(
            static_cast<int>(workers_.size()), items, progress, stop,
            [&](int thread, Index item) { use(of(thread), item); }, width_ > 1 ? in_turn : nullptr);
    }

private:
    /// The threads that share one processor, and the problem as they see it.
    struct Group {
        Group(const Problem& original, bool batched) : gram(*original.gram), problem(original) {
            if (batched) problem.gram = &gram;
        }

        BatchedGram gram;
        Problem problem;
    };

    const Group& group(int thread) const { return *groups_[static_cast<std::size_t>(thread / width_)]; }

    const Options& options_;
    const std::atomic<bool>* stop_;
    std::vector<double> root_;
    int width_ = 1;
    std::vector<std::unique_ptr<Group>> groups_;
    std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace covlasso
