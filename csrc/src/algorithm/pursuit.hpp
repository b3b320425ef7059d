// Orthogonal matching pursuit of one target: term by term, each time the source that the residual asks for most.
//
//     A = {},  b = 0
//     repeat   g = 2 (c - G b - l2 b)                    of all sources, from the caller's Gram
//              j = argmax |g_j| / w_j                    over the sources outside A; the lowest number of equal ones
//              A = A + j,  b = least squares on A
//
// Supports are nested: no source leaves. One that depends on those in A adds nothing to them: it is set aside for good,
// as its gradient is zero but for rounding.
//
// References: Pati, Rezaiifar, Krishnaprasad, Asilomar Conf. (1993); Davis, Mallat, Avellaneda, Constr. Approx. 13
// (1997); on the Gram matrix Rubinstein, Zibulevsky, Elad, Technion CS-2008-08 (2008).
#pragma once

#include "algorithm/piece.hpp"
#include "algorithm/records.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

/// The largest |g_r| on the support of `active`; infinity where one is not a number, which max() would pass over.
template <class Team>
COVLASSO_STEP double largest_on_support(const Team& team, const ActiveSet& active, const double* gradient) {
    const Id* source = active.sources();
    return team.max(active.size(), [=](Index r) {
        const double size = std::fabs(gradient[source[r]]);
        return size < infinity ? size : infinity;
    });
}

template <class Team>
class Pursuit {
    using Gram = TargetGram<Team>;

public:
    COVLASSO_FN Pursuit(Team team, const Gram& gram) : team_(team), piece_(team, gram) {}

    /// Room for `terms` sources from the start.
    COVLASSO_FN void reserve(Index terms) { piece_.reserve(terms + 1); }

    /// Chooses the terms of `target` and appends an event for each to `path`, with the score at which it was chosen.
    COVLASSO_FN Outcome run(Target& target, const Limits& limits, EventList& path) {
        begin(target, limits, path);
        while (!done_) {
            const Best best = choose();
            if (ends_before(best)) break;
            if (!take(best)) continue;  // it depends on those that are in
            if (verified()) accept(best, path);
        }
        return outcome_;
    }

private:
    COVLASSO_FN void begin(Target& target, const Limits& limits, EventList& path) {
        target_ = &target;
        limits_ = limits;
        done_ = false;
        terms_ = 0;
        outcome_ = Outcome{};
        piece_.begin(target, limits.l2, limits.noise);
        open_.reserve(team_, target.sources);
        double *gradient = target.gradient.data(), *outside = target.outside.data(), *open = open_.data();
        const double *cross = target.cross.data(), *penalty = target.penalty.data();
        team_.for_each(target.sources, [=](Index j) {
            gradient[j] = 2.0 * cross[j];
            outside[j] = penalty[j];
            open[j] = penalty[j] < infinity ? 1.0 : 0.0;
        });
        if (target.weighted)
            team_.for_each(target.sources,
                           [=](Index j) { open[j] = penalty[j] > 0.0 ? 1.0 / penalty[j] : 0.0; });
        team_.sync();
        enter_unpenalised(path);
        noise_ = rounding * piece_.mass(0.0);
    }

    /// Sources of weight 0 are in from the start; one that depends on the others adds nothing.
    COVLASSO_FN void enter_unpenalised(EventList& path) {
        Target& target = *target_;
        const double* penalty = target.penalty.data();
        const Index count =
            team_.select(target.sources, [=](Index j) { return penalty[j] == 0.0; }, target.chosen.data());
        if (count == 0) return;
        piece_.admit(count);
        for (Index j = 0; j < count && !done_; ++j)
            if (enter(j)) path.push(team_, {infinity, piece_.candidates().source(j), 1});
        piece_.refine();
        piece_.gradient(0.0, target.gradient);
    }

    /// The source outside with the largest |g_j| / w_j, among those whose gradient is more than rounding.
    COVLASSO_STEP Best choose() {
        const double *gradient = target_->gradient.data(), *open = open_.data(), *root = target_->root;
        const double noise = noise_;
        const auto score = [=](Index j) { return std::fabs(gradient[j]) * open[j]; };
        const auto is_rounding = [=](Index j) { return std::fabs(gradient[j]) <= noise * root[j]; };
        team_.sync();
        const Best best = team_.largest(target_->sources, score);
        if (best.index < 0 || !is_rounding(best.index)) return best;
        return team_.largest(target_->sources, [=](Index j) { return is_rounding(j) ? 0.0 : score(j); });
    }

    /// Whether the pursuit ends before `best` enters.
    COVLASSO_FN bool ends_before(const Best& best) {
        if (team_.stopped()) return end(Status::interrupted);
        if (best.index < 0) return end_exhausted();
        outcome_.lambda_end = best.value;
        if (terms_ == 0) outcome_.lambda_max = best.value;
        if (limits_.error > 0.0 && piece_.error()(0.0) <= limits_.error) return end(Status::error);
        return done_;
    }

    /// `best` enters, unless it depends on those that are in, or the pursuit ends here.
    COVLASSO_FN bool take(const Best& best) {
        team_.one([&] {
            target_->chosen[0] = static_cast<Id>(best.index);
            open_[best.index] = 0.0;
        });
        team_.sync();
        piece_.admit(1);
        const Index place = piece_.candidates().size() - 1;
        const bool full = piece_.active().size() >= limits_.max_terms;
        const bool independent = full ? piece_.examine(place) == Entry::entered : enter(place);
        if (full && independent) end(Status::terms);
        if (!independent) learn_noise(best.index);
        return independent && !full;
    }

    COVLASSO_FN bool enter(Index place) {
        const Entry entry = piece_.enter(place, 0.0);
        if (entry == Entry::indefinite) {
            outcome_.culprit = piece_.candidates().source(place);
            end(Status::uncertified);
        }
        return entry == Entry::entered;
    }

    /// The gradient of a source that depends on those in is zero: what it shows is the size of rounding. Nothing beyond
    /// the resolution of the certificate is learnt.
    COVLASSO_FN void learn_noise(Index j) {
        const double shown = std::min(std::fabs(target_->gradient[j]), kkt_tolerance * scale());
        noise_ = larger(noise_, shown / target_->root[j]);
    }

    /// The gradient of all sources with the new term, and whether it vanishes on the support as far as it should.
    COVLASSO_FN bool verified() {
        const double* gradient = target_->gradient.data();
        piece_.gradient(0.0, target_->gradient);
        residual_ = largest_on_support(team_, piece_.active(), gradient);
        if (residual_ > drift * scale()) {
            piece_.refine();
            piece_.gradient(0.0, target_->gradient);
            residual_ = largest_on_support(team_, piece_.active(), gradient);
        }
        // Half is left for reading the solution back.
        const double bar = kkt_tolerance * outcome_.lambda_max * piece_.least_active_penalty();
        const bool exact = residual_ <= 0.5 * bar && piece_.gradient_error(0.0) <= bar;
        if (!exact) return !end(Status::floor);
        if (!piece_.has_negative_error(0.0, gradient)) return true;
        outcome_.culprit = Outcome::the_target;
        return !end(Status::uncertified);
    }

    COVLASSO_FN void accept(const Best& best, EventList& path) {
        const ActiveSet& active = piece_.active();
        path.push(team_,
                  {best.value, static_cast<Id>(best.index), active.base(active.size() - 1) < 0.0 ? -1 : 1});
        ++terms_;
        const double kkt = residual_ / scale();
        const double least = outcome_.lambda_max * piece_.least_active_penalty();
        outcome_.kkt = larger(outcome_.kkt, kkt <= 0.5 * kkt_tolerance ? kkt : residual_ / least);
        noise_ = rounding * piece_.mass(0.0);
    }

    /// Residuals are relative to the first score times the smallest weight.
    COVLASSO_FN double scale() const { return outcome_.lambda_max * target_->least_penalty; }

    /// No source is left that would explain anything.
    COVLASSO_FN bool end_exhausted() {
        if (terms_ == 0) outcome_.lambda_max = 0.0;
        outcome_.lambda_end = 0.0;
        return end(Status::exhausted);
    }

    COVLASSO_FN bool end(Status status) {
        outcome_.status = status;
        return done_ = true;
    }

    static constexpr double drift = 1e-12;  // of a residual: beyond it the active set is refined

    Team team_;
    Piece<Team> piece_;
    Limits limits_{};
    Target* target_ = nullptr;
    Outcome outcome_{};
    Index terms_ = 0;        // penalised sources that are in
    double noise_ = 0.0;     // gradients of at most this times sqrt(G_jj) are rounding
    double residual_ = 0.0;  // of the normal equations
    bool done_ = false;
    Buffer<double> open_;  // 1 / w_j; 0: in, set aside, or excluded
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
