// The active set A of one target, with the two solutions that make a piece of the path.
//
// On a piece, b_A(lambda) = base - lambda * slope, where (with the ridge term on the diagonal of G_AA)
//     base  = G_AA^-1 c_A           least squares on A
//     slope = G_AA^-1 push          push_r = s_r w_r / 2, signs times half the penalty factors.
// The inverse M = G_AA^-1 is kept explicitly, because bordering it costs two passes over k^2 numbers without a
// dependent chain, for entering and for leaving. Its rounding does not accumulate: refine() corrects both solutions
// by their residuals in the entries of G, for which M need only be a good approximation.
#pragma once

#include <cmath>
#include <limits>

#include "algorithm/compensated.hpp"
#include "covlasso/gram.hpp"
#include "team/panels.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

/// b_A moves along `direction` (in the workspace): base by `base`, slope by `slope` times it.
struct Change {
    double base;
    double slope;
};

/// How far a source is from the span of A: its Schur complement, and the rounding that this number may carry.
struct Independence {
    double schur;
    double
        mass;  ///< (sum_r |u_r| sqrt(G_rr) + sqrt(G_jj))^2: an error eps in G moves schur by at most eps * mass
};

/// The power of two next to x > 0, from below; 1 for what has none.
COVLASSO_FN inline double power_of_two(double x) {
    if (!(x > 0.0 && x < std::numeric_limits<double>::infinity())) return 1.0;
    int exponent = 0;
    std::frexp(x, &exponent);
    return std::ldexp(1.0, exponent - 1);
}

/// constant + linear x + square x^2 with x = lambda / unit. The unit is a power of two, which changes no digit, and keeps
/// the factors within range where weights and moments are far from 1.
struct Quadratic {
    double constant;
    double linear;
    double square;
    double unit;

    COVLASSO_FN double operator()(double lambda) const {
        const double x = lambda / unit;
        return constant + x * (linear + x * square);
    }

    /// The largest lambda in [low, high] with value <= bound; -1 if there is none. The function is convex; with a ridge
    /// it may rise again towards low.
    COVLASSO_FN double largest_below(double bound, double low, double high) const {
        if ((*this)(high) <= bound) return high;
        const double most =
            std::fmax(std::fmax(std::fabs(linear), std::fabs(square)), std::fabs(constant - bound));
        const double one = power_of_two(1.0 / most);  // products of two factors stay within range
        const double half = 0.5 * linear * one, rest = (constant - bound) * one, bend = square * one;
        const double discriminant = half * half - bend * rest, root = std::sqrt(std::fmax(discriminant, 0.0));
        double lambda = low;
        if (rest <= 0.0 && half + root > 0.0)
            lambda = -rest / (half + root) * unit;  // no cancellation
        else if (discriminant >= 0.0 && bend > 0.0)
            lambda = (root - half) / bend * unit;
        if (lambda > low) return std::fmin(lambda, high);
        return (*this)(low) <= bound ? low : -1.0;
    }
};

class ActiveSet {
public:
    /// Room for `capacity` sources; those that are active stay.
    template <class Team>
    COVLASSO_FN void reserve(const Team& team, Index capacity) {
        const Index length = padded(capacity + 1), used = padded_size();
        for (Buffer<double>* vector : {&base_, &slope_, &push_, &cross_, &root_})
            vector->reserve(team, length, used);
        for (Buffer<double>* scratch : {&direction_, &residual_, &step_}) scratch->reserve(team, length);
        source_.reserve(team, length, size_);
        place_.reserve(team, length, size_);
        inverse_.reserve_rows(team, capacity, size_);
        inverse_.reserve_columns(team, capacity < first_columns ? capacity : first_columns);
    }

    COVLASSO_FN void clear() {
        size_ = 0;
        is_delicate_ = false;
    }

    /// Whether a source entered that nearly depended on the others: M is then so large that only twice the precision tells
    /// what depends on it.
    COVLASSO_FN bool is_delicate() const { return is_delicate_; }
    COVLASSO_FN void mark_delicate() { is_delicate_ = true; }
    COVLASSO_FN Index size() const { return size_; }
    COVLASSO_FN Id source(Index r) const { return source_[r]; }
    COVLASSO_FN Id place(Index r) const { return place_[r]; }
    COVLASSO_FN const Id* sources() const { return source_.data(); }
    COVLASSO_FN double base(Index r) const { return base_[r]; }
    COVLASSO_FN double slope(Index r) const { return slope_[r]; }
    COVLASSO_FN double push(Index r) const { return push_[r]; }
    COVLASSO_FN const double* base() const { return base_.data(); }
    COVLASSO_FN const double* slope() const { return slope_.data(); }
    COVLASSO_FN const double* pushes() const { return push_.data(); }
    COVLASSO_FN const double* crosses() const { return cross_.data(); }
    COVLASSO_FN const double* roots() const { return root_.data(); }  ///< sqrt(G_rr), ridge included
    COVLASSO_FN const double* direction() const { return direction_.data(); }
    COVLASSO_FN double coefficient(Index r, double lambda) const { return base_[r] - lambda * slope_[r]; }

    /// M_rr G_rr, by which rounding of a gradient grows on its way to b_r.
    COVLASSO_FN double amplification(Index r) const { return inverse_.at(r, r) * root_[r] * root_[r]; }

    /// Puts [-M g; 1] into direction(), where g = G(A, j), padded with zeros, and d = G_jj.
    template <class Team>
    COVLASSO_FN Independence measure(const Team& team, const double* g, double d) {
        const Index k = size_;
        double* u = direction_.data();
        inverse_.product(team, k, k, g, u);
        const double* root = root_.data();
        const double overlap = team.sum(padded_size(), [=](Index r) { return g[r] * u[r]; });
        const double mass =
            team.sum(padded_size(), [=](Index r) { return std::fabs(u[r]) * root[r]; }) + std::sqrt(d);
        team.sync();
        team.for_each(padded(k + 1), [=](Index r) { u[r] = r < k ? -u[r] : (r == k ? 1.0 : 0.0); });
        team.sync();
        return {d - overlap, mass * mass};
    }

    /// The same in twice the precision, with u = M g corrected by its residual, and with the Schur complement as the form v'Gv
    /// of v = [-u; 1], in which the error of u enters squared only.
    template <class Team>
    COVLASSO_STEP Independence measure_again(const Team& team, const Panels& gram, const double* g,
                                             double d) {
        const Index k = size_;
        double *v = direction_.data(), *residual = residual_.data(), *step = step_.data();
        const auto multiply = [&] {  // residual = G(A, A + j) v
            team.for_each(padded_size(), [&](Index r) {
                Compensated sum{r < k ? g[r] : 0.0, 0.0};
                for (Index s = 0; r < k && s < k; ++s) sum.add_product(gram.at(r, s), v[s]);
                residual[r] = sum.value();
            });
            team.sync();
        };
        for (int pass = 0; pass < corrections; ++pass) {
            multiply();
            inverse_.product(team, k, k, residual, step);
            team.for_each(k, [=](Index r) { v[r] -= step[r]; });
            team.sync();
        }
        multiply();
        Compensated last{d, 0.0};
        for (Index r = 0; r < k; ++r) last.add_product(g[r], v[r]);
        const double* root = root_.data();
        const double form = last.value() + team.sum(k, [=](Index r) { return v[r] * residual[r]; });
        const double mass = team.sum(k, [=](Index r) { return std::fabs(v[r]) * root[r]; }) + std::sqrt(d);
        return {form, mass * mass};
    }

    /// The source measured last enters. `place` is the caller's number for it.
    template <class Team>
    COVLASSO_STEP Change enter(const Team& team, Id source, Id place, const double* g, double d, double schur,
                               double cross, double push) {
        const Index k = size_;
        if (k % panel_width == 0) open_panel(team);
        const double* base = base_.data();
        const double* slope = slope_.data();
        const Index width = padded_size();
        const Change change{(cross - team.sum(width, [=](Index r) { return g[r] * base[r]; })) / schur,
                            (push - team.sum(width, [=](Index r) { return g[r] * slope[r]; })) / schur};
        team.sync();
        for (Index q = 0; q <= k / panel_width; ++q) {
            double* row = inverse_.panel(q) + k * panel_width;
            team.for_each(panel_width, [=](Index t) { row[t] = 0.0; });
        }
        team.one([&] {
            source_[k] = source;
            place_[k] = place;
            cross_[k] = cross;
            push_[k] = push;
            root_[k] = std::sqrt(d);
            base_[k] = slope_[k] = 0.0;
        });
        size_ = k + 1;
        team.sync();
        inverse_.add_outer(team, size_, size_, direction_.data(), 1.0 / schur);
        move(team, change);
        return change;
    }

    /// Puts M_r / M_rr into direction() and moves the solutions so that source r has none; drop(r) then removes it.
    template <class Team>
    COVLASSO_STEP Change release(const Team& team, Index r) {
        double* v = direction_.data();
        const double pivot = inverse_.at(r, r);
        for (Index q = 0; q < panel_count(size_); ++q) {
            const double* row = inverse_.panel(q) + r * panel_width;
            team.for_each(panel_width, [=](Index t) { v[q * panel_width + t] = row[t] / pivot; });
        }
        team.sync();
        const Change change{-base_[r], -slope_[r]};
        inverse_.add_outer(team, size_, size_, v, -pivot);
        move(team, change);
        return change;
    }

    /// The last source takes the place of source r, whose row and column of M are zero after release().
    template <class Team>
    COVLASSO_STEP void drop(const Team& team, Index r) {
        const Index last = size_ - 1;
        if (r != last) {
            inverse_.copy_row(team, last, r, size_);
            team.for_each(last, [&](Index i) {
                inverse_.at(i, r) = i == r ? inverse_.at(last, last) : inverse_.at(r, i);
            });
        }
        team.sync();
        team.for_each(size_, [&](Index i) { inverse_.at(i, last) = 0.0; });
        team.one([&] {
            source_[r] = source_[last];
            place_[r] = place_[last];
            for (Buffer<double>* vector : {&base_, &slope_, &push_, &cross_, &root_}) {
                (*vector)[r] = (*vector)[last];
                (*vector)[last] = 0.0;
            }
        });
        size_ = last;
        team.sync();
    }

    /// One step of iterative refinement of base and slope against G_AA itself (`gram`, ridge on its diagonal).
    template <class Team>
    COVLASSO_FN void refine(const Team& team, const Panels& gram) {
        correct(team, gram, base_.data(), cross_.data());
        correct(team, gram, slope_.data(), push_.data());
    }

    /// One step of iterative refinement of b at lambda itself, the residual in twice the precision: base and lambda slope may
    /// be large beside it.
    template <class Team>
    COVLASSO_STEP void correct_at(const Team& team, const Panels& gram, double lambda, double* b) {
        const double *cross = cross_.data(), *push = push_.data();
        double *residual = residual_.data(), *step = direction_.data();
        team.for_each(padded_size(), [&](Index r) {
            Compensated sum{r < size_ ? cross[r] : 0.0, 0.0};
            if (r < size_) sum.add_product(-lambda, push[r]);
            for (Index s = 0; r < size_ && s < size_; ++s) sum.add_product(-gram.at(r, s), b[s]);
            residual[r] = sum.value();
        });
        team.sync();
        inverse_.product(team, size_, size_, residual, step);
        team.for_each(size_, [=](Index r) { b[r] += step[r]; });
        team.sync();
    }

    /// b'Gb - 2c'b + e as a function of lambda, where l2 is the ridge that G_AA carries on its diagonal:
    /// e - c'base + lambda^2 slope'push - l2 |b|^2.
    template <class Team>
    COVLASSO_STEP Quadratic error(const Team& team, double energy, double l2, bool weighted) const {
        const double *base = base_.data(), *slope = slope_.data(), *cross = cross_.data(),
                     *push = push_.data();
        const auto sum = [&](auto term) { return team.sum(size_, term); };
        const double unit = weighted ? unit_of_lambda(team) : 1.0;
        return {energy - sum([=](Index r) { return cross[r] * base[r] + l2 * base[r] * base[r]; }),
                sum([=](Index r) { return 2.0 * l2 * base[r] * (slope[r] * unit); }), sum([=](Index r) {
                    const double s = slope[r] * unit;
                    return s * (push[r] * unit) - l2 * s * s;
                }),
                unit};
    }

private:
    /// The power of two with which the largest push is about the largest c_r, and so a slope of the size of a base.
    template <class Team>
    COVLASSO_FN double unit_of_lambda(const Team& team) const {
        const double *cross = cross_.data(), *push = push_.data();
        const double most_cross = team.max(size_, [=](Index r) { return std::fabs(cross[r]); });
        const double most_push = team.max(size_, [=](Index r) { return std::fabs(push[r]); });
        return most_push > 0.0 ? power_of_two(most_cross / most_push) : 1.0;
    }

    static constexpr int corrections = 2;  // of u, each by a factor of about eps cond(G_AA)

    COVLASSO_FN Index padded_size() const { return padded(size_); }

    /// M and the vectors get 32 more columns, all zero.
    template <class Team>
    COVLASSO_FN void open_panel(const Team& team) {
        const Index q = size_ / panel_width;
        inverse_.reserve_columns(team, size_ + panel_width);
        double* panel = inverse_.panel(q);
        team.for_each(size_ * panel_width, [=](Index t) { panel[t] = 0.0; });
        for (Buffer<double>* vector : {&base_, &slope_, &push_, &cross_, &root_}) {
            double* tail = vector->data() + q * panel_width;
            team.for_each(panel_width, [=](Index t) { tail[t] = 0.0; });
        }
        team.sync();
    }

    template <class Team>
    COVLASSO_FN void move(const Team& team, Change change) {
        double *base = base_.data(), *slope = slope_.data();
        const double* v = direction_.data();
        team.for_each(padded_size(), [=](Index r) {
            base[r] += change.base * v[r];
            slope[r] += change.slope * v[r];
        });
        team.sync();
    }

    /// x += M (right - G x)
    template <class Team>
    COVLASSO_STEP void correct(const Team& team, const Panels& gram, double* x, const double* right) {
        double *residual = residual_.data(), *step = direction_.data();
        gram.product(team, size_, size_, x, residual);
        team.for_each(padded_size(), [=](Index r) { residual[r] = right[r] - residual[r]; });
        team.sync();
        inverse_.product(team, size_, size_, residual, step);
        team.for_each(size_, [=](Index r) { x[r] += step[r]; });
        team.sync();
    }

    Index size_ = 0;
    bool is_delicate_ = false;
    Panels inverse_;
    Buffer<Id> source_, place_;
    Buffer<double> base_, slope_, push_, cross_, root_;  // per source; root: sqrt(G_jj)
    Buffer<double> direction_, residual_, step_;
};

/// Whether b_r is zero but for rounding at two places, and so between them. Each of the k gradients carries `noise` times
/// sqrt(G_rr), and M takes them to b_r.
COVLASSO_FN inline bool stays_at_zero(const ActiveSet& active, Index r, double upper, double lower,
                                      double noise) {
    const double b = larger(std::fabs(active.coefficient(r, upper)), std::fabs(active.coefficient(r, lower)));
    constexpr double most = 1e6;  // beyond it, rounding does not tell coefficients from zero
    const double gain = std::fmin(static_cast<double>(active.size()) * active.amplification(r), most);
    return b * active.roots()[r] <= noise * gain;
}

/// How many sources have a coefficient on the piece between two lambdas.
template <class Team>
COVLASSO_FN Index count_terms(const Team& team, const ActiveSet& active, double upper, double lower,
                              double noise) {
    return active.size() - static_cast<Index>(team.sum(active.size(), [&](Index r) {
               return stays_at_zero(active, r, upper, lower, noise) ? 1.0 : 0.0;
           }));
}

}  // namespace COVLASSO_ISA
}  // namespace covlasso
