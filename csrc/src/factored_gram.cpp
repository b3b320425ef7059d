// The Gram G = F F', reached through its factor.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>

#include "covlasso/error.hpp"
#include "covlasso/gram.hpp"
#include "cpu/backend.hpp"
#include "cpu/rounded.hpp"

namespace covlasso {

namespace {

[[noreturn]] void fail(const std::string& what) { throw InvalidArgument("factor: " + what); }

std::string text(double x) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.6g", x);
    return buffer;
}

void check_shape(const MatrixView<double>& factor) {
    if (factor.rows < 1) fail("has no rows; one per category is needed");
    if (factor.cols < 1) fail("has no columns; at least one is needed");
    if (factor.stride < factor.cols)
        fail("row stride " + std::to_string(factor.stride) + " is less than its " +
             std::to_string(factor.cols) + " columns");
}

/// G_jj = |f_j|^2 must hold what the squares of f_j add up to: neither infinite nor rounded to nothing.
void check_row(const MatrixView<double>& factor, Index j, double square) {
    const double* row = factor.row(j);
    constexpr double shortest = FactoredGram::shortest_row, longest = FactoredGram::longest_row;
    if (square >= shortest * shortest && square <= longest * longest) return;
    double largest = 0.0;
    for (Index k = 0; k < factor.cols; ++k) {
        if (!std::isfinite(row[k]))
            fail("not finite at [" + std::to_string(j) + ", " + std::to_string(k) +
                 "]; remove such logits or weights before the factor is made");
        largest = std::fmax(largest, std::fabs(row[k]));
    }
    if (largest == 0.0) return;
    fail("row " + std::to_string(j) + ", whose largest entry is " + text(largest) +
         ", has a length outside " + text(shortest) + " to " + text(longest) +
         "; multiply the factor by a number, which multiplies lambda by its square");
}

}  // namespace

FactoredGram::FactoredGram(MatrixView<double> factor) : factor_(factor) {
    check_shape(factor);
    diagonal_.resize(static_cast<std::size_t>(factor.rows));
    for (Index j = 0; j < factor.rows; ++j) {
        double& square = diagonal_[static_cast<std::size_t>(j)];
        const Id id = static_cast<Id>(j);
        backend().gather_factor(factor, id, &id, 1, &square);
        check_row(factor, j, square);
    }
    for (const double square : diagonal_) root_.push_back(std::sqrt(square));
    if (batch() < rounded_together || factor.cols > rounded_most)
        return;  // they pay for many vectors at a time
    rounded_.resize(static_cast<std::size_t>(factor.rows * rounded_length(factor.cols)));
    rounding_ = backend().round_rows(factor, root_.data(), rounded_.data());
}

void FactoredGram::diagonal(double* out) const {
    for (const double square : diagonal_) *out++ = square;
}

void FactoredGram::gather(Id row, const Id* columns, Index count, double* out) const {
    backend().gather_factor(factor_, row, columns, count, out);
}

void FactoredGram::multiply(SparseVector x, double* out) const {
    Product product{x, out};
    multiply_all(&product, 1);
}

double FactoredGram::multiply_within(double tolerance, SparseVector x, double* out) const {
    Product product{x, out, tolerance};
    multiply_all(&product, 1);
    return product.radius;
}

namespace {

/// The radius of a product that integers do not give.
constexpr double none = std::numeric_limits<double>::infinity();

/// Vectors in integers, a few at a time, and what becomes of their products.
class RoundedVectors {
public:
    explicit RoundedVectors(Index length)
        : length_(length), pairs_(static_cast<std::size_t>(rounded_length(length) * rounded_batch)) {}

    bool empty() const { return count_ == 0; }
    bool full() const { return count_ == rounded_batch; }
    void clear() { count_ = 0; }

    /// Takes u in, which becomes the next product; `rounding`: of the rows. Returns its radius, or infinity, and takes nothing,
    /// where that would be beyond `most` or u has no length.
    double take(const double* u, double rounding, double most, double* out) {
        double square = 0.0;
        for (Index k = 0; k < length_; ++k) square += u[k] * u[k];
        const double size = std::sqrt(square);
        if (!(size >= FactoredGram::shortest_row && size <= FactoredGram::longest_row)) return none;
        const double own = backend().pack_vector(u, length_, size, pairs_.data(), count_);
        const double errors = own * (1.0 + rounding) + rounding * (1.0 + own) + own * rounding;
        const double radius = (1.0 + 1e-9) * size * errors;
        if (!(radius <= most)) return none;
        scale_[count_] = size / (rounded_unit * rounded_unit);
        out_[count_++] = out;
        return radius;
    }

    void multiply(const std::vector<std::int16_t>& rounded, const std::vector<double>& root) const {
        backend().multiply_rounded(rounded.data(), static_cast<Index>(root.size()), rounded_length(length_),
                                   root.data(), pairs_.data(), scale_, count_, out_);
    }

private:
    Index length_;
    Index count_ = 0;
    std::vector<std::int16_t> pairs_;
    double scale_[rounded_batch] = {};
    double* out_[rounded_batch] = {};
};

}  // namespace

/// F'x of each product in double, and then F times these: in integers where the tolerance allows it.
void FactoredGram::multiply_all(Product* products, Index count) const {
    std::vector<double> inner(
        static_cast<std::size_t>(count * factor_.cols));  // of the exact ones, one after the other
    std::vector<double*> out;
    RoundedVectors rounded(approximates() ? factor_.cols : 0);
    for (Index i = 0; i < count; ++i) {
        double* u = inner.data() + static_cast<Index>(out.size()) * factor_.cols;
        backend().multiply_f64(factor_, products[i].x, u);
        double& radius = products[i].radius = none;
        if (approximates() && products[i].tolerance > 0.0)
            radius = rounded.take(u, rounding_, products[i].tolerance, products[i].out);
        if (radius == none) {
            radius = 0.0;
            out.push_back(products[i].out);
        }
        if (rounded.full()) rounded.multiply(rounded_, root_), rounded.clear();
    }
    if (!rounded.empty()) rounded.multiply(rounded_, root_);
    backend().multiply_factor(factor_, inner.data(), static_cast<Index>(out.size()), out.data());
}

double FactoredGram::epsilon() const { return backend().factor_epsilon(factor_.cols); }

Index FactoredGram::batch() const {
    // So that the workspaces of a batch take about a third of the factor's memory. Two groups of vectors in integers use
    // what the second cache holds of the rows twice; four make a tile of multiply_factor().
    const Index room = factor_.cols / 12;
    if (room >= rounded_together) return std::min(rounded_batch, room - room % rounded_together);
    return room < 8 ? 1 : room / 2 - room / 2 % 4;
}

}  // namespace covlasso
