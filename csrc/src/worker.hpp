// The serial worker of the CPU: loads one target after the other and hands it to the homotopy or to a query.
#pragma once

#include "homotopy.hpp"
#include "job.hpp"
#include "query.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

class SerialWorker final : public Worker {
public:
    SerialWorker(const Problem& problem, const Options& options, const double* root,
                 const std::atomic<bool>* stop)
        : problem_(problem),
          root_(root),
          rules_(rules(problem, options, problem.gram->epsilon())),
          team_{&heap_, stop},
          homotopy_(team_, *problem.gram),
          query_(team_, *problem.gram) {
        target_.reserve(team_, problem.sources());
    }

    Outcome follow(Index t) override {
        load(t);
        events_.clear();
        return homotopy_.run(target_, limits(t), events_);
    }

    const Event* events() const override { return events_.data(); }
    Index event_count() const override { return events_.size(); }

    Index active_count() const override { return query_.active().size(); }
    Id active_source(Index r) const override { return query_.active().source(r); }
    double coefficient(Index r, double lambda) const override {
        return query_.active().coefficient(r, lambda);
    }

    void open(Index t, const PathView& path) override {
        load(t);
        query_.open(target_, limits(t), path);
    }

    Solution at_lambda(double lambda, bool refit) override {
        return query_.solve(query_.at_lambda(lambda), refit);
    }
    Solution at_terms(Index terms, bool refit) override {
        return query_.solve(query_.at_terms(terms), refit);
    }
    Solution at_relative_error(double relative_error, bool refit) override {
        return query_.solve(query_.at_error(relative_error * target_.energy), refit);
    }

    void begin_replay() override { query_.begin_replay(); }
    void replay(const Event& event) override { query_.replay(event); }
    double error(double lambda) const override { return query_.error()(lambda); }

private:
    void load(Index t) { COVLASSO_ISA::load(team_, problem_, *problem_.gram, root_, t, target_); }

    Limits limits(Index t) const { return rules_.limits(t, target_.energy); }

    const Problem& problem_;
    const double* root_;
    const Rules rules_;
    Heap heap_;
    SerialTeam team_;
    Target target_;
    EventList events_;
    Homotopy<SerialTeam> homotopy_;
    Query<SerialTeam> query_;
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
