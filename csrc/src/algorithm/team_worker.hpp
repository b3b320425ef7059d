// What a team does with one target at a time: follows its path, reads its solutions, goes through its pieces.
#pragma once

#include "algorithm/homotopy.hpp"
#include "algorithm/load.hpp"
#include "algorithm/pursuit.hpp"
#include "algorithm/pursuit_query.hpp"
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
          query_(team, gram_),
          pursuit_(team, gram_),
          pursuit_query_(team, gram_) {}

    /// Follows the path of target t; its events are valid until the next call.
    COVLASSO_FN Outcome follow(Index t) { return pursues() ? follow(pursuit_, t) : follow(homotopy_, t); }

    COVLASSO_FN const EventList& events() const { return events_; }

    /// The solution at `place` of the stored path of target t.
    COVLASSO_FN Solution read(Index t, const PathView& path, const Place& place) {
        if (pursues()) {
            open(pursuit_query_, t, path);
            return pursuit_query_.solve(find_terms(place));
        }
        open(query_, t, path);
        return query_.solve(find(t, place), place.refit);
    }

    /// The piece of the stored path of target t above its first event, and then the one below each event in turn.
    COVLASSO_FN PieceView first_piece(Index t, const PathView& path) {
        return pursues() ? first_piece(pursuit_query_, t, path) : first_piece(query_, t, path);
    }
    COVLASSO_FN PieceView next_piece(const Event& event) {
        return pursues() ? next_piece(pursuit_query_, event) : next_piece(query_, event);
    }

private:
    COVLASSO_FN bool pursues() const { return rules_.method == Method::pursuit; }

    template <class Follower>
    COVLASSO_FN Outcome follow(Follower& follower, Index t) {
        follower.reserve(first_terms());
        load(t, pursues() ? Cross::exact : Cross::rough);
        events_.clear();
        if (!target_.is_sound) return {Status::uncertified, 0.0, 0.0, 0.0, Outcome::own_rows};
        return follower.run(target_, limits(t), events_);
    }

    template <class Reader>
    COVLASSO_FN PieceView first_piece(Reader& reader, Index t, const PathView& path) {
        open(reader, t, path);
        reader.begin_replay();
        return piece(reader);
    }

    template <class Reader>
    COVLASSO_FN PieceView next_piece(Reader& reader, const Event& event) {
        reader.replay(event);
        return piece(reader);
    }

    /// For so many terms there is room from the start: their arrays come first, and so they lie near.
    COVLASSO_FN Index first_terms() const {
        constexpr Index most = 63;
        return std::min({most, rules_.max_terms, size(team_, gram_)});
    }

    COVLASSO_FN void load(Index t, Cross wanted) {
        target_.reserve(team_, size(team_, gram_));
        COVLASSO_ISA::load(team_, problem_, root_, t, wanted, gram_, target_);
    }

    COVLASSO_FN Limits limits(Index t) const { return rules_.limits(t, target_.energy, gram_.rows()); }

    template <class Reader>
    COVLASSO_FN void open(Reader& reader, Index t, const PathView& path) {
        reader.reserve(first_terms());
        load(t, pursues() || path.outcome.lambda_max == 0.0 ? Cross::exact : Cross::later);
        reader.open(target_, limits(t), path);
    }

    COVLASSO_FN Point find(Index t, const Place& place) {
        if (place.kind == Place::at_lambda) return query_.at_lambda(place.lambda[t]);
        if (place.kind == Place::at_terms) return query_.at_terms(place.terms);
        return query_.at_error(place.relative_error * target_.energy);
    }

    /// A pursuit has no place at a lambda; Paths refuses it.
    COVLASSO_FN Point find_terms(const Place& place) {
        if (place.kind == Place::at_terms) return pursuit_query_.at_terms(place.terms);
        return pursuit_query_.at_error(place.relative_error * target_.energy);
    }

    template <class Reader>
    COVLASSO_FN PieceView piece(const Reader& reader) const {
        const ActiveSet& active = reader.active();
        const Quadratic error = reader.error();
        return {active.sources(),
                active.base(),
                active.slope(),
                active.size(),
                {error.constant, error.linear, error.square, error.unit}};
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
    Pursuit<Team> pursuit_;
    PursuitQuery<Team> pursuit_query_;
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
