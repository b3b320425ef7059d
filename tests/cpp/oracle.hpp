// What must hold of a solution, computed from the raw data and never from a stored answer.
#pragma once

#include <vector>

#include "problems.hpp"

namespace test {

/// The dense coefficients of the target at position t.
std::vector<double> coefficients(const covlasso::Solutions& solutions, Index t, Index p);

Index terms_of(const covlasso::Solutions& solutions, Index t);

/// b'Gb - 2c'b + e.
double error_of(const Data& data, Index t, const std::vector<double>& b);

double l1_norm(const std::vector<double>& b);

/// Violation of the optimality conditions of   b'Gb - 2c'b + l2 |b|^2 + lambda sum_j w_j |b_j|,
/// relative to lambda (at lambda = 0 to the largest r of b = 0). With r_j = 2 (c - G b - l2 b)_j: r_j = lambda w_j sign(b_j) where
/// b_j != 0, |r_j| <= lambda w_j elsewhere (r_j <= lambda w_j if b >= 0 is asked for).
double kkt_residual(const Data& data, const covlasso::Options& options, Index t, double lambda,
                    const std::vector<double>& b);

/// Checks each solution against the data: support, error, KKT residual, the status that goes with it. One that is not
/// certified is the end of its path, or lies below a floor and reports its own residual.
void check_solutions(const Data& data, const covlasso::Options& options, const covlasso::Paths& paths,
                     const covlasso::Solutions& solutions);

/// Solves, and checks the path, its end, and its solutions at `lambdas_per_target` values of lambda from above
/// lambda_max down to below its end. Every target must come out certified.
void check_path(Data& data, const covlasso::Options& options = {}, int lambdas_per_target = 12);

}  // namespace test
