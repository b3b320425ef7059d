// The coefficients that a query returns, and what the caller's Gram says of them. A certificate is of these numbers and
// of no others, whatever they were found by.
#pragma once

#include <cmath>

#include "algorithm/piece.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

template <class Team>
class Answer {
    using Gram = TargetGram<Team>;

public:
    COVLASSO_FN Answer(Team team, const Gram& gram) : team_(team), gram_(gram) {}

    /// No coefficient yet, with room for `most`.
    COVLASSO_FN void begin(Target& target, double l2, Index most) {
        team_.sync();
        target_ = &target;
        l2_ = l2;
        source_.reserve(team_, most + 1);
        value_.reserve(team_, most + 1);
        size_ = 0;
    }

    /// b_source = value; zeros are not kept.
    COVLASSO_FN void put(Id source, double value) {
        if (value == 0.0) return;
        team_.one([&] {
            source_[size_] = source;
            value_[size_] = value;
        });
        ++size_;
    }

    COVLASSO_FN Index size() const { return size_; }
    COVLASSO_FN const Id* sources() const { return source_.data(); }
    COVLASSO_FN const double* values() const { return value_.data(); }

    /// The largest violation of the KKT conditions at lambda, with g = 2 (c - G b - l2 b):
    /// g_j = lambda w_j sign(b_j) where b_j is not zero, else |g_j| <= lambda w_j (g_j <= lambda w_j if positive).
    COVLASSO_STEP double residual(double lambda, bool positive) {
        double* gradient = target_->next_gradient.data();
        const double *c = target_->cross.data(), *w = target_->penalty.data(), *value = value_.data();
        const Id* source = source_.data();
        const double both = positive ? 0.0 : 1.0, l2 = l2_;
        bool is_rough = false;
        if constexpr (Team::approximates) is_rough = target_->is_rough;
        if (is_rough)
            settle_gradient(lambda, both);
        else
            for_product([=](Index j, double product) { gradient[j] = 2.0 * (c[j] - product); });
        team_.for_each(size_, [=](Index s) { gradient[source[s]] -= 2.0 * l2 * value[s]; });
        team_.sync();
        const double outside = team_.max(target_->sources, [=](Index j) {
            const double violation = larger(gradient[j], -both * gradient[j]) - lambda * w[j];
            return w[j] < infinity ? (violation < infinity ? violation : infinity)
                                   : 0.0;  // max() passes over NaN
        });
        const double inside = team_.max(size_, [=](Index s) {
            const Id j = source[s];
            const double violation = std::fabs(gradient[j] - std::copysign(lambda * w[j], value[s]));
            return violation < infinity ? violation : infinity;
        });
        team_.sync();
        return larger(outside, inside);
    }

    /// The smallest weight of the sources that take part at lambda > 0, by the gradient of residual(): those with a
    /// coefficient, and those at their bound or beyond it. Above lambda_max, those nearest to it. At lambda = 0, where every
    /// bound is zero, those with a coefficient. 0: there is none but unpenalised ones.
    COVLASSO_STEP double least_weight(double lambda, bool positive) const {
        const double *gradient = target_->next_gradient.data(), *w = target_->penalty.data();
        const Id* source = source_.data();
        const double both = positive ? 0.0 : 1.0;
        double most =
            team_.max(size_, [=](Index s) { return w[source[s]] > 0.0 ? 1.0 / w[source[s]] : 0.0; });
        if (lambda > 0.0) {
            const auto height = [=](Index j) {
                const bool is_penalised = w[j] > 0.0 && w[j] < infinity;
                return is_penalised ? larger(gradient[j], -both * gradient[j]) / w[j] : 0.0;
            };
            const double highest = team_.max(target_->sources, height);
            const double bar = (1.0 - kkt_tolerance) * (highest < lambda ? highest : lambda);
            most = larger(most, team_.max(target_->sources, [=](Index j) {
                return height(j) >= bar && height(j) > 0.0 ? 1.0 / w[j] : 0.0;
            }));
        }
        return most > 0.0 ? 1.0 / most : 0.0;
    }

    /// A bound on the rounding of g on the support, where |G_rs| <= sqrt(G_rr G_ss). A residual of no more than this
    /// may be rounding.
    COVLASSO_FN double gradient_error() const {
        const double *root = target_->root, *cross = target_->cross.data(), *value = value_.data();
        const Id* source = source_.data();
        const double reach = team_.sum(size_, [=](Index s) { return std::fabs(value[s]) * root[source[s]]; });
        const double l2 = l2_;
        return rounding * team_.max(size_, [=](Index s) {
            return std::fabs(cross[source[s]]) + root[source[s]] * reach + l2 * std::fabs(value[s]);
        });
    }

    /// b'Gb - 2c'b + e, given what it is by the formula of the piece. That is kept where it is the error of these
    /// coefficients but for rounding; elsewhere it is e - sum b_s (c_s + g_s / 2 + l2 b_s), by the gradient of residual().
    COVLASSO_STEP double error(double by_formula) const {
        const double *gradient = target_->next_gradient.data(), *cross = target_->cross.data(),
                     *value = value_.data();
        const Id* source = source_.data();
        const double l2 = l2_;
        const double explained = team_.sum(size_, [=](Index s) {
            return value[s] * (cross[source[s]] + 0.5 * gradient[source[s]] + l2 * value[s]);
        });
        return reconciled(by_formula, target_->energy - explained, target_->energy, [&] {
            return team_.sum(size_, [=](Index s) { return std::fabs(value[s] * cross[source[s]]); });
        });
    }

    /// b'Gb - 2c'b + e
    COVLASSO_FN double error() {
        double* out = target_->next_gradient.data();
        for_product([=](Index j, double product) { out[j] = product; });
        const double *cross = target_->cross.data(), *value = value_.data();
        const Id* source = source_.data();
        const double form =
            team_.sum(size_, [=](Index s) { return value[s] * (out[source[s]] - 2.0 * cross[source[s]]); });
        team_.sync();
        const double error = target_->energy + form;
        return error < 0.0 ? 0.0 : error;
    }

private:
    /// 2 (c - G b) of a rough target: from the entries of G for the terms, and wherever a source may be at its bound or beyond.
    COVLASSO_STEP void settle_gradient(double lambda, double both) {
        if constexpr (Team::approximates) {
            Gradient& gradient = target_->next_gradient;
            const double *w = target_->penalty.data(), *root = target_->root;
            gradient.approximate(team_, gram_, target_->self, {source_.data(), value_.data(), size_},
                                 most_radius(*target_, lambda));
            const double* g = gradient.data();
            const double radius = gradient.radius(), bar = lambda * (1.0 - kkt_tolerance);
            Id* open = target_->chosen.data();
            const Index count = team_.select(
                target_->sources,
                [=](Index j) {
                    return w[j] < infinity && !(larger(g[j], -both * g[j]) + radius * root[j] < bar * w[j]);
                },
                open);
            for (Index t = 0; t < count; ++t) gradient.settle(team_, gram_, open[t]);
            for (Index s = 0; s < size_; ++s) gradient.settle(team_, gram_, source_[s]);
        }
    }

    /// finish(j, (G b)_j) for all sources; next_gradient is its scratch.
    template <class Finish>
    COVLASSO_FN void for_product(Finish finish) {
        team_.sync();
        multiply(team_, gram_, {source_.data(), value_.data(), size_}, target_->next_gradient.data(), finish);
        team_.sync();
    }

    Team team_;
    const Gram& gram_;
    Target* target_ = nullptr;
    double l2_ = 0.0;
    Index size_ = 0;
    Buffer<Id> source_;
    Buffer<double> value_;
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
