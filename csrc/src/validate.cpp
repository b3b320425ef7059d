// Checks of everything that comes from outside, before any work is done.
#include "validate.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <string>
#include <vector>

#include "covlasso/error.hpp"
#include "covlasso/problem.hpp"
#include "cpu/parallel.hpp"

namespace covlasso {

namespace {

constexpr double least_weight = 1e-100;  // lambda times a weight stays within the range of double

[[noreturn]] void fail(const std::string& argument, const std::string& what) {
    throw InvalidArgument(argument + ": " + what);
}

std::string text(double x, int digits = 6) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.*g", digits, x);
    return buffer;
}

/// The fewest digits, from six on, with which two different numbers do not look alike.
int telling_digits(double a, double b) {
    int digits = 6;
    while (digits < 17 && text(a, digits) == text(b, digits)) ++digits;
    return digits;
}

std::string text(Index i) { return std::to_string(i); }

std::string entry(Index i, Index j) { return "[" + text(i) + ", " + text(j) + "]"; }

void check_count(const std::string& argument, double value) {
    if (!is_energy(value)) fail(argument, "must be a finite number >= 0, got " + text(value));
}

}  // namespace

// ---- single entries ----

void check_diagonal(Index j, double d) {
    if (!is_finite(d))
        fail("gram", "not finite at " + entry(j, j) + "; remove such logits before the moments");
    if (d < 0.0)
        throw IndefiniteGram("gram: negative diagonal " + text(d) + " at " + entry(j, j) +
                             "; a second moment has none: pass X'X / N");
}

void check_pair(Index i, Index j, double a, double b, double scale, double slack) {
    if (!is_finite(a))
        fail("gram", "not finite at " + entry(i, j) + "; remove such logits before the moments");
    if (!is_finite(b))
        fail("gram", "not finite at " + entry(j, i) + "; remove such logits before the moments");
    if (!are_equal(a, b, scale, slack)) {
        const int digits = telling_digits(a, b);
        fail("gram", "not symmetric: " + text(a, digits) + " at " + entry(i, j) + " but " + text(b, digits) +
                         " at " + entry(j, i) + "; pass (G + G') / 2 if the difference is rounding");
    }
    if (!is_bounded(a, scale, slack)) {
        const int digits = telling_digits(size_of(a), scale);
        throw IndefiniteGram("gram: not positive semi-definite: |" + text(a, digits) + "| at " + entry(i, j) +
                             " exceeds sqrt(G_ii G_jj) = " + text(scale, digits) + " of categories " +
                             text(i) + " and " + text(j) +
                             "; pass second moments X'X / N, as float32 what was rounded to float32");
    }
}

void check_energy(Index i, double energy) { check_count("energy[" + text(i) + "]", energy); }

void check_cross_entry(Index i, Index j, double c, double scale, double slack) {
    if (!is_finite(c)) fail("cross", "not finite at " + entry(i, j));
    if (is_bounded(c, scale, slack)) return;
    const int digits = telling_digits(size_of(c), scale);
    fail("cross", "|" + text(c, digits) + "| at " + entry(i, j) + " exceeds sqrt(energy_i G_jj) = " +
                      text(scale, digits) + ": cross, energy and gram are not moments of the same samples");
}

namespace {

// ---- the dense Gram ----

template <class T>
std::vector<double> checked_root(const MatrixView<T>& g) {
    std::vector<double> root(static_cast<std::size_t>(g.rows));
    for (Index j = 0; j < g.rows; ++j) {
        const double d = static_cast<double>(g(j, j));
        check_diagonal(j, d);
        root[static_cast<std::size_t>(j)] = std::sqrt(d);
    }
    return root;
}

/// Whether all pairs of a block (rows from i0, columns from j0) are in order; without branches, so that it vectorises.
template <class T>
bool block_in_order(const MatrixView<T>& g, const double* root, Index i0, Index i1, Index j0, Index j1) {
    constexpr Index side = 64;
    constexpr double slack = moment_slack(sizeof(T) == sizeof(float));
    double mirror[side];
    double wrong = 0.0;  // a double, so that it shares the data's lanes
    for (Index i = i0; i < i1; ++i) {
        const T* row = g.row(i);
        for (Index j = j0; j < j1; ++j) mirror[j - j0] = static_cast<double>(g(j, i));
        const double ri = root[i];
#pragma omp simd reduction(+ : wrong)
        for (Index j = j0; j < j1; ++j) {
            const double a = static_cast<double>(row[j]), scale = ri * root[j];
            const bool equal = std::fabs(a - mirror[j - j0]) <= slack * scale;
            const bool bounded = is_bounded(a, scale, slack);
            wrong += (equal & bounded) ? 0.0 : 1.0;
        }
    }
    return wrong == 0.0;
}

template <class T>
void check_dense(const MatrixView<T>& g, int threads) {
    const std::vector<double> root = checked_root(g);
    constexpr Index side = 64;
    const Index blocks = (g.rows + side - 1) / side;
    std::atomic<bool> stop{false};
    std::atomic<Index> first{
        blocks};  // the first row of blocks with a fault, so that the message is always the same
    for_each_item(thread_count(threads, blocks), blocks, nullptr, stop, [&](int, Index bi) {
        const Index i0 = bi * side, i1 = std::min(i0 + side, g.rows);
        for (Index j0 = i0; j0 < g.rows; j0 += side) {
            if (block_in_order(g, root.data(), i0, i1, j0, std::min(j0 + side, g.rows))) continue;
            Index known = first;
            while (bi < known && !first.compare_exchange_weak(known, bi)) {
            }
            return;
        }
    });
    if (first == blocks) return;
    for (Index i = first * side; i < g.rows; ++i)
        for (Index j = i; j < g.rows; ++j)
            check_pair(i, j, static_cast<double>(g(i, j)), static_cast<double>(g(j, i)),
                       root[static_cast<std::size_t>(i)] * root[static_cast<std::size_t>(j)],
                       moment_slack(sizeof(T) == sizeof(float)));
}

template <class T>
void check_view(const char* name, const MatrixView<T>& view) {
    if (view.stride < view.cols)
        fail(name, "row stride " + text(view.stride) + " is less than its " + text(view.cols) + " columns");
}

template <class T>
void check_square(const MatrixView<T>& view) {
    if (view.rows != view.cols)
        fail("gram", "must be square, got " + text(view.rows) + " x " + text(view.cols));
    check_view("gram", view);
}

void check_gram_shape(const Gram& gram) {
    if (gram.size() < 1) fail("gram", "empty; at least one category is needed");
    const AnyMatrix matrix = gram.matrix();
    if (matrix.f64.data) check_square(matrix.f64);
    if (matrix.f32.data) check_square(matrix.f32);
    if (!matrix.empty() && matrix.rows() != gram.size())
        fail("gram",
             "its matrix() has " + text(matrix.rows()) + " rows, but its size() is " + text(gram.size()));
}

/// Checks a Gram that lies in memory; others are taken at their word but for their diagonal.
void check_gram(const Gram& gram, int threads) {
    const AnyMatrix matrix = gram.matrix();
    if (matrix.f64.data) {
        check_dense(matrix.f64, threads);
    } else if (matrix.f32.data) {
        check_dense(matrix.f32, threads);
    } else {
        std::vector<double> diagonal(static_cast<std::size_t>(gram.size()));
        gram.diagonal(diagonal.data());
        for (Index j = 0; j < gram.size(); ++j)
            check_count("gram: diagonal entry " + text(j), diagonal[static_cast<std::size_t>(j)]);
    }
}

// ---- the targets' own data ----

void check_targets(const Problem& problem) {
    const Index possible = problem.possible_targets();
    if (problem.target_count < 1) fail("targets", "empty; name at least one");
    if (problem.targets == nullptr && problem.target_count > possible)
        fail("targets", text(problem.target_count) + " asked for, but there are " + text(possible));
    for (Index t = 0; t < problem.target_count; ++t)
        if (problem.target(t) < 0 || problem.target(t) >= possible)
            fail("targets", "index " + text(Index{problem.target(t)}) + " at position " + text(t) +
                                " is out of range for " + text(possible) + " targets");
    if (problem.exclude_self && !problem.intra())
        for (Index t = 0; t < problem.target_count; ++t)
            if (problem.target(t) >= problem.sources())
                fail("exclude", "\"self\" needs target " + text(Index{problem.target(t)}) +
                                    " among the sources, but there are only " + text(problem.sources()) +
                                    "; pass exclude=None or a mask");
}

/// Whether |c_ij| <= length * root_j for the whole row, without branches, so that it vectorises.
template <class T>
bool row_in_order(const T* c, const double* root, Index count, double length, double slack) {
    double wrong = 0.0;
#pragma omp simd reduction(+ : wrong)
    for (Index j = 0; j < count; ++j)
        wrong += is_bounded(static_cast<double>(c[j]), length * root[j], slack) ? 0.0 : 1.0;
    return wrong == 0.0;
}

/// |c_ij| <= sqrt(e_i G_jj), else (f_i, g) has no joint second moment.
void check_cross_row(const Problem& problem, const std::vector<double>& root, Index i) {
    const double energy = problem.energy[i], slack = cross_slack(problem);
    check_energy(i, energy);
    const AnyMatrix& cross = problem.cross;
    const double length = std::sqrt(energy);
    const Index count = problem.sources();
    if (cross.f64.data ? row_in_order(cross.f64.row(i), root.data(), count, length, slack)
                       : row_in_order(cross.f32.row(i), root.data(), count, length, slack))
        return;
    for (Index j = 0; j < problem.sources(); ++j)
        check_cross_entry(i, j, problem.cross(i, j), std::sqrt(energy) * root[static_cast<std::size_t>(j)],
                          slack);
}

void check_cross_shape(const Problem& problem) {
    if (problem.intra()) {
        if (!problem.exclude_self)
            fail("exclude", "within one network a target would explain itself; pass exclude=\"self\"");
        return;
    }
    if (problem.cross.f32.data && problem.cross.f64.data) fail("cross", "set one of f32 and f64, not both");
    problem.cross.f64.data ? check_view("cross", problem.cross.f64) : check_view("cross", problem.cross.f32);
    if (problem.cross.cols() != problem.sources())
        fail("cross", "has " + text(problem.cross.cols()) + " columns, but the gram has " +
                          text(problem.sources()) + " categories");
    if (problem.energy == nullptr) fail("energy", "needed with cross: E[f_i^2], one number per row of cross");
}

void check_cross(const Problem& problem) {
    if (problem.intra()) return;
    std::vector<double> root(static_cast<std::size_t>(problem.sources()));
    problem.gram->diagonal(root.data());
    for (double& x : root) x = std::sqrt(x);
    for (Index t = 0; t < problem.target_count; ++t) check_cross_row(problem, root, problem.target(t));
}

void check_exclusions(const Problem& problem) {
    if (problem.exclusions.empty()) return;
    const Index* offset = problem.exclusions.offset;
    for (Index t = 0; t < problem.target_count; ++t) {
        if (offset[t] > offset[t + 1])
            fail("exclude", "offsets must not fall, got " + text(offset[t]) + ", " + text(offset[t + 1]) +
                                " at row " + text(t));
        for (Index x = offset[t]; x < offset[t + 1]; ++x) {
            const Id j = problem.exclusions.index[x];
            if (j < 0 || j >= problem.sources())
                fail("exclude", "index " + text(Index{j}) + " in row " + text(t) + " is out of range for " +
                                    text(problem.sources()) + " sources");
        }
    }
}

/// Weights in range, and at least one source left for every target.
void check_sources_left(const Problem& problem, const Options& options) {
    const Index p = problem.sources();
    std::vector<char> open(static_cast<std::size_t>(p));
    for (Index t = 0; t < problem.target_count; ++t) {
        const double* w = problem.weights ? problem.weights + t * problem.weights_stride : nullptr;
        Index unpenalised = 0;
        for (Index j = 0; j < p; ++j) {
            if (w && !(w[j] >= 0.0))
                fail("weights",
                     "must be >= 0, got " + text(w[j]) + " for source " + text(j) +
                         (problem.weights_stride ? " of target " + text(Index{problem.target(t)}) : ""));
            if (w && std::isfinite(w[j]) && w[j] != 0.0 &&
                !(w[j] >= least_weight && w[j] <= 1.0 / least_weight))
                fail("weights", "must be 0, infinite, or from " + text(least_weight) + " to " +
                                    text(1.0 / least_weight) + ", got " + text(w[j]) + " for source " +
                                    text(j) + "; multiply all weights by one number and divide lambda by it");
            open[static_cast<std::size_t>(j)] = w == nullptr || !std::isinf(w[j]);
        }
        if (problem.exclude_self) open[static_cast<std::size_t>(problem.target(t))] = 0;
        const bool alone = p == 1 && problem.exclude_self;  // nothing that a mask or a weight could take away
        if (!problem.exclusions.empty())
            for (Index x = problem.exclusions.offset[t]; x < problem.exclusions.offset[t + 1]; ++x)
                open[static_cast<std::size_t>(problem.exclusions.index[x])] = 0;
        for (Index j = 0; w && j < p; ++j)
            unpenalised += open[static_cast<std::size_t>(j)] && w[j] == 0.0 ? 1 : 0;
        const bool asked = w != nullptr || !problem.exclusions.empty();
        if (asked && !alone && std::find(open.begin(), open.end(), 1) == open.end())
            fail(problem.exclusions.empty() ? "weights" : "exclude",
                 "leaves no source for target " + text(Index{problem.target(t)}) + "; leave at least one");
        if (unpenalised > 0 && options.positive)
            fail("weights",
                 "0 (unpenalised) cannot be combined with positive; use a small weight, 0.01 of the others' "
                 "(one much "
                 "smaller leaves rounding no room for a certificate)");
        if (unpenalised > options.max_terms)
            fail("max_terms", text(options.max_terms) + " is less than the " + text(unpenalised) +
                                  " unpenalised sources (weight 0) of target " +
                                  text(Index{problem.target(t)}));
    }
}

/// What the steps of a pursuit do not go with.
void check_pursuit(const Problem& problem, const Options& options) {
    if (options.positive)
        fail("positive",
             "a pursuit takes least squares at every step, which has no b >= 0; use method lasso");
    bool limited = options.min_lambdas == nullptr && options.min_lambda > 0.0;
    for (Index t = 0; options.min_lambdas != nullptr && t < problem.target_count; ++t)
        limited = limited || options.min_lambdas[t] > 0.0;
    if (limited) fail("min_lambda", "a pursuit has no lambda to stop at; give max_terms or relative_error");
}

/// Each of `count` numbers is finite, and its square does not overflow; place(j) names one.
template <class Place>
void check_values(const char* name, const double* value, Index count, Place place) {
    int wrong = 0;
#pragma omp simd reduction(+ : wrong)
    for (Index j = 0; j < count; ++j) wrong += size_of(value[j]) <= OwnRows::largest ? 0 : 1;
    if (wrong == 0) return;
    Index j = 0;
    while (size_of(value[j]) <= OwnRows::largest) ++j;
    fail(name, text(value[j]) + " at " + place(j) +
                   (is_finite(value[j]) ? " is beyond " + text(OwnRows::largest) +
                                              ", where squares overflow; scale the logits"
                                        : " is not finite; remove such samples"));
}

void check_own(const Problem& problem) {
    const OwnRows& own = problem.own;
    const Index rows = own.rows.rows, count = problem.target_count;
    if (own.rows.cols != problem.sources())
        fail("own", "rows have " + text(own.rows.cols) + " numbers, but the gram has " +
                        text(problem.sources()) + " categories");
    check_view("own", own.rows);
    for (Index t = 0; t < count; ++t) {
        const Index first = own.first_row(t), end = first + own.count(t);
        if (own.begin(t) < 0 || first < 0 || end < first || end > rows)
            fail("own", "rows " + text(first) + " to " + text(end) + " of target " +
                            text(Index{problem.target(t)}) + " are out of order or beyond the " + text(rows) +
                            " given");
    }
    if (!problem.intra() && own.response == nullptr)
        fail("own", "response is missing: what the targets are in each row, needed with cross");
}

void check_options(const Problem& problem, const Options& options) {
    if (problem.on_device && options.devices.empty())
        fail("device", "the moments are in the memory of a CUDA device; name it, or copy them to the host");
    if (options.max_terms < 0) fail("max_terms", "must be >= 0, got " + text(options.max_terms));
    if (options.threads < 0) fail("n_threads", "must be >= 1, got " + text(Index{options.threads}));
    check_count("relative_error", options.relative_error);
    if (options.method == Method::pursuit) check_pursuit(problem, options);
    check_count("l2", options.l2);
    if (options.min_lambdas == nullptr) return check_count("min_lambda", options.min_lambda);
    for (Index t = 0; t < problem.target_count; ++t)
        check_count("min_lambda for target " + text(Index{problem.target(t)}), options.min_lambdas[t]);
}

}  // namespace

void check_own_values(const Problem& problem) {
    const OwnRows& own = problem.own;
    for (Index m = 0; m < own.rows.rows; ++m)
        check_values("own", own.rows.row(m), own.rows.cols, [=](Index j) { return entry(m, j); });
    if (problem.intra()) return;
    const Index last = problem.target_count - 1, responses = own.begin(last) + own.count(last);
    check_values("own response", own.response, responses, [](Index m) { return "[" + text(m) + "]"; });
}

void validate(const Problem& problem, const Options& options) {
    validate_shared(problem, options);
    if (!problem.own.empty()) check_own_values(problem);
}

void validate_shared(const Problem& problem, const Options& options) {
    if (problem.gram == nullptr) fail("gram", "missing");
    check_gram_shape(*problem.gram);
    check_targets(problem);
    check_options(problem, options);
    check_cross_shape(problem);
    if (options.devices.empty()) {
        check_gram(*problem.gram, options.threads);
        check_cross(problem);
    }
    check_exclusions(problem);
    if (!problem.own.empty()) check_own(problem);
    if (problem.weights != nullptr || !problem.exclusions.empty()) check_sources_left(problem, options);
}

}  // namespace covlasso
