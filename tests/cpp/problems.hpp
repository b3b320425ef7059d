// Test problems that own their data, and small dense matrices to make them from.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "covlasso/covlasso.hpp"

namespace test {

using covlasso::Id;
using covlasso::Index;

/// A dense row-major matrix.
struct Matrix {
    Index rows = 0;
    Index cols = 0;
    std::vector<double> data;

    Matrix() = default;
    Matrix(Index r, Index c) : rows(r), cols(c), data(static_cast<std::size_t>(r * c)) {}
    double& operator()(Index i, Index j) { return data[static_cast<std::size_t>(i * cols + j)]; }
    double operator()(Index i, Index j) const { return data[static_cast<std::size_t>(i * cols + j)]; }
    covlasso::MatrixView<double> view() const { return {data.data(), rows, cols, cols}; }
};

/// Independent standard normal entries; equal seeds give equal matrices.
Matrix gaussian(Index rows, Index cols, unsigned seed);
/// f'f / rows: second moments of the columns, symmetric to the last bit.
Matrix moments(const Matrix& f);
/// f'g / rows.
Matrix cross_moments(const Matrix& f, const Matrix& g);
/// Second moments of n correlated logits (a common factor and noise) over `samples` inputs.
Matrix correlated(Index n, Index samples, unsigned seed);
/// G^-1, by elimination with pivots in long double.
Matrix inverse(const Matrix& g);
/// G_AA for the categories given.
Matrix restricted(const Matrix& g, const std::vector<Id>& ids);
/// sigma_max of a symmetric positive semi-definite matrix, by power iteration; never more than the true one.
double largest_eigenvalue(const Matrix& g);

/// All that a covlasso::Problem looks at.
struct Data {
    Matrix gram;
    Matrix cross;                ///< rows == 0: the intra-network form
    std::vector<double> energy;  ///< as many as rows of cross
    std::vector<Id> targets;     ///< empty: all
    bool exclude_self = true;
    std::vector<std::vector<Id>> excluded;  ///< per position in targets; empty: none
    std::vector<double> weights;            ///< empty, p, or targets x p
    Matrix own;                             ///< rows that count for one target; rows == 0: none
    std::vector<double> response;           ///< what the targets are in them (cross form)
    std::vector<Index> own_offset;          ///< empty: a row for each target

    explicit Data(Matrix g);
    /// Moments of f (targets) and g (sources), over the same inputs; nothing excluded.
    static Data cross_form(const Matrix& f, const Matrix& g);

    /// Views over this object, which must stay where it is; call again after a change of sizes.
    covlasso::Problem problem();

    bool intra() const { return cross.rows == 0; }
    Index size() const { return gram.rows; }
    Index target_count() const;
    Id target(Index t) const;
    double g(Index t, Index j, Index k) const;  ///< of the target at position t, with its own rows, as are
    double c(Index t, Index j) const;           ///< this
    double e(Index t) const;                    ///< and this
    double weight(Index t, Index j) const;
    bool is_excluded(Index t, Index j) const;

private:
    Index own_begin(Index t) const;
    Index own_end(Index t) const;
    double u(Index t, Index row) const;

    std::vector<std::unique_ptr<covlasso::Gram>> views_;  // all of them: earlier problems stay in use
    std::vector<Index> exclusion_offset_;
    std::vector<Id> exclusion_index_;
};

}  // namespace test
