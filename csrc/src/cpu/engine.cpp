// The engine on the processors: a worker per thread, each with one target at a time.
#include "engine.hpp"
#include "cpu/workers.hpp"

namespace covlasso {

namespace {

class CpuEngine final : public Engine {
public:
    CpuEngine(const Problem& problem, const Options& options) : problem_(problem), options_(options) {}

    void follow(const Followed& followed, const Progress& progress) const override {
        for_each_target(progress, [&](Worker& worker, Index t) {
            const Outcome outcome = worker.follow(t);
            followed(t, outcome, worker.events(), worker.event_count());
        });
    }

    void read(const Place& place, const Stored& stored, const Found& found,
              const Progress& progress) const override {
        for_each_target(progress,
                        [&](Worker& worker, Index t) { found(t, worker.read(t, stored(t), place)); });
    }

    Pieces pieces(Index t, const PathView& path) const override {
        Workers workers(problem_, options_, 1, nullptr);
        Worker& worker = workers.of(0);
        Pieces pieces;
        pieces.append(worker.first_piece(t, path));
        for (Index e = 0; e < path.count; ++e) pieces.append(worker.next_piece(path.event[e]));
        return pieces;
    }

private:
    /// use(worker, t) for all targets, until `progress` stops it.
    template <class Use>
    void for_each_target(const Progress& progress, Use use) const {
        std::atomic<bool> stop{false};
        Workers workers(problem_, options_, problem_.target_count, &stop);
        workers.for_each(problem_.target_count, progress, stop, use);
    }

    Problem problem_;
    Options options_;
};

}  // namespace

std::unique_ptr<Engine> make_cpu_engine(const Problem& problem, const Options& options) {
    return std::make_unique<CpuEngine>(problem, options);
}

}  // namespace covlasso
