// What a team does with one target at a time: follows its path, reads its solutions, goes through its pieces.
#pragma once

#include "algorithm/homotopy.hpp"
#include "algorithm/load.hpp"
#include "algorithm/query.hpp"
#include "algorithm/records.hpp"
#include "team/team.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

template <class Team>
class TeamWorker {
    static_assert(is_team<Team>);
    using Gram = typename Team::Gram;

public:
    /// @param root  sqrt(G_jj) for all sources. What is referred to must outlive the worker.
    COVLASSO_FN TeamWorker(Team team, const Problem& problem, const Gram& gram, const double* root,
                           const Rules& rules)
        : team_(team),
          problem_(problem),
          gram_(gram),
          root_(root),
          rules_(rules),
          homotopy_(team, gram_),
          query_(team, gram_) {}

    /// Follows the path of target t; its events are valid until the next call.
    COVLASSO_FN Outcome follow(Index t) {
        homotopy_.reserve(first_terms());
        load(t);
        events_.clear();
        return homotopy_.run(target_, limits(t), events_);
    }

    COVLASSO_FN const EventList& events() const { return events_; }

    /// The solution at `place` of the stored path of target t.
    COVLASSO_FN Solution read(Index t, const PathView& path, const Place& place) {
        open(t, path);
        return query_.solve(find(t, place), place.refit);
    }

    /// The piece of the stored path of target t above its first event, and then the one below each event in turn.
    COVLASSO_FN PieceView first_piece(Index t, const PathView& path) {
        open(t, path);
        query_.begin_replay();
        return piece();
    }
    COVLASSO_FN PieceView next_piece(const Event& event) {
        query_.replay(event);
        return piece();
    }

private:
    /// For so many terms there is room from the start: their arrays come first, and so they lie near.
    COVLASSO_FN Index first_terms() const {
        constexpr Index most = 63;
        return std::min({most, rules_.max_terms, size(team_, gram_)});
    }

    COVLASSO_FN void load(Index t) {
        target_.reserve(team_, size(team_, gram_));
        COVLASSO_ISA::load(team_, problem_, root_, t, gram_, target_);
    }

    COVLASSO_FN Limits limits(Index t) const { return rules_.limits(t, target_.energy); }

    COVLASSO_FN void open(Index t, const PathView& path) {
        query_.reserve(first_terms());
        load(t);
        query_.open(target_, limits(t), path);
    }

    COVLASSO_FN Point find(Index t, const Place& place) {
        if (place.kind == Place::at_lambda) return query_.at_lambda(place.lambda[t]);
        if (place.kind == Place::at_terms) return query_.at_terms(place.terms);
        return query_.at_error(place.relative_error * target_.energy);
    }

    COVLASSO_FN PieceView piece() const {
        const ActiveSet& active = query_.active();
        const Quadratic error = query_.error();
        return {active.sources(),
                active.base(),
                active.slope(),
                active.size(),
                {error.constant, error.linear, error.square}};
    }

    Team team_;
    const Problem& problem_;
    TargetGram<Team> gram_;  // before those that are handed it
    const double* root_;
    const Rules& rules_;
    Target target_;
    EventList events_;
    Homotopy<Team> homotopy_;
    Query<Team> query_;
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
