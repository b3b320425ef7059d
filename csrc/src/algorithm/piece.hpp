// One piece of a path: the active set and the candidates, kept in step while sources enter and leave.
#pragma once

#include <algorithm>

#include "algorithm/candidates.hpp"
#include "algorithm/target.hpp"
#include "algorithm/target_gram.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

inline constexpr double rounding = 16.0 * 0x1p-53;  ///< of a gradient, per unit of mass

/// An error by a formula, or what it is by the coefficients where the two differ by more than rounding of energy + mass().
/// Never below zero.
template <class Mass>
COVLASSO_FN double reconciled(double by_formula, double by_coefficients, double energy, Mass mass) {
    const double difference = std::fabs(by_formula - by_coefficients);
    const bool agree = difference <= rounding * energy || difference <= rounding * (energy + mass());
    const double error = agree ? by_formula : by_coefficients;
    return error < 0.0 ? 0.0 : error;
}

/// The radius of a gradient beside which nearly all sources are still told from their bounds lambda w_j, w_j = 1.
COVLASSO_FN inline double most_radius(const Target& target, double lambda) {
    constexpr double share = 0.02;
    return target.energy > 0.0 ? share * lambda / std::sqrt(target.energy) : 0.0;
}

/// What became of a source that was to enter.
enum class Entry {
    entered,
    dependent,
    indefinite
};

template <class Team>
class Piece {
    using Gram = TargetGram<Team>;

public:
    COVLASSO_FN Piece(Team team, const Gram& gram) : team_(team), gram_(gram) {}

    /// Room for `rows` active sources; those that are active stay. More of them make room for themselves.
    COVLASSO_FN void reserve(Index rows) {
        active_.reserve(team_, rows);
        candidates_.reserve(team_, rows, active_.size());
        beta_.reserve(team_, padded(rows));
        column_.reserve(team_, padded(rows));
        gram_active_.reserve_rows(team_, rows);
        rows_ = rows;
    }

    /// An empty piece.
    COVLASSO_FN void begin(Target& target, double l2, double noise) {
        target_ = &target;
        l2_ = l2;
        noise_ = noise;
        active_.clear();
        candidates_.begin(l2);
    }

    COVLASSO_FN ActiveSet& active() { return active_; }
    COVLASSO_FN const ActiveSet& active() const { return active_; }
    COVLASSO_FN Candidates& candidates() { return candidates_; }
    COVLASSO_FN const Candidates& candidates() const { return candidates_; }

    /// The first `count` of target.chosen become candidates.
    COVLASSO_FN void admit(Index count) {
        Target& target = *target_;
        if constexpr (Team::approximates) settle_cross(count);
        candidates_.admit(team_, gram_, active_, target.chosen.data(), count, target);
        team_.for_each(count, [&](Index t) { target.outside[target.chosen[t]] = infinity; });
        team_.sync();
    }

    /// Candidate j becomes active with push = s_j w_j / 2, unless it depends on the active set: then it is set aside.
    COVLASSO_STEP Entry enter(Index j, double push) {
        const Entry entry = examine(j);
        candidates_.hold(team_, j);
        if (entry != Entry::entered) return entry;
        const Index k = active_.size();
        if (is_doubtful_) active_.mark_delicate();
        const Change change = active_.enter(team_, candidates_.source(j), static_cast<Id>(j), column_.data(),
                                            candidates_.rows().at(k, j), schur_, candidates_.cross(j), push);
        candidates_.move(team_, k + 1, active_.direction(), change);
        return entry;
    }

    /// What becomes of candidate j if it is to enter. Its row of G(A, S) is then row k, beside the active ones: looking
    /// changes nothing, and may be repeated.
    COVLASSO_STEP Entry examine(Index j) {
        const Index k = active_.size();
        if (k >= rows_) reserve(std::max<Index>(2 * rows_, 1));
        candidates_.fetch_row(team_, gram_, k, j);
        double* g = column_.data();
        team_.for_each(padded(k + 1),
                       [&](Index r) { g[r] = r < k ? candidates_.rows().at(k, active_.place(r)) : 0.0; });
        team_.sync();
        const double diagonal = candidates_.rows().at(k, j);
        Independence test = active_.measure(team_, g, diagonal);
        is_doubtful_ = test.schur < doubtful * test.mass || active_.is_delicate();
        if (is_doubtful_) {
            gather_gram();
            test = active_.measure_again(team_, gram_active_, g, diagonal);
        }
        schur_ = test.schur;
        if (test.schur < -indefinite * noise_ * test.mass) return Entry::indefinite;
        return test.schur <= dependent * test.mass ? Entry::dependent : Entry::entered;
    }

    /// Active source r leaves. What depended on the active set may be independent of the rest, so all are freed.
    COVLASSO_STEP void leave(Index r) {
        const Index last = active_.size() - 1;
        const Change change = active_.release(team_, r);
        candidates_.move(team_, last + 1, active_.direction(), change);
        active_.drop(team_, r);
        candidates_.drop_row(team_, r, last);
        candidates_.hold_only(team_, active_);
    }

    /// Whether the error at lambda, with the gradient there, is below zero beyond rounding: as it is b'Gb - 2c'b + e
    /// for the b at hand, the target and its sources then have no joint second moment.
    COVLASSO_FN bool has_negative_error(double lambda, const double* gradient) const {
        const double error = target_->energy - team_.sum(active_.size(), [&](Index r) {
            const Id j = active_.source(r);
            const double b = active_.coefficient(r, lambda);
            return b * (target_->cross[j] + 0.5 * gradient[j] + l2_ * b);
        });
        const double reach = mass(lambda);
        return error < -indefinite * noise_ * reach * reach;
    }

    /// sqrt(e) + sum_r |b_r| sqrt(G_rr): no level j (candidates.hpp) in double is exact beyond eps sqrt(G_jj) times this.
    COVLASSO_FN double mass(double lambda) const { return std::sqrt(target_->energy) + length(lambda); }

    /// A bound on the rounding of the active gradients 2 (c - G b)_r at lambda, where |G_rs| <= sqrt(G_rr G_ss). What
    /// exceeds the tolerance of the certificate by no more than this may be rounding.
    COVLASSO_STEP double gradient_error(double lambda) const {
        const double *cross = active_.crosses(), *root = active_.roots(), reach = length(lambda);
        return rounding *
               team_.max(active_.size(), [=](Index r) { return std::fabs(cross[r]) + root[r] * reach; });
    }

    /// The smallest weight of the active sources; of all, where none of these is penalised.
    COVLASSO_FN double least_active_penalty() const {
        if (!target_->weighted) return target_->least_penalty;
        const double* w = target_->penalty.data();
        const Id* source = active_.sources();
        const double most =
            team_.max(active_.size(), [=](Index r) { return w[source[r]] > 0.0 ? 1.0 / w[source[r]] : 0.0; });
        return most > 0.0 ? 1.0 / most : target_->least_penalty;
    }

    /// The error on this piece as a function of lambda.
    COVLASSO_FN Quadratic error() const {
        return active_.error(team_, target_->energy, l2_, target_->weighted);
    }

    /// The error of least squares on the active set, which was refined last: e - c'base, or e - base'(2c - G base) where base
    /// is so inexact that the two differ.
    COVLASSO_STEP double error_of_base() {
        const Index k = active_.size();
        beta_.reserve(team_, padded(k));
        double* product = beta_.data();
        gram_active_.product(team_, k, k, active_.base(), product);
        const double *base = active_.base(), *cross = active_.crosses(), l2 = l2_;
        const double explained =
            team_.sum(k, [=](Index r) { return base[r] * (2.0 * cross[r] - product[r] + l2 * base[r]); });
        const double energy = target_->energy;
        const double error = reconciled(this->error()(0.0), energy - explained, energy, [&] {
            return team_.sum(k, [=](Index r) { return std::fabs(base[r] * cross[r]); });
        });
        team_.sync();
        return error;
    }

    /// Where the candidate examined last meets its bound on this piece, from the entries of G in twice the precision of double:
    /// with v = [-M G(A, j); 1] and the push s w_j / 2 that it would have, base and slope need not be exact in
    ///     |level_j| = 2 s v'(c - G base),   room_j = 2 s v'(push - G slope).
    COVLASSO_STEP double entry_of_examined(Index j, double otherwise) const {
        const Index k = active_.size();
        const double *v = active_.direction(), *base = active_.base(), *slope = active_.slope(),
                     *cross = active_.crosses(), *push = active_.pushes();
        const Panels& rows = candidates_.rows();  // row k is that of j
        const auto along = [&](const double* right, double last, const double* b) {
            return team_.sum(k + 1, [&](Index i) {
                Compensated left{i < k ? right[i] : last, 0.0};
                for (Index r = 0; r < k; ++r) left.add_product(-rows.at(i, active_.place(r)), b[r]);
                return v[i] * left.value();
            });
        };
        const double level = along(cross, candidates_.cross(j), base);
        const double bound = 0.5 * std::copysign(candidates_.penalty(j), level);
        const double room = along(push, bound, slope);
        team_.sync();
        return room * level > 0.0 ? level / room : otherwise;
    }

    /// Corrects the active set against the entries of G themselves.
    COVLASSO_STEP void refine() {
        gather_gram();
        active_.refine(team_, gram_active_);
    }

    /// b at lambda, corrected against the entries of G in twice the precision.
    COVLASSO_STEP const double* corrected(double lambda) {
        const Index k = active_.size();
        gather_gram();
        double* b = beta_.data();
        team_.for_each(k, [&](Index r) { b[r] = active_.coefficient(r, lambda); });
        team_.sync();
        for (int pass = 0; pass < 2; ++pass) active_.correct_at(team_, gram_active_, lambda, b);
        return b;
    }

    /// gradient = 2 (c - G b - l2 b) at lambda for all sources, from the caller's Gram.
    /// That of a rough target is so outside the candidates.
    COVLASSO_STEP void gradient(double lambda, Gradient& result) {
        const Index k = active_.size();
        team_.for_each(k, [&](Index r) { beta_[r] = active_.coefficient(r, lambda); });
        team_.sync();
        if constexpr (Team::approximates)
            if (target_->is_rough) {
                result.approximate(team_, gram_, target_->self, {active_.sources(), beta_.data(), k},
                                   most_radius(*target_, lambda));
                return settle_candidates(lambda, result);
            }
        const double* cross = target_->cross.data();
        double* gradient = result.data();
        result.set_exact();
        multiply(team_, gram_, {active_.sources(), beta_.data(), k}, gradient,
                 [=](Index j, double product) { gradient[j] = 2.0 * (cross[j] - product); });
        team_.sync();
        team_.for_each(k, [&](Index r) { gradient[active_.source(r)] -= 2.0 * l2_ * beta_[r]; });
        team_.sync();
    }

    /// The gradient of the candidates at lambda from their rows, in the place of a rough one.
    COVLASSO_STEP void settle_candidates(double lambda, Gradient& gradient) {
        const Index k = active_.size(), size = candidates_.size();
        settled_.reserve(team_, padded(size));
        double *product = settled_.data(), *b = beta_.data();
        const Id* source = candidates_.sources();
        const double* cross = candidates_.crosses();
        double* value = gradient.data();
        team_.for_each(k, [&](Index r) { b[r] = active_.coefficient(r, lambda); });
        team_.sync();
        candidates_.rows().product(team_, k, size, b, product);
        team_.sync();
        team_.for_each(size, [=](Index j) { value[source[j]] = 2.0 * (cross[j] - product[j]); });
        team_.sync();
    }

    /// The largest violation of the KKT conditions at lambda by the candidates, given the gradient there:
    /// |g_j| <= lambda w_j (g_j <= lambda w_j if positive), and g_j = lambda s_j w_j on the active set.
    COVLASSO_STEP double residual_inside(double lambda, const double* gradient, bool positive) const {
        const Id* source = candidates_.sources();
        const double* w = candidates_.penalties();
        const double both = positive ? 0.0 : 1.0;
        const double worst = team_.max(candidates_.size(), [=](Index j) {
            return larger(gradient[source[j]], -both * gradient[source[j]]) - lambda * w[j];
        });
        return larger(worst, active_residual(lambda, gradient));
    }

private:
    /// c of the first `count` of target.chosen, where the target is rough.
    COVLASSO_FN void settle_cross(Index count) {
        if (!target_->is_rough) return;
        settled_.reserve(team_, count);
        double *entry = settled_.data(), *cross = target_->cross.data();
        const Id* chosen = target_->chosen.data();
        gather(team_, gram_, target_->self, chosen, count, entry);
        team_.for_each(count, [=](Index t) { cross[chosen[t]] = entry[t]; });
    }

    /// sum_r |b_r| sqrt(G_rr)
    COVLASSO_FN double length(double lambda) const {
        const double *base = active_.base(), *slope = active_.slope(), *root = active_.roots();
        return team_.sum(padded(active_.size()),
                         [=](Index r) { return std::fabs(base[r] - lambda * slope[r]) * root[r]; });
    }

    /// gram_active_ = G_AA, ridge included.
    COVLASSO_FN void gather_gram() {
        const Index k = active_.size();
        gram_active_.reserve_columns(team_, k);
        const Panels& rows = candidates_.rows();
        Panels& to = gram_active_;
        team_.for_tiles(panel_count(k), k, [&](Index q, Index r, Index t) {
            const Index s = q * panel_width + t;
            to.at(r, s) = s < k ? rows.at(r, active_.place(s)) : 0.0;
        });
        team_.sync();
    }

    /// On the active set; a coefficient whose sign is not that of its push is as good as zero, which moves its
    /// gradient by 2 G_rr |b_r|.
    COVLASSO_FN double active_residual(double lambda, const double* gradient) const {
        return team_.max(active_.size(), [&](Index r) {
            const double push = active_.push(r), b = active_.coefficient(r, lambda),
                         root = active_.roots()[r];
            const double violation = std::fabs(gradient[active_.source(r)] - 2.0 * lambda * push);
            if (!(violation < infinity)) return infinity;  // max() passes over NaN
            return b * push < 0.0 ? larger(violation, 2.0 * root * root * std::fabs(b)) : violation;
        });
    }

    static constexpr double doubtful = 1e-6;  // of the mass: the error of M may show in the Schur complement
    static constexpr double dependent = 64.0 * 0x1p-53;  // Schur complement / mass: all digits cancelled
    static constexpr double indefinite = 64.0;  // negative beyond what rounding of the entries explains

    Team team_;
    const Gram& gram_;
    Target* target_ = nullptr;
    Index rows_ = 0;
    double l2_ = 0.0;
    double noise_ = 0.0;
    double schur_ = 0.0;  // of the candidate examined last
    bool is_doubtful_ = false;
    ActiveSet active_;
    Candidates candidates_;
    Panels gram_active_;
    Buffer<double> beta_, column_;
    Buffer<double> settled_;  // numbers of candidates
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
