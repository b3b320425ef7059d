// The proof of a stage: that no source outside the candidates left its bounds in it, or which ones did.
//
// At the ends of the stage the gradient of all sources is known, and in between how far it can be from its chord (stage.hpp).
// The first pass lists those that this bound does not clear. Of a rough target (gradient.hpp) those come next whose numbers
// leave it open wherever in their radii they are; what is left of them is settled from the entries of G. The rest is exact.
#pragma once

#include <cmath>

#include "algorithm/piece.hpp"
#include "algorithm/stage.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

template <class Team>
class StageProof {
    using Gram = TargetGram<Team>;

public:
    enum Kind {
        violators,  ///< `count` sources left their bounds
        too_many  ///< `count` sources of a rough target are open: a shorter stage is cheaper than settling them
    };
    struct Found {
        Kind kind;
        Index count;
    };

    COVLASSO_FN StageProof(Team team, const Gram& gram) : team_(team), gram_(gram) {}

    /// Lists in target.chosen the sources outside the candidates that left their bounds on the way from the stage's start to
    /// lambda. may_shorten: the caller can repeat the stage shorter.
    COVLASSO_STEP Found find_violators(Stage& stage, Target& target, const Piece<Team>& piece, double lambda,
                                       bool positive, bool may_shorten) {
        stage_ = &stage;
        target_ = &target;
        end_ = lambda;
        both_ = positive ? 0.0 : 1.0;
        noise_ = rounding * piece.mass(0.0);
        const Deviation deviation = stage.deviation(team_, piece.candidates());
        Index count = flag(deviation);
        if constexpr (Team::approximates)
            if (target.is_rough) {
                count = keep_open(deviation, count);
                if (count > most_open && may_shorten) return {too_many, count};
            }
        return {violators, keep_violators(deviation, count, piece.candidates())};
    }

private:
    /// Lists the sources that the largest deviation of all might bring to their bounds; returns how many.
    COVLASSO_STEP Index flag(const Deviation& deviation) const {
        const double *g0 = target_->gradient.data(), *g1 = target_->next_gradient.data();
        const double *w = target_->outside.data(), *root = target_->root;
        const double l0 = stage_->start(), l1 = end_, both = both_;
        // |p_j| <= root_j |v| makes this the larger of the two bounds, without a root for every source.
        const double most =
            2.0 * (1.0 + tolerance) * (deviation.across + deviation.along * std::sqrt(deviation.norm));
        const double most0 = most + target_->gradient.radius(),
                     most1 = most + target_->next_gradient.radius();
        return team_.select(
            target_->sources,
            [=](Index j) {
                const double room0 = l0 * w[j] - larger(g0[j], -both * g0[j]);
                const double room1 = l1 * w[j] - larger(g1[j], -both * g1[j]);
                return (room0 < most0 * root[j]) | (room1 < most1 * root[j]);
            },
            target_->chosen.data());
    }

    /// Of the first `count` listed, keeps those that left their bounds; returns how many.
    COVLASSO_STEP Index keep_violators(const Deviation& deviation, Index count,
                                       const Candidates& candidates) {
        Target& target = *target_;
        Index kept = 0;
        bool packed = false;
        for (Index f = 0; f < count; ++f) {
            const Id j = target.chosen[f];
            if constexpr (Team::approximates)
                if (target.is_rough) settle(j);
            const double w = target.outside[j], root = target.root[j], g0 = target.gradient[j];
            const double room0 = room(stage_->start(), w, g0), room1 = room(end_, w, target.next_gradient[j]);
            const double slack = end_ > 0.0 ? tolerance * end_ * w : noise_ * root;
            bool out = room1 < -slack;
            if (!out && std::fmin(room0, room1) + slack < deviation.reach(root, target.cross[j] - 0.5 * g0)) {
                if (!packed) stage_->gather_support(team_, candidates);
                packed = true;
                out = stage_->leaves_bound(team_, gram_, j, target.cross[j], w * (1.0 + tolerance),
                                           both_ == 0.0);
            }
            if (!out) continue;
            team_.sync();
            team_.one([&] { target.chosen[kept] = j; });
            ++kept;
        }
        team_.sync();
        return kept;
    }

    /// Of the first `count` listed of a rough target, keeps those that may leave their bounds by what is known of them;
    /// returns how many.
    COVLASSO_FN Index keep_open(const Deviation& deviation, Index count) const {
        Id* list = target_->chosen.data();
        Index open = 0;
        for (Index f = 0; f < count; ++f)
            if (!stays_inside(list[f], deviation)) list[open++] = list[f];
        return open;
    }

    /// Whether source j of a rough target stays within its bounds, wherever in their radii its numbers are.
    COVLASSO_FN bool stays_inside(Id j, const Deviation& deviation) const {
        const Target& target = *target_;
        const double root = target.root[j], w = target.outside[j], g0 = target.gradient[j];
        const double radius0 = target.gradient.radius() * root,
                     radius1 = target.next_gradient.radius() * root;
        return stage_->stays_inside(
            room(stage_->start(), w, g0) - radius0, room(end_, w, target.next_gradient[j]) - radius1, root,
            target.cross[j] - 0.5 * g0, target.cross_radius * root + 0.5 * radius0, deviation.norm);
    }

    /// All that is known of source j of a rough target, from the entries of G.
    COVLASSO_FN void settle(Id j) {
        target_->gradient.settle(team_, gram_, j);
        target_->next_gradient.settle(team_, gram_, j);
        gather(team_, gram_, target_->self, &j, 1, &target_->cross[j]);
    }

    /// The distance of a gradient from its bound.
    COVLASSO_FN double room(double lambda, double w, double g) const {
        return lambda * w - larger(g, -both_ * g);
    }

    static constexpr double tolerance = 1e-11;  // of a bound
    static constexpr Index most_open = 100;     // to settle them costs as much as a product

    Team team_;
    const Gram& gram_;
    Stage* stage_ = nullptr;
    Target* target_ = nullptr;
    double end_ = 0.0;
    double both_ =
        1.0;  // 1 where both signs are allowed, so that the size of g is max(g, -g); 0: only g > 0 counts
    double noise_ = 0.0;
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
