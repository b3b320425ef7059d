// What is to be solved: the data of all targets, and the options that they share.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "covlasso/gram.hpp"

namespace covlasso {

/// Excluded sources per target, in compressed rows: those of targets[t] are index[offset[t]] .. index[offset[t+1] - 1].
struct ExclusionLists {
    const Index* offset = nullptr;
    const Id* index = nullptr;

    COVLASSO_FN bool empty() const { return offset == nullptr; }
};

/// Observations that count for single targets only: targets[t] has offset[t+1] - offset[t] of the rows, from first[t] on.
///
/// With V_i the rows of target i, and u_i what the target itself is in them, one number each, its problem has
///     G + V_i'V_i  for G,   c_i + V_i'u_i  for c_i,   e_i + u_i'u_i  for e_i.
/// They are weighted: an observation x that shall count as much as a share a of all samples is a row sqrt(a) x.
struct OwnRows {
    static constexpr double largest = 1e150;  ///< of an entry, so that no square overflows

    MatrixView<double> rows;           ///< p numbers each; several targets may have the same rows
    const double* response = nullptr;  ///< u_i is response[offset[t]] ..; intra-network form: column i of V_i
    const Index* offset = nullptr;     ///< nullptr: one row for each position in `targets`
    const Index* first = nullptr;      ///< nullptr: offset[t]

    COVLASSO_FN bool empty() const { return rows.data == nullptr; }
    COVLASSO_FN Index begin(Index t) const { return offset ? offset[t] : t; }
    COVLASSO_FN Index count(Index t) const { return offset ? offset[t + 1] - offset[t] : 1; }
    COVLASSO_FN Index first_row(Index t) const { return first ? first[t] : begin(t); }
};

/// The data of   min over b of  b'Gb - 2 c_i'b + e_i + l2 |b|^2 + lambda sum_j w_ij |b_j|   for every target i.
///
/// Intra-network form: `cross` is empty; then c_i is row i of the Gram, e_i its diagonal entry, and b_i = 0.
/// Cross form: `cross` has a row and `energy` a number for every possible target.
/// All pointers are views over the caller's memory, which must outlive the problem and every Paths made from it.
struct Problem {
    const Gram* gram = nullptr;
    AnyMatrix cross;                 ///< rows c_i of the cross moments, one per possible target
    const double* energy = nullptr;  ///< one per row of cross; unused in the intra-network form
    const Id* targets = nullptr;     ///< rows to solve; nullptr: all of them, in order
    Index target_count = 0;
    bool exclude_self = true;   ///< b_i = 0 for target i (cross form too, when categories are shared)
    ExclusionLists exclusions;  ///< further sources with b_j = 0, per position in `targets`
    const double* weights =
        nullptr;  ///< penalty factors: 0 (unpenalised), 1e-100 to 1e100, or inf (excluded); nullptr: all 1
    Index weights_stride = 0;  ///< 0: one row of p factors for all targets; p: one row per target
    OwnRows own;               ///< what counts for single targets only; in host memory
    bool on_device = false;    ///< the gram's matrix(), cross or energy lie in the memory of a CUDA device

    Index sources() const { return gram->size(); }
    COVLASSO_FN bool intra() const { return cross.empty(); }
    Index possible_targets() const { return intra() ? gram->size() : cross.rows(); }
    COVLASSO_FN Id target(Index t) const { return targets ? targets[t] : static_cast<Id>(t); }
};

/// Told `done` of `total` targets about ten times a second, on the calling thread; false stops the work.
using Progress = std::function<bool(Index done, Index total)>;

/// How the terms of a target are chosen.
enum class Method : std::uint8_t {
    lasso,   ///< by the exact solution path of the Lasso
    pursuit  ///< one after the other, each with the largest |g_j| / w_j: orthogonal matching pursuit
};

/// When a path ends (whatever comes first), and the model that all targets share.
struct Options {
    Method method = Method::lasso;
    Index max_terms = 50;                 ///< ends just before a (max_terms + 1)-th term would enter
    double min_lambda = 0.0;              ///< ends at this lambda (paper's scale, no 1/2)
    const double* min_lambdas = nullptr;  ///< the same, one per position in `targets`; overrides min_lambda
    double relative_error = 0.0;          ///< ends where error <= relative_error * e_i
    double l2 = 0.0;                      ///< ridge term l2 |b|^2 (paper's scale, no 1/2)
    bool positive = false;                ///< b >= 0 (not with pursuit)
    int threads = 0;                      ///< how many run at a time; 0: one per hardware thread
    std::vector<int> devices;             ///< CUDA devices that share the targets; empty: the processors
    void* stream = nullptr;  ///< cudaStream_t of devices[0] after whose work the inputs are ready
    Progress progress;
};

/// Throws InvalidArgument unless data and options are finite, consistent and in range.
///
/// Checks the whole Gram where it is dense: finite, symmetric, no negative diagonal, |G_ij| <= sqrt(G_ii G_jj).
/// For options.devices, Paths checks the moments there.
void validate(const Problem& problem, const Options& options);

}  // namespace covlasso
