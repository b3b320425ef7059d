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
