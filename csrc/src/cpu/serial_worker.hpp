// The worker of a processor: one lane, memory from the heap.
#pragma once

#include <atomic>

#include "algorithm/team_worker.hpp"
#include "cpu/worker.hpp"
#include "team/serial_team.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

class SerialWorker final : public Worker {
public:
    SerialWorker(const Problem& problem, const Options& options, const double* root,
                 const std::atomic<bool>* stop)
        : rules_(rules(problem, options, problem.gram->epsilon())),
          worker_(SerialTeam{&heap_, stop}, problem, *problem.gram, root, rules_) {}

    Outcome follow(Index t) override { return worker_.follow(t); }
    const Event* events() const override { return worker_.events().data(); }
    Index event_count() const override { return worker_.events().size(); }

    Solution read(Index t, const PathView& path, const Place& place) override {
        return worker_.read(t, path, place);
    }
    PieceView first_piece(Index t, const PathView& path) override { return worker_.first_piece(t, path); }
    PieceView next_piece(const Event& event) override { return worker_.next_piece(event); }

private:
    Heap heap_;
    const Rules rules_;
    TeamWorker<SerialTeam> worker_;
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
