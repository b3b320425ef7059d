// The exact solution paths of all targets, and the solutions read off them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "covlasso/problem.hpp"

namespace covlasso {

/// What is known about one target's path or solution.
enum class Status : std::uint8_t {
    certified,    ///< the solution asked for, with a KKT residual of at most kkt_tolerance
    terms,        ///< the path ended earlier, before term max_terms + 1; this is its end
    lambda,       ///< the path ended earlier, at min_lambda; this is its end
    error,        ///< the path ended earlier, at its relative_error; this is its end
    exhausted,    ///< the path reached lambda = 0: no further source can enter; this is its end
    floor,        ///< rounding may exceed kkt_tolerance at this lambda: the one asked for, or the path's end
    uncertified,  ///< neither homotopy nor coordinate descent brought the KKT residual below kkt_tolerance
    interrupted,  ///< stopped by the caller before this target was done
};

const char* to_string(Status status);

/// The instructions that the solver uses on this processor: "avx512", "avx2" or "baseline".
const char* instruction_set();

/// A solution with a KKT residual of at most this is certified.
inline constexpr double kkt_tolerance = 1e-9;

/// A knot of a path: at `lambda`, `source` enters with the sign given, or leaves (sign 0).
///
/// Unpenalised sources (weight 0) are there from the start: they enter at lambda = infinity with sign +1.
/// In a pursuit, `lambda` is the score |g_j| / w_j with which the source was chosen, g = 2 (c - G b - l2 b): it may rise from
/// one event to the next, and no source leaves.
struct Event {
    double lambda;
    Id source;
    std::int32_t sign;
};

/// Sparse solutions, one per target, in compressed rows.
struct Solutions {
    std::vector<Index> offset;   ///< targets + 1
    std::vector<Id> index;       ///< sources, ascending within a target
    std::vector<double> value;   ///< coefficients b
    std::vector<double> lambda;  ///< where on the path, paper's scale; in a pursuit: the largest score left
    std::vector<double> error;   ///< b'Gb - 2c'b + e  (of the refitted b where refit is set)
    std::vector<double>
        kkt;  ///< KKT residual of the Lasso solution, relative to lambda (at 0: to lambda_max) times the smallest weight,
    ///< or, where it is too large beside that, the smallest of the sources with a coefficient or at their bound;
    ///< infinite where a number that was read is not finite; in a pursuit: the larger violation of the normal equations and of the greedy rule, relative to the first score
    std::vector<Status> status;
};

/// A function of lambda on a grid, for one target.
struct Profile {
    std::vector<double> error;    ///< b'Gb - 2c'b + e
    std::vector<double> l1_norm;  ///< sum_j |b_j|
};

/// The knots of one target with the coefficients at each, in compressed rows (knot k: index[offset[k]] ..).
struct Knots {
    std::vector<Event> event;
    std::vector<Index> offset;
    std::vector<Id> index;
    std::vector<double> value;
};

class Engine;

/// Exact solution paths: piecewise linear in lambda, stored as events only.
///
/// With Method::pursuit the terms in their order, also stored as events: a solution is least squares on the first of them,
/// whether `refit` is set or not, and there is none at a lambda.
///
/// It refers to the problem's memory (Gram, cross rows, weights), from which coefficients are solved on demand.
class Paths {
public:
    /// Solves all targets of the problem. Equal inputs give equal bits, whatever the number of threads.
    /// @throws InvalidArgument  what validate() finds;  IndefiniteGram  what pivots show on the way.
    Paths(const Problem& problem, const Options& options);

    Index size() const { return problem_.target_count; }

    /// Solutions at one lambda per target (lambda: size() numbers, paper's scale).
    ///
    /// Where `progress` returns false, the targets not read by then have status interrupted and no coefficients.
    /// @throws InvalidArgument  lambda is out of range, or this is a pursuit.
    Solutions at_lambda(const double* lambda, bool refit = false, const Progress& progress = {}) const;
    /// Solutions just before term k + 1 enters for the first time; in a pursuit, with its first k terms.
    Solutions at_terms(Index terms, bool refit = false, const Progress& progress = {}) const;
    /// Solutions at the largest lambda with error <= relative_error * energy; in a pursuit, with the fewest terms.
    Solutions at_relative_error(double relative_error, bool refit = false,
                                const Progress& progress = {}) const;

    /// Error and l1 norm of target t at `count` values of lambda (below the end of the path: those of its end).
    /// @throws InvalidArgument  lambda is out of range, or this is a pursuit.
    Profile profile(Index t, const double* lambda, Index count) const;
    /// The knots of target t, in the order of falling lambda; in a pursuit, the least squares solution with each term.
    Knots knots(Index t) const;

    const Event* begin(Index t) const { return events_.data() + offset_[t]; }
    const Event* end(Index t) const { return events_.data() + offset_[t + 1]; }

    const std::vector<Event>& events() const { return events_; }
    const std::vector<Index>& offset() const { return offset_; }
    /// Zero solution iff lambda >= it; in a pursuit: the first score.
    const std::vector<double>& lambda_max() const { return lambda_max_; }
    /// Where the path ends; in a pursuit: the largest score left, 0 where nothing is left but rounding.
    const std::vector<double>& lambda_end() const { return lambda_end_; }
    const std::vector<double>& kkt() const { return kkt_; }        ///< KKT residual at the end, relative
    const std::vector<Status>& status() const { return status_; }  ///< why the path ended
    Index interrupted() const;                                     ///< how many targets were not done

private:
    void check_target(Index t) const;
    void require_lasso(const char* argument) const;

    Problem problem_;
    Method method_;
    std::shared_ptr<const Engine> engine_;  // what followed the paths, and reads from them
    std::vector<Index> offset_;
    std::vector<Event> events_;
    std::vector<double> lambda_max_, lambda_end_, kkt_;
    std::vector<Status> status_;
};

}  // namespace covlasso
