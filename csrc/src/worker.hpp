// The serial worker of the CPU: loads one target after the other and hands it to the homotopy or to a query.
#pragma once

#include "homotopy.hpp"
#include "query.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

class SerialWorker final : public Worker {
public:
    SerialWorker(const Problem& problem, const Options& options, const double* root,
                 const std::atomic<bool>* stop)
        : problem_(problem),
          options_(options),
          homotopy_(SerialTeam{stop}, *problem.gram),
          query_(SerialTeam{stop}, *problem.gram) {
        target_.reserve(problem.sources());
        target_.root = root;
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
    /// Cross moments, energy and penalty factors of target t over all sources.
    void load(Index t) {
        const Index p = target_.sources;
        const Id i = problem_.target(t);
        if (problem_.intra()) {
            const double one = 1.0;
            problem_.gram->multiply({&i, &one, 1, 1}, target_.cross.data(), p);
            problem_.gram->gather(i, &i, 1, &target_.energy);
        } else {
            for (Index j = 0; j < p; ++j) target_.cross[j] = problem_.cross.at(i, j);
            target_.energy = problem_.energy[i];
        }
        const double* weights = problem_.weights ? problem_.weights + t * problem_.weights_stride : nullptr;
        for (Index j = 0; j < p; ++j) target_.penalty[j] = weights ? weights[j] : 1.0;
        if (problem_.exclude_self) target_.penalty[i] = infinity;
        if (!problem_.exclusions.empty())
            for (Index x = problem_.exclusions.offset[t]; x < problem_.exclusions.offset[t + 1]; ++x)
                target_.penalty[problem_.exclusions.index[x]] = infinity;
        double least = infinity;
        for (Index j = 0; j < p; ++j)
            if (target_.penalty[j] > 0.0) least = std::min(least, target_.penalty[j]);
        target_.least_penalty = least < infinity ? least : 1.0;
    }

    Limits limits(Index t) const {
        return {options_.max_terms,
                options_.min_lambdas ? options_.min_lambdas[t] : options_.min_lambda,
                options_.relative_error * target_.energy,
                options_.l2,
                std::max(problem_.gram->epsilon(), problem_.cross.f32.data ? 0x1p-24 : 0.0),
                options_.positive};
    }

    const Problem& problem_;
    const Options& options_;
    Target target_;
    EventList events_;
    Homotopy<SerialTeam> homotopy_;
    Query<SerialTeam> query_;
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
