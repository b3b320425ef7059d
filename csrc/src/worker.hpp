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

    Solution read(Index t, const PathView& path, const Place& place) override {
        open(t, path);
        return query_.solve(find(t, place), place.refit);
    }

    PieceView first_piece(Index t, const PathView& path) override {
        open(t, path);
        query_.begin_replay();
        return piece();
    }

    PieceView next_piece(const Event& event) override {
        query_.replay(event);
        return piece();
    }

private:
    void open(Index t, const PathView& path) {
        load(t);
        query_.open(target_, limits(t), path);
    }

    Point find(Index t, const Place& place) {
        if (place.kind == Place::at_lambda) return query_.at_lambda(place.lambda[t]);
        if (place.kind == Place::at_terms) return query_.at_terms(place.terms);
        return query_.at_error(place.relative_error * target_.energy);
    }

    PieceView piece() const {
        const ActiveSet& active = query_.active();
        const Quadratic error = query_.error();
        return {active.sources(),
                active.base(),
                active.slope(),
                active.size(),
                {error.constant, error.linear, error.square}};
    }

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
