// Stands in for the engine on the processors: the text of the GPU, over threads as lanes. The whole test suite runs
// over it, a program of its own (tests/cpp/CMakeLists.txt).
#define COVLASSO_ISA lanes

#include <cmath>
#include <cstdlib>
#include <memory>
#include <vector>

#include "algorithm/team_worker.hpp"
#include "engine.hpp"
#include "thread_lanes.hpp"

namespace covlasso {
namespace lanes {

/// The Gram as lanes see it: the caller's memory where it is dense, else written out.
class Matrix {
public:
    explicit Matrix(const Gram& gram) : root(static_cast<std::size_t>(gram.size())), view(gram.matrix()) {
        gram.diagonal(root.data());
        for (double& x : root) x = std::sqrt(x);
        if (view.empty()) write_out(gram);
    }

    std::vector<double> root;
    AnyMatrix view;

private:
    void write_out(const Gram& gram) {
        const Index p = gram.size();
        entries_.resize(static_cast<std::size_t>(p * p));
        std::vector<Id> all(static_cast<std::size_t>(p));
        for (Index j = 0; j < p; ++j) all[static_cast<std::size_t>(j)] = static_cast<Id>(j);
        for (Index i = 0; i < p; ++i) gram.gather(static_cast<Id>(i), all.data(), p, entries_.data() + i * p);
        view.f64 = {entries_.data(), p, p, p};
    }

    std::vector<double> entries_;
};

/// Both ways to reduce: every warp for itself, which has no barrier that could hide a missing one; and all together.
Index few_elements() {
    static const char* asked = std::getenv("COVLASSO_LANES_FEW");
    return asked ? std::atoll(asked) : 1 << 20;
}

class LaneEngine final : public Engine {
public:
    LaneEngine(const Problem& problem, const Options& options)
        : problem_(problem),
          matrix_(*problem.gram),
          rules_(rules(problem, options, problem.gram->epsilon())) {}

    void follow(const Followed& followed, const Progress& progress) const override {
        for_each_target(progress, [&](TeamWorker<ThreadTeam>& worker, Index t, Index lane) {
            const Outcome outcome = worker.follow(t);
            if (lane == 0) followed(t, outcome, worker.events().data(), worker.events().size());
        });
    }

    void read(const Place& place, const Stored& stored, const Found& found,
              const Progress& progress) const override {
        for_each_target(progress, [&](TeamWorker<ThreadTeam>& worker, Index t, Index lane) {
            const Solution solution = worker.read(t, stored(t), place);
            if (lane == 0) found(t, solution);
        });
    }

    Pieces pieces(Index t, const PathView& path) const override {
        std::atomic<bool> stop{false};
        Pieces pieces;
        with_target(t, stop, [&](TeamWorker<ThreadTeam>& worker, Index, Index lane) {
            if (lane == 0) pieces = Pieces{};
            for (Index e = 0; e <= path.count; ++e) {
                const PieceView piece =
                    e == 0 ? worker.first_piece(t, path) : worker.next_piece(path.event[e - 1]);
                if (lane == 0) pieces.append(piece);
            }
        });
        return pieces;
    }

private:
    template <class Use>
    void for_each_target(const Progress& progress, Use use) const {
        std::atomic<bool> stop{false};
        for (Index t = 0; t < problem_.target_count && !stop; ++t) {
            with_target(t, stop, use);
            if (progress && !progress(t + 1, problem_.target_count)) stop = true;
        }
    }

    /// use(worker, t, lane) on all lanes, again with a larger arena where it has run dry.
    template <class Use>
    void with_target(Index t, const std::atomic<bool>& stop, Use use) const {
        constexpr std::size_t near = 1 << 14;
        for (std::size_t far = 1 << 16;; far *= 2) try {
                on_all_lanes({near, far}, few_elements(), stop, [&](const ThreadTeam& team, Index lane) {
                    TeamWorker<ThreadTeam> worker(team, problem_, matrix_.view, matrix_.root.data(), rules_);
                    use(worker, t, lane);
                });
                return;
            } catch (const ArenaRanDry&) {
            }
    }

    Problem problem_;
    Matrix matrix_;
    Rules rules_;
};

}  // namespace lanes

std::unique_ptr<Engine> make_cpu_engine(const Problem& problem, const Options& options) {
    return std::make_unique<lanes::LaneEngine>(problem, options);
}

}  // namespace covlasso
