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
    double tolerance = 0.0;  ///< out[j] may be off by this times sqrt(G_jj)
    double radius = 0.0;     ///< set to how far it may be off in fact: at most the tolerance
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

    /// Whether multiply_within() is cheaper than multiply(). Then the solver asks for most products so.
    virtual bool approximates() const { return false; }

    /// out[j] for 0 <= j < p, within r sqrt(G_jj) of (G x)_j for an r <= tolerance, proved; returns r. Here multiply(), and 0.
    virtual double multiply_within(double tolerance, SparseVector x, double* out) const;

    /// All of `count` products, each with the bits of multiply() where its tolerance is 0, and else of multiply_within(); here
    /// one after the other.
    virtual void multiply_all(Product* products, Index count) const;

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
///
/// Beside F it keeps a copy in 16-bit integers, a quarter of F's memory, by which products are found within some 1e-3 of
/// their size and faster (multiply_within): rows and vector are rounded to integers, whose products and sums are exact, so
/// that the radius is a sum of two rounding errors that are known.
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
    bool approximates() const override { return !rounded_.empty(); }
    double multiply_within(double tolerance, SparseVector x, double* out) const override;
    void multiply_all(Product* products, Index count) const override;
    double epsilon() const override;
    Index batch() const override;
    MatrixView<double> factor() const override { return factor_; }

private:
    MatrixView<double> factor_;
    std::vector<double> diagonal_, root_;
    std::vector<std::int16_t> rounded_;  // rows of unit length, rounded; empty where they would not pay
    double rounding_ = 0.0;              // the largest rounding error of such a row
};

}  // namespace covlasso
