// What moments must satisfy entry by entry, and the text of every fault: the same wherever the numbers lie.
#pragma once

#include "covlasso/problem.hpp"

namespace covlasso {

/// Rounding that two ways of computing the same second moment may leave, relative to sqrt(G_ii G_jj).
constexpr double moment_slack(bool float32) { return float32 ? 1e-5 : 1e-10; }

/// The same between cross rows, energies and Gram.
inline double cross_slack(const Problem& problem) {
    return moment_slack(problem.cross.f32.data || problem.gram->epsilon() >= 0x1p-24);
}

COVLASSO_FN inline bool is_finite(double x) { return x - x == 0.0; }
COVLASSO_FN inline double size_of(double x) { return x < 0.0 ? -x : x; }

COVLASSO_FN inline bool is_energy(double x) { return x >= 0.0 && is_finite(x); }

/// a = G_ij and b = G_ji, with scale = sqrt(G_ii G_jj).
COVLASSO_FN inline bool are_equal(double a, double b, double scale, double slack) {
    const double apart = size_of(a - b);
    return apart <= slack * scale || apart <= slack * size_of(a);
}

/// |a| <= scale, else there are no two samples with these moments.
COVLASSO_FN inline bool is_bounded(double a, double scale, double slack) {
    return size_of(a) <= scale * (1.0 + slack);
}

COVLASSO_FN inline bool is_pair(double a, double b, double scale, double slack) {
    return is_finite(a) && is_finite(b) && are_equal(a, b, scale, slack) && is_bounded(a, scale, slack);
}

/// All that validate() checks but the numbers in the targets' own rows, which are looked at where they are used.
void validate_shared(const Problem& problem, const Options& options);
/// These numbers: finite, and no square overflows.
void check_own_values(const Problem& problem);

/// G_jj
void check_diagonal(Index j, double d);
/// a = G_ij and b = G_ji, with scale = sqrt(G_ii G_jj).
void check_pair(Index i, Index j, double a, double b, double scale, double slack);
/// e_i
void check_energy(Index i, double energy);
/// c_ij, with scale = sqrt(e_i G_jj).
void check_cross_entry(Index i, Index j, double c, double scale, double slack);

}  // namespace covlasso
