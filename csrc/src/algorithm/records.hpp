// What passes between the algorithm and those who run it: a path, a place on it, a solution, a piece.
#pragma once

#include "covlasso/path.hpp"

namespace covlasso {

/// How the path of one target ended.
struct Outcome {
    Status status = Status::certified;
    double lambda_max = 0.0;
    double lambda_end = 0.0;
    double kkt =
        0.0;  ///< largest violation at the end, relative to lambda_end (to lambda_max where that is 0)
    Id culprit = -1;  ///< the source whose entry showed an indefinite Gram, or the target itself

    static constexpr Id the_target = -2;
    static constexpr Id own_rows = -3;  ///< of the target: not finite, or too large
};

/// How far rounding moves an event, relative to its lambda: less takes no answer out of its certificate, and more is another
/// event.
inline constexpr double misplaced = 1e-10, most_misplaced = 1e-3;

/// Whether two events, the lower one at `lower`, are at one lambda, and only rounding has parted them. Gradients carry
/// rounding of lambda_max, and where logits share a mean the solutions magnify it some thousand times.
COVLASSO_FN inline bool at_one_lambda(double upper, double lower, double lambda_max) {
    constexpr double least = 1e-10, most = 1e-7, magnified = 2e-11;
    if (lower < upper * (1.0 - most)) return false;
    const double share = magnified * lambda_max / upper;
    return lower >= upper * (1.0 - (share < least ? least : share > most ? most : share));
}

/// A path as it is stored: its events and its end.
struct PathView {
    const Event* event;
    Index count;
    Outcome outcome;
};

/// One solution; the arrays belong to the worker that found it, and are valid until its next call.
struct Solution {
    const Id* index;
    const double* value;
    Index count;
    double lambda, error, kkt;
    Status status;
};

/// Where a solution is wanted on every path.
struct Place {
    enum Kind {
        at_lambda,
        at_terms,
        at_relative_error
    } kind;
    const double* lambda = nullptr;  ///< one per target (at_lambda)
    Index terms = 0;                 ///< at_terms
    double relative_error = 0.0;     ///< at_relative_error
    bool refit = false;
};

/// One piece of a path, b = base - lambda slope on `count` sources, with b'Gb - 2c'b + e as a polynomial in lambda; the
/// arrays belong to the worker that found it, and are valid until its next call.
struct PieceView {
    const Id* source;
    const double *base, *slope;
    Index count;
    double error[4];  ///< factors of 1, x and x^2, and the unit in x = lambda / unit
};

}  // namespace covlasso
