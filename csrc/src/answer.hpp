// The coefficients that a query returns, and what the caller's Gram says of them. A certificate is of these numbers and
// of no others, whatever they were found by.
#pragma once

#include <cmath>

#include "piece.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

template <class Team>
class Answer {
public:
    Answer(Team team, const Gram& gram) : team_(team), gram_(gram) {}

    /// No coefficient yet, with room for `most`.
    void begin(Target& target, double l2, Index most) {
        target_ = &target;
        l2_ = l2;
        source_.reserve(most + 1);
        value_.reserve(most + 1);
        size_ = 0;
    }

    /// b_source = value; zeros are not kept.
    void put(Id source, double value) {
        if (value == 0.0) return;
        source_[size_] = source;
        value_[size_++] = value;
    }

    Index size() const { return size_; }
    const Id* sources() const { return source_.data(); }
    const double* values() const { return value_.data(); }

    /// The largest violation of the KKT conditions at lambda, with g = 2 (c - G b - l2 b):
    /// g_j = lambda w_j sign(b_j) where b_j is not zero, else |g_j| <= lambda w_j (g_j <= lambda w_j if positive).
    double residual(double lambda, bool positive) {
        multiply();
        double* product = target_->next_gradient.data();
        for (Index s = 0; s < size_; ++s) product[source_[s]] += l2_ * value_[s];
        team_.sync();
        const double *c = target_->cross.data(), *w = target_->penalty.data();
        const double both = positive ? 0.0 : 1.0;
        double worst = team_.max(target_->sources, [=](Index j) {
            const double g = 2.0 * (c[j] - product[j]);
            return w[j] < infinity ? larger(g, -both * g) - lambda * w[j] : 0.0;
        });
        for (Index s = 0; s < size_; ++s) {
            const Id j = source_[s];
            const double g = 2.0 * (c[j] - product[j]);
            worst = larger(worst, std::fabs(g - std::copysign(lambda * w[j], value_[s])));
        }
        return worst;
    }

    /// A bound on the rounding of g on the support, where |G_rs| <= sqrt(G_rr G_ss). A residual of no more than this
    /// may be rounding.
    double gradient_error() const {
        const double *root = target_->root, *cross = target_->cross.data(), *value = value_.data();
        const Id* source = source_.data();
        const double reach = team_.sum(size_, [=](Index s) { return std::fabs(value[s]) * root[source[s]]; });
        const double l2 = l2_;
        return rounding * team_.max(size_, [=](Index s) {
            return std::fabs(cross[source[s]]) + root[source[s]] * reach + l2 * std::fabs(value[s]);
        });
    }

    /// b'Gb - 2c'b + e
    double error() {
        multiply();
        const double *product = target_->next_gradient.data(), *cross = target_->cross.data(),
                     *value = value_.data();
        const Id* source = source_.data();
        return target_->energy + team_.sum(size_, [=](Index s) {
            return value[s] * (product[source[s]] - 2.0 * cross[source[s]]);
        });
    }

private:
    /// next_gradient = G b
    void multiply() {
        gram_.multiply({source_.data(), value_.data(), size_, 1}, target_->next_gradient.data(),
                       target_->sources);
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
