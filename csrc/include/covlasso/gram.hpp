// The Gram matrix as the solver sees it: a small interface, and its forms over the caller's memory.
#pragma once

#include <cstdint>
#include <vector>

#include "covlasso/matrix.hpp"

namespace covlasso {

/// Number of a category (a row or column of the Gram).
using Id = std::int32_t;

/// A sparse vector x: it has value[r] at index[r] for r < count, and is zero elsewhere.
struct SparseVector {
    const Id* index = nullptr;
    const double* value = nullptr;
    Index count = 0;
};

/// A product to be computed: out[j] = (G x)_j for 0 <= j < p.
struct Product {
    SparseVector x;
    double* out = nullptr;
};

/// A symmetric positive semi-definite p x p matrix G, reached by rows and by products with sparse vectors.
///
/// An implementer provides the five abstract members below. They are called from several threads at once, always on a
/// valid range; the values of one entry must agree between them to the last bit of `epsilon()`.
class Gram {
public:
    virtual ~Gram() = default;

    /// p, the number of categories.
    virtual Index size() const = 0;

    /// out[j] = G_jj for all j.
    virtual void diagonal(double* out) const = 0;

    /// out[t] = G(row, columns[t]) for t < count.
    virtual void gather(Id row, const Id* columns, Index count, double* out) const = 0;

    /// out[j] = (G x)_j for 0 <= j < p.
    virtual void multiply(SparseVector x, double* out) const = 0;

    /// Precision of the entries, relative to sqrt(G_ii G_jj): 2^-53 for stored float64, 2^-24 for stored float32.
    virtual double epsilon() const = 0;

    /// All of `count` products, each with the bits that multiply() gives; here one after the other.
    virtual void multiply_all(const Product* products, Index count) const;

    /// How many products the solver should ask for at a time: more than one where multiply_all() reads a large matrix once
    /// for all of them. It then follows as many targets at once on every processor, with some 50 p bytes for each.
    virtual Index batch() const { return 1; }

    /// The entries, p x p, where they lie in memory: they are then checked before any work, and a CUDA device reads them
    /// there. Empty: they are reached by the members above only, and taken at their word.
    virtual AnyMatrix matrix() const { return {}; }

    /// The factor F, p x r, of G = F F', from which a CUDA device forms G. Empty: there is none.
    virtual MatrixView<double> factor() const { return {}; }
};

/// A Gram held as a float32 or float64 matrix in the caller's memory; arithmetic is in double.
template <class T>
class DenseGram final : public Gram {
public:
    /// @param view p x p, symmetric; it must outlive this object.
    explicit DenseGram(MatrixView<T> view) : view_(view) {}

    Index size() const override { return view_.rows; }
    void diagonal(double* out) const override;
    void gather(Id row, const Id* columns, Index count, double* out) const override;
    void multiply(SparseVector x, double* out) const override;
    double epsilon() const override;
    AnyMatrix matrix() const override { return view_; }

    const MatrixView<T>& view() const { return view_; }

private:
    MatrixView<T> view_;
};

extern template class DenseGram<float>;
extern template class DenseGram<double>;

/// G = F F' by its factor F, p x r, in the caller's memory: logits W h + b of a linear head have G = (W L) (W L)' with
/// L L' the second moments of (h, 1). The p x p matrix is never formed.
///
/// An entry is an inner product of two rows, r multiply-adds; a product G x is F (F'x), p r of them and one reading of F.
/// Entries are those of one symmetric matrix to the last bit, within epsilon() = (r / 8 + 4) 2^-53 of F F'.
class FactoredGram final : public Gram {
public:
    /// Every row is zero or has a length in this range, so that products of two rows neither overflow nor vanish.
    static constexpr double shortest_row = 1e-75, longest_row = 1e75;

    /// @param factor p x r; it must outlive this object and stay as it is.
    /// @throws InvalidArgument  F is empty, not finite, or a row is too short or too long.
    explicit FactoredGram(MatrixView<double> factor);

    Index size() const override { return factor_.rows; }
    void diagonal(double* out) const override;
    void gather(Id row, const Id* columns, Index count, double* out) const override;
    void multiply(SparseVector x, double* out) const override;
    void multiply_all(const Product* products, Index count) const override;
    double epsilon() const override;
    Index batch() const override;
    MatrixView<double> factor() const override { return factor_; }

private:
    MatrixView<double> factor_;
    std::vector<double> diagonal_;
};

}  // namespace covlasso
