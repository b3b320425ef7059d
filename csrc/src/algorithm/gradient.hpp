// The gradient g = 2 (c - G b) of all sources at one b: exact, or within a radius.
//
// A Gram may find products faster within a radius: then g_j is known within radius * sqrt(G_jj). That settles nearly all
// sources, as these are far inside their bounds. Those that it leaves open are settled one by one from the entries of G, and
// candidates always are (piece.hpp); nothing is decided by a number that may be off. Within one network c = G e_i, so that
//     g = 2 G x,   x = e_i - b,
// is one product, whose radius falls with the error of the target.
#pragma once

#include "covlasso/gram.hpp"
#include "team/buffer.hpp"
#include "team/team.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

class Gradient {
public:
    template <class Team>
    COVLASSO_FN void reserve(const Team& team, Index p) {
        value_.reserve(team, p);
    }

    COVLASSO_FN double* data() { return value_.data(); }
    COVLASSO_FN const double* data() const { return value_.data(); }
    COVLASSO_FN double& operator[](Index j) { return value_[j]; }
    COVLASSO_FN double operator[](Index j) const { return value_[j]; }
    COVLASSO_FN double radius() const { return radius_; }

    COVLASSO_FN void swap(Gradient& other) {
        const Gradient mine = *this;
        *this = other;
        other = mine;
    }

    /// Its values have been written by others, and are exact.
    COVLASSO_FN void set_exact() { radius_ = 0.0; }

    /// Its values have been written by others, within a radius, for b = 0.
    template <class Team>
    COVLASSO_FN void set_rough(const Team& team, Id self, double radius) {
        hold(team, self, {});
        radius_ = radius;
    }

    /// 2 G (e_self - b), within a radius of at most `tolerance`.
    template <class Team, class Gram>
    COVLASSO_FN void approximate(const Team& team, const Gram& gram, Id self, SparseVector b,
                                 double tolerance) {
        hold(team, self, b);
        double* value = value_.data();
        radius_ = 2.0 * multiply_within(team, gram, 0.5 * tolerance, {index_.data(), x_.data(), count_},
                                        value, [=](Index j, double product) { value[j] = 2.0 * product; });
    }

    /// The gradient of source j from the entries of G, which takes its place.
    template <class Team, class Gram>
    COVLASSO_FN void settle(const Team& team, const Gram& gram, Id j) {
        row_.reserve(team, count_);
        double* row = row_.data();
        const double* x = x_.data();
        gather(team, gram, j, index_.data(), count_, row);
        value_[j] = 2.0 * team.sum(count_, [=](Index r) { return row[r] * x[r]; });
    }

private:
    /// x = e_self - b
    template <class Team>
    COVLASSO_FN void hold(const Team& team, Id self, SparseVector b) {
        count_ = b.count + 1;
        index_.reserve(team, count_);
        x_.reserve(team, count_);
        index_[0] = self;
        x_[0] = 1.0;
        for (Index r = 0; r < b.count; ++r) {
            index_[r + 1] = b.index[r];
            x_[r + 1] = -b.value[r];
        }
    }

    Buffer<double> value_;
    double radius_ = 0.0;
    Index count_ = 0;
    Buffer<Id> index_;  // of x
    Buffer<double> x_, row_;
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
